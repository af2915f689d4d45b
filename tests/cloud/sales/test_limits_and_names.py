"""Who may buy how many (T-24), and whose names, ID numbers and ages a sale asks for (T-19, T-20, T-65)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from cloud.catalog.models import TicketProduct
from cloud.catalog.sale_rules import Limit
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.sales.allowed import age_on
from cloud.sales.models import Quota, QuotaEntry
from cloud.sales.services import apply_refund, cancel_unpaid
from cloud.sales.values import Buyer, Consents, VisitorInput
from cloud.venues.models import Venue
from tests.support.race import race
from tests.support.sales import id_number_born, place, refunded_by, sell, sold_by, tickets, with_parts
from tests.support.venue import SYSTEM, make_id_number, make_product

pytestmark = pytest.mark.django_db

WANG, LI, ZHAO = (VisitorInput(name, make_id_number(at)) for at, name in enumerate("王李赵", 1))
PHONE = Buyer("王", "13800138000")


def refused(code: str, call: Any) -> str:
    with pytest.raises(DomainError) as error:
        call()
    assert error.value.code == code
    return error.value.en


@pytest.mark.spec("T-19")
def test_every_visitor_or_one_of_the_order(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, real_name="all")
    for visitors in ([], [WANG, LI], [WANG, LI, VisitorInput("赵")]):
        refused("order.identity", lambda visitors=visitors: sell(venue, tickets(adult, 3, visitors=visitors)))
    refused("order.same_visitor", lambda: sell(venue, tickets(adult, visitors=[WANG]), tickets(adult, visitors=[WANG])))
    assert sell(venue, tickets(adult, 3, visitors=[WANG, LI, ZHAO])).visitors.count() == 3

    sold_by(adult, real_name="one")
    refused("order.identity", lambda: sell(venue, tickets(adult, 3), key="k2"))
    assert sell(venue, tickets(adult, 3, visitors=[WANG]), key="k2").visitors.count() == 1


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(2000, 5, 3), date(2027, 5, 2), 26),
        (date(2000, 5, 3), date(2027, 5, 3), 27),
        (date(2004, 2, 29), date(2027, 2, 28), 22),
        (date(2004, 2, 29), date(2027, 3, 1), 23),
        (date(2004, 2, 29), date(2028, 2, 29), 24),
    ],
)
def test_full_years(born: date, day: date, age: int) -> None:
    assert age_on(born, day) == age


@pytest.mark.spec("T-20")
def test_the_age_is_that_of_the_visits_day_both_bounds_included(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, real_name="all", age_min=6, age_max=60)
    day = today(venue) + timedelta(days=10)

    def born(years: int, days: int = 0) -> VisitorInput:
        return VisitorInput("某", id_number_born(day.replace(year=day.year - years) + timedelta(days=days)))

    for at, visitor in enumerate((born(6), born(60), born(61, 1))):
        assert sell(venue, tickets(adult, visit_date=day, visitors=[visitor]), key=f"k{at}").total_fen == 8000
    for visitor, age in ((born(6, 1), 5), (born(61), 61)):
        said = refused(
            "order.age",
            lambda visitor=visitor: sell(venue, tickets(adult, visit_date=day, visitors=[visitor]), key="x"),
        )
        who = visitor.id_number[-4:]
        assert said == f"Adult is for visitors 6 to 60 years old: the one with ID …{who} is {age} on {day}."
    refused("order.age", lambda: sell(venue, tickets(adult, visitors=[born(6)]), key="too young today"))


@pytest.mark.spec("T-65")
def test_a_ticket_for_those_over_65_sold_online_demands_the_id_and_the_age(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, real_name="all", age_min=65, preference="age", channels=("shop",))
    refused("order.identity", lambda: place(venue, tickets(adult), channel="shop"))
    day = today(venue)
    old, young = (VisitorInput("老", id_number_born(date(day.year - years, 1, 1))) for years in (66, 64))
    refused("order.age", lambda: place(venue, tickets(adult, visitors=[young]), channel="shop"))
    assert place(venue, tickets(adult, visitors=[old]), channel="shop").state == "placed"

    sold_by(adult, preference="student", proof="sale", channels=("desk",))
    refused("order.proof", lambda: sell(venue, tickets(adult), key="k2"))
    sold = sell(venue, tickets(adult), key="k2", consents=Consents(proof=True))
    assert sold.lines.get().proof_at is not None


@pytest.mark.spec("T-40")
def test_a_package_asks_what_its_strictest_ticket_asks(venue: Venue, adult: TicketProduct) -> None:
    child = sold_by(make_product(venue, "child"), real_name="all", age_min=6, age_max=60)
    package = with_parts(make_product(venue, "both", kind="package"), (sold_by(adult, real_name="one"), 1), (child, 1))
    refused("order.identity", lambda: sell(venue, tickets(package)))
    old = VisitorInput("老", id_number_born(date(1950, 1, 1)))
    refused("order.age", lambda: sell(venue, tickets(package, visitors=[old])))
    assert sell(venue, tickets(package, visitors=[WANG])).units.count() == 2


@pytest.mark.spec("T-24")
def test_a_limit_an_order(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, limits=(Limit("order", "ever", 3),))
    assert refused("order.limit", lambda: sell(venue, tickets(adult, 2), tickets(adult, 2))) == (
        "Adult: at most 3 an order."
    )
    assert sell(venue, tickets(adult, 2), tickets(adult, 1)).total_fen == 24_000
    assert Quota.objects.count() == 0


@pytest.mark.spec("T-24")
def test_two_for_each_id_number_and_day_of_a_visit_over_orders_and_channels(venue: Venue, adult: TicketProduct) -> None:
    sold_by(adult, real_name="one", limits=(Limit("id", "visit_day", 2),))
    refunded_by(adult, kind="any")
    first = sell(venue, tickets(adult, 1, visitors=[WANG]))
    place(venue, tickets(adult, 1, visitors=[WANG]), key="k2", channel="shop")
    assert refused("order.limit", lambda: sell(venue, tickets(adult, visitors=[WANG]), key="k3")) == (
        "Adult: at most 2 for each ID number for each day of a visit; 0 left."
    )
    tomorrow = today(venue) + timedelta(days=1)
    sell(venue, tickets(adult, 2, visit_date=tomorrow, visitors=[WANG]), key="k4")
    sell(venue, tickets(adult, 2, visitors=[LI]), key="k5")
    apply_refund(actor=SYSTEM, venue=venue, order=first, units=list(first.units.all()), idempotency_key="r")
    third = place(venue, tickets(adult, visitors=[WANG]), key="k6")
    for _turn in range(2):
        cancel_unpaid(actor=SYSTEM, venue=venue, order=third)
    assert sorted(Quota.objects.values_list("taken", flat=True)) == [1, 2, 2]
    assert sum(QuotaEntry.objects.values_list("quantity", flat=True)) == 5


@pytest.mark.spec("T-24")
@pytest.mark.parametrize("per", ["phone", "member"])
def test_a_limit_by_phone_or_member_needs_one(venue: Venue, adult: TicketProduct, per: str) -> None:
    sold_by(adult, limits=(Limit(per, "ever", 2), Limit(per, "sale_day", 2)))
    refused(f"order.{per}", lambda: sell(venue, tickets(adult)))
    who, other = (Buyer("王", phone, member) for phone, member in (("13800138000", "M1"), ("13800138001", "M2")))
    sell(venue, tickets(adult, 2), buyer=who)
    refused("order.limit", lambda: sell(venue, tickets(adult), key="k2", buyer=who))
    assert sell(venue, tickets(adult, 2), key="k3", buyer=other).state == "issued"


@pytest.mark.spec("T-24")
@pytest.mark.django_db(transaction=True)
def test_a_limit_holds_under_orders_racing_for_it(venue: Venue, adult: TicketProduct) -> None:
    """Each limit has its own counters, made by the first who buys: here all four are first."""
    sold_by(adult, real_name="one", limits=(Limit("id", "visit_day", 2), Limit("phone", "ever", 2)))
    results = race(
        venue, *(lambda key=key: place(venue, tickets(adult, visitors=[WANG]), key=key, buyer=PHONE) for key in "abcd")
    )
    assert sorted(one.code if isinstance(one, DomainError) else one.state for one in results) == [
        "order.limit", "order.limit", "placed", "placed",
    ]  # fmt: skip
    assert list(Quota.objects.values_list("taken", flat=True)) == [2, 2]
