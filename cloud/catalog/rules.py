"""A product's rules as data: what somebody set, checked, stored as JSON; cloud.catalog.compile makes rule sets of it.

The four rules every ticket has (validity, persons, uses at each station, what a time-out does) are columns of
TicketProduct, for lists and orders read them. Everything a product may or may not demand is here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

from cloud.core.errors import DomainError
from cloud.core.inputs import within
from paifang.records import CredentialKind
from paifang.rulesets import MAX_ROWS, Activation

DAY_MINUTES = 24 * 60
MAX_LIMIT = 1_000_000
MAX_AT_ONCE = 127
MAX_GAP_MINUTES = 30 * DAY_MINUTES
MAX_AFTER_HOURS = 10 * 366 * 24
MAX_AFTER_DAYS = 3660
MAX_SIGNED = 1000
MAX_OUTAGE = 100_000

# What may be presented, by the name it is stored under.
MEDIA: dict[str, CredentialKind] = {
    "pass": CredentialKind.PASS,
    "rotating": CredentialKind.ROTATING,
    "channel": CredentialKind.CHANNEL,
    "id_number": CredentialKind.ID_NUMBER,
    "card_uid": CredentialKind.CARD_UID,
    "member": CredentialKind.MEMBER,
    "short": CredentialKind.SHORT,
}
ACTIVATIONS: dict[str, Activation] = {
    "none": Activation.NONE,
    "holder": Activation.HOLDER,
    "desk": Activation.DESK,
}
HOLIDAYS = ("allowed", "refused", "only")


@dataclass(frozen=True, slots=True, order=True)
class Times:
    """From `start` until before `end`, minutes from the midnight the business day is named after: 01:30 may be 1530.

    `days`: 0 Monday .. 6 Sunday; none: every day.
    """

    start: int
    end: int
    days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Days:
    """Business days, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class ProductRules:
    """What a product demands beyond its columns. The default demands nothing. Limits of 0 are none.

    Attributes:
        total, per_month, per_day: uses over the whole venue, for each person of the ticket.
        at_once: persons let in by one presentation at most; `together`: all of them or nobody.
        shared: the tickets of one order spend one pool of uses (a card whose rides are not fixed).
        media: what may be presented, names of MEDIA; none: anything.
        rotating: the code on the phone changes all the time, a screenshot is refused.
        short_code: a code of twelve characters is made at the sale, to be typed by hand.
        identity: the holder's ID card must be read. collect_first: the ticket must be collected first.
        activation: a key of ACTIVATIONS, what must happen before the first use.
        book_first: a day or slot must be booked first. slots: the times that can be booked, each once a day.
        early_minutes, late_minutes: a booked slot's tolerance.
        weekdays: 0 Monday .. 6 Sunday, none: every day. holidays: one of HOLIDAYS.
        hours, dates, blackout: when it may be used; the only days; days it may not.
        reentry_minutes: refused for so long after a use. anti_passback: refused while inside.
        after_first_hours, after_first_days: how long it is valid from its first use on; one of them.
        signed_only: so many may be let in by one gate on the signature alone, before their sale has reached it.
        outage_persons: so many may be let in by one gate while the entrances cannot tell each other of uses, in one
            such outage; 0: as usual. outage_refused: nobody is. See cloud.catalog.outage.
    """

    total: int = 0
    per_month: int = 0
    per_day: int = 0
    at_once: int = 0
    together: bool = False
    shared: bool = False
    media: tuple[str, ...] = ()
    rotating: bool = False
    short_code: bool = False
    identity: bool = False
    collect_first: bool = False
    activation: str = "none"
    book_first: bool = False
    slots: tuple[Times, ...] = ()
    early_minutes: int = 0
    late_minutes: int = 0
    weekdays: tuple[int, ...] = ()
    holidays: str = "allowed"
    hours: tuple[Times, ...] = ()
    dates: tuple[Days, ...] = ()
    blackout: tuple[Days, ...] = ()
    reentry_minutes: int = 0
    anti_passback: bool = False
    after_first_hours: int = 0
    after_first_days: int = 0
    signed_only: int = 0
    outage_persons: int = 0
    outage_refused: bool = False

    def to_json(self) -> dict[str, Any]:
        """Only what is set: the default is an empty object, and a rule added later needs no migration."""
        plain = ProductRules()
        return {
            one.name: _plain(value)
            for one in fields(self)
            if (value := getattr(self, one.name)) != getattr(plain, one.name)
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ProductRules:
        """What `to_json` wrote. Raises TypeError or ValueError on anything else."""
        values = dict(stored)
        for name in ("slots", "hours"):
            if name in values:
                values[name] = tuple(Times(start, end, tuple(days)) for start, end, days in values[name])
        for name in ("dates", "blackout"):
            if name in values:
                values[name] = tuple(
                    Days(date.fromisoformat(first), date.fromisoformat(last)) for first, last in values[name]
                )
        for name in ("media", "weekdays"):
            if name in values:
                values[name] = tuple(values[name])
        return cls(**values)


def checked(rules: ProductRules) -> ProductRules:
    """The rules with their lists in one order, so that the same rules are stored and compiled alike. Pure.

    Raises:
        DomainError: "rules.*" or "input.range", its field the rule's name.
    """
    for name, most in _RANGES.items():
        within(getattr(rules, name), name, 0, most)
    _ascending(rules)
    if rules.activation not in ACTIVATIONS:
        raise _bad("activation", "没有这种激活方式。", "There is no such kind of activation.")
    if rules.holidays not in HOLIDAYS:
        raise _bad("holidays", "没有这种节假日规则。", "There is no such rule for holidays.")
    if unknown := sorted(set(rules.media) - MEDIA.keys()):
        raise _bad("media", f"没有凭证类型 {unknown[0]}。", f"There is no medium {unknown[0]}.")
    if any(not 0 <= day <= 6 for day in rules.weekdays):
        raise _bad("weekdays", "星期应为周一到周日。", "A weekday is one of Monday to Sunday.")
    _consistent(rules)
    return replace(
        rules,
        media=() if len(set(rules.media)) == len(MEDIA) else tuple(name for name in MEDIA if name in rules.media),
        weekdays=() if len(set(rules.weekdays)) == 7 else tuple(sorted(set(rules.weekdays))),
        hours=_times("hours", rules.hours),
        slots=_slots(rules.slots),
        dates=_spans("dates", rules.dates),
        blackout=_spans("blackout", rules.blackout),
    )


_RANGES = {
    "total": MAX_LIMIT,
    "per_month": MAX_LIMIT,
    "per_day": MAX_LIMIT,
    "at_once": MAX_AT_ONCE,
    "early_minutes": DAY_MINUTES,
    "late_minutes": DAY_MINUTES,
    "reentry_minutes": MAX_GAP_MINUTES,
    "after_first_hours": MAX_AFTER_HOURS,
    "after_first_days": MAX_AFTER_DAYS,
    "signed_only": MAX_SIGNED,
    "outage_persons": MAX_OUTAGE,
}


def _ascending(rules: ProductRules) -> None:
    """A limit that a smaller span's can never reach is a slip of the finger."""
    smaller, least = "", 0
    for name in ("per_day", "per_month", "total"):
        value = getattr(rules, name)
        if value and value < least:
            raise _bad(
                smaller,
                f"不能大于更长期限的上限 {value}。",
                f"It cannot be more than {value}, the limit of a longer time.",
            )
        if value:
            smaller, least = name, value


def _consistent(rules: ProductRules) -> None:
    if rules.together and rules.at_once:
        raise _bad(
            "at_once",
            "要求同时入园时不能再限每次人数。",
            "Persons who go together cannot be limited in number at once.",
        )
    if rules.at_once and (rules.anti_passback or rules.reentry_minutes):
        raise _bad(
            "at_once",
            "已限制重复入园，同行的人只能一起进，不能再限每次人数。",
            "Where coming in again is limited, a party goes in together: persons at once cannot be limited too.",
        )
    if rules.rotating and rules.media and "rotating" not in rules.media:
        raise _bad("media", "动态码票必须允许动态码。", "A ticket with a live code must accept that code.")
    if rules.short_code and rules.media and "short" not in rules.media:
        raise _bad("media", "生成短码的票必须允许短码。", "A ticket with a short code must accept that code.")
    if rules.holidays == "only" and rules.weekdays:
        raise _bad("weekdays", "只限节假日时不能再选星期。", "For holidays only, no weekdays can be chosen.")
    if rules.after_first_hours and rules.after_first_days:
        raise _bad("after_first_days", "按小时或按天，只能选一种。", "Either hours or days, not both.")
    if rules.outage_refused and rules.outage_persons:
        raise _bad(
            "outage_persons",
            "中断时不放行的产品没有可放行人数。",
            "A product that is refused in an outage admits no number of persons in it.",
        )
    if rules.signed_only:
        needs = _UNKNOWABLE.keys() & {name for name in _UNKNOWABLE if getattr(rules, name) not in (False, (), "none")}
        if needs:
            zh, en = _UNKNOWABLE[min(needs)]
            raise _bad(
                "signed_only",
                f"仅凭签名放行时闸机不知道：{zh}。请去掉其中之一。",
                f"On the signature alone a gate cannot know {en}. Choose one of the two.",
            )


# What only a record of the ticket says, so that no gate can decide it from the code in a visitor's hand.
_UNKNOWABLE = {
    "activation": ("是否已激活", "whether it is activated"),
    "book_first": ("是否已预约", "whether it is booked"),
    "collect_first": ("是否已取票", "whether it was collected"),
    "identity": ("持票人证件", "whose ID card it is bound to"),
    "shared": ("共用的次数", "the uses it shares"),
    "slots": ("预约的时段", "which slot is booked"),
}


def _times(field: str, rows: Iterable[Times]) -> tuple[Times, ...]:
    """Sorted, each once."""
    kept = set()
    for row in rows:
        if not 0 <= row.start < row.end <= 2 * DAY_MINUTES:
            raise _bad(field, "时段的结束须晚于开始。", "A period's end must come after its start.")
        if row.end - row.start > DAY_MINUTES:
            raise _bad(field, "一个时段最多 24 小时。", "A period has at most 24 hours.")
        if any(not 0 <= day <= 6 for day in row.days):
            raise _bad(field, "星期应为周一到周日。", "A weekday is one of Monday to Sunday.")
        days = tuple(sorted(set(row.days)))
        kept.add(Times(row.start, row.end, () if len(days) == 7 else days))
    return _few(field, sorted(kept))


def _slots(rows: Iterable[Times]) -> tuple[Times, ...]:
    slots = _times("slots", rows)
    starts = [slot.start for slot in slots]
    if len(starts) != len(set(starts)):
        raise _bad("slots", "两个时段的开始时间相同。", "Two slots begin at the same time.")
    return slots


def _spans(field: str, rows: Iterable[Days]) -> tuple[Days, ...]:
    for row in rows:
        if row.last < row.first:
            raise _bad(field, "结束日期早于开始日期。", "The last day comes before the first.")
    return _few(field, sorted(set(rows)))


def _few(field: str, rows: list[Any]) -> tuple[Any, ...]:
    if len(rows) > MAX_ROWS:
        raise _bad(field, f"最多 {MAX_ROWS} 行。", f"At most {MAX_ROWS} lines.")
    return tuple(rows)


def _plain(value: Any) -> Any:
    if isinstance(value, Times):
        return [value.start, value.end, list(value.days)]
    if isinstance(value, Days):
        return [value.first.isoformat(), value.last.isoformat()]
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _bad(field: str, zh: str, en: str) -> DomainError:
    return DomainError(f"rules.{field}", zh, en, field)
