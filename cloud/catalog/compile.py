"""A product's rules -> the rule set gates interpret. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import ACTIVATIONS, MEDIA, Days, ProductRules, Times
from paifang.rulesets import HOLIDAY_BIT, Hours, RuleFlag, RuleSet, Span

_EVERY_MEDIUM = 0xFFFF
_EVERY_DAY = 0x7F


def rules_of(product: TicketProduct) -> ProductRules:
    return ProductRules.from_json(product.rules)


def compile_rules(product: TicketProduct) -> RuleSet:
    """The product's rules as they are now."""
    return compile_terms(
        rules_of(product), uses=product.uses, persons=product.persons, keep_on_timeout=product.keep_on_timeout
    )


def compile_terms(rules: ProductRules, *, uses: int, persons: int, keep_on_timeout: bool) -> RuleSet:
    """Rules, and what of a product's columns is one: see TicketProduct."""
    return RuleSet(
        uses_per_group=uses,
        flags=_flags(rules, persons, keep_on_timeout),
        media=_media(rules.media),
        uses_total=rules.total,
        uses_month=rules.per_month,
        uses_day=rules.per_day,
        reentry_gap_s=rules.reentry_minutes * 60,
        at_once=rules.at_once,
        early_s=rules.early_minutes * 60,
        late_s=rules.late_minutes * 60,
        after_first_s=rules.after_first_hours * 3600,
        first_days=rules.after_first_days,
        activation=ACTIVATIONS[rules.activation],
        days=_days(rules),
        hours=tuple(_hours(row, rules) for row in rules.hours),
        dates=_spans(rules.dates),
        blackout=_spans(rules.blackout),
    )


def _flags(rules: ProductRules, persons: int, keep_on_timeout: bool) -> RuleFlag:
    whole = (
        rules.total, rules.per_month, rules.per_day, rules.reentry_minutes, rules.anti_passback,
        rules.after_first_hours, rules.after_first_days, rules.shared,
    )  # fmt: skip
    # Whoever of a party came a moment later would be refused as inside already, or too soon.
    as_one = persons > 1 and bool(rules.anti_passback or rules.reentry_minutes)
    wanted = {
        RuleFlag.KEEP_ON_TIMEOUT: keep_on_timeout,
        RuleFlag.SIGNED_ONLY: rules.signed_only,
        RuleFlag.IDENTITY: rules.identity,
        RuleFlag.COLLECT_FIRST: rules.collect_first,
        RuleFlag.ANTI_PASSBACK: rules.anti_passback,
        RuleFlag.WHOLE: any(whole),
        RuleFlag.TOGETHER: rules.together or as_one,
        RuleFlag.BOOK_FIRST: rules.book_first,
    }
    flags = RuleFlag(0)
    for flag, on in wanted.items():
        if on:
            flags |= flag
    return flags


def _media(names: Iterable[str]) -> int:
    mask = sum(1 << MEDIA[name] for name in names)
    return mask or _EVERY_MEDIUM


def _mask(days: Iterable[int]) -> int:
    return sum(1 << day for day in days)


def _days(rules: ProductRules) -> int:
    """0 where every day is allowed, holidays too."""
    match rules.holidays:
        case "only":
            return HOLIDAY_BIT
        case "refused":
            return _mask(rules.weekdays) or _EVERY_DAY
        case _:
            return _mask(rules.weekdays) | HOLIDAY_BIT if rules.weekdays else 0


def _hours(row: Times, rules: ProductRules) -> Hours:
    """On a public holiday the holiday bit alone decides: the hours of a Saturday or Sunday hold then too."""
    if not row.days:
        return Hours(row.start, row.end)
    holidays = HOLIDAY_BIT if rules.holidays != "refused" and {5, 6} & set(row.days) else 0
    return Hours(row.start, row.end, _mask(row.days) | holidays)


def _spans(rows: Iterable[Days]) -> tuple[Span, ...]:
    return tuple(Span(row.first.toordinal(), row.last.toordinal()) for row in rows)
