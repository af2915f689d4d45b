"""Each rule from the product to the verdict: set in the service, sold, compiled, published, judged by the verifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import Days, ProductRules, Times
from cloud.core.business_day import calendar_of, today, wall
from cloud.entitlements import attach, id_entries, lifecycle, live_services, rotating
from cloud.entitlements.keys import signed_keyset
from cloud.entitlements.models import Entitlement
from cloud.entitlements.selectors import pass_line
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Device, Venue
from paifang import rotating as codes
from paifang.reasons import Reason
from paifang.records import CredentialKind, KeySet
from paifang.rulesets import Activation
from tests.support import venue as make
from tests.support.fed_gate import FedGate

NOON, DAY_MINUTES = 720, 1440
pytestmark = pytest.mark.django_db


@dataclass
class Gates:
    """A venue with a lane at each of two gates, one at an inner station, one at the exit; the day is a Wednesday."""

    venue: Venue
    fed: FedGate
    west: Device
    east: Device
    cable: Device
    way_out: Device
    day: date

    def sell(self, rules: ProductRules, *, quantity: int = 1, slot: int | None = None, **fields: Any) -> list[bytes]:
        """Makes such a product and sells it for the day, or from today on; the lines of the passes."""
        return [pass_line(one).encode() for one in self.tickets(rules, quantity=quantity, slot=slot, **fields)]

    def tickets(
        self,
        rules: ProductRules,
        *,
        quantity: int = 1,
        slot: int | None = None,
        visitors: tuple[VisitorInput, ...] = (),
        **fields: Any,
    ) -> list[Entitlement]:
        stations = [lane.station for lane in (self.west, self.east, self.cable)]
        product: TicketProduct = make.make_product(self.venue, "it", rules=rules, stations=stations, **fields)
        day = self.day if product.validity == "dated" else None
        line = OrderLine(product, quantity, day, visitors, slot)
        order = issue_order(actor=make.SYSTEM, venue=self.venue, lines=[line], idempotency_key="it")
        self.fed.sync()
        return [unit.entitlement for unit in order.units.all()]

    def reasons(self, line: bytes, *when: tuple[Device, int] | tuple[Device, int, int]) -> list[Reason]:
        """Of presenting it at lanes, each so many minutes after the day's midnight, some days later."""
        verdicts = (
            self.fed.present(line, lane, self.day + timedelta(days=sum(later)), minute) for lane, minute, *later in when
        )
        return [Reason(verdict.reason) for verdict in verdicts]

    def does(self, service: Any, ticket: Entitlement, **fields: Any) -> None:
        service(actor=make.SYSTEM, venue=self.venue, entitlement=ticket, **fields)
        self.fed.sync()


@pytest.fixture
def gates(venue: Venue, tmp_path: Path) -> Iterator[Gates]:
    edge = make.make_edge(venue)
    stations = {
        "west": make.make_station(venue, "西门"),
        "east": make.make_station(venue, "东门"),
        "cable": make.make_station(venue, "索道", inner=True),
        "way_out": make.make_station(venue, "出口", nature="exit"),
    }
    lanes = {name: make.make_gate(venue, station, name, edge) for name, station in stations.items()}
    ahead = today(venue) + timedelta(days=7)
    fed = FedGate(venue, tmp_path)
    yield Gates(venue, fed, day=ahead + timedelta(days=(2 - ahead.weekday()) % 7), **lanes)
    fed.close()


OPEN = {"validity": "open", "valid_days": 400, "uses": 0}


@pytest.mark.spec("T-51")
def test_limits_of_ten_three_and_one(gates: Gates) -> None:
    [line] = gates.sell(ProductRules(total=10, per_month=3, per_day=1), **OPEN)
    first = gates.day.replace(day=1) + timedelta(days=40)
    month = first.replace(day=1) - gates.day
    start = month.days
    assert gates.reasons(line, (gates.west, NOON, start), (gates.east, NOON + 1, start)) == [
        Reason.OK,
        Reason.DAY_LIMIT,
    ]
    later = gates.reasons(line, *((gates.east, NOON, start + n) for n in (1, 2, 3)))
    assert later == [Reason.OK, Reason.OK, Reason.MONTH_LIMIT]
    more = [gates.reasons(line, *((gates.west, NOON, start + 31 * m + n) for n in range(3))) for m in (1, 2)]
    assert more == [[Reason.OK] * 3] * 2
    assert gates.reasons(line, (gates.west, NOON, start + 100), (gates.west, NOON, start + 140)) == [
        Reason.OK,
        Reason.USED_UP,
    ]


