"""Deny by default, per venue, at once; and every public service asks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django_scopes import scope

from cloud.admissions import services as admissions
from cloud.admissions.models import Case
from cloud.bookings import services as bookings
from cloud.capacity import calendars
from cloud.catalog import product_services as products
from cloud.catalog import services as catalog
from cloud.catalog import station_lists
from cloud.catalog.card_rules import CardRules
from cloud.catalog.info import ProductInfo
from cloud.catalog.models import Category, TicketProduct
from cloud.catalog.models import Place as CatalogPlace
from cloud.catalog.refund_rules import RefundRules
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import attach, keys, lifecycle, live_services
from cloud.entitlements.models import Entitlement, EntitlementCredential, FeedRow
from cloud.gates.services import questions, retire
from cloud.sales import services as sales
from cloud.sales.models import RefundCase
from cloud.sales.values import OrderLine
from cloud.staff import services as staff
from cloud.staff.models import Employee, Role, RoleGrant
from cloud.staff.permissions import BUILT_IN, Permission, allowed, require
from cloud.venues import services as venues
from cloud.venues.models import CalendarDay, Device, Station, Venue
from paifang.records import CredentialKind
from tests.support.venue import SYSTEM, make_actor, make_venue


@dataclass
class Place:
    """Something of each kind."""

    venue: Venue
    west: Station
    east: Station
    gate: Device
    adult: TicketProduct
    own_role: Role

    @property
    def ticket(self) -> Entitlement:
        """The one that was sold before."""
        return Entitlement.objects.get()


@pytest.fixture
def place(venue: Venue, west: Station, east: Station, gate: Device, adult: TicketProduct) -> Place:
    own_role = staff.create_role(actor=SYSTEM, venue=venue, name_zh="检票员", permissions=["live.view"])
    return Place(venue, west, east, gate, adult, own_role)


def _someone(place: Place) -> Employee:
    """The venue's one employee, who also calls."""
    return Employee.objects.get()


TOMORROW = date.today() + timedelta(days=1)  # noqa: DTZ011 - who may not is refused before any day is looked at


def _holiday(place: Place) -> CalendarDay:
    return CalendarDay.objects.create(venue=place.venue, day=today(place.venue), kind="holiday", name_zh="x")


def _credential(place: Place) -> EntitlementCredential:
    return EntitlementCredential.objects.create(
        venue=place.venue, entitlement=place.ticket, kind=5, hashed=b"x" * 16, published=False
    )


def _order(place: Place) -> Any:
    line = OrderLine(place.adult, 1, today(place.venue))
    return sales.issue_order(actor=SYSTEM, venue=place.venue, lines=[line], idempotency_key="made")


def _refund(place: Place) -> RefundCase:
    """One that waits; who may not decide is refused before it is looked at."""
    order = _order(place)
    return RefundCase.objects.get_or_create(
        venue=place.venue, idempotency_key="made",
        defaults={
            "number": "R1", "order": order, "state": "waiting", "request_hash": "", "paid_fen": 0, "amount_fen": 0,
            "applied_at": timezone.now(),
        },
    )[0]  # fmt: skip


def _case(place: Place) -> Case:
    edge = place.gate.edge
    assert edge is not None
    return Case.objects.get_or_create(
        venue=place.venue, key="made",
        defaults={"kind": "unknown", "edge": edge, "at": timezone.now(), "business_day": today(place.venue)},
    )[0]  # fmt: skip


