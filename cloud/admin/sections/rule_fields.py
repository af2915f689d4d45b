"""Fields of rules that are lists: one line each, as people write them. Cleaned to the catalogue's values and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud.catalog.rules import Days, Times
from cloud.core.business_day import clock_text

# Short names of the days in what is typed and shown, Monday first.
WEEKDAYS = (
    gettext_lazy("Mon"), gettext_lazy("Tue"), gettext_lazy("Wed"), gettext_lazy("Thu"), gettext_lazy("Fri"),
    gettext_lazy("Sat"), gettext_lazy("Sun"),
)  # fmt: skip
# What may be presented, by the catalogue's names.
MEDIA = (
    ("pass", gettext_lazy("Ticket code (QR)")),
    ("rotating", gettext_lazy("Live code on the phone")),
    ("channel", gettext_lazy("Code of a sales channel")),
    ("id_number", gettext_lazy("ID card")),
    ("card_uid", gettext_lazy("Card")),
    ("member", gettext_lazy("Member code")),
    ("short", gettext_lazy("Typed short code")),
)
_TYPED_DAYS = (
    ("mon", "周一", "1"), ("tue", "周二", "2"), ("wed", "周三", "3"), ("thu", "周四", "4"), ("fri", "周五", "5"),
    ("sat", "周六", "6"), ("sun", "周日", "7"),
)  # fmt: skip
_TO = r"\s*(?:-|–|—|~|～|至|到)\s*"
_PERIOD = re.compile(rf"(\d{{1,2}})[:：](\d{{2}}){_TO}(\d{{1,2}})[:：](\d{{2}})(.*)")
_DAY = r"(\d{4}-\d{1,2}-\d{1,2})"
_DAYS = re.compile(rf"{_DAY}(?:{_TO}{_DAY})?")


class LinesField(forms.Field):
    """Several lines, each cleaned by `read`."""

    def __init__(self, *, rows: int = 2, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": rows, "maxlength": 4000}), **kwargs)

    def clean(self, value: Any) -> Any:
        lines = [line.strip() for line in str(value or "").splitlines()]
        return tuple(self.read(line) for line in lines if line)

    def read(self, line: str) -> Any:
        raise NotImplementedError


class TimesField(LinesField):
    """ "08:00-17:30", "17:00-26:00 Fri Sat": after midnight hours go on beyond 24, as the business day does."""

    def read(self, line: str) -> Times:
        found = _PERIOD.fullmatch(line)
        if found is None or int(found[2]) > 59 or int(found[4]) > 59:
            raise ValidationError(_("“%(line)s” is no period. Write 08:00-17:30, one a line.") % {"line": line})
        start, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (1, 3))
        return Times(start, end, tuple(_weekday(word) for word in re.split(r"[\s,，、]+", found[5]) if word))


class DaysField(LinesField):
    """ "2026-10-01", "2026-10-01 - 2026-10-07"."""

    def read(self, line: str) -> Days:
        found = _DAYS.fullmatch(line)
        if found is None:
            raise ValidationError(_("“%(line)s” is no day. Write 2026-10-01 - 2026-10-07.") % {"line": line})
        first = _date(found[1])
        return Days(first, _date(found[2]) if found[2] else first)


def times_text(rows: Iterable[Times]) -> str:
    return "\n".join(period(row) for row in rows)


def days_text(rows: Iterable[Days]) -> str:
    return "\n".join(str(row.first) if row.first == row.last else f"{row.first} - {row.last}" for row in rows)


def period(row: Times) -> str:
    """ "17:00-26:00 Fri Sat"."""
    return f"{clock_text(row.start)}-{clock_text(row.end)}" + "".join(f" {WEEKDAYS[day]}" for day in row.days)


def _weekday(word: str) -> int:
    for day, names in enumerate(_TYPED_DAYS):
        if word.lower() in (*names, str(WEEKDAYS[day]).lower()):
            return day
    raise ValidationError(_("“%(word)s” is no weekday. Write Mon, Tue, …") % {"word": word})


def _date(text: str) -> date:
    try:
        return date(*(int(part) for part in text.split("-")))
    except ValueError:
        raise ValidationError(_("There is no day %(day)s.") % {"day": text}) from None
