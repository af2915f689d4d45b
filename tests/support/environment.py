"""Loaded by pytest before Django's settings (addopts in pyproject.toml): tests keep out of ./var, texts are compiled.

PAIFANG_VAR, where it is set, is used instead and kept.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

if "PAIFANG_VAR" not in os.environ:
    _var = tempfile.mkdtemp(prefix="paifang-tests-")
    os.environ["PAIFANG_VAR"] = _var
    atexit.register(shutil.rmtree, _var, ignore_errors=True)

from cloud.admin.translations import compile_catalogs

compile_catalogs()  # before anything asks for a translation: gettext remembers what it did not find
