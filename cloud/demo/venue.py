"""Puts the demo venue of site.py into the database, once, and readies its edge for enrolment."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django_scopes import scope, scopes_disabled

from cloud.capacity.calendars import edit_calendar
from cloud.catalog.calendar_edits import Change, Chosen, DayType, SetCells
from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.product_services import (
    SpecInput,
    create_category,
    set_basics,
    set_refund_rules,
    set_specs,
    set_texts,
)
from cloud.core import business_day
from cloud.core.actors import Actor
from cloud.demo import catalogue, site
from cloud.entitlements.keys import ensure_venue_keys
from cloud.entitlements.live_services import (
    Part,
    Ride,
    create_device,
    create_product,
    create_station,
    set_card_parts,
    set_package_parts,
)
from cloud.gates.services.tokens import create_token
from cloud.staff.models import Employee
from cloud.staff.permissions import ADMINISTRATOR
from cloud.staff.services import create_employee, ensure_roles, grant_role
from cloud.venues.models import Edge, ExclusionGroup, Station, Venue
from cloud.venues.services import create_edge, create_venue

ACTOR = Actor.system("demo")
BOOKED_AHEAD = timedelta(days=180)


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
        _products(venue, stations)
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


def _products(venue: Venue, stations: dict[str, Station]) -> None:
    """What is sold, as a product manager would set it up: through the services of the form's blocks."""
    categories = {
        plan.key: create_category(actor=ACTOR, venue=venue, name_zh=plan.name_zh, name_en=plan.name_en)
        for plan in catalogue.CATEGORIES
    }
    made: dict[str, TicketProduct] = {}
    for plan in catalogue.PRODUCTS:
        product = create_product(
            actor=ACTOR, venue=venue, code=plan.code, name_zh=plan.name_zh, name_en=plan.name_en, kind=plan.kind,
            price_fen=plan.price_fen, validity=plan.validity, valid_days=plan.valid_days, persons=plan.persons,
            uses=plan.uses, rules=plan.rules, stations=[stations[key] for key in plan.stations],
        )  # fmt: skip
        made[plan.code] = product
        common = {"actor": ACTOR, "venue": venue, "product": product}
        set_basics(**common, name_zh=plan.name_zh, name_en=plan.name_en, info=catalogue.PLACE)
        zh, en = plan.about
        set_texts(**common, texts={"introduction": {"zh": f"<p>{zh}</p>", "en": f"<p>{en}</p>"}})
        set_refund_rules(**common, rules=plan.refund)
        spec = product.specs.get()
        set_specs(
            **common,
            specs=[
                SpecInput(
                    spec.pk, spec.code, category=categories[plan.category], price_fen=plan.price_fen, stock=plan.stock
                )
            ],
        )
        if plan.busy_fen is not None:
            _seasons(venue, spec, plan.busy_fen)
        if plan.parts:
            parts = [Part(made[code].specs.get(), quantity) for code, quantity in plan.parts]
            set_package_parts(actor=ACTOR, venue=venue, package=product, parts=parts)
        if plan.rides:
            rides = [Ride(made[one.code], one.total, one.per_month, one.per_day) for one in plan.rides]
            set_card_parts(actor=ACTOR, venue=venue, card=product, rides=rides, rules=plan.card)


def _seasons(venue: Venue, spec: Spec, busy_fen: int) -> None:
    """Weekends and public holidays of the next months have their own price."""
    first = business_day.today(venue)
    chosen = Chosen(first, first + BOOKED_AHEAD, day_type=DayType.REST)
    edit_calendar(actor=ACTOR, venue=venue, spec=spec, edits=[SetCells(chosen, Change(price_fen=busy_fen))])


def _employees(venue: Venue) -> None:
    for plan in site.EMPLOYEES:
        employee: Employee = create_employee(
            actor=ACTOR, username=plan.username, password=site.PASSWORD, name=plan.name,
            superuser=plan.role == ADMINISTRATOR,
        )  # fmt: skip
        grant_role(actor=ACTOR, employee=employee, role=plan.role, venue=venue)
