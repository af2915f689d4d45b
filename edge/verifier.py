"""Which verifier runs: the compiled core, or its pure-Python twin where the configuration allows that."""

from __future__ import annotations

import importlib
from types import ModuleType

from edge._store_common import StoreError

__all__ = ["MODULES", "StoreError", "load"]

MODULES = {"compiled": "edge._verify", "twin": "edge._verify_py"}


def load(name: str) -> ModuleType:
    """The module with `edge._verify.pyi`'s names for "compiled" or "twin".

    Raises:
        ValueError: another name.
        ImportError: the core is not built, or its self-test did not find what it needs; says which.
    """
    if name not in MODULES:
        raise ValueError(f"verifier {name!r}: expected one of {', '.join(MODULES)}")
    return importlib.import_module(MODULES[name])
