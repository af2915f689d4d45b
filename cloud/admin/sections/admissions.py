"""Admissions: whom the gates let in, where, and what became of it. Written by the gates alone."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit import filters
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Section, Value
from cloud.admin.kit.table import Cell
from cloud.admin.kit.text import chinese, named
from cloud.admin.kit.verdict import outcome, remark
from cloud.admissions import selectors
from cloud.admissions.models import Admission
from cloud.staff.permissions import Permission
from cloud.venues.models import Device, Station

FLAGS = (("unknown", _("No such ticket here")), ("ended", _("Had been revoked or refunded")))


def _named(zh: str | None, en: str | None) -> str:
    return ((zh or en) if chinese() else (en or zh)) or "–"


def _product(admission: Admission) -> str:
    return _named(admission.product_zh, admission.product_en)  # type: ignore[attr-defined]


def _station(admission: Admission) -> str:
    return _named(admission.station_zh, admission.station_en)  # type: ignore[attr-defined]


def _order(admission: Admission) -> Cell:
    number = admission.order_number  # type: ignore[attr-defined]
    return Cell(number, url=reverse("console:order", args=[number])) if number else Cell("–")


def _stations() -> list[tuple[str, str]]:
    return [(str(station.pk), named(station)) for station in Station.objects.order_by("number")]


def _lanes() -> list[tuple[str, str]]:
    verifying = Device.objects.filter(kind__in=(Device.Kind.GATE, Device.Kind.HANDHELD))
    return [(str(device.pk), device.name) for device in verifying.order_by("name", "pk")]


def _outcomes() -> list[tuple[str, str]]:
    return [(code, outcome(code).text) for code in Admission.Outcome.values]


ADMISSIONS = register(
    Section(
        key="admissions",
        group="entrance",
        icon="footprints",
        title=_("Admissions"),
        one=_("Admission"),
        view=Permission.ORDER_VIEW,  # it names orders
        rows=lambda desk: selectors.listed(desk.venue),
        label=_product,
        values=(
            Value("at", _("When"), lambda one: one.at, order=("at",)),
            Value("product", _("Product"), _product, main=True),
            Value("station", _("Station"), _station),
            Value("lane", _("Lane"), lambda one: one.device_name),
            Value("persons", _("Persons"), lambda one: one.persons, numeric=True),
            Value("passed", _("Walked"), lambda one: one.passed, numeric=True),
            Value("returned", _("Given back"), lambda one: one.returned, numeric=True),
            Value("outcome", _("What followed"), lambda one: outcome(one.outcome)),
            Value("remark", _("Remark"), lambda one: remark(flag=one.flag, signed_only=one.signed_only)),
            Value("order", _("Order"), _order),
            Value("settled", _("Settled at"), lambda one: one.settled_at, listed=False),
        ),
        order=("-at",),
        filters={
            "station": filters.choice(_("Station"), "station_id", _stations),
            "lane": filters.choice(_("Lane"), "device_id", _lanes),
            "outcome": filters.choice(_("What followed"), "outcome", _outcomes),
            "flag": filters.choice(_("Remark"), "flag", FLAGS),
            "since": filters.since(_("From day"), "at"),
            "until": filters.until(_("To day"), "at"),
        },
        history=False,
        empty=_("Everybody let in at a gate is listed here."),
        place=20,
    )
)
