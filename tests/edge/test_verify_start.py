"""How a verifier is chosen, and what its import refuses to run on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from edge import verifier
from tests.support.gatekit import LINE, Gate

ROOT = Path(__file__).parents[2]

FAKE_EXTENSION = """
import sys, types
import nacl._sodium
fake = types.ModuleType({module!r})
fake.__file__ = {file}
parent, _, name = {module!r}.rpartition(".")
__import__(parent)
sys.modules[{module!r}] = fake
setattr(sys.modules[parent], name, fake)
try:
    import edge._verify
except ImportError as problem:
    print(problem, end="")
"""


def said(code: str) -> str:
    asked = [sys.executable, "-c", code]
    return subprocess.run(asked, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def test_each_name_loads_its_implementation() -> None:
    for name in ("compiled", "twin"):
        core = verifier.load(name)
        assert name == core.IMPLEMENTATION
        assert core.StoreError is verifier.StoreError
        core.self_test()


def test_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of compiled, twin"):
        verifier.load("fast")


def test_a_wheel_without_lmdb_is_named() -> None:
    """libsodium's file stands in for a wheel of LMDB that exports nothing we know."""
    text = said(FAKE_EXTENSION.format(module="lmdb.cpython", file="nacl._sodium.__file__"))
    assert text.endswith("_sodium.abi3.so does not export mdb09_version or mdb_version")


def test_a_wheel_without_libsodium_is_named() -> None:
    text = said(FAKE_EXTENSION.format(module="nacl._sodium", file="__import__('lmdb').cpython.__file__"))
    assert text.endswith("does not export sodium_init")


def test_a_file_that_cannot_be_opened_is_named() -> None:
    text = said(FAKE_EXTENSION.format(module="lmdb.cpython", file="'/nowhere/lmdb.so'"))
    assert text == "/nowhere/lmdb.so cannot be opened for its symbols"


def test_layouts_of_another_version_are_refused() -> None:
    code = (
        "from paifang import records; records.RECORD_BYTES += 4\n"
        "try: import edge._verify\n"
        "except ImportError as problem: print(problem, end='')"
    )
    assert said(code) == "the compiled core is of another version than paifang.records: build it anew"
    code = (
        "from paifang import passes; passes.MAX_RAW += 1\n"
        "try: import edge._verify\n"
        "except ImportError as problem: print(problem, end='')"
    )
    assert said(code) == "the compiled core is of another version than paifang.passes: build it anew"


def test_verdicts_and_transactions_come_from_their_makers_alone() -> None:
    core = verifier.load("compiled")
    for made in (core.Verdict, core.WriteTxn):
        with pytest.raises(TypeError):
            made()


def declared(name: str) -> dict[str, set[str]]:
    """The public names that a stub file gives each of its classes; its functions are under ""."""
    names: dict[str, set[str]] = {"": set()}
    for node in ast.parse((ROOT / name).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names[""].add(node.name)
        elif isinstance(node, ast.ClassDef):
            body = [
                getattr(part, "name", None) or getattr(getattr(part, "target", None), "id", "_") for part in node.body
            ]
            names[node.name] = {part for part in body if not part.startswith("_")}
    return names


def test_both_have_what_the_stub_declares(tmp_path: Path) -> None:
    names = declared("edge/_verify.pyi")
    assert {"check", "reload_live", "signed_room"} <= names["Verifier"]
    for implementation in verifier.MODULES:
        core = verifier.load(implementation)
        gate = Gate(core, tmp_path / implementation)
        made = {
            "": core, "StoreError": core.StoreError("full", 1), "Environment": gate.environment,
            "WriteTxn": core.WriteTxn, "Verdict": gate.present(LINE), "Verifier": gate.verifier,
        }  # fmt: skip
        for of, expected in names.items():
            missing = {name for name in expected if not hasattr(made[of], name)}
            assert not missing, (implementation, of)
        gate.close()
