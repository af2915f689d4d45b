"""The compiled core with each of its checks removable, and the tests run over it once for each removal.

Run as a script in a folder that `build` has filled: prints a line for each mutant, its number and whether a test
failed. A mutant's check is switched off by number at run time, so that one compilation serves them all.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paifang.reasons import Reason

ROOT = Path(__file__).parents[2]
SOURCES = (
    "_verify_windows.pxi", "_verify_uses.pxi", "_verify_rules.pxi", "_verify_pass.pxi", "_verify_rotating.pxi",
    "_verify_codes.pxi", "_verify_layouts.pxi", "_verify_apply.pxi", "_verify.pyx",
)  # fmt: skip
TESTS = (
    "test_verify_rules.py", "test_verify_check.py", "test_verify_rotating.py", "test_verify_signed_only.py",
    "test_verify_leaving.py", "test_verify_vectors.py", "test_verify_apply.py",
)  # fmt: skip
# No check of the core gives these: what is no refusal, the claim among the entrances, what the entrance cannot do.
NOT_CHECKED = {Reason.OK, Reason.GO_AHEAD, Reason.LEAVING, Reason.NO_CLAIM}
NOT_CHECKED |= {reason for reason in Reason if reason >= Reason.BUSY}

_REASONS = {reason.name for reason in Reason} - {"OK"}
_IF = re.compile(r"^( +)(if|elif) (.+):$")
_SWITCH = "MUTANT != {number} and "
# What decides elsewhere than in an `if` that refuses: (file, as it is, as it is with a switch, what it says).
_BY_HAND = (
    (
        "_verify_rotating.pxi", "            if is_proved(key.key, shown, live):",
        "            if {off} or is_proved(key.key, shown, live):", "FORGED (a live code)",
    ),
    (
        "_verify_codes.pxi", "    return count == SHORT_SIZE and total == 0",
        "    return count == SHORT_SIZE and ({off} or total == 0)", "UNKNOWN_FORMAT (a short code's check)",
    ),
    (
        "_verify_layouts.pxi", "    return length == DAY_KEY_SIZE",
        "    return {off} or length == DAY_KEY_SIZE", "the length of a key of the day",
    ),
    (
        "_verify_layouts.pxi", " and p[42] <= LAST_ACTIVATION and (",
        " and ({off} or p[42] <= LAST_ACTIVATION) and (", "a rule set's activation",
    ),
    (
        "_verify_layouts.pxi", "        p[43] <= MAX_ROWS and p[44] <= MAX_ROWS and p[45] <= MAX_ROWS and",
        "        ({off} or p[43] <= MAX_ROWS and p[44] <= MAX_ROWS and p[45] <= MAX_ROWS) and", "a rule set's rows",
    ),
    (
        "_verify.pyx", "        if self.signed_room <= 0:",
        "        if not ({off}) and self.signed_room <= 0:", "SIGNED_ONLY_SPENT",
    ),
    (
        "_verify_pass.pxi", "not claims_are_canonical(",
        "not ({off}) and not claims_are_canonical(", "UNREADABLE (claims)",
    ),
    ("_verify_apply.pxi", "or put > 1 or (", "or not ({off}) and put > 1 or (", "an operation that is neither"),
    (
        "_verify_apply.pxi", "                not put and value_bytes):",
        "                not ({off}) and not put and value_bytes):", "a deletion with a value",
    ),
    (
        "_verify_uses.pxi", "    if rules.after_first_s and",
        "    if not ({off}) and rules.after_first_s and", "DURATION_OVER (time)",
    ),
    (
        "_verify_uses.pxi", "    return rules.first_days and",
        "    return not ({off}) and rules.first_days and", "DURATION_OVER (days)",
    ),
)  # fmt: skip
_SWITCHES = """cdef int MUTANT = 0


def switch_off(int number):
    global MUTANT
    MUTANT = number


"""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One check switched off: where it is, and what it says when it is on."""

    number: int
    place: str
    says: str


def mutate(sources: dict[str, str]) -> tuple[dict[str, str], list[Mutant]]:
    """The sources with every check behind a switch, and the switches."""
    mutants: list[Mutant] = []
    changed = dict(sources)
    for file, old, new, says in _BY_HAND:
        if old not in changed[file]:
            raise ValueError(f"{file} does not say any more: {old.strip()}")
        mutants.append(Mutant(len(mutants) + 1, file, says))
        changed[file] = changed[file].replace(old, new.format(off=f"MUTANT == {len(mutants)}"))
    for file, text in changed.items():
        lines = text.split("\n")
        for at, says in _checks(lines):
            mutants.append(Mutant(len(mutants) + 1, f"{file}:{at + 1}", says))
            found = _IF.match(lines[at])
            assert found is not None
            indent, word, condition = found.groups()
            lines[at] = f"{indent}{word} {_SWITCH.format(number=len(mutants))}({condition}):"
        changed[file] = "\n".join(lines)
    return changed, mutants


