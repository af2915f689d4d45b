"""Business days at their edges: midnight, a day that starts at four, clocks that change, ends of months, leap days.

The venue's calendar makes the day, the month and the minute of a moment, as the edge's clock does; both verifiers
judge by them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest

from paifang.business_day import Calendar, month_number
from paifang.reasons import Reason
from paifang.records import Record
from paifang.rulesets import Hours, RuleSet, Span
from paifang.usage import Usage
from tests.support.gatekit import GOOD, RECORD, Situation
from tests.support.rule_cases import used, whole

ALWAYS = replace(RECORD, not_before=0, not_after=2**32 - 1)
SHANGHAI, BERLIN, SAO_PAULO = "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo"


def at(calendar: Calendar, wall: str, *, fold: int = 0, **changes: object) -> Situation:
    """A good ticket at a wall clock's moment; of a time that comes twice the second where `fold` is 1."""
    instant = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(calendar.time_zone), fold=fold).astimezone(UTC)
    day = calendar.day(instant)
    situation = GOOD.but(
        record=ALWAYS, now_ms=round(instant.timestamp() * 1000), day=day.toordinal(), month=month_number(day),
        minute=calendar.minute(instant, day),
    )  # fmt: skip
    return situation.but(**changes)


def reason(core: ModuleType, situation: Situation) -> Reason:
    return Reason(situation.decide(core).reason)


def then(core: ModuleType, first: Situation, second: Situation) -> Reason:
    """What the second presentation says once the first was admitted and written."""
    verdict = first.decide(core)
    assert verdict.admit
    usage, everywhere = Usage.unpack(verdict.usage_after), Usage.unpack(verdict.whole_after)
    return reason(core, second.but(usage=usage, whole=everywhere))


DAILY = {"rules": whole(uses_day=1)}
MONTHLY = {"rules": whole(uses_month=1)}


@pytest.mark.spec("T-51")
@pytest.mark.parametrize(
    ("zone", "start", "first", "second", "said"),
    [
        (SHANGHAI, 0, "2026-10-01T23:59:59", "2026-10-02T00:00:00", Reason.OK),
        (SHANGHAI, 0, "2026-10-01T00:00:00", "2026-10-01T23:59:59", Reason.DAY_LIMIT),
        (SHANGHAI, 240, "2026-10-01T23:59:59", "2026-10-02T00:00:00", Reason.DAY_LIMIT),
        (SHANGHAI, 240, "2026-10-01T04:00:00", "2026-10-02T03:59:59", Reason.DAY_LIMIT),
        (SHANGHAI, 240, "2026-10-02T03:59:59", "2026-10-02T04:00:00", Reason.OK),
        # Berlin: 29 March 2026 has 23 hours, 25 October has 25.
        (BERLIN, 0, "2026-03-29T00:00:00", "2026-03-29T23:59:59", Reason.DAY_LIMIT),
        (BERLIN, 0, "2026-03-29T01:59:59", "2026-03-30T00:00:00", Reason.OK),
        (BERLIN, 150, "2026-03-29T01:59:59", "2026-03-29T03:00:00", Reason.OK),
        (BERLIN, 0, "2026-10-25T00:00:00", "2026-10-25T23:59:59", Reason.DAY_LIMIT),
        # Sao Paulo: no midnight on 4 November 2018, and 23:00 to 24:00 twice on 17 February 2018.
        (SAO_PAULO, 0, "2018-11-03T23:59:59", "2018-11-04T01:00:00", Reason.OK),
        (SAO_PAULO, 0, "2018-11-04T01:00:00", "2018-11-04T23:59:59", Reason.DAY_LIMIT),
        (SAO_PAULO, 240, "2018-11-03T04:00:00", "2018-11-04T03:59:59", Reason.DAY_LIMIT),
    ],
)
def test_one_use_a_day(core: ModuleType, zone: str, start: int, first: str, second: str, said: Reason) -> None:
    calendar = Calendar(zone, start)
    assert then(core, at(calendar, first, **DAILY), at(calendar, second, **DAILY)) is said


def test_an_hour_that_comes_twice_is_of_one_day(core: ModuleType) -> None:
    calendar = Calendar(SAO_PAULO)
    once, again = (at(calendar, "2018-02-17T23:30:00", fold=fold, **DAILY) for fold in (0, 1))
    assert again.request.now_ms - once.request.now_ms == 3_600_000
    assert then(core, once, again) is Reason.DAY_LIMIT
    assert then(core, again, at(calendar, "2018-02-18T00:00:00", **DAILY)) is Reason.OK


