"""What a section takes in as a table, and the words its cells may be filled in with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import translation
from django.utils.functional import Promise

from cloud.admin.kit.forms import SectionForm
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission

if TYPE_CHECKING:
    from cloud.admin.desk import Desk
    from cloud.admin.kit.section import Link

YES = frozenset({"yes", "y", "true", "on", "1", "是", "有", "对"})
NO = frozenset({"no", "n", "false", "off", "0", "否", "无", "不"})
_BETWEEN = re.compile(r"\s*[,，、;；\n]\s*")
_NAMES = ("name_zh", "name_en", "name", "number", "code", "identifier")  # what rows are called by in a cell
SAID_WORDS = 12  # so many possible words are said in a note or an error


@dataclass(frozen=True, slots=True)
class ImportColumn:
    """A field of the import's form, with what the template says about it."""

    field: str
    note: str | Promise = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """Rows made and changed from a table. The form checks each line; its labels are the header.

    Attributes:
        key: the field that says which row a line is about: one that is there is changed, else one is created.
        change: `(desk, row, values, changed)`; `changed` names the fields that differ. Whatever it leaves as it is
            must be refused, or the same file would change something again.
        follow: a page to go on with once it is applied.
    """

    permission: Permission
    form: type[SectionForm]
    columns: tuple[ImportColumn, ...]
    key: str
    create: Callable[[Desk, dict[str, Any]], Any]
    change: Callable[[Desk, Any, dict[str, Any], set[str]], Any]
    follow: Link | None = None


class Words:
    """What may be typed into each column, for one import: looked up once, not for each line."""

    def __init__(self, form: SectionForm) -> None:
        self._known = {name: _words(field) for name, field in form.fields.items()}
        self._fields = form.fields

    def value(self, name: str, text: str) -> Any:
        """The text of a cell as a form would be sent it. Raises DomainError "import.word"."""
        field = self._fields[name]
        if isinstance(field, forms.BooleanField):
            return _yes_or_no(text)
        known = self._known[name]
        if known is None or not text:
            return [] if isinstance(field, forms.ModelMultipleChoiceField) and not text else text
        if isinstance(field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
            return [self._one(known, one) for one in _BETWEEN.split(text) if one]
        return self._one(known, text)

    def said(self, name: str) -> list[str]:
        """The words for a note, each meaning once; empty where anything may be typed."""
        known = self._known[name]
        first: dict[str, str] = {}
        for value, word in (known or {}).values():
            first.setdefault(value, word)
        return list(first.values())

    @staticmethod
    def _one(known: Mapping[str, tuple[str, str]], text: str) -> str:
        found = known.get(text.strip().casefold())
        if found is None:
            zh, en = _possible(known)
            raise DomainError(
                "import.word",
                f"没有“{text[:40]}”。可填：{'、'.join(zh)}。",
                f"There is no “{text[:40]}”. Possible: {', '.join(en)}.",
            )
        if not found[0]:
            raise DomainError(
                "import.ambiguous",
                f"“{text[:40]}”对应多条记录，请填编号。",
                f"More than one is called “{text[:40]}”: use its number.",
            )
        return found[0]


def _possible(known: Mapping[str, tuple[str, str]]) -> tuple[list[str], list[str]]:
    """A word for each value, as far as one reads on: the first, and for readers of English the second if any."""
    called: dict[str, list[str]] = {}
    for value, word in known.values():
        called.setdefault(value, []).append(word)
    names = list(called.values())[:SAID_WORDS]
    return [words[0] for words in names], [words[min(1, len(words) - 1)] for words in names]


def _words(field: forms.Field) -> dict[str, tuple[str, str]] | None:
    """Folded word -> (form value, the word); the value is "" where a word means several. None: any text."""
    pairs: Iterable[tuple[str, str]]
    if isinstance(field, forms.ModelChoiceField):  # and those of many
        pairs = [
            (str(getattr(row, name)), str(row.pk))
            for row in field.queryset
            for name in _NAMES
            if getattr(row, name, "") not in ("", None)
        ]
    elif isinstance(field, forms.ChoiceField):
        pairs = []
        for language in ("zh-hans", "en"):
            with translation.override(language):
                pairs += [(str(label), str(value)) for value, label in field.choices if str(value)]
        pairs += [(str(value), str(value)) for value, _label in field.choices if str(value)]
    else:
        return None
    words: dict[str, tuple[str, str]] = {}
    for word, value in pairs:
        folded = word.strip().casefold()
        if folded in words and words[folded][0] != value:
            words[folded] = ("", word)
        else:
            words.setdefault(folded, (value, word.strip()))
    return words


def _yes_or_no(text: str) -> str:
    folded = text.strip().casefold()
    if folded in YES:
        return "on"
    if not folded or folded in NO:
        return ""
    raise DomainError("import.yes_no", f"“{text[:40]}”应填“是”或“否”。", f"“{text[:40]}” should be yes or no.")
