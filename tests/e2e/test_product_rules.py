"""What a product manager sets is what a real edge does: set in the service, sold, shown at a lane, the reason read.

All products are made and sold first, so that the edge is waited for once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud.demo import site
from paifang.business_day import Calendar
from tests.support.demo import Demo

CALENDAR = Calendar(site.TIME_ZONE, site.DAY_START)
NOW = datetime.now(UTC)
TODAY = CALENDAR.day(NOW)
MINUTE = CALENDAR.minute(NOW, TODAY)
# A period of the business day that is not now, with an hour to spare on either side.
START, END = site.DAY_START, site.DAY_START + 24 * 60
ELSEWHEN = [START, START + 60] if MINUTE > START + 180 else [END - 60, END]
OPEN = {"validity": "open", "valid_days": 30}

# code -> the product's rules, further terms of it, and how it is sold
REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "tomorrow": ("TOO_EARLY", {}, {}, {"days": 1}),
    "unbooked": ("NOT_BOOKED", {"book_first": True}, OPEN, {}),
    "other-slot": ("TOO_EARLY", {"slots": [[*ELSEWHEN, []]]}, {}, {"days": 1, "slot": ELSEWHEN[0]}),
    "other-hours": ("OUTSIDE_HOURS", {"hours": [[*ELSEWHEN, []]]}, {}, {}),
    "other-weekday": ("WRONG_DAY", {"weekdays": [(TODAY.weekday() + 1) % 7]}, OPEN, {}),
    "not-today": ("WRONG_DATE", {"blackout": [[TODAY.isoformat(), TODAY.isoformat()]]}, OPEN, {}),
    "uncollected": ("NOT_COLLECTED", {"collect_first": True}, {}, {}),
    "inactive": ("NOT_ACTIVATED", {"activation": "desk"}, {}, {}),
    "id-card-only": ("MEDIUM_NOT_ALLOWED", {"media": ["id_number"]}, {}, {}),
}


@pytest.fixture(scope="module")
def sold() -> dict[str, list[dict[str, Any]]]:
    """Product code -> its codes; filled by the first test."""
    return {}


@pytest.fixture
def codes(demo: Demo, sold: dict[str, list[dict[str, Any]]]) -> Callable[[str], list[dict[str, Any]]]:
    if not sold:
        for code, (_reason, rules, columns, how) in REFUSED.items():
            demo.till.ask("product", code=code, rules=rules, uses=1, **columns)
            sold[code] = demo.till.ask("sell", product=code, **how)["units"]
        demo.till.ask("product", code="together", rules={}, uses=1, sale={"printing": "together"})
        sold["together"] = demo.till.ask("sell", product="together", quantity=5)["units"]
        for code in ("mountain-day", "annual", "rides"):
            sold[code] = demo.till.ask("sell", product=code)["units"]
        demo.told()
    return sold.__getitem__


@pytest.mark.spec("T-01", "T-15", "T-16", "T-17", "T-25", "T-27", "T-29", "T-53", "T-58")
@pytest.mark.parametrize("code", REFUSED)
def test_what_a_rule_refuses(demo: Demo, codes: Callable[[str], list[dict[str, Any]]], code: str) -> None:
    [ticket] = codes(code)
    assert demo.show("WEST-2", ticket, patience_ms=200) == 0
    assert demo.decided(ticket, 1) == [["WEST-2", "REFUSE", REFUSED[code][0]]]


@pytest.mark.spec("T-26")
def test_one_code_for_five_admits_five(demo: Demo, codes: Callable[[str], list[dict[str, Any]]]) -> None:
    [ticket] = codes("together")
    assert demo.show("EAST-2", ticket, bodies=5) == 5


@pytest.mark.spec("T-01", "T-36", "T-38", "T-43")
def test_the_tickets_of_a_package_each_open_their_own_gate(
    demo: Demo, codes: Callable[[str], list[dict[str, Any]]]
) -> None:
    entry, cable = codes("mountain-day")
    assert (entry["product"], cable["product"]) == ("adult", "cable")
    assert entry["price_fen"] + cable["price_fen"] == 17_500
    assert demo.show("CABLE-1", entry, patience_ms=200) == 0
    assert [demo.show("WEST-1", entry), demo.show("CABLE-1", cable)] == [1, 1]
    assert demo.decided(entry, 2)[0] == ["CABLE-1", "REFUSE", "WRONG_STATION"]


@pytest.mark.spec("T-01", "T-48", "T-51", "T-60")
def test_an_annual_card_admits_once_a_day(demo: Demo, codes: Callable[[str], list[dict[str, Any]]]) -> None:
    [card] = codes("annual")
    assert card["line"].startswith("PM1:")
    assert [demo.show("WEST-1", card), demo.show("EAST-2", card, patience_ms=200)] == [1, 0]
    assert demo.decided(card, 2)[1] == ["EAST-2", "REFUSE", "DAY_LIMIT"]


@pytest.mark.spec("T-52")
def test_one_card_opens_gate_and_cable_car_until_its_pool_is_spent(
    demo: Demo, codes: Callable[[str], list[dict[str, Any]]]
) -> None:
    entry, cable = codes("rides")
    assert entry["line"] == cable["line"]
    # A lane of its own each: one that has just read the same code does not read it anew.
    rides = [("WEST-1", entry), ("CABLE-1", cable), ("EAST-1", entry), ("EAST-2", entry), ("WEST-3", entry)]
    assert [demo.show(device, ride) for device, ride in rides] == [1] * 5
    assert demo.show("WEST-2", entry, patience_ms=200) == 0
    assert demo.decided(entry, 5)[-1] == ["WEST-2", "REFUSE", "USED_UP"]