@pytest.mark.spec("T-52")
def test_tickets_of_one_order_share_their_uses(gates: Gates) -> None:
    one, two, three = gates.sell(ProductRules(total=4, shared=True), quantity=3, **OPEN)
    used = [
        gates.reasons(line, (lane, NOON))[0]
        for line, lane in ((one, gates.west), (two, gates.cable), (three, gates.east))
    ]
    assert used == [Reason.OK] * 3
    assert gates.reasons(two, (gates.west, NOON), (gates.east, NOON)) == [Reason.OK, Reason.USED_UP]
    assert gates.reasons(one, (gates.cable, NOON)) == [Reason.USED_UP]


def test_uses_at_each_station_and_where_they_were_used(gates: Gates) -> None:
    [line] = gates.sell(ProductRules(), uses=1)
    assert gates.reasons(line, (gates.west, NOON), (gates.west, NOON), (gates.east, NOON)) == [
        Reason.OK, Reason.USED_UP, Reason.OK,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rules", "persons"), [(ProductRules(), [4]), (ProductRules(at_once=3), [3, 1]), (ProductRules(together=True), [4])]
)
def test_a_family_goes_at_once_or_in_several_goes(gates: Gates, rules: ProductRules, persons: list[int]) -> None:
    [line] = gates.sell(rules, persons=4)
    went = [gates.fed.present(line, gates.west, gates.day, NOON).persons for _ in range(len(persons) + 1)]
    assert went == [*persons, 0]


@pytest.mark.spec("T-27")
def test_only_the_media_that_are_allowed(gates: Gates) -> None:
    [ticket] = gates.tickets(ProductRules(media=("card_uid",)))
    gates.does(attach.attach, ticket, kind=CredentialKind.CARD_UID, value="04:a1:b2:c3")
    assert gates.reasons(pass_line(ticket).encode(), (gates.west, NOON)) == [Reason.MEDIUM_NOT_ALLOWED]
    verdict = gates.fed.present(b"04A1B2C3", gates.west, gates.day, NOON, CredentialKind.CARD_UID)
    assert (Reason(verdict.reason), verdict.entitlement_id) == (Reason.OK, ticket.pk)


@pytest.mark.spec("T-25")
def test_collected_first(gates: Gates) -> None:
    [ticket] = gates.tickets(ProductRules(collect_first=True))
    line = pass_line(ticket).encode()
    before = gates.reasons(line, (gates.west, NOON))
    gates.does(lifecycle.mark_collected, ticket, where="服务中心")
    assert [*before, *gates.reasons(line, (gates.west, NOON))] == [Reason.NOT_COLLECTED, Reason.OK]


@pytest.mark.parametrize("kind", ["holder", "desk"])
def test_activated_first(gates: Gates, kind: str) -> None:
    [ticket] = gates.tickets(ProductRules(activation=kind))
    line = pass_line(ticket).encode()
    before = gates.reasons(line, (gates.west, NOON))
    gates.does(lifecycle.activate, ticket, by=Activation.DESK)
    assert [*before, *gates.reasons(line, (gates.west, NOON))] == [Reason.NOT_ACTIVATED, Reason.OK]


@pytest.mark.spec("T-19")
def test_the_holders_own_id_card(gates: Gates) -> None:
    number, other = make.make_id_number(1), make.make_id_number(2)
    [ticket] = gates.tickets(ProductRules(identity=True), visitors=(VisitorInput("张三", number),))
    id_entries.turn(gates.venue, calendar_of(gates.venue).start(gates.day))
    gates.fed.sync()
    line = pass_line(ticket).encode()
    shown = [b"", other.encode(), number.encode()]
    verdicts = [gates.fed.present(line, gates.west, gates.day, NOON, companion=card) for card in shown]
    assert [Reason(one.reason) for one in verdicts] == [Reason.IDENTITY_NEEDED, Reason.IDENTITY_OTHER, Reason.OK]


@pytest.mark.spec("T-17")
def test_a_slot_with_its_tolerance(gates: Gates) -> None:
    rules = ProductRules(slots=(Times(540, 600), Times(600, 660)), early_minutes=10, late_minutes=15)
    [line] = gates.sell(rules, slot=540, uses=0)
    west = gates.west
    assert gates.reasons(line, (west, 529), (west, 530), (west, 599), (west, 614), (west, 615)) == [
        Reason.TOO_EARLY, Reason.OK, Reason.OK, Reason.OK, Reason.SLOT_OVER,
    ]  # fmt: skip


