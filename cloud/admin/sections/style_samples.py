"""What the style page shows: made-up values for each element of the kit, short and long, many and none."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.chart import Bar, BarChart, bar_chart
from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.picker import PickerWidget, picked
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.rows import RowForm, Rows
from cloud.admin.kit.series import Place, Series, SeriesChart, Spark, line_chart, sparkline, stacked_chart
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.work_view import Progress, progress_of
from cloud.core.models import Job

LONG = "牌坊景区东大门无障碍与团队专用通道 The wide lane at the east gate for groups, prams and wheelchairs"
ICONS = {Tone.GOOD: "circle-check", Tone.BUSY: "scan-line", Tone.WARN: "triangle-alert", Tone.BAD: "circle-x"}
REASONS = ("OK", "已过期 Expired", "次数已用完 Used up", "Forged", "Not today", "Revoked", "Unknown", LONG)
PILLS = tuple(Pill(tone.value.title(), tone, ICONS.get(tone, "circle-slash")) for tone in Tone)


class PartRow(RowForm):
    name = forms.CharField(label=_("Name"), max_length=60)
    count = forms.IntegerField(label=_("Quantity"), min_value=1, initial=1)


class SampleForm(SectionForm):
    """One of each kind of field."""

    text = forms.CharField(label=_("Name"), max_length=20, help_text=LONG)
    number = forms.IntegerField(label=_("Number"), min_value=1, max_value=10)
    choice = forms.ChoiceField(label=_("Type"), choices=[("one", _("Entry")), ("two", LONG)])
    day = forms.DateField(label=_("Date"), widget=forms.DateInput(attrs={"type": "date"}), required=False)
    only = forms.CharField(label=_("Only for the other type"), required=False)
    words = forms.CharField(label=_("Text"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    secret = forms.CharField(label=_("Password"), widget=forms.PasswordInput, required=False)
    tick = forms.BooleanField(label=_("Enabled"), required=False, help_text=_("Takes effect at once."))
    many = forms.MultipleChoiceField(
        label=_("Stations"), choices=[(n, LONG if n == 3 else f"Station {n}") for n in range(24)], required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    pick = forms.MultipleChoiceField(
        label=_("Products"), required=False, widget=PickerWidget,
        choices=[(n, picked(LONG if n == 3 else f"Ticket {n}", "Package" if n % 3 else "")) for n in range(24)],
    )  # fmt: skip
    parts = Rows(
        PartRow, label=_("Rows"), one=_("Row"), add=_("Add a row"), max_rows=5, ordered=True, distinct="name",
        help_text=_("To add to, take from and put in order."),
    )  # fmt: skip
    layout = (
        (_("Fields"), ("text", "number", "choice", "day", "only", "words", "secret", "tick", "many", "pick")),
        (_("Rows"), ("parts",)),
    )
    depends = (Depends("only", ("choice",), shown=lambda choice: choice == "two", required=lambda choice: True),)


def form_states(desk: Any) -> list[tuple[Any, SampleForm]]:
    """Empty, filled in, refused, read-only: each with names of its own."""
    values = {"text": "西大门", "number": 3, "choice": "two", "only": LONG, "words": LONG, "tick": True, "many": [2, 3],
              "pick": [3, 7]}  # fmt: skip
    rows = [{"name": "成人票", "count": 2}, {"name": LONG, "count": 10}]
    wrong = {
        "wrong-text": LONG, "wrong-number": "99", "wrong-choice": "two", "wrong-day": "2026-02-30",
        "wrong-parts": ["0", "1"], "wrong-parts-0-name": "", "wrong-parts-0-count": "x", "wrong-parts-1-name": "b",
        "wrong-parts-1-count": "1", "wrong-many": ["99"],
    }  # fmt: skip
    refused = SampleForm(desk, None, _sent(wrong), prefix="wrong")
    refused.add_error(None, _("What a service refuses about no field in particular."))
    locked = SampleForm(desk, None, initial={**values, "parts": rows}, prefix="locked")
    for field in locked.fields.values():
        field.disabled = True
    return [
        (_("Empty"), SampleForm(desk, None, prefix="empty")),
        (_("Filled in, with long text"), SampleForm(desk, None, initial={**values, "parts": rows}, prefix="full")),
        (_("Refused"), refused),
        (_("Read-only"), locked),
    ]


def _sent(values: dict[str, Any]) -> Any:
    from django.http import QueryDict

    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name, value if isinstance(value, list) else [value])
    return data


def tables() -> list[tuple[Any, Table]]:
    columns = (
        Column(_("Name"), main=True, sort_url="?sort=name", sorted="ascending"), Column(_("Status")),
        Column(_("Quantity"), numeric=True, sort_url="?sort=-count"), Column(_("Note")),
    )  # fmt: skip
    nothing = Empty(str(_("Nothing here yet")), LONG, "inbox")

    def rows(key: str, count: int, *, long: bool = False) -> tuple[Row, ...]:
        return tuple(
            Row(
                f"{key}-{n}",
                (
                    Cell(LONG if long else f"Row {n + 1}", note=LONG if long else ""), Cell(pill=PILLS[n % len(PILLS)]),
                    Cell(f"{(n * 977) % 10_000:,}"), Cell("", url="") if n % 3 else Cell("LANE-3", url="#tables"),
                ),
                url="#tables", value=str(n),
            )
            for n in range(count)
        )  # fmt: skip

    return [
        (_("Empty"), Table("Empty", columns, (), nothing)),
        (_("Long text"), Table("Long", columns, rows("long", 2, long=True), nothing)),
        (_("Many rows, to choose from"), Table("Many", columns, rows("many", 60), nothing, choose="style-choose")),
        (_("Compact"), Table("Compact", columns, rows("compact", 4), nothing, compact=True)),
    ]


def bars() -> list[BarChart]:
    values = [(n * 37) % 90 for n in range(30)]
    made = [Bar(f"09:{n:02d}", value, f"09:{n:02d}" if n % 10 == 0 else "", n == 29) for n, value in enumerate(values)]
    nothing = [Bar(f"09:{n:02d}", 0) for n in range(30)]
    return [
        bar_chart(made, title=str(_("Bars")), summary=str(_("Admitted, minute by minute")), unit=str(_("persons"))),
        bar_chart(nothing, title=str(_("Bars, empty")), summary=str(_("Nothing admitted yet")), unit=str(_("persons"))),
    ]


def charts() -> list[SeriesChart]:
    hours = [Place(f"{hour:02d}:00", f"{hour:02d}" if hour % 4 == 0 else "", hour == 17) for hour in range(24)]
    west = tuple((hour * 613) % 900 if hour > 6 else None for hour in range(24))
    east = tuple(None if hour in (10, 11, 13) else (hour * 311) % 700 for hour in range(24))
    reasons = [Series(name, tuple((hour * (n + 3)) % (20 - n) for hour in range(24))) for n, name in enumerate(REASONS)]
    stations = [Series("西门 West gate", west), Series(LONG, east)]
    persons = str(_("persons"))
    few = [Series("OK", (812, 640)), Series("次数已用完 Used up", (31, 0))]
    return [
        line_chart(hours, stations, title=str(_("Lines, with gaps")), summary=str(_("By the hour")), unit=persons),
        stacked_chart(hours, reasons, title=str(_("Stacked")), summary=str(_("By the hour")), unit=persons),
        line_chart(hours, [], title=str(_("Lines, empty")), summary=str(_("Nothing here yet")), unit=persons),
        stacked_chart(
            [Place("西门", "西门"), Place("东门", "东门")],
            few,
            title=str(_("Stacked, two")),
            summary=str(_("By the hour")),
            unit=persons,
        ),
    ]


def jobs() -> list[Progress]:
    """Background work in every state, with and without a known end."""
    title = {"title_zh": LONG, "title_en": LONG}
    totals = {Job.State.WAITING: None, Job.State.RUNNING: 10_000}
    return [progress_of(Job(state=state, done=4_200, total=totals.get(state, 4_200), **title)) for state in Job.State]


def tiles() -> list[dict[str, Any]]:
    spark: Spark = sparkline([4, 9, 3, 14, 12, 20, 18], str(_("Admitted, minute by minute")))
    plain = {"note": "", "tone": "", "share": None, "spark": None, "url": ""}
    return [
        {**plain, "label": _("Admitted today"), "value": "12,480", "note": LONG, "icon": "footprints", "spark": spark},
        {**plain, "label": _("Inside now"), "value": "4,812", "icon": "users", "share": 96, "tone": "bad"},
        {**plain, "label": _("With a page behind it"), "value": "0", "icon": "door-open", "url": "#tiles"},
        {**plain, "label": LONG, "value": "¥10,000,000.00", "icon": "receipt-text", "tone": "warn"},
    ]