def _checks(lines: list[str]) -> Iterator[tuple[int, str]]:
    """(line, what it says) of every one-line `if` whose body refuses at its end, with a reason or a ValueError."""
    for at, line in enumerate(lines):
        found = _IF.match(line)
        if found is None or "MUTANT" in line:
            continue
        inner = found.group(1) + "    "
        body = []
        for below in lines[at + 1 :]:
            if not below.startswith(inner):
                break
            body.append(below.removeprefix(inner))
        ends = " ".join(body[-2:] if body[-1:] == ["return verdict"] else body[-1:])
        ends = ends.replace("STANDING[record.state]", "REFUNDED or LOCKED or FROZEN")
        said = [name for name in re.findall(r"[A-Z_]+", ends) if name in _REASONS]
        if said and re.match(r"return |verdict.reason = ", ends):
            yield at, " or ".join(dict.fromkeys(said))
        elif ends.startswith("raise ValueError"):
            yield at, ends


def build(folder: Path) -> list[Mutant]:
    """Fills the folder with the edge, its tests and the switchable core, compiled. A minute or so."""
    edge = folder / "edge"
    shutil.copytree(ROOT / "edge", edge, ignore=shutil.ignore_patterns("*.so", "_verify.c", "__pycache__"))
    for part in ("conftest.py", "support", "vectors", "edge"):
        source, target = ROOT / "tests" / part, folder / "tests" / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copy(source, target)
    shutil.copy(ROOT / "setup.py", folder)
    (folder / "proto").symlink_to(ROOT / "proto")
    sources, mutants = mutate({name: (edge / name).read_text(encoding="utf-8") for name in SOURCES})
    for name, text in sources.items():
        (edge / name).write_text(text, encoding="utf-8")
    core = edge / "_verify.pyx"
    first = 'include "_verify_libs'
    core.write_text(core.read_text(encoding="utf-8").replace(first, _SWITCHES + first, 1), encoding="utf-8")
    made = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(made, cwd=folder, check=True, env=os.environ | {"PAIFANG_DEBUG_CORE": "1"}, capture_output=True)
    return mutants


def survivors(folder: Path, mutants: list[Mutant]) -> list[Mutant]:
    """Those that no test notices. Raises RuntimeError where a test fails with nothing removed."""
    numbers = [0, *(mutant.number for mutant in mutants)]
    asked = [sys.executable, str(folder / "tests" / "support" / "core_mutants.py"), *map(str, numbers)]
    said = subprocess.run(asked, cwd=folder, check=True, capture_output=True, text=True, env=os.environ | {
        "PYTHONPATH": str(folder), "PAIFANG_LONG": "0",
    })  # fmt: skip
    noticed = dict(line.split() for line in said.stdout.splitlines() if re.fullmatch(r"\d+ (True|False)", line))
    if noticed.pop("0") == "True":
        raise RuntimeError(f"a test fails though nothing is removed:\n{said.stdout}")
    return [mutant for mutant in mutants if noticed[str(mutant.number)] == "False"]


def _run(numbers: list[int]) -> None:
    import pytest

    core: Any = importlib.import_module("edge._verify")
    if Path(core.__file__).parent != Path.cwd() / "edge":
        raise RuntimeError(f"{core.__file__} is not the core of this folder")
    options = (
        "-x -q -k compiled -p no:cacheprovider -p no:django -p no:faulthandler --rootdir . "
        f"--import-mode=importlib --no-header -W ignore -c {os.devnull}"
    ).split()
    for number in numbers:
        child = os.fork()  # without its check the core may well crash: that is noticed too
        if child == 0:
            core.switch_off(number)
            failed = any(pytest.main([*options, f"tests/edge/{test}"]) != pytest.ExitCode.OK for test in TESTS)
            sys.stdout.flush()
            os._exit(failed)
        print(f"\n{number} {os.waitpid(child, 0)[1] != 0}", flush=True)


if __name__ == "__main__":
    _run([int(number) for number in sys.argv[1:]])
