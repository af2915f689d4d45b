"""Puts the demo venue of site.py into the database, once, and readies its edge for enrolment."""

from __future__ import annotations

from django.db import transaction
from django_scopes import scope, scopes_disabled

from cloud.core.actors import Actor
from cloud.demo import site
from cloud.entitlements.keys import ensure_venue_keys
from cloud.entitlements.live_services import create_device, create_product, create_station
from cloud.gates.services.tokens import create_token
from cloud.staff.models import Employee
from cloud.staff.permissions import ADMINISTRATOR
from cloud.staff.services import create_employee, ensure_roles, grant_role
from cloud.venues.models import Edge, ExclusionGroup, Station, Venue
from cloud.venues.services import create_edge, create_venue

ACTOR = Actor.system("demo")


@transaction.atomic
def ensure_venue() -> Venue:
    """The demo venue, made whole on the first call and left alone on later ones."""
    with scopes_disabled():
        found = Venue.objects.filter(code=site.VENUE_CODE).first()
    if found is not None:
        return found
    ensure_roles()
    zh, en = site.VENUE_NAME
    venue = create_venue(
        actor=ACTOR,
        code=site.VENUE_CODE,
        name_zh=zh,
        name_en=en,
        time_zone=site.TIME_ZONE,
        day_start_minutes=site.DAY_START,
        capacity=site.CAPACITY,
    )
    with scope(venue=venue):
        ensure_venue_keys(venue)
        stations = _stations(venue)
        edge = create_edge(actor=ACTOR, venue=venue, name=site.EDGE_NAME)
        for lane in site.LANES:
            create_device(
                actor=ACTOR, venue=venue, identifier=lane.device, name=lane.name, station=stations[lane.station],
                edge=edge,
            )  # fmt: skip
        for plan in site.PRODUCTS:
            create_product(
                actor=ACTOR, venue=venue, code=plan.code, name_zh=plan.name_zh, name_en=plan.name_en,
                price_fen=plan.price_fen, validity=plan.validity, valid_days=plan.valid_days, persons=plan.persons,
                uses=plan.uses, rules=plan.rules,
                stations=[stations[key] for key in plan.stations],
            )  # fmt: skip
        _employees(venue)
    return venue


def enrol_token(venue: Venue) -> str:
    """A fresh one-time token for the demo's edge."""
    with scope(venue=venue):
        return create_token(actor=ACTOR, edge=Edge.objects.get(name=site.EDGE_NAME))


def _stations(venue: Venue) -> dict[str, Station]:
    groups: dict[str, ExclusionGroup] = {}
    stations: dict[str, Station] = {}
    for plan in site.STATIONS:
        made = create_station(
            actor=ACTOR, venue=venue, name_zh=plan.name_zh, name_en=plan.name_en, group=groups.get(plan.group),
            inner=plan.inner, nature=Station.Nature.EXIT if plan.exit else Station.Nature.ENTRY,
        )  # fmt: skip
        groups[plan.group] = made.group
        stations[plan.key] = made
    return stations


def _employees(venue: Venue) -> None:
    for plan in site.EMPLOYEES:
        employee: Employee = create_employee(
            actor=ACTOR, username=plan.username, password=site.PASSWORD, name=plan.name,
            superuser=plan.role == ADMINISTRATOR,
        )  # fmt: skip
        grant_role(actor=ACTOR, employee=employee, role=plan.role, venue=venue)
