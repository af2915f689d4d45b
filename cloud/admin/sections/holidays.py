"""Holidays: the days that are not what their weekday says, as gates know them (T-53)."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit import filters
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import FormSpec, Section, Value, actor_of
from cloud.admin.kit.text import named
from cloud.entitlements import live_services
from cloud.staff.permissions import Permission
from cloud.venues import selectors
from cloud.venues.models import CalendarDay

KINDS = (
    ("holiday", _("Public holiday")),
    ("workday", _("Working day on a weekend")),
    ("ordinary", _("As its weekday says")),
)


class DayForm(SectionForm):
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, initial="holiday")
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=40, help_text=_("Staff and visitors read it."))
    name_en = forms.CharField(label=_("Name in English"), max_length=60, required=False)


def _kind(day: CalendarDay) -> Pill:
    if day.kind == CalendarDay.Kind.HOLIDAY:
        return Pill(str(_("Public holiday")), Tone.BUSY, "party-popper")
    if day.kind == CalendarDay.Kind.WORKDAY:
        return Pill(str(_("Working day on a weekend")), Tone.WARN, "briefcase")
    return Pill(str(_("As its weekday says")), Tone.IDLE, "calendar")


HOLIDAYS = register(
    Section(
        key="holidays",
        group="venue",
        icon="calendar-days",
        title=_("Holidays"),
        one=_("Holiday"),
        view=Permission.LIVE_VIEW,
        rows=lambda desk: selectors.calendar_days(desk.venue),
        label=named,
        values=(
            Value("name", _("Name"), named, order=("name_zh", "day"), main=True),
            Value("day", _("Day"), lambda one: one.day.isoformat(), order=("day",)),
            Value("kind", _("Kind"), _kind, order=("kind", "day")),
        ),
        order=("-day",),
        search=("name_zh__icontains", "name_en__icontains"),
        search_hint=_("Name"),
        filters={"kind": filters.choice(_("Kind"), "kind", KINDS)},
        state=_kind,
        create=FormSpec(
            DayForm, Permission.VENUE_MANAGE,
            lambda desk, row, values: live_services.create_calendar_day(**actor_of(desk), **values),
            _("New day"), _("New day"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            DayForm, Permission.VENUE_MANAGE,
            lambda desk, row, values: live_services.edit_calendar_day(**actor_of(desk), row=row, **values),
            _("Edit %(name)s"), _("Edit"), _("%(name)s is saved."),
        ),
        empty=_("Public holidays of the years that were announced are filled in by themselves."),
        place=60,
    )
)  # fmt: skip
