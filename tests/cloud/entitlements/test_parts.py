"""Packages and annual cards: what they are made of, and what the gates then do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud.catalog.card_rules import CardRules
from cloud.catalog.classes import classes_of
from cloud.catalog.contents import card_term, contents, parts_of
from cloud.catalog.inherited import inherited, sale_rules_of
from cloud.catalog.models import PackagePart, Spec, TicketProduct
from cloud.catalog.rules import ProductRules, Times
from cloud.catalog.sale_rules import SaleRules
from cloud.catalog.services import snapshot
from cloud.core.business_day import calendar_of, today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import lifecycle, live_services
from cloud.entitlements.attach import card_code
from cloud.entitlements.lifecycle import window
from cloud.entitlements.live_services import Part, Ride
from cloud.entitlements.models import Entitlement
from cloud.entitlements.selectors import pass_line, shown_line
from cloud.entitlements.services import Grant, issue_all
from cloud.venues.models import Device, Venue
from paifang.reasons import Reason
from paifang.records import Table, VenueSettings
from tests.support import venue as make
from tests.support.fed_gate import FedGate
from tests.support.race import race

NOON = 720
pytestmark = pytest.mark.django_db


@dataclass
class Park:
    """A main gate and a ferry, each with a ticket of its own, and one edge that is told of everything."""

    venue: Venue
    fed: FedGate
    main: Device
    ferry: Device
    entry: TicketProduct
    boat: TicketProduct

    def product(self, kind: str, code: str = "whole", **fields: Any) -> TicketProduct:
        return make.make_product(self.venue, code, kind=kind, name_zh=code, name_en=code, **fields)

    def package(self, *parts: tuple[TicketProduct, int], **fields: Any) -> TicketProduct:
        package = self.product("package", **({"price_fen": 10_000} | fields))
        return self.pack(package, *parts)

    def pack(self, package: TicketProduct, *parts: tuple[TicketProduct, int]) -> TicketProduct:
        return live_services.set_package_parts(
            actor=make.SYSTEM, venue=self.venue, package=package,
            parts=[Part(ticket.specs.get(), quantity) for ticket, quantity in parts],
        )  # fmt: skip

    def card(self, rides: list[Ride], terms: CardRules, **fields: Any) -> TicketProduct:
        card = self.product("annual", **({"price_fen": 30_000} | fields))
        return live_services.set_card_parts(actor=make.SYSTEM, venue=self.venue, card=card, rides=rides, rules=terms)

    def sell(
        self, whole: TicketProduct, first: date | None = None, *, code: str = "", **more: Any
    ) -> list[Entitlement]:
        """As a sale does it: everything the spec gives, in one issue."""
        day = first or today(self.venue)
        whole = TicketProduct.objects.get(pk=whole.pk)
        begins, ends = window(self.venue, day, 0, 400)
        made = issue_all(
            self.venue,
            [
                Grant(
                    product=one.product, rules=snapshot(self.venue.pk, one.ruleset), not_before=begins, not_after=ends,
                    persons=one.persons, pool=one.pool, product_class=one.product_class,
                    member_code=code if one.carded else "", **more,
                )
                for one in contents(whole.specs.get(), whole.specs.get().price_fen or 0)
            ],
        )  # fmt: skip
        self.fed.sync()
        return made

    def reasons(self, line: bytes, *when: tuple[Device, int]) -> list[Reason]:
        """Of presenting it at lanes at noon, so many days from today."""
        first = today(self.venue)
        verdicts = (self.fed.present(line, lane, first + timedelta(days=days), NOON) for lane, days in when)
        return [Reason(verdict.reason) for verdict in verdicts]


@pytest.fixture
def park(venue: Venue, tmp_path: Path) -> Iterator[Park]:
    edge = make.make_edge(venue)
    main, ferry = make.make_station(venue, "大门"), make.make_station(venue, "码头", inner=True)
    entry = make.make_product(venue, "entry", name_zh="门票", price_fen=8_000, stations=[main])
    boat = make.make_product(venue, "boat", name_zh="船票", price_fen=4_000, stations=[ferry])
    lanes = [make.make_gate(venue, station, name, edge) for station, name in ((main, "M-1"), (ferry, "F-1"))]
    fed = FedGate(venue, tmp_path)
    yield Park(venue, fed, *lanes, entry, boat)
    fed.close()


@pytest.mark.spec("T-38")
def test_a_package_is_its_tickets_with_their_shares(park: Park) -> None:
    package = park.package((park.entry, 2), (park.boat, 1))
    got = contents(package.specs.get(), 10_001)
    assert [(one.product.code, one.share_fen) for one in got] == [("entry", 4_001), ("entry", 4_000), ("boat", 2_000)]
    assert [one.stock for one in got] == [park.entry.specs.get()] * 2 + [park.boat.specs.get()]
    assert list(package.stations.values_list("name_zh", flat=True)) == ["大门", "码头"]
    [row] = AuditRow.objects.filter(action="package.parts")
    assert row.detail == {"code": "whole", "parts": [[], ["entry x2", "boat x1"]]}


@pytest.mark.spec("T-43")
def test_a_part_verifies_where_both_it_and_the_package_do(park: Park) -> None:
    package = park.package((park.entry, 1), (park.boat, 1))
    entry, boat = (pass_line(one).encode() for one in park.sell(package))
    assert park.reasons(entry, (park.ferry, 0), (park.main, 0)) == [Reason.WRONG_STATION, Reason.OK]
    assert park.reasons(boat, (park.main, 0)) == [Reason.WRONG_STATION]
    live_services.set_product_stations(
        actor=make.SYSTEM, venue=park.venue, product=package, stations=[park.main.station]
    )
    park.fed.sync()
    assert park.reasons(boat, (park.ferry, 0)) == [Reason.WRONG_STATION]
    own = park.sell(park.boat)
    assert park.reasons(pass_line(own[0]).encode(), (park.ferry, 0)) == [Reason.OK]


@pytest.mark.spec("T-38")
def test_new_contents_are_for_later_sales_only(park: Park) -> None:
    package = park.package((park.entry, 1), (park.boat, 1))
    _, boat = (pass_line(one).encode() for one in park.sell(package))
    classes = {part.spec.product.code: part.product_class for part in parts_of(package)}
    park.pack(package, (park.entry, 3))
    park.fed.sync()
    assert [one.product.code for one in contents(package.specs.get(), 10_000)] == ["entry"] * 3
    assert park.reasons(boat, (park.ferry, 0)) == [Reason.OK]  # sold before
    park.pack(package, (park.boat, 1))
    assert [(part.spec.product.code, part.product_class) for part in parts_of(package)] == [("boat", classes["boat"])]
    assert PackagePart.objects.filter(package=package).count() == 2


@pytest.mark.spec("T-38")
@pytest.mark.parametrize("quantity", [0, -1, 101])
def test_a_quantity_is_asked_for(park: Park, quantity: int) -> None:
    with pytest.raises(DomainError) as refused:
        park.package((park.entry, quantity))
    assert (refused.value.code, refused.value.field) == ("input.range", "parts")


@pytest.mark.spec("T-38")
def test_no_package_is_in_a_package(park: Park) -> None:
    package = park.package((park.entry, 1))
    other = park.product("package", "other", price_fen=1)
    for inner in (package, other, park.card([], CardRules(), code="card")):
        with pytest.raises(DomainError) as refused:
            park.pack(other, (inner, 1))
        assert refused.value.code == "package.single"
    for bad, code in ((((park.entry, 1), (park.entry, 1)), "package.twice"), ((), "package.empty")):
        with pytest.raises(DomainError) as refused:
            park.pack(other, *bad)
        assert refused.value.code == code


@pytest.mark.spec("T-42")
def test_one_ticket_for_id_cards_alone_makes_the_package_so(park: Park) -> None:
    TicketProduct.objects.filter(pk=park.boat.pk).update(rules=ProductRules(media=("id_number",)).to_json())
    package = park.package((park.entry, 1), (park.boat, 1))
    least = inherited([part.spec.product for part in parts_of(package)])
    assert (least.media, [one.code for one in least.because["media"]]) == (("id_number",), ["boat"])
    TicketProduct.objects.filter(pk=park.entry.pk).update(rules=ProductRules(media=("pass",)).to_json())
    with pytest.raises(DomainError) as refused:
        park.pack(package, (park.entry, 1), (park.boat, 1))
    assert refused.value.code == "package.media"


@pytest.mark.spec("T-40", "T-41")
def test_a_package_asks_the_strictest_of_its_tickets(park: Park) -> None:
    third = make.make_product(park.venue, "third", name_zh="三")
    asked = {
        park.entry: SaleRules(group_min=1),
        park.boat: SaleRules(real_name="one", group_min=10),
        third: SaleRules(real_name="all", age_min=6, age_max=60),
    }
    for ticket, rules in asked.items():
        TicketProduct.objects.filter(pk=ticket.pk).update(sale_rules=rules.to_json())
    tickets = list(TicketProduct.objects.filter(pk__in=[one.pk for one in asked]).order_by("pk"))
    loose = TicketProduct(sale_rules=SaleRules(real_name="none", group_min=2).to_json())
    got = sale_rules_of(loose, tickets)
    assert (got.real_name, got.age_min, got.age_max, got.group_min) == ("all", 6, 60, 10)
    strict = TicketProduct(sale_rules=SaleRules(real_name="all", age_min=18, group_min=20).to_json())
    got = sale_rules_of(strict, tickets)
    assert (got.age_min, got.age_max, got.group_min) == (18, 60, 20)
    assert [one.code for one in inherited(tickets).because["real_name"]] == ["third"]


@pytest.mark.spec("T-40")
def test_ages_without_a_common_one_are_refused(park: Park) -> None:
    for ticket, rules in ((park.entry, {"age_max": 6}), (park.boat, {"age_min": 7})):
        stored = SaleRules(real_name="all", **rules).to_json()
        TicketProduct.objects.filter(pk=ticket.pk).update(sale_rules=stored)
    with pytest.raises(DomainError) as refused:
        park.package((park.entry, 1), (park.boat, 1))
    assert (refused.value.code, refused.value.field) == ("package.age", "parts")
    assert not PackagePart.objects.exists()


@pytest.mark.spec("T-43")
def test_the_hours_of_both_hold(park: Park) -> None:
    TicketProduct.objects.filter(pk=park.boat.pk).update(rules=ProductRules(hours=(Times(540, 720),)).to_json())
    package = park.package((park.boat, 1), rules=ProductRules(hours=(Times(600, 1080),)))
    [line] = [pass_line(one).encode() for one in park.sell(package)]
    day = today(park.venue)
    said = [Reason(park.fed.present(line, park.ferry, day, minute).reason) for minute in (570, 721, 600)]
    assert said == [Reason.OUTSIDE_HOURS, Reason.OUTSIDE_HOURS, Reason.OK]


@pytest.mark.spec("T-51")
def test_each_ride_of_a_fixed_combination_has_its_limits(park: Park) -> None:
    card = park.card([Ride(park.entry, total=3, per_day=1), Ride(park.boat, total=1)], CardRules())
    park.sell(card, code="VIP-00000001")
    line = b"PM1:VIP-00000001"
    assert park.reasons(line, (park.main, 0), (park.main, 0), (park.ferry, 0), (park.ferry, 1)) == [
        Reason.OK, Reason.DAY_LIMIT, Reason.OK, Reason.USED_UP,
    ]  # fmt: skip
    assert park.reasons(line, (park.main, 1), (park.main, 2), (park.main, 3)) == [Reason.OK, Reason.OK, Reason.USED_UP]


@pytest.mark.spec("T-52")
def test_the_rides_of_a_pool_share_one_sum(park: Park) -> None:
    rules = CardRules(combination="pool", pool_total=10)
    park.sell(park.card([Ride(park.entry), Ride(park.boat)], rules), code="VIP-00000002")
    rides = [(park.main if n % 3 else park.ferry, 0) for n in range(11)]
    assert park.reasons(b"PM1:VIP-00000002", *rides) == [Reason.OK] * 10 + [Reason.USED_UP]


@pytest.mark.spec("T-60")
def test_a_family_card_admits_its_heads(park: Park) -> None:
    card = park.card([Ride(park.entry, per_day=1)], CardRules(), persons=4)
    park.sell(card, code="VIP-00000003")
    verdict = park.fed.present(b"PM1:VIP-00000003", park.main, today(park.venue), NOON)
    assert (Reason(verdict.reason), verdict.persons) == (Reason.OK, 4)
    assert park.reasons(b"PM1:VIP-00000003", (park.main, 0), (park.main, 1)) == [Reason.DAY_LIMIT, Reason.OK]


@pytest.mark.spec("T-58", "T-59")
def test_a_card_is_valid_from_its_activation_on(park: Park) -> None:
    rules = CardRules(valid_from="activation", months=1, activate_within_days=90)
    card = park.card([Ride(park.entry)], rules, rules=ProductRules(activation="desk"))
    first = today(park.venue)
    term = card_term(card, first)
    [ticket] = park.sell(card, code="VIP-00000004", term_months=term.months, term_days=term.days)
    assert park.reasons(b"PM1:VIP-00000004", (park.main, 0)) == [Reason.NOT_ACTIVATED]
    ticket = lifecycle.activate(actor=make.SYSTEM, venue=park.venue, entitlement=ticket)
    park.fed.sync()
    last = calendar_of(park.venue).day(ticket.not_after)
    assert (ticket.not_before, ticket.not_after) == window(park.venue, first, 1, 0)
    days = (last - first).days
    assert park.reasons(b"PM1:VIP-00000004", (park.main, 0), (park.main, days), (park.main, days + 1)) == [
        Reason.OK, Reason.OK, Reason.EXPIRED,
    ]  # fmt: skip


@pytest.mark.spec("T-58")
def test_a_card_is_not_activated_after_its_last_day_for_that(park: Park) -> None:
    card = park.card([Ride(park.entry)], CardRules(valid_from="activation"), rules=ProductRules(activation="desk"))
    [ticket] = park.sell(card, today(park.venue) - timedelta(days=500), term_months=12)
    with pytest.raises(DomainError) as refused:
        lifecycle.activate(actor=make.SYSTEM, venue=park.venue, entitlement=ticket)
    assert refused.value.code == "entitlement.activation_over"


@pytest.mark.django_db(transaction=True)
def test_parts_made_at_once_get_classes_of_their_own(venue: Venue) -> None:
    station = make.make_station(venue, "大门")
    tickets = [make.make_product(venue, f"t{n}", stations=[station]) for n in range(3)]
    packages = [make.make_product(venue, f"p{n}", kind="package") for n in range(2)]
    done = race(
        venue,
        *(
            lambda package=package: live_services.set_package_parts(
                actor=make.SYSTEM, venue=venue, package=package,
                parts=[Part(spec, 1) for spec in Spec.objects.filter(product__in=tickets)],
            )
            for package in packages
        ),
    )  # fmt: skip
    assert [one.revision for one in done] == [2, 2]
    numbers = [one.number for one in classes_of([one.pk for one in (*tickets, *packages)])]
    assert sorted(numbers) == list(range(1, 12))


@pytest.mark.spec("T-60")
def test_the_code_of_a_card_is_shown_again(park: Park) -> None:
    card = park.card([Ride(park.entry), Ride(park.boat)], CardRules())
    rides = park.sell(card, code="4000000000000001")
    assert {shown_line(ride) for ride in rides} == {"PM1:4000000000000001"}
    assert {card_code(ride) for ride in rides} == {"4000000000000001"}
    [ticket] = park.sell(park.entry)
    assert (shown_line(ticket), card_code(ticket)) == (pass_line(ticket), "")


def test_a_narrowed_lane_hears_of_a_new_part_and_so_does_the_outage_rule(park: Park) -> None:
    package = park.package((park.boat, 1))
    live_services.set_product_stations(
        actor=make.SYSTEM, venue=park.venue, product=package, stations=[park.main.station, park.ferry.station]
    )
    live_services.set_device_products(
        actor=make.SYSTEM, venue=park.venue, device=park.main, products=[park.entry, package]
    )
    rules = ProductRules(outage_refused=True).to_json()
    TicketProduct.objects.filter(pk=park.entry.pk).update(rules=rules)
    park.pack(package, (park.entry, 1))
    [line] = [pass_line(one).encode() for one in park.sell(package)]
    assert park.reasons(line, (park.main, 0)) == [Reason.OK]
    [part] = parts_of(package)
    told = [op.value for row in make.feed_rows() for op in row.ops if op.table == Table.VENUE]
    assert VenueSettings.unpack(told[-1]).outage[part.product_class] == 0
