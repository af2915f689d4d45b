"""Choosing some of many rows: ticks with a note each, found by typing. Without a script a list of ticks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.db.models import Model
from django.utils.functional import Promise


class Picked(str):
    """A choice's label. `note` stands beside it; `words` are found by, beside both."""

    note: str = ""
    words: str = ""


def picked(label: str, note: str = "", words: str = "") -> Picked:
    choice = Picked(label)
    choice.note, choice.words = note, words
    return choice


class PickerWidget(forms.CheckboxSelectMultiple):
    """What is chosen comes first, so that it is seen without looking for it."""

    template_name = "console/kit/picker.html"

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        groups = super().optgroups(name, value, attrs)
        return sorted(groups, key=lambda group: not group[1][0]["selected"])

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        options = [option for _, group, _ in context["widget"]["optgroups"] for option in group]
        return {**context, "options": options, "chosen": sum(option["selected"] for option in options)}


class PickField(forms.ModelMultipleChoiceField):
    """Rows to choose from. `offer` sets them, in a form's `prepare()`."""

    widget = PickerWidget

    def __init__(self, model: type[Model], *, label: str | Promise, help_text: str | Promise = "") -> None:
        super().__init__(model._default_manager.none(), label=label, required=False, help_text=help_text)  # type: ignore[attr-defined]
        self.offered: Callable[[Any], Picked] = lambda row: picked(str(row))

    def offer(self, rows: Any, label: Callable[[Any], Picked]) -> None:
        """The rows, in their order, and how each is called."""
        self.offered = label
        self.queryset = rows

    def label_from_instance(self, row: Any) -> Picked:
        return self.offered(row)


def keys(rows: Iterable[Model]) -> Sequence[int]:
    """Which rows a form shows as chosen."""
    return sorted(row.pk for row in rows)
