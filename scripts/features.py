"""Writes docs/features.md: which rows of the feature catalogue have a test that names them.

    python scripts/features.py            writes the page from the marks pytest.mark.spec("S-11", ...) in tests/
    python scripts/features.py --check    exit code 1 when the page is not what the marks say, or a row has no title

docs/features.toml holds the titles of the rows the project claims: "S-11" = "Same-type stations: mutual exclusion".
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "features.md"
TITLES = ROOT / "docs" / "features.toml"

HEAD = """\
# Features proven by tests

Each row is one feature of the catalogue and the tests that name it (`@pytest.mark.spec`). A row is listed only
when a test would fail if the feature broke. Written by `make features`; `make check` compares.

| row | feature | tests |
|---|---|---|
"""


def marked(tests: Path) -> dict[str, list[str]]:
    """Row id -> the test files naming it, sorted."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in tests.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.spec"):
                for argument in node.args:
                    found[ast.literal_eval(argument)].add(path.relative_to(ROOT).as_posix())
    return {row: sorted(paths) for row, paths in found.items()}


def page(rows: dict[str, list[str]], titles: dict[str, str]) -> str:
    """The whole page. Raises KeyError for a row without a title."""
    lines = []
    for row in sorted(rows, key=_order):
        files = ", ".join(f"[{path.removeprefix('tests/')}](../{path})" for path in rows[row])
        lines.append(f"| {row} | {titles[row]} | {files} |\n")
    return HEAD + "".join(lines)


def _order(row: str) -> tuple[str, int]:
    letter, _, number = row.partition("-")
    return letter, int(number)


def main(arguments: list[str]) -> int:
    titles = tomllib.loads(TITLES.read_text(encoding="utf-8"))
    rows = marked(ROOT / "tests")
    untitled = sorted(set(rows) - set(titles), key=_order)
    if untitled:
        print(f"docs/features.toml has no title for: {', '.join(untitled)}")
        return 1
    text = page(rows, titles)
    if arguments != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("not fresh: docs/features.md (make features)")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
