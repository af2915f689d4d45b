"""A list of people as it is pasted from a spreadsheet or a message: a line each, the name and the ID number."""

from __future__ import annotations

import re

_BETWEEN = re.compile(r"\t|[,，;；]")
_NUMBER = re.compile(r"[0-9Xx]{15,18}")  # what may be meant as an ID number; whether it is one is checked later
_BLANKS = re.compile(r"\s+")


def read_people(text: str) -> list[tuple[str, str]]:
    """(name, ID number) of each line, either may be empty. A table's header is left out.

    The two may come in any order, with a tab, a comma or a blank between; of more columns the others are left out.
    """
    people = [_person(line) for line in text.splitlines() if line.strip()]
    return people[1:] if people and _is_header(text) else people


def _person(line: str) -> tuple[str, str]:
    parts = [part.strip() for part in _BETWEEN.split(line)]
    if len(parts) == 1:
        parts = _apart(parts[0])
    numbers = [part for part in parts if _is_number(part)]
    names = [part for part in parts if part and not _is_number(part)]
    if not numbers and len(names) > 1:
        return names[0], names[1]  # mistyped: it stands where a number is expected
    return (names or [""])[0], _BLANKS.sub("", (numbers or [""])[0])


def _apart(text: str) -> list[str]:
    """ "Ann Lee 1101...": the number at either end, the name the rest."""
    words = text.split()
    for number, rest in ((words[-1], words[:-1]), (words[0], words[1:])):
        if _is_number(number):
            return [" ".join(rest), number]
    return [text]


def _is_number(part: str) -> bool:
    return _NUMBER.fullmatch(_BLANKS.sub("", part)) is not None


def _is_header(text: str) -> bool:
    """The first line of several has two columns and no digit, and the next has one."""
    lines = [line for line in text.splitlines() if line.strip()][:2]
    if len(lines) < 2:
        return False
    columns = [part for part in _BETWEEN.split(lines[0]) if part.strip()]
    return len(columns) > 1 and not _digits(lines[0]) and _digits(lines[1])


def _digits(text: str) -> bool:
    return any(character.isdigit() for character in text)
