"""Writes the tables of checks and reasons in docs/gate.md from paifang.checks and paifang.reasons.

python scripts/reasons.py            writes them
python scripts/reasons.py --check    exit code 1 when the page is not what the code says
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from paifang.checks import CHECKS
from paifang.reasons import TABLE, Reason

PAGE = Path(__file__).resolve().parent.parent / "docs" / "gate.md"
BEGIN, END = "<!-- {}: written by scripts/reasons.py -->\n", "<!-- end of {} -->\n"


def checks() -> str:
    """Each number once: what it asks, and the reasons it refuses with."""
    lines = ["| | it passes when | refused as |\n|---|---|---|\n"]
    for number, entries in groupby(CHECKS, key=lambda entry: entry.number):
        asks = "; ".join(entry.label.en[0].lower() + entry.label.en[1:] for entry in entries)
        refused = ", ".join(_label(reason) for reason in Reason if reason // 10 == number)
        lines.append(f"| {number} | {asks} | {refused} |\n")
    return "".join(lines)


def reasons() -> str:
    """Each reason: its code, its name in both languages, and what staff should do."""
    lines = ["| code | reason | | what staff should do |\n|---|---|---|---|\n"]
    for reason, entry in TABLE.items():
        staff = " ".join(entry.staff.fill("en").split())
        lines.append(f"| {int(reason)} | {entry.label.en} | {entry.label.zh} | {staff} |\n")
    return "".join(lines)


def _label(reason: Reason) -> str:
    label = TABLE[reason].label.en
    return label if label.startswith("ID") else label[0].lower() + label[1:]


def written(page: str) -> str:
    """The page with both tables anew. Raises ValueError where their place is not marked."""
    for name, table in (("checks", checks()), ("reasons", reasons())):
        begin, end = BEGIN.format(name), END.format(name)
        head, _, rest = page.partition(begin)
        _, found, tail = rest.partition(end)
        if not found:
            raise ValueError(f"docs/gate.md has no place for the table of {name}")
        page = f"{head}{begin}{table}{end}{tail}"
    return page


def main(arguments: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    if arguments != ["--check"]:
        PAGE.write_text(written(page), encoding="utf-8")
        return 0
    if written(page) != page:
        print("not fresh: docs/gate.md (python scripts/reasons.py)")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