@pytest.mark.spec("T-16", "T-54")
def test_booked_first_and_taken_back(gates: Gates) -> None:
    [ticket] = gates.tickets(ProductRules(book_first=True), **OPEN)
    line, west = pass_line(ticket).encode(), gates.west
    said = gates.reasons(line, (west, NOON))
    gates.does(lifecycle.book_slot, ticket, day=gates.day)
    said += gates.reasons(line, (west, NOON, -1), (west, NOON), (west, NOON, 1))
    gates.does(lifecycle.unbook_slot, ticket)
    said += gates.reasons(line, (west, NOON))
    assert said == [Reason.NOT_BOOKED, Reason.TOO_EARLY, Reason.OK, Reason.SLOT_OVER, Reason.NOT_BOOKED]


@pytest.mark.spec("T-53")
def test_weekdays_hours_dates_and_blackout(gates: Gates) -> None:
    day = gates.day
    rules = ProductRules(
        weekdays=(1, 2), hours=(Times(480, 1050),), dates=(Days(day, day + timedelta(days=20)),),
        blackout=(Days(day + timedelta(days=7), day + timedelta(days=7)),),
    )  # fmt: skip
    [line] = gates.sell(rules, **OPEN)
    west = gates.west
    assert gates.reasons(
        line, (west, 479), (west, 480), (west, 1049), (west, 1050), (west, NOON, 1), (west, NOON, 7),
        (west, NOON, 6), (west, NOON, 21), (west, NOON, -1),
    ) == [
        Reason.OUTSIDE_HOURS, Reason.OK, Reason.OK, Reason.OUTSIDE_HOURS, Reason.WRONG_DAY, Reason.WRONG_DATE,
        Reason.OK, Reason.WRONG_DATE, Reason.WRONG_DATE,
    ]  # fmt: skip


@pytest.mark.spec("T-53")
def test_holidays_of_the_venues_calendar(gates: Gates) -> None:
    [line] = gates.sell(ProductRules(holidays="refused", weekdays=(0, 1, 2, 3, 4)), **OPEN)
    west = gates.west
    said = gates.reasons(line, (west, NOON), (west, NOON, 3))
    make_day = {"actor": make.SYSTEM, "venue": gates.venue}
    row = live_services.create_calendar_day(
        **make_day, day=gates.day, kind="holiday", name_zh="国庆节", name_en="National Day"
    )
    saturday = gates.day + timedelta(days=3)
    live_services.create_calendar_day(**make_day, day=saturday, kind="workday", name_zh="国庆节调休上班")
    gates.fed.sync()
    said += gates.reasons(line, (west, NOON), (west, NOON, 3))
    live_services.edit_calendar_day(**make_day, row=row, day=row.day, kind="ordinary", name_zh="国庆节")
    gates.fed.sync()
    said += gates.reasons(line, (west, NOON))
    assert said == [Reason.OK, Reason.WRONG_DAY, Reason.HOLIDAY, Reason.OK, Reason.OK]


def test_a_gap_between_uses(gates: Gates) -> None:
    [line] = gates.sell(ProductRules(reentry_minutes=30), uses=0)
    assert gates.reasons(line, (gates.west, 600), (gates.east, 629), (gates.east, 630)) == [
        Reason.OK, Reason.TOO_SOON, Reason.OK,
    ]  # fmt: skip


def test_inside_until_out(gates: Gates) -> None:
    [line] = gates.sell(ProductRules(anti_passback=True), uses=0)
    said = gates.reasons(
        line, (gates.west, 600), (gates.cable, 610), (gates.east, 620), (gates.way_out, 630), (gates.east, 640)
    )
    assert said == [Reason.OK, Reason.OK, Reason.ALREADY_INSIDE, Reason.LEAVING, Reason.OK]


@pytest.mark.parametrize(
    ("rules", "last"), [(ProductRules(after_first_hours=24), 599), (ProductRules(after_first_days=2), 1439)]
)
def test_so_long_from_the_first_use_on(gates: Gates, rules: ProductRules, last: int) -> None:
    [line] = gates.sell(rules, **OPEN)
    west = gates.west
    said = gates.reasons(line, (west, 600), (west, last, 1), (west, last + 1, 1))
    assert said == [Reason.OK, Reason.OK, Reason.DURATION_OVER]