# Every public service, called rightly but for who calls it.
SERVICES: dict[str, Callable[[Actor, Place], Any]] = {
    "venues.create_venue": lambda a, p: venues.create_venue(actor=a, code="x", name_zh="x"),
    "venues.create_station": lambda a, p: venues.create_station(actor=a, venue=p.venue, name_zh="x"),
    "venues.create_edge": lambda a, p: venues.create_edge(actor=a, venue=p.venue, name="x"),
    "venues.create_device": lambda a, p: venues.create_device(
        actor=a, venue=p.venue, identifier="x", name="x", station=p.west
    ),
    "live.set_package_parts": lambda a, p: live_services.set_package_parts(
        actor=a, venue=p.venue, package=p.adult, parts=[live_services.Part(p.adult.specs.get(), 1)]
    ),
    "live.set_card_parts": lambda a, p: live_services.set_card_parts(
        actor=a, venue=p.venue, card=p.adult, rides=[], rules=CardRules()
    ),
    "products.create_draft": lambda a, p: products.create_draft(actor=a, venue=p.venue, kind="ticket", name_zh="x"),
    "products.set_basics": lambda a, p: products.set_basics(
        actor=a, venue=p.venue, product=p.adult, name_zh="x", info=ProductInfo()
    ),
    "products.set_texts": lambda a, p: products.set_texts(actor=a, venue=p.venue, product=p.adult, texts={}),
    "products.add_media": lambda a, p: products.add_media(
        actor=a, venue=p.venue, product=p.adult, role="video", file=SimpleUploadedFile("x.mp4", b"x")
    ),
    "products.remove_media": lambda a, p: products.remove_media(actor=a, venue=p.venue, product=p.adult, media_id=1),
    "products.sort_media": lambda a, p: products.sort_media(actor=a, venue=p.venue, product=p.adult, order=[]),
    "products.set_specs": lambda a, p: products.set_specs(actor=a, venue=p.venue, product=p.adult, specs=[]),
    "products.set_publishing": lambda a, p: products.set_publishing(actor=a, venue=p.venue, product=p.adult, wanted={}),
    "products.publish": lambda a, p: products.publish(
        actor=a, venue=p.venue, spec=p.adult.specs.get(), publishing=products.Publishing()
    ),
    "products.set_refund_rules": lambda a, p: products.set_refund_rules(
        actor=a, venue=p.venue, product=p.adult, rules=RefundRules()
    ),
    "products.copy_product": lambda a, p: products.copy_product(actor=a, venue=p.venue, product=p.adult, name_zh="x"),
    "products.change_prices": lambda a, p: products.change_prices(
        actor=a, venue=p.venue, product=p.adult, change=products.Change(fen=1)
    ),
    "products.set_category": lambda a, p: products.set_category(
        actor=a, venue=p.venue, product=p.adult, category=Category()
    ),
    "products.create_category": lambda a, p: products.create_category(actor=a, venue=p.venue, name_zh="x"),
    "products.edit_category": lambda a, p: products.edit_category(
        actor=a, venue=p.venue, category=Category(), name_zh="x", name_en="", position=1, for_sale=True
    ),
    "products.set_category_for_sale": lambda a, p: products.set_category_for_sale(
        actor=a, venue=p.venue, category=Category(), for_sale=False
    ),
    "products.move_specs": lambda a, p: products.move_specs(
        actor=a, venue=p.venue, category=Category(), to=Category(pk=1)
    ),
    "products.delete_category": lambda a, p: products.delete_category(actor=a, venue=p.venue, category=Category()),
    "products.create_place": lambda a, p: products.create_place(actor=a, venue=p.venue, name_zh="x"),
    "products.edit_place": lambda a, p: products.edit_place(actor=a, venue=p.venue, place=CatalogPlace(), name_zh="x"),
    "products.delete_place": lambda a, p: products.delete_place(actor=a, venue=p.venue, place=CatalogPlace()),
    "products.set_sale_settings": lambda a, p: products.set_sale_settings(actor=a, venue=p.venue, soon_days=7),
    "catalog.create_product": lambda a, p: catalog.create_product(
        actor=a, venue=p.venue, code="x", name_zh="x", price_fen=1
    ),
    "catalog.set_on_sale": lambda a, p: catalog.set_on_sale(actor=a, venue=p.venue, product=p.adult, on_sale=False),
    "calendars.edit_calendar": lambda a, p: calendars.edit_calendar(
        actor=a, venue=p.venue, spec=p.adult.specs.get(), edits=[]
    ),
    "staff.create_employee": lambda a, p: staff.create_employee(actor=a, username="x", password="correct horse"),
    "staff.grant_role": lambda a, p: staff.grant_role(
        actor=a, employee=Employee.objects.get(), role="administrator", venue=p.venue
    ),
    "staff.withdraw_role": lambda a, p: staff.withdraw_role(
        actor=a, employee=Employee.objects.get(), role="viewer", venue=p.venue
    ),
    "staff.hire_employee": lambda a, p: staff.hire_employee(
        actor=a, venue=p.venue, username="x", name="x", role="viewer"
    ),
    "staff.admit_employee": lambda a, p: staff.admit_employee(
        actor=a, venue=p.venue, username=_someone(p).username, role="viewer"
    ),
    "staff.edit_employee": lambda a, p: staff.edit_employee(actor=a, venue=p.venue, employee=_someone(p), name="x"),
    "staff.set_employee_active": lambda a, p: staff.set_employee_active(
        actor=a, venue=p.venue, employee=_someone(p), active=False
    ),
    "staff.give_one_time_password": lambda a, p: staff.give_one_time_password(
        actor=a, venue=p.venue, employee=_someone(p)
    ),
    "staff.give_first_passwords": lambda a, p: staff.give_first_passwords(
        actor=a, venue=p.venue, seen={_someone(p).pk: None}
    ),
    "staff.reset_login": lambda a, p: staff.reset_login(actor=a, username=_someone(p).username),
    "staff.end_sessions": lambda a, p: staff.end_sessions(actor=a, venue=p.venue, employee=_someone(p)),
    "staff.disable_second_factor": lambda a, p: staff.disable_second_factor(
        actor=a, venue=p.venue, employee=_someone(p)
    ),
    "staff.set_login_policy": lambda a, p: staff.set_login_policy(actor=a, venue=p.venue, second_factor="everybody"),
    "staff.create_role": lambda a, p: staff.create_role(actor=a, venue=p.venue, name_zh="x"),
    "staff.edit_role": lambda a, p: staff.edit_role(actor=a, venue=p.venue, role=p.own_role, name_zh="x"),
    "staff.set_role_permissions": lambda a, p: staff.set_role_permissions(
        actor=a, venue=p.venue, role=p.own_role, permissions=[], seen=["live.view"]
    ),
    "staff.delete_role": lambda a, p: staff.delete_role(actor=a, venue=p.venue, role=p.own_role),
    "live.create_station": lambda a, p: live_services.create_station(actor=a, venue=p.venue, name_zh="x"),
    "live.create_device": lambda a, p: live_services.create_device(
        actor=a, venue=p.venue, identifier="x", name="x", station=p.west
    ),
    "live.create_product": lambda a, p: live_services.create_product(
        actor=a, venue=p.venue, code="x", name_zh="x", price_fen=1
    ),
    "live.set_station_enabled": lambda a, p: live_services.set_station_enabled(
        actor=a, venue=p.venue, station=p.west, enabled=False
    ),
    "live.set_device_enabled": lambda a, p: live_services.set_device_enabled(
        actor=a, venue=p.venue, device=p.gate, enabled=False
    ),
    "live.edit_station": lambda a, p: live_services.edit_station(actor=a, venue=p.venue, station=p.west, name_zh="x"),
    "live.edit_device": lambda a, p: live_services.edit_device(actor=a, venue=p.venue, device=p.gate, name="x"),
    "live.edit_product": lambda a, p: live_services.edit_product(
        actor=a, venue=p.venue, product=p.adult, name_zh="x", price_fen=1, stations=[]
    ),
    "live.move_device": lambda a, p: live_services.move_device(actor=a, venue=p.venue, device=p.gate, station=p.east),
    "live.set_device_products": lambda a, p: live_services.set_device_products(
        actor=a, venue=p.venue, device=p.gate, products=None
    ),
    "live.retire_device": lambda a, p: live_services.retire_device(actor=a, venue=p.venue, device=p.gate),
    "station_lists.set_station_sales": lambda a, p: station_lists.set_station_sales(
        actor=a, venue=p.venue, station=p.west, products=[]
    ),
    "station_lists.set_station_collects": lambda a, p: station_lists.set_station_collects(
        actor=a, venue=p.venue, station=p.west, products=[]
    ),
    "staff.set_station_grants": lambda a, p: staff.set_station_grants(
        actor=a, venue=p.venue, station=p.west, grants=[]
    ),
    "admissions.set_station_nature": lambda a, p: admissions.set_station_nature(
        actor=a, venue=p.venue, station=p.east, nature="exit"
    ),
    "live.set_product_stations": lambda a, p: live_services.set_product_stations(
        actor=a, venue=p.venue, product=p.adult, stations=[]
    ),
    "live.set_station_products": lambda a, p: live_services.set_station_products(
        actor=a, venue=p.venue, station=p.west, products=[]
    ),
    "live.join_groups": lambda a, p: live_services.join_groups(actor=a, venue=p.venue, station=p.west, others=[p.east]),
    "live.leave_group": lambda a, p: live_services.leave_group(actor=a, venue=p.venue, station=p.west),
    "live.rename_group": lambda a, p: live_services.rename_group(actor=a, venue=p.venue, group=p.west.group, name="x"),
    "retire.retire_edge": lambda a, p: retire.retire_edge(actor=a, venue=p.venue, edge=p.gate.edge, why="scrapped"),
    "live.edit_venue": lambda a, p: live_services.edit_venue(
        actor=a, venue=p.venue, name_zh="x", time_zone="Asia/Shanghai"
    ),
    "admissions.review_case": lambda a, p: admissions.review_case(actor=a, venue=p.venue, case=_case(p), note="x"),
    "admissions.close_case": lambda a, p: admissions.close_case(actor=a, venue=p.venue, case=_case(p), note="x"),
    "admissions.reopen_case": lambda a, p: admissions.reopen_case(actor=a, venue=p.venue, case=_case(p), note="x"),
    "keys.rotate": lambda a, p: keys.rotate(actor=a, venue=p.venue, purpose="pass"),
    "keys.kill": lambda a, p: keys.kill(actor=a, venue=p.venue, purpose="pass", key_id=1, why="x"),
    "live.create_calendar_day": lambda a, p: live_services.create_calendar_day(
        actor=a, venue=p.venue, day=today(p.venue), kind="holiday", name_zh="x"
    ),
    "live.edit_calendar_day": lambda a, p: live_services.edit_calendar_day(
        actor=a, venue=p.venue, row=_holiday(p), day=today(p.venue), kind="workday", name_zh="x"
    ),
    "live.fill_calendar": lambda a, p: live_services.fill_calendar(actor=a, venue=p.venue, year=2026),
    "live.set_capacity": lambda a, p: live_services.set_capacity(actor=a, venue=p.venue, capacity=1, day_capacity=1),
    **{
        f"lifecycle.{name}": lambda a, p, name=name, more=more: getattr(lifecycle, name)(  # type: ignore[misc]
            actor=a, venue=p.venue, entitlement=p.ticket, **more
        )
        for name, more in {
            "activate": {},
            "mark_collected": {},
            "book_slot": {"day": TOMORROW},
            "unbook_slot": {},
            "lock": {"why": "x"},
            "unlock": {"why": "x"},
            "freeze": {"why": "x"},
            "unfreeze": {"why": "x"},
        }.items()
    },
    "attach.attach": lambda a, p: attach.attach(
        actor=a, venue=p.venue, entitlement=p.ticket, kind=CredentialKind.CARD_UID, value="04A1B2C3"
    ),
    "attach.make_short_code": lambda a, p: attach.make_short_code(actor=a, venue=p.venue, entitlement=p.ticket),
    "attach.bind_id_card": lambda a, p: attach.bind_id_card(
        actor=a, venue=p.venue, entitlement=p.ticket, number="99000019900101001X"
    ),
    "attach.detach": lambda a, p: attach.detach(actor=a, venue=p.venue, credential=_credential(p)),
    "questions.ask": lambda a, p: questions.ask(
        actor=a, venue=p.venue, device=p.gate, kind=CredentialKind.LINE, credential=b"x"
    ),
    "questions.ask_about": lambda a, p: questions.ask_about(
        actor=a, venue=p.venue, device=p.gate, entitlement=p.ticket
    ),
    "bookings.book_visit": lambda a, p: bookings.book_visit(
        actor=a, venue=p.venue, entitlement=p.ticket, day=today(p.venue)
    ),
    "bookings.cancel_visit": lambda a, p: bookings.cancel_visit(actor=a, venue=p.venue, entitlement=p.ticket),
    "sales.issue_order": lambda a, p: sales.issue_order(
        actor=a, venue=p.venue, lines=[OrderLine(p.adult, 1, today(p.venue))], idempotency_key="x"
    ),
    "sales.place_order": lambda a, p: sales.place_order(
        actor=a, venue=p.venue, lines=[OrderLine(p.adult, 1, today(p.venue))], idempotency_key="x"
    ),
    "sales.pay_order": lambda a, p: sales.pay_order(actor=a, venue=p.venue, order=_order(p), method="cash"),
    "sales.cancel_unpaid": lambda a, p: sales.cancel_unpaid(actor=a, venue=p.venue, order=_order(p)),
    "sales.quote_refund": lambda a, p: sales.quote_refund(
        actor=a, venue=p.venue, order=(order := _order(p)), units=list(order.units.all())
    ),
    "sales.apply_refund": lambda a, p: sales.apply_refund(
        actor=a, venue=p.venue, order=(order := _order(p)), units=list(order.units.all()), idempotency_key="x"
    ),
    "sales.agree_refund": lambda a, p: sales.agree_refund(actor=a, venue=p.venue, case=_refund(p)),
    "sales.reject_refund": lambda a, p: sales.reject_refund(actor=a, venue=p.venue, case=_refund(p), why="x"),
    "sales.pay_back": lambda a, p: sales.pay_back(actor=a, venue=p.venue, case=_refund(p)),
    "sales.revoke_order": lambda a, p: sales.revoke_order(actor=a, venue=p.venue, order=_order(p), why="x"),
    "sales.reveal_visitor": lambda a, p: sales.reveal_visitor(
        actor=a, venue=p.venue, unit=_order(p).units.get(), why="x"
    ),
    "sales.activate_unit": lambda a, p: sales.activate_unit(
        actor=a, venue=p.venue, unit=_order(p).units.get(), name="x"
    ),
    "sales.reissue_unit": lambda a, p: sales.reissue_unit(actor=a, venue=p.venue, unit=_order(p).units.get()),
}


