"""Writes docs/features.md: which rows of the feature catalogue work, and the tests that name them.

    python scripts/features.py            writes the page from the marks pytest.mark.spec("S-11", ...) in tests/
    python scripts/features.py --check    exit code 1 when the page is not what the marks say, or a row has no title

docs/features.toml holds the titles of the rows the project claims: "S-11" = "Same-type stations: mutual exclusion";
its table [missing] says what of a row does not work yet. A row without a test has to say so there.
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
# Features and their tests

Each row is one feature of the catalogue, its state, and the tests that name it (`@pytest.mark.spec`): they fail when
the feature breaks. What of a row does not work yet is said with it. Written by `make features`; `make check` compares.

| row | feature | state | tests |
|---|---|---|---|
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


def page(rows: dict[str, list[str]], titles: dict[str, str], missing: dict[str, str]) -> str:
    """The whole page. Raises KeyError for a row without a title."""
    lines = []
    for row in sorted(titles, key=_order):
        paths = rows.get(row, [])
        files = ", ".join(f"[{path.removeprefix('tests/')}](../{path})" for path in paths)
        lines.append(f"| {row} | {titles[row]} | {_state(bool(paths), missing.get(row))} | {files} |\n")
    return HEAD + "".join(lines)


def _state(tested: bool, missing: str | None) -> str:
    if missing is None:
        return "works"
    return f"partly: {missing}" if tested else f"not yet: {missing}"


def _order(row: str) -> tuple[str, int]:
    letter, _, number = row.partition("-")
    return letter, int(number)


def main(arguments: list[str]) -> int:
    titles = tomllib.loads(TITLES.read_text(encoding="utf-8"))
    missing = titles.pop("missing", {})
    rows = marked(ROOT / "tests")
    for problem, found in (
        ("has no title for", set(rows) - set(titles)),
        ("does not say in [missing] what is missing of, though no test names", set(titles) - set(rows) - set(missing)),
        ("says something is missing of what it has no title for", set(missing) - set(titles)),
    ):
        if found:
            print(f"docs/features.toml {problem}: {', '.join(sorted(found, key=_order))}")
            return 1
    text = page(rows, titles, missing)
    if arguments != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print("not fresh: docs/features.md (make features)")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