@pytest.mark.spec("T-51")
@pytest.mark.parametrize(
    ("start", "first", "second", "said"),
    [
        (0, "2026-01-31T23:59:59", "2026-02-01T00:00:00", Reason.OK),
        (0, "2026-02-01T00:00:00", "2026-02-28T23:59:59", Reason.MONTH_LIMIT),
        (0, "2024-02-01T00:00:00", "2024-02-29T23:59:59", Reason.MONTH_LIMIT),
        (0, "2024-02-29T23:59:59", "2024-03-01T00:00:00", Reason.OK),
        (240, "2026-02-28T12:00:00", "2026-03-01T03:59:59", Reason.MONTH_LIMIT),
        (240, "2026-02-28T12:00:00", "2026-03-01T04:00:00", Reason.OK),
        (240, "2026-12-31T23:00:00", "2027-01-01T02:00:00", Reason.MONTH_LIMIT),
        (0, "2025-12-15T12:00:00", "2026-12-15T12:00:00", Reason.OK),
    ],
)
def test_one_use_a_month(core: ModuleType, start: int, first: str, second: str, said: Reason) -> None:
    calendar = Calendar(SHANGHAI, start)
    assert then(core, at(calendar, first, **MONTHLY), at(calendar, second, **MONTHLY)) is said


@pytest.mark.parametrize(
    ("start", "wall", "said"),
    [
        (0, "2024-02-28T23:59:59", Reason.WRONG_DATE),
        (0, "2024-02-29T00:00:00", Reason.OK),
        (0, "2024-02-29T23:59:59", Reason.OK),
        (0, "2024-03-01T00:00:00", Reason.WRONG_DATE),
        (240, "2024-02-29T03:59:59", Reason.WRONG_DATE),
        (240, "2024-03-01T03:59:59", Reason.OK),
    ],
)
def test_a_ticket_of_the_leap_day(core: ModuleType, start: int, wall: str, said: Reason) -> None:
    leap_day = date(2024, 2, 29).toordinal()
    assert reason(core, at(Calendar(SHANGHAI, start), wall, dates=(Span(leap_day, leap_day),))) is said


@pytest.mark.spec("T-59")
@pytest.mark.parametrize(("year", "last"), [(2026, 28), (2024, 29)])
def test_a_month_from_the_end_of_january_ends_with_february(core: ModuleType, year: int, last: int) -> None:
    """Bought on 31 January for one month: valid to the last second of February, by the venue's clock."""
    calendar = Calendar(SHANGHAI)
    end = calendar.last_second(date(year, 2, last))
    card = replace(ALWAYS, not_after=end)
    assert reason(core, at(calendar, f"{year}-02-{last}T23:59:59", record=card)) is Reason.OK
    assert reason(core, at(calendar, f"{year}-03-01T00:00:00", record=card)) is Reason.EXPIRED


def slot(calendar: Calendar, start: str, end: str) -> Record:
    first, last = (
        int(datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(calendar.time_zone)).timestamp())
        for wall in (start, end)
    )
    return replace(ALWAYS, slot_from=first, slot_to=last - 1)


@pytest.mark.spec("T-17")
@pytest.mark.parametrize(
    ("wall", "said"),
    [
        ("2026-10-01T22:44:59", Reason.TOO_EARLY),
        ("2026-10-01T22:45:00", Reason.OK),
        ("2026-10-01T23:59:59", Reason.OK),
        ("2026-10-02T00:00:00", Reason.OK),
        ("2026-10-02T01:14:59", Reason.OK),
        ("2026-10-02T01:15:00", Reason.SLOT_OVER),
    ],
)
@pytest.mark.parametrize("start", [0, 240])
def test_a_slot_across_midnight(core: ModuleType, start: int, wall: str, said: Reason) -> None:
    """23:00 to 01:00, a quarter of an hour's tolerance on both sides."""
    calendar = Calendar(SHANGHAI, start)
    rules = RuleSet(early_s=900, late_s=900)
    booked = slot(calendar, "2026-10-01T23:00:00", "2026-10-02T01:00:00")
    assert reason(core, at(calendar, wall, record=booked, rules=rules)) is said


