"""Double uses that no gate could see: over pools that tickets share, and between groups that were one or became one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cloud.admissions.double_use import Use, over
from cloud.admissions.models import Admission, Case
from cloud.admissions.services import ingest
from cloud.catalog.models import RuleSnapshot, TicketProduct
from cloud.entitlements import live_services
from cloud.entitlements.models import CarriedGroup, Entitlement
from cloud.venues.models import Edge, Station, Venue
from paifang.rulesets import RuleSet
from paifang.v1 import scan_pb2
from tests.cloud.admissions.test_cases import sold
from tests.support import venue as make
from tests.support.journal import NOON_MS, Journal

pytestmark = pytest.mark.django_db
NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)


class Gates:
    """Entrances' journals, written as time goes by: `admit` at so many seconds past noon, handed in by `bring`."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self._journals: dict[Edge, Journal] = {}
        self._waiting: dict[Edge, list[bytes]] = {}

    def admit(self, edge: Edge, ticket: int, station: Station, at_s: int, group: int = 0, **more: int) -> None:
        """`group`: of the station as the edge knows it."""
        journal = self._journals.setdefault(edge, Journal(edge.pk))
        journal.at_ms = NOON_MS + at_s * 1000
        raw = journal.admit(ticket, station=station.pk, group_id=group or station.group_id, **more)
        self._waiting.setdefault(edge, []).append(raw)

    def bring(self, *edges: Edge) -> list[tuple[int, int, int]]:
        """The double uses known once these have uploaded: (edge, seconds past noon, persons), in time."""
        for edge in edges:
            for _time in range(2):  # the first answer was lost
                ingest(edge, self._waiting[edge])
        cases = Case.objects.filter(kind="double_use").select_related("admission").order_by("at", "pk")
        return [(case.edge_id, int((case.at - NOON).total_seconds()), case.persons) for case in cases]


@pytest.fixture
def gates(venue: Venue) -> Gates:
    return Gates(venue)


@pytest.fixture
def other(venue: Venue) -> Edge:
    return make.make_edge(venue, "东门主机")


@pytest.fixture
def once(venue: Venue, west: Station, east: Station) -> TicketProduct:
    """One person, once at each group."""
    return make.make_product(venue, "once", validity="open", valid_days=9, stations=[west, east])


def pooled(venue: Venue, product: TicketProduct, count: int = 2, **rules: int) -> list[int]:
    """Tickets that spend the uses of the first one, whose rules say so many over the whole venue."""
    tickets = [sold(venue, product, f"pool {n}") for n in range(count)]
    if rules:
        snapshot = Entitlement.objects.get(pk=tickets[0]).rules
        compiled = RuleSet(**({"uses_per_group": 0} | rules)).pack()  # type: ignore[arg-type]
        RuleSnapshot.objects.filter(pk=snapshot.pk).update(compiled=compiled)
    Entitlement.objects.filter(pk__in=tickets[1:]).update(owner_id=tickets[0])
    return tickets


def use(edge: int, persons: int, limit: int, carried: bool = False) -> Use:
    return Use(Admission(edge_id=edge, persons=persons, returned=0), limit, carried)


def test_a_limit_counts_in_order() -> None:
    def found(*uses: Use) -> list[tuple[int, int, int]]:
        places = {id(one.admission): at for at, one in enumerate(uses)}
        return [(places[id(one.admission)], places[id(one.other)], one.persons) for one in over(uses)]

    assert found(use(1, 1, 2), use(2, 1, 2), use(1, 3, 2)) == [(2, 1, 3)]
    assert found(use(1, 1, 1), use(2, 1, 1), use(1, 3, 1)) == [(1, 0, 1), (2, 1, 3)]
    assert found(use(1, 1, 5), use(2, 1, 5), use(1, 3, 5)) == []
    assert found(use(1, 1, 0), use(2, 1, 0), use(1, 3, 0)) == [], "0 is no limit"
    assert found(use(1, 1, 1), use(1, 1, 1)) == [], "one edge alone never lets in too many"
    assert found(use(1, 1, 0, carried=True), use(1, 1, 1)) == [(1, 0, 1)], "but it may not have heard what was carried"
    assert found(use(1, 1, 1), use(2, 1, 0, carried=True)) == [], "what was carried was none of this group"


@pytest.mark.spec("T-52")
def test_tickets_of_one_pool_are_counted_together(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, once: TicketProduct, gates: Gates
) -> None:
    first, second = pooled(venue, once, uses_total=1)
    gates.admit(edge, first, west, 0)
    gates.admit(other, second, east, 5)
    assert gates.bring(other) == []
    assert gates.bring(edge) == [(other.pk, 5, 1)]
    case = Case.objects.get()
    assert case.other is not None
    assert (case.entitlement_id, case.other.entitlement_id) == (second, first)