@pytest.mark.spec("T-53")
def test_a_night_ticket_crosses_midnight(venue: Venue, tmp_path: Path) -> None:
    """Where the business day starts at four, half past one at night is still the day before."""
    Venue.objects.filter(pk=venue.pk).update(day_start_minutes=240)
    venue.refresh_from_db()
    station = make.make_station(venue)
    lane = make.make_gate(venue, station, edge=make.make_edge(venue))
    night = make.make_product(
        venue, "night", rules=ProductRules(hours=(Times(1020, 1560),)), stations=[station], uses=0
    )
    day = today(venue) + timedelta(days=3)
    order = issue_order(
        actor=make.SYSTEM, venue=venue, lines=[OrderLine(night, 1, day)], idempotency_key="night"
    )  # fmt: skip
    fed = FedGate(venue, tmp_path)
    line = pass_line(order.units.get().entitlement).encode()
    said = [Reason(fed.present(line, lane, day, minute).reason) for minute in (1019, 1020, 1530, 1559, 1560)]
    fed.close()
    assert said == [Reason.OUTSIDE_HOURS, Reason.OK, Reason.OK, Reason.OK, Reason.OUTSIDE_HOURS]


def test_a_rotating_pass_opens_and_its_screenshot_does_not(gates: Gates) -> None:
    gates.day = today(gates.venue)
    [ticket] = gates.tickets(ProductRules(rotating=True), uses=0)
    at = wall(gates.venue, gates.day, 1430)
    key = rotating.key_for_today(ticket, at)
    gates.fed.sync()
    shown = codes.line(bytes(ticket.pass_raw), key.key, int(at.timestamp() * 1000))
    plain = gates.fed.present_at(pass_line(ticket).encode(), gates.west, at)
    live = gates.fed.present_at(shown, gates.west, at)
    other_lane = gates.fed.present_at(shown, gates.east, at)
    stale = gates.fed.present_at(shown, gates.west, at + timedelta(minutes=1))
    assert [Reason(one.reason) for one in (plain, live, other_lane, stale)] == [
        Reason.LIVE_CODE_NEEDED, Reason.OK, Reason.OK, Reason.STALE_CODE,
    ]  # fmt: skip


def test_a_ticket_sold_a_moment_ago_is_admitted_on_its_signature(gates: Gates) -> None:
    gates.day = today(gates.venue)
    rules = ProductRules(signed_only=1)
    product = make.make_product(gates.venue, "quick", rules=rules, stations=[gates.west.station])
    gates.fed.sync()
    public = KeySet.unpack(signed_keyset(gates.venue)[0]).pass_keys
    gates.fed.verifier.set_pass_keys([(k.key_id, k.public, k.not_before, k.not_after, k.killed) for k in public])
    order = issue_order(
        actor=make.SYSTEM, venue=gates.venue, lines=[OrderLine(product, 1, gates.day)], idempotency_key="q"
    )
    line = pass_line(order.units.get().entitlement).encode()
    gates.fed.verifier.signed_room = 1
    verdict = gates.fed.present(line, gates.west, gates.day, 1439)
    assert (Reason(verdict.reason), verdict.signed_only) == (Reason.OK, True)
    live_services.edit_product(
        actor=make.SYSTEM, venue=gates.venue, product=product, name_zh="x", price_fen=1,
        stations=[gates.west.station], rules=ProductRules(),
    )  # fmt: skip
    gates.fed.sync()


def test_locked_frozen_and_let_go_again(gates: Gates) -> None:
    [ticket] = gates.tickets(ProductRules(), uses=0)
    said = []
    for service in (lifecycle.lock, lifecycle.unlock, lifecycle.freeze, lifecycle.unfreeze):
        gates.does(service, ticket, why="test")
        said += gates.reasons(pass_line(ticket).encode(), (gates.west, NOON))
    assert said == [Reason.LOCKED, Reason.OK, Reason.FROZEN, Reason.OK]


def test_codes_and_cards_stand_for_the_ticket(gates: Gates) -> None:
    [ticket] = gates.tickets(ProductRules(short_code=True), uses=0)
    gates.does(attach.attach, ticket, kind=CredentialKind.MEMBER, value="M-0001")
    gates.does(attach.attach, ticket, kind=CredentialKind.CHANNEL, value="OTA-889900112")
    shown = [b"PM1:M-0001", b"OTA-889900112", attach.short_code(ticket).lower().encode()]
    verdicts = [gates.fed.present(line, gates.west, gates.day, NOON) for line in shown]
    assert [(Reason(one.reason), CredentialKind(one.kind)) for one in verdicts] == [
        (Reason.OK, CredentialKind.MEMBER), (Reason.OK, CredentialKind.CHANNEL), (Reason.OK, CredentialKind.SHORT),
    ]  # fmt: skip
    [member] = ticket.credentials.filter(kind=CredentialKind.MEMBER)
    attach.detach(actor=make.SYSTEM, venue=gates.venue, credential=member)
    gates.fed.sync()
    assert gates.reasons(b"PM1:M-0001", (gates.west, NOON)) == [Reason.UNKNOWN]
