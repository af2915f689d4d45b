"""Choosing some of many rows: ticks with a note each, found by typing. Without a script a list of ticks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.db.models import Model
from django.forms.utils import flatatt
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.safestring import mark_safe


class Picked(str):
    """A choice's label. `note` stands beside it; `words` are found by, beside both."""

    note: str = ""
    words: str = ""


def picked(label: str, note: str = "", words: str = "") -> Picked:
    choice = Picked(label)
    choice.note, choice.words = note, words
    return choice


class PickerWidget(forms.CheckboxSelectMultiple):
    """What is chosen comes first, so that it is seen without looking for it.

    Thousands may be offered: the ticks are written in one go, not drawn one by one. `undrawn`: none of them is
    written, since the field does not apply; the form says so when it is sent (see `was_drawn`).
    """

    template_name = "console/kit/picker.html"
    undrawn = False

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        given = self.build_attrs(self.attrs, attrs)
        given.pop("class", None)
        chosen = {str(one) for one in self.format_value(value)}
        first, rest = [], []
        for key, label in () if self.undrawn else self.choices:
            (first if str(key) in chosen else rest).append((key, label))
        described = {one: given[one] for one in ("disabled", "aria-describedby", "aria-invalid") if given.get(one)}
        written = [*_ticks(first, name, {**described, "checked": True}), *_ticks(rest, name, described)]
        return {
            "id": given.get("id", ""),
            "name": name,
            "ticks": mark_safe("".join(written)),  # noqa: S308 - _ticks escapes what it writes
            "undrawn": self.undrawn,
            "locked": bool(given.get("disabled")),
        }


def _ticks(options: Iterable[tuple[Any, Any]], name: str, attrs: dict[str, Any]) -> Iterator[str]:
    more = flatatt(attrs)
    for key, label in options:
        note, words = getattr(label, "note", ""), getattr(label, "words", "")
        small = f" <small>{escape(note)}</small>" if note else ""
        found_by = escape(f"{label} {note} {words}")
        yield (
            f'<label data-words="{found_by}"><input type="checkbox" name="{escape(name)}" value="{escape(key)}"{more}>'
            f"<span>{escape(label)}{small}</span></label>"
        )


def was_drawn(data: Mapping[str, Any], name: str) -> bool:
    """Whether the form that was sent offered the field's choices."""
    return f"{name}-undrawn" not in data


class PickField(forms.ModelMultipleChoiceField):
    """Rows to choose from. `offer` sets them, in a form's `prepare()`."""

    widget = PickerWidget

    def __init__(self, model: type[Model], *, label: str | Promise, help_text: str | Promise = "") -> None:
        super().__init__(model._default_manager.none(), label=label, required=False, help_text=help_text)  # type: ignore[attr-defined]

    def offer(self, rows: Any, choices: Sequence[tuple[int, Picked]]) -> None:
        """The rows one may choose, and how they are called, in their order: `called` makes these."""
        self.queryset = rows
        self.choices = choices


def called(rows: Iterable[Any], label: Callable[[Any], Picked]) -> list[tuple[int, Picked]]:
    """Choices, once for all the fields that offer the same rows."""
    return [(row.pk, label(row)) for row in rows]


def keys(rows: Iterable[Model]) -> Sequence[int]:
    """Which rows a form shows as chosen."""
    return sorted(row.pk for row in rows)
