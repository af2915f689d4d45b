"""The filters sections use, made of django-filter's: each is a field above the list and a name in the address."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.reach import reached
from cloud.admin.kit.text import named
from cloud.staff.reach import EVERYWHERE, Reach

Text = str | Promise


class SectionFilters(django_filters.FilterSet):
    """A list's filters. Places beyond `reach` are not among their choices."""

    reach: Reach = EVERYWHERE


class AskedChoiceFilter(django_filters.ChoiceFilter):
    """Asks for its choices with each request, where they are to be asked for."""

    @property
    def field(self) -> forms.Field:
        if callable(self.extra["choices"]):
            self.extra["choices"] = list(self.asked(self.extra["choices"]))  # of this request's copy
        return super().field

    def asked(self, choices: Callable[..., Any]) -> Iterable[tuple[str, Text]]:
        found: Iterable[tuple[str, Text]] = choices()
        return found


class PlaceFilter(AskedChoiceFilter):
    """Asks for the choices within somebody's reach."""

    def asked(self, choices: Callable[..., Any]) -> Iterable[tuple[str, Text]]:
        found: Iterable[tuple[str, Text]] = choices(self.parent.reach)
        return found


def choice(label: Text, name: str, choices: Iterable[tuple[str, Text]] | Callable[[], Any]) -> django_filters.Filter:
    """One of a few values of a field; a function is asked for them within the scope."""
    return AskedChoiceFilter(field_name=name, label=label, choices=choices, empty_label=_("All"))


def place(label: Text, name: str, choices: Callable[[Reach], Iterable[tuple[str, Text]]]) -> django_filters.Filter:
    """A station, lane or edge by its number; `choices` is asked within the scope for those within reach."""
    return PlaceFilter(field_name=name, label=label, choices=choices, empty_label=_("All"))


def switch(label: Text, name: str, on: Text = "", off: Text = "") -> django_filters.Filter:
    """A yes-or-no field; enabled or disabled unless named otherwise."""
    return django_filters.TypedChoiceFilter(
        field_name=name,
        label=label,
        choices=(("", _("All")), ("on", on or _("Enabled")), ("off", off or _("Disabled"))),
        coerce=lambda value: value == "on",
        empty_value=None,
    )


class _NamedChoiceField(django_filters.fields.ModelChoiceField):
    def label_from_instance(self, row: Any) -> str:
        return named(row) if hasattr(row, "name_zh") else str(row)


class NamedFilter(django_filters.ModelChoiceFilter):
    """Rows offered by their names, within reach."""

    field_class = _NamedChoiceField

    def get_queryset(self, request: HttpRequest | None) -> QuerySet[Any]:
        return reached(self.parent.reach, super().get_queryset(request))


def row(label: Text, name: str, rows: Callable[[], QuerySet[Any]], distinct: bool = False) -> django_filters.Filter:
    """A row of the venue this one belongs to; `rows` is asked within the scope. `distinct` where there are many."""

    def choices(request: HttpRequest | None) -> QuerySet[Any]:
        return rows()

    return NamedFilter(field_name=name, label=label, queryset=choices, empty_label=_("All"), distinct=distinct)


class _Day(django_filters.DateFilter):
    """Instants from the start of a day, or up to its end, in the venue's time; works on an index."""

    def __init__(self, name: str, label: Text, end: bool) -> None:
        super().__init__(
            field_name=name, label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        )
        self.end = end

    def filter(self, qs: QuerySet[Any], value: date | None) -> QuerySet[Any]:
        if value is None:
            return qs
        if self.end and value == date.max:
            return qs
        start = timezone.make_aware(datetime.combine(value + timedelta(days=self.end), time()))
        bound = f"{self.field_name}__lt" if self.end else f"{self.field_name}__gte"
        return qs.filter(Q(**{bound: start}))


def since(label: Text, name: str) -> django_filters.Filter:
    return _Day(name, label, end=False)


def until(label: Text, name: str) -> django_filters.Filter:
    return _Day(name, label, end=True)
