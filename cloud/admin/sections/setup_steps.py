"""What a new venue still lacks, in the order one does it. Each step leads to where it is done."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.gates.models import EdgeCertificate
from cloud.sales.models import Order
from cloud.staff.permissions import Permission
from cloud.venues.models import Device, Edge, Station


@dataclass(frozen=True, slots=True)
class Step:
    """`url` is empty for those who may not do it."""

    title: str | Promise
    text: str | Promise
    done: bool
    url: str


def steps(desk: Desk) -> tuple[Step, ...]:
    """The steps of a venue that is not set up yet; none once all are done."""
    venue = desk.venue
    edge = Edge.objects.filter(venue=venue, retired_at=None).order_by("pk").first()
    enrolled = EdgeCertificate.objects.filter(venue=venue, revoked_at=None)
    enrol = reverse("console:edge-enrol", args=[edge.pk]) if edge else _new("edges")
    wanted: tuple[tuple[str | Promise, str | Promise, QuerySet[Model], str, Permission], ...] = (
        (
            _("Set up a station"), _("Where visitors enter: a gate, a pier, a cable car."),
            Station.objects.filter(venue=venue), _new("stations"), Permission.STATION_MANAGE,
        ),
        (
            _("Name the entrance's computer"), _("One for each entrance; its gates hang on it."),
            Edge.objects.filter(venue=venue, retired_at=None), _new("edges"), Permission.EDGE_MANAGE,
        ),
        (
            _("Add its gates"), _("Each gate belongs to a station and hangs on a computer."),
            Device.objects.filter(venue=venue, kind=Device.Kind.GATE, retired_at=None), _new("devices"),
            Permission.STATION_MANAGE,
        ),
        (
            _("Enrol the computer"), _("A token is typed in at the machine once; from then on it is trusted."),
            enrolled, enrol, Permission.EDGE_MANAGE,
        ),
        (
            _("Make a ticket product"), _("Its price, its days, and the stations that verify it."),
            venue.ticketproduct_set.all(), _new("products"), Permission.PRODUCT_MANAGE,
        ),
        (
            _("Issue the first order"), _("Show its code at a gate: it is admitted and appears here."),
            Order.objects.filter(venue=venue), reverse("console:issue"), Permission.ORDER_ISSUE,
        ),
    )  # fmt: skip
    found = tuple(
        Step(title, text, rows.exists(), url if desk.may(permission) else "")
        for title, text, rows, url, permission in wanted
    )
    return () if all(step.done for step in found) else found


def _new(section: str) -> str:
    return reverse("console:section-create", args=[section])