@pytest.mark.spec("T-29")
@pytest.mark.parametrize(
    ("zone", "wall", "said"),
    [
        (SHANGHAI, "2026-10-01T19:59:59", Reason.OUTSIDE_HOURS),
        (SHANGHAI, "2026-10-01T20:00:00", Reason.OK),
        (SHANGHAI, "2026-10-02T01:59:59", Reason.OK),
        (SHANGHAI, "2026-10-02T02:00:00", Reason.OUTSIDE_HOURS),
        (BERLIN, "2026-03-29T01:59:59", Reason.OK),  # the clock then says 03:00
        (BERLIN, "2026-03-29T03:00:00", Reason.OUTSIDE_HOURS),
    ],
)
def test_hours_past_midnight_belong_to_the_day_before(core: ModuleType, zone: str, wall: str, said: Reason) -> None:
    """Open from eight in the evening to two at night; the day starts at four."""
    hours = (Hours(20 * 60, 26 * 60),)
    assert reason(core, at(Calendar(zone, 240), wall, hours=hours)) is said


@pytest.mark.spec("T-53")
@pytest.mark.parametrize(
    ("start", "wall", "said"),
    [
        (0, "2026-10-03T00:00:00", Reason.WRONG_DAY),  # a Saturday
        (240, "2026-10-03T03:59:59", Reason.OK),  # still Friday's
        (240, "2026-10-05T03:59:59", Reason.WRONG_DAY),  # still Sunday's
        (240, "2026-10-05T04:00:00", Reason.OK),
    ],
)
def test_the_weekday_is_the_business_days(core: ModuleType, start: int, wall: str, said: Reason) -> None:
    assert reason(core, at(Calendar(SHANGHAI, start), wall, days=0b0011111)) is said


@pytest.mark.spec("T-16")
@pytest.mark.parametrize(("zone", "start"), [(SHANGHAI, 0), (SHANGHAI, 240), (BERLIN, 0)])
def test_two_days_from_the_first_use(core: ModuleType, zone: str, start: int) -> None:
    """They are business days: the second ends as long after the first use as it happens to."""
    calendar = Calendar(zone, start)
    rules = {"rules": whole(first_days=2)}
    first = at(calendar, "2026-03-28T23:00:00", **rules)
    second_day = calendar.day(datetime(2026, 3, 28, 22, tzinfo=UTC) - timedelta(hours=20)) + timedelta(days=1)
    last = datetime.fromtimestamp(calendar.last_second(second_day), ZoneInfo(zone)).replace(tzinfo=None)
    assert then(core, first, at(calendar, last.isoformat(), **rules)) is Reason.OK
    assert then(core, first, at(calendar, (last + timedelta(seconds=1)).isoformat(), **rules)) is Reason.DURATION_OVER


@pytest.mark.spec("T-51")
def test_ten_three_and_one(core: ModuleType) -> None:
    """Ten in all, three a month, one a day: the catalogue's own example."""
    calendar, rules = Calendar(SHANGHAI), {"rules": whole(uses_total=10, uses_month=3, uses_day=1)}
    usage = everywhere = None
    told = []
    for month, day in [(month, day) for month in (1, 2, 3, 4) for day in (1, 1, 2, 3, 4)]:
        situation = at(calendar, f"2026-{month:02}-{day:02}T10:00:00", usage=usage, whole=everywhere, **rules)
        verdict = situation.decide(core)
        told.append(Reason(verdict.reason))
        if verdict.admit:
            usage, everywhere = Usage.unpack(verdict.usage_after), Usage.unpack(verdict.whole_after)
    month = [Reason.OK, Reason.DAY_LIMIT, Reason.OK, Reason.OK, Reason.MONTH_LIMIT]
    assert told == [*month, *month, *month, Reason.OK, *[Reason.USED_UP] * 4]


def test_a_use_at_a_sibling_counts_for_the_day_it_was_on(core: ModuleType) -> None:
    calendar = Calendar(SHANGHAI, 240)
    night = at(calendar, "2026-10-02T03:30:00", **DAILY)
    of_the_evening = used(day=date(2026, 10, 1).toordinal(), month=202_610)
    assert reason(core, night.but(whole_others=[of_the_evening])) is Reason.DAY_LIMIT
    assert reason(core, at(calendar, "2026-10-02T04:00:00", **DAILY).but(whole_others=[of_the_evening])) is Reason.OK