@pytest.mark.spec("T-52")
def test_a_pool_within_its_limits_is_no_case(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, once: TicketProduct, gates: Gates
) -> None:
    first, second, third = pooled(venue, once, 3, uses_total=3, uses_day=2)
    alone = sold(venue, once, "alone")
    gates.admit(edge, first, west, 0)
    gates.admit(other, second, east, 5)
    gates.admit(other, third, east, 86_400)  # of the day after
    gates.admit(edge, alone, west, 6)
    gates.admit(other, alone, east, 7)
    assert gates.bring(edge, other) == []
    gates.admit(edge, third, west, 9)
    assert gates.bring(edge) == [(edge.pk, 9, 1), (other.pk, 86_400, 1)], "three on one day, four in all"


def test_a_pool_counts_at_each_group_where_its_rules_say_so(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, once: TicketProduct, gates: Gates
) -> None:
    first, second = pooled(venue, once)
    gates.admit(edge, first, west, 0)
    gates.admit(other, second, east, 5)
    assert gates.bring(edge, other) == []
    gates.admit(other, second, west, 9)
    assert gates.bring(other) == [(other.pk, 9, 1)]


def test_a_pool_is_the_clouds_where_a_gate_had_no_record_of_it(
    venue: Venue, edge: Edge, other: Edge, west: Station, once: TicketProduct, gates: Gates
) -> None:
    first, second = pooled(venue, once, uses_total=1)
    gates.admit(edge, first, west, 0)
    gates.admit(other, second, west, 5, signed_only=True)  # counted for itself, as its pass says
    assert gates.bring(edge, other) == [(other.pk, 5, 1)]


def joined(venue: Venue, station: Station, others: list[Station], at_s: int) -> None:
    """As at that instant."""
    live_services.join_groups(actor=make.SYSTEM, venue=venue, station=station, others=others)
    CarriedGroup.objects.update(until=NOON + timedelta(seconds=at_s))
    station.refresh_from_db()
    for one in others:
        one.refresh_from_db()


@pytest.mark.spec("S-11")
def test_what_was_used_before_groups_became_one_counts_in_the_one(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, once: TicketProduct, gates: Gates
) -> None:
    ticket, twice = sold(venue, once, "a"), sold(venue, once, "b")
    old = east.group_id
    gates.admit(other, ticket, east, 0)
    gates.admit(edge, twice, west, 1)
    gates.admit(other, twice, east, 2)  # both before: a use at each was allowed
    joined(venue, west, [east], 10)
    gates.admit(edge, ticket, west, 20)
    assert gates.bring(edge) == []
    assert gates.bring(other) == [(edge.pk, 20, 1)], "the east gate's use counts at the west gate by now"
    assert Case.objects.get().other.entitlement_id == ticket  # type: ignore[union-attr]
    assert old != east.group_id


@pytest.mark.spec("S-11")
def test_an_edge_that_had_not_heard_that_groups_became_one_is_judged_by_the_one(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, once: TicketProduct, gates: Gates
) -> None:
    ticket, early = sold(venue, once, "a"), sold(venue, once, "b")
    old = east.group_id
    gates.admit(other, early, east, 5, group=old)
    joined(venue, west, [east], 10)
    gates.admit(edge, ticket, west, 20)
    gates.admit(other, ticket, east, 30, group=old)  # cut off: it still takes its group for one of its own
    gates.admit(edge, early, west, 8, group=west.group_id)  # written later, made before
    assert gates.bring(edge, other) == [(other.pk, 30, 1)]


@pytest.mark.spec("S-14")
def test_what_was_used_in_a_group_counts_where_a_station_left_it(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, once: TicketProduct, gates: Gates
) -> None:
    joined(venue, west, [east], -100)
    ticket, fresh = sold(venue, once, "a"), sold(venue, once, "b")
    gates.admit(edge, ticket, west, 0)
    live_services.leave_group(actor=make.SYSTEM, venue=venue, station=east)
    CarriedGroup.objects.filter(from_group=west.group_id).update(until=NOON + timedelta(seconds=10))
    east.refresh_from_db()
    gates.admit(edge, ticket, east, 20)  # the same edge: what was carried had not reached it
    gates.admit(edge, fresh, west, 30)
    gates.admit(other, fresh, east, 40)  # two groups by now, a use at each
    assert gates.bring(other) == []
    assert gates.bring(edge) == [(edge.pk, 20, 1)]


@pytest.mark.spec("S-14")
def test_a_use_that_was_given_back_is_not_carried(
    venue: Venue, edge: Edge, other: Edge, west: Station, east: Station, once: TicketProduct, gates: Gates
) -> None:
    ticket = sold(venue, once)
    journal = Journal(other.pk)
    raws = [journal.admit(ticket, station=east.pk, group_id=east.group_id)]
    raws.append(journal.settle(1, scan_pb2.OUTCOME_RETURNED, passed=0, returned=1))
    joined(venue, west, [east], 10)
    gates.admit(edge, ticket, west, 20)
    ingest(other, raws)
    assert gates.bring(edge) == []