def test_every_public_service_is_in_the_list() -> None:
    modules = {
        "venues": venues,
        "catalog": catalog,
        "products": products,
        "calendars": calendars,
        "station_lists": station_lists,
        "staff": staff,
        "live": live_services,
        "bookings": bookings,
        "sales": sales,
        "keys": keys,
        "lifecycle": lifecycle,
        "attach": attach,
        "questions": questions,
        "retire": retire,
        "admissions": admissions,
    }
    taking_an_actor = {
        f"{room}.{name}"
        for room, module in modules.items()
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if not name.startswith("_") and _takes_an_actor(function)
    }
    assert taking_an_actor == set(SERVICES)


def _takes_an_actor(function: Callable[..., Any]) -> bool:
    parameter = inspect.signature(function).parameters.get("actor")
    return parameter is not None and parameter.kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.spec("E-01")
@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("role", ["viewer", None])
def test_a_viewer_or_somebody_without_a_role_is_refused_everything(
    place: Place, service: str, role: str | None
) -> None:
    order, rows = _order(place), FeedRow.objects.count()
    who = make_actor(place.venue, role)
    trail = AuditRow.objects.count()
    with pytest.raises(DomainError) as refused:
        SERVICES[service](who, place)
    assert refused.value.code == "permission.denied"
    assert (FeedRow.objects.count(), AuditRow.objects.count()) == (rows, trail), "nothing was done"
    assert order.state == "issued"


