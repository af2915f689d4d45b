"""Where each key of a TOML text stands. tomllib keeps no positions, and an error must name a line."""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r]+ | \#[^\n]*)
    | (?P<newline>\n)
    | (?P<string>\"{3}(?:\\.|[^\\])*?\"{3,5} | '{3}.*?'{3,5} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
    | (?P<mark>[\[\]{}=.,])
    | (?P<bare>[^\s\[\]{}=.,"'#]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def lines_of(text: str) -> dict[Path, int]:
    """The line (from 1) of every table header and key of a valid TOML text.

    A path is the way tomllib's result is walked: `("lane", 0, "barrier", "port")`. Keys inside arrays of
    values are not listed; those of inline tables are.
    """
    found: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}  # of arrays of tables: how many elements so far
    base: Path = ()
    for line, tokens in _statements(text):
        words = [word for _, word in tokens]
        if words[:2] == ["[", "["]:
            array = _resolve(_keys(tokens[2:]), counts)
            base = (*array, counts.get(array, 0))
            counts[array] = counts.get(array, 0) + 1
            found.setdefault(array, line)
            found[base] = line
        elif words[0] == "[":
            base = _resolve(_keys(tokens[1:]), counts)
            found[base] = line
        else:
            _pairs(tokens, base, line, found)
    return found


def line_of(found: dict[Path, int], path: Path) -> int:
    """The line of a path, or of the nearest table around it."""
    while path not in found:
        path = path[:-1]
    return found[path]


def _statements(text: str) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Each header or key = value with the line it starts on; brackets and strings may run over several lines."""
    line = start = 1
    depth = 0
    tokens: list[tuple[str, str]] = []
    for match in _TOKEN.finditer(text + "\n"):
        kind, word = str(match.lastgroup), match.group()
        if kind == "newline" and depth <= 0 and tokens:
            yield start, tokens
            tokens, depth = [], 0
        elif kind not in ("space", "newline"):
            if not tokens:
                start = line
            tokens.append((kind, word))
            depth += (word in ("[", "{")) - (word in ("]", "}"))
        line += word.count("\n")


def _keys(tokens: list[tuple[str, str]]) -> list[str]:
    """A dotted key, up to what ends it."""
    keys: list[str] = []
    for kind, word in tokens:
        if kind == "bare":
            keys.append(word)
        elif kind == "string":
            keys.append(word[1:-1])
        elif word != ".":
            break
    return keys


def _resolve(keys: list[str], counts: dict[Path, int]) -> Path:
    """A header's path, through the last element of each array of tables on its way."""
    path: Path = ()
    for n, key in enumerate(keys):
        path = (*path, key)
        if path in counts and n < len(keys) - 1:
            path = (*path, counts[path] - 1)
    return path


def _pairs(tokens: list[tuple[str, str]], base: Path, line: int, found: dict[Path, int]) -> None:
    """A key and, where its value is an inline table, the keys in it."""
    path = (*base, *_keys(tokens))
    found[path] = line
    at = next((n for n, token in enumerate(tokens) if token == ("mark", "=")), len(tokens))
    if tokens[at + 1 : at + 2] != [("mark", "{")]:
        return
    depth, begin = 0, at + 2
    for n in range(at + 2, len(tokens)):
        word = tokens[n][1] if tokens[n][0] == "mark" else ""
        if depth == 0 and word in (",", "}"):
            if tokens[begin:n]:
                _pairs(tokens[begin:n], path, line, found)
            begin = n + 1
        depth += (word in ("[", "{")) - (word in ("]", "}"))
