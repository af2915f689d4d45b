"""The venue's own settings: names, calendar, capacity, languages."""

from __future__ import annotations

from datetime import time
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import FormSpec, Section, Value, actor_of
from cloud.admin.kit.text import chinese, named
from cloud.entitlements import live_services
from cloud.entitlements.models import Entitlement
from cloud.staff.permissions import Permission
from cloud.venues.models import Venue


def _zones() -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(available_timezones())]


def day_start(venue: Venue) -> str:
    """ "04:00" """
    return f"{venue.day_start_minutes // 60:02d}:{venue.day_start_minutes % 60:02d}"


class EditForm(SectionForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    capacity = forms.IntegerField(
        label=_("People inside at most"), min_value=1, required=False,
        help_text=_("The gates let in nobody more until some have left. Empty: no limit."),
    )  # fmt: skip
    day_capacity = forms.IntegerField(
        label=_("People let in a day at most"), min_value=1, required=False,
        help_text=_("By the business day. Empty: no limit."),
    )  # fmt: skip
    warn_percent = forms.IntegerField(
        label=_("Warn from, in per cent"), min_value=1, max_value=100,
        help_text=_("Of either limit: lanes and console say that the venue is filling."),
    )  # fmt: skip
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=_zones)
    day_start = forms.TimeField(
        label=_("Business day starts at"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Before that hour it is still the day before: for venues open past midnight."),
    )
    understood = forms.BooleanField(
        label=_("I have read what changing the time zone or the start of the day means"), required=False
    )
    languages = forms.MultipleChoiceField(
        label=_("Languages offered"), choices=settings.LANGUAGES, widget=forms.CheckboxSelectMultiple
    )
    default_language = forms.ChoiceField(
        label=_("Language of those who have not chosen one"), choices=settings.LANGUAGES,
        help_text=_("Where a browser asks for a language that is offered, it has it."),
    )  # fmt: skip
    layout = (
        (_("The venue"), ("name_zh", "name_en")),
        (_("People"), ("capacity", "day_capacity", "warn_percent")),
        (_("Calendar"), ("time_zone", "day_start", "understood")),
        (_("Languages of the console"), ("languages", "default_language")),
    )
    error_fields = {"day_start_minutes": "day_start", "warn_permille": "warn_percent"}

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {**super().initial_of(row), "day_start": day_start(row), "warn_percent": row.warn_permille // 10}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start: time | None = cleaned.get("day_start")
        minutes = start.hour * 60 + start.minute if start else 0
        changed = (cleaned.get("time_zone"), minutes) != (self.row.time_zone, self.row.day_start_minutes)
        if not self.errors and changed and not cleaned.get("understood"):
            self.add_error("understood", " ".join(str(line) for line in _calendar_changes(self.desk)))
        return cleaned


def _calendar_changes(desk: Desk) -> list[Any]:
    running = Entitlement.objects.filter(venue=desk.venue, not_after__gte=timezone.now()).count()
    return [
        _("Gates and console count business days by the new calendar from now on."),
        _("What is recorded already keeps its business day: no report of the past changes."),
        ngettext_lazy(
            "%(count)d ticket that is still valid stays valid between the instants it was sold for.",
            "%(count)d tickets that are still valid stay valid between the instants they were sold for.",
            running,
        ) % {"count": running},
        _("Uses counted for a day count for the day by the new calendar."),
        _("Tick the box to go on."),
    ]  # fmt: skip


def _save(desk: Desk, row: Venue, values: dict[str, Any]) -> Venue:
    start: time = values.pop("day_start")
    values.pop("understood")
    minutes = start.hour * 60 + start.minute
    warn = 10 * values.pop("warn_percent")
    return live_services.edit_venue(**actor_of(desk), day_start_minutes=minutes, warn_permille=warn, **values)


def _languages(venue: Venue) -> str:
    names = dict(settings.LANGUAGES)
    return ("、" if chinese() else ", ").join(str(names.get(code, code)) for code in venue.languages)


VALUES = (
    Value("name", _("Venue"), named, main=True),
    Value("name_zh", _("Name in Chinese"), lambda one: one.name_zh),
    Value("name_en", _("Name in English"), lambda one: one.name_en),
    Value("code", _("Code"), lambda one: one.code),
    Value("time_zone", _("Time zone"), lambda one: one.time_zone),
    Value("day_start", _("Business day starts at"), day_start),
    Value("capacity", _("People inside at most"), lambda one: one.capacity, numeric=True),
    Value("day_capacity", _("People let in a day at most"), lambda one: one.day_capacity, numeric=True),
    Value("warn", _("Warn from, in per cent"), lambda one: one.warn_permille // 10, numeric=True),
    Value("languages", _("Languages offered"), _languages),
    Value(
        "default_language", _("Language of those who have not chosen one"),
        lambda one: str(dict(settings.LANGUAGES).get(one.default_language, one.default_language)),
    ),
)  # fmt: skip


SETTINGS = register(
    Section(
        key="settings",
        group="system",
        icon="settings",
        title=_("Settings"),
        one=_("Venue"),
        view=Permission.VENUE_MANAGE,
        rows=lambda desk: Venue.objects.filter(pk=desk.venue.pk),
        label=named,
        values=VALUES,
        order=("code",),
        edit=FormSpec(
            EditForm, Permission.VENUE_MANAGE, _save, _("Settings of %(name)s"), _("Edit"), _("Settings are saved.")
        ),
        single=True,
        place=10,
    )
)  # fmt: skip