@pytest.mark.spec("E-01")
@pytest.mark.parametrize("role", BUILT_IN)
def test_a_role_permits_exactly_what_it_lists(venue: Venue, role: str) -> None:
    who = make_actor(venue, role)
    assert {each for each in Permission if allowed(who, each, venue)} == set(BUILT_IN[role][2])


def test_the_administrator_may_everything_and_trusted_code_too(venue: Venue) -> None:
    for who in (make_actor(venue, "administrator"), SYSTEM):
        for permission in Permission:
            require(who, permission, venue)


@pytest.mark.spec("E-07", "Y-17")
def test_a_role_counts_at_its_venue_only(venue: Venue) -> None:
    who = make_actor(venue, "administrator")
    other = make_venue("other")
    assert not allowed(who, Permission.ORDER_VIEW, other)
    staff.grant_role(actor=SYSTEM, employee=who.employee, role="viewer", venue=other)  # type: ignore[arg-type]
    assert allowed(who, Permission.ORDER_VIEW, other)
    assert not allowed(who, Permission.ORDER_ISSUE, other)


@pytest.mark.spec("E-01")
def test_a_withdrawn_role_ends_at_once(venue: Venue) -> None:
    who = make_actor(venue, "gate_supervisor")
    staff.withdraw_role(actor=SYSTEM, employee=who.employee, role="gate_supervisor", venue=venue)  # type: ignore[arg-type]
    assert not any(allowed(who, each, venue) for each in Permission)


def test_somebody_who_left_may_nothing(venue: Venue) -> None:
    who = make_actor(venue, "administrator")
    who.employee.is_active = False  # type: ignore[union-attr]
    assert not allowed(who, Permission.LIVE_VIEW, venue)


def test_granting_twice_is_one_grant(venue: Venue) -> None:
    who = make_actor(venue, "viewer")
    staff.grant_role(actor=SYSTEM, employee=who.employee, role="viewer", venue=venue)  # type: ignore[arg-type]
    assert RoleGrant.objects.count() == 1
    assert AuditRow.objects.filter(action="role.grant").count() == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"username": "wang", "password": "short"}, "employee.password"),
        ({"username": "wang", "password": "password1234"}, "employee.password"),
        ({"username": "taken", "password": "correct horse battery"}, "employee.username"),
    ],
)
def test_employees_need_a_name_of_their_own_and_a_good_password(db: None, fields: dict[str, str], code: str) -> None:
    staff.create_employee(actor=SYSTEM, username="taken", password="correct horse battery")
    with pytest.raises(DomainError) as refused:
        staff.create_employee(actor=SYSTEM, **fields)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("password", "zh", "en"),
    [
        ("short", "至少需要 10 个字符", "it needs at least 10 characters"),
        ("password", "至少需要 10 个字符，过于常见", "it needs at least 10 characters, too many people use it"),
        ("xiaoming-wang", "与用户名或姓名太相似", "it is too much like the user name or the name"),
    ],
)
def test_why_a_password_is_too_weak_is_said_in_both_languages(db: None, password: str, zh: str, en: str) -> None:
    with pytest.raises(DomainError) as refused:
        staff.create_employee(actor=SYSTEM, username="xiaoming-wang", password=password)
    assert (refused.value.zh, refused.value.en) == (f"密码太弱：{zh}。", f"The password is too weak: {en}.")


def test_an_unknown_role_is_refused(venue: Venue, viewer: Actor) -> None:
    with pytest.raises(DomainError) as refused:
        staff.grant_role(actor=SYSTEM, employee=viewer.employee, role="emperor", venue=venue)  # type: ignore[arg-type]
    assert refused.value.code == "role.unknown"


def test_rights_are_looked_up_in_the_scope_free_tables(venue: Venue, viewer: Actor) -> None:
    with scope(venue=None):
        assert allowed(viewer, Permission.LIVE_VIEW, venue)
