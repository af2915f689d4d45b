"""When a ticket may be given back and what is kept: data, and the one function that works it out (T-30..T-35).

Every amount says whether it is KEPT by the venue or RETURNED to the buyer. Times are minutes from the check-in time
(检票时间), the first second of the booked slot or day; before it they are negative. Tiers are half-open: a boundary
belongs to the later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from cloud.core.errors import DomainError
from cloud.core.inputs import within

NONE, CONDITIONAL, ANY, PARTS = "none", "conditional", "any", "parts"
KINDS = (NONE, CONDITIONAL, ANY, PARTS)
# What each kind of product chooses among: a package's parts keep rules of their own (T-44, T-45).
KINDS_OF: dict[str, tuple[str, ...]] = {
    "ticket": (NONE, CONDITIONAL, ANY),
    "package": (NONE, PARTS),
    "annual": (NONE, CONDITIONAL),
}
FEES = ("none", "fixed", "tiers")
KEPT, RETURNED = "kept", "returned"
FIXED, PERCENT = "fixed", "percent"
DEADLINES = ("none", "check_in", "expiry")
REVIEWS = ("auto", "review")
ON_EXPIRY = ("nothing", "refund", "void")

WHOLE = 10_000  # 100 %, in hundredths of a percent
MAX_FEE_FEN = 100_000_000
MAX_MINUTES = 10 * 366 * 24 * 60
MAX_DAYS = 3660
MAX_TIERS = 20


@dataclass(frozen=True, slots=True)
class Amount:
    """`value` fen, or hundredths of a percent of what was paid, of which the venue keeps or returns so much."""

    means: str = KEPT
    unit: str = FIXED
    value: int = 0

    def kept_of(self, paid_fen: int) -> int:
        """0 .. paid. What is kept of a percentage is rounded down, so keeping 15 % and returning 85 % are the same."""
        if self.unit == FIXED:
            amount = min(self.value, paid_fen)
            return amount if self.means == KEPT else paid_fen - amount
        share = self.value if self.means == KEPT else WHOLE - self.value
        return paid_fen * share // WHOLE


@dataclass(frozen=True, slots=True)
class Tier:
    """From `start` until before `end`, in minutes from the check-in time; None: for ever."""

    start: int | None
    end: int | None
    amount: Amount


@dataclass(frozen=True, slots=True)
class RefundRules:
    """The default is not refundable.

    Attributes:
        kind: "none"; "conditional": until `deadline_minutes` after (negative: before) `deadline`, the check-in time
            or the end of the validity; "any": at any moment until it expires; "parts", of a package: the whole where
            all its parts can be returned, else those that can (T-45).
        own_fee: of a package: its own fee and not its parts' one by one (T-46).
        fee: "none"; "fixed": `fee_fen` is kept of each ticket; "tiers": as `tiers` say.
        review: "auto" or "review": whether somebody agrees first (T-34). on_expiry: see ON_EXPIRY (T-35).
        only_inactive, only_unused, within_days, pro_rata: of an annual card, what it is refundable under; days from
            the sale, 0: no limit; by time: the days left of its validity are what is refunded of (T-61).
    """

    kind: str = NONE
    deadline: str = "none"
    deadline_minutes: int = 0
    own_fee: bool = False
    fee: str = "none"
    fee_fen: int = 0
    tiers: tuple[Tier, ...] = ()
    review: str = "auto"
    on_expiry: str = "nothing"
    only_inactive: bool = False
    only_unused: bool = True
    within_days: int = 0
    pro_rata: bool = False

    def to_json(self) -> dict[str, Any]:
        """Only what is set: the default is an empty object."""
        plain = RefundRules()
        stored = {
            one.name: value for one in fields(self) if (value := getattr(self, one.name)) != getattr(plain, one.name)
        }
        if "tiers" in stored:
            stored["tiers"] = [asdict(tier) for tier in self.tiers]
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> RefundRules:
        """What `to_json` wrote. Raises TypeError on anything else."""
        values = dict(stored)
        if "tiers" in values:
            values["tiers"] = tuple(
                Tier(one["start"], one["end"], Amount(**one["amount"])) for one in values["tiers"]
            )  # fmt: skip
        return cls(**values)


def checked(rules: RefundRules, product_kind: str = "ticket") -> RefundRules:
    """The rules, their tiers in the order of time, without what their kind has no use for. Pure.

    Raises:
        DomainError: "refund_rules.*" or "input.range", its field the rule's name.
    """
    if rules.kind not in KINDS_OF[product_kind]:
        raise _bad("kind", "此类产品没有这种退票规则。", "This kind of product has no such refund rule.")
    for name, choices in (("fee", FEES), ("review", REVIEWS), ("on_expiry", ON_EXPIRY), ("deadline", DEADLINES)):
        if getattr(rules, name) not in choices:
            raise _bad(name, "没有这个选项。", "There is no such choice.")
    within(rules.fee_fen, "fee_fen", 0, MAX_FEE_FEN)
    within(rules.deadline_minutes, "deadline_minutes", -MAX_MINUTES, MAX_MINUTES)
    within(rules.within_days, "within_days", 0, MAX_DAYS)
    if rules.kind == CONDITIONAL and product_kind == "ticket" and rules.deadline == "none":
        raise _bad("deadline", "请选择截止时间的基准。", "Choose what the deadline counts from.")
    if rules.fee != "fixed":
        rules = replace(rules, fee_fen=0)
    elif not rules.fee_fen:
        raise _bad("fee_fen", "请填写手续费金额。", "Enter the fee.")
    rules = replace(rules, tiers=_tiers(rules.tiers) if rules.fee == "tiers" else ())
    if rules.kind != CONDITIONAL or product_kind == "annual":
        rules = replace(rules, deadline="none", deadline_minutes=0)
    if product_kind != "package":
        rules = replace(rules, own_fee=False)
    elif not rules.own_fee:
        rules = replace(rules, fee="none", fee_fen=0, tiers=())
    if product_kind != "annual":
        rules = replace(rules, only_inactive=False, only_unused=True, within_days=0, pro_rata=False)
    if rules.kind == NONE and rules.on_expiry == "refund":
        raise _bad("on_expiry", "不可退的票不能过期自动退款。", "What is not refundable is not refunded on expiry.")
    return rules


def _tiers(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
    """Sorted; they cover all time, each instant once."""
    if not tiers:
        raise _bad("tiers", "请填写至少一档。", "Enter at least one tier.")
    if len(tiers) > MAX_TIERS:
        raise _bad("tiers", f"最多 {MAX_TIERS} 档。", f"At most {MAX_TIERS} tiers.")
    for tier in tiers:
        amount = tier.amount
        if amount.means not in (KEPT, RETURNED) or amount.unit not in (FIXED, PERCENT):
            raise _bad("tiers", "没有这个选项。", "There is no such choice.")
        within(amount.value, "tiers", 0, MAX_FEE_FEN if amount.unit == FIXED else WHOLE)
        for edge in (tier.start, tier.end):
            if edge is not None:
                within(edge, "tiers", -MAX_MINUTES, MAX_MINUTES)
        if tier.start is not None and tier.end is not None and tier.end <= tier.start:
            raise _bad("tiers", "每档的结束须晚于开始。", "A tier's end must come after its start.")
    ordered = sorted(tiers, key=lambda tier: (tier.start is not None, tier.start or 0))
    before: int | None = None
    for place, tier in enumerate(ordered):
        if place == 0 and tier.start is not None:
            zh, en = _when(tier.start)
            raise _bad("tiers", f"{zh}之前没有规定。", f"Nothing is said of the time before {en}.")
        if place and (before is None or tier.start is None or tier.start < before):
            zh, en = _when(tier.start if tier.start is not None else before or 0)
            raise _bad("tiers", f"{zh}有两档重叠。", f"Two tiers overlap at {en}.")
        if place and before is not None and tier.start is not None and tier.start > before:
            (zh, en), (zh_to, en_to) = _when(before), _when(tier.start)
            raise _bad("tiers", f"从{zh}到{zh_to}没有规定。", f"Nothing is said of the time from {en} to {en_to}.")
        before = tier.end
    if before is not None:
        zh, en = _when(before)
        raise _bad("tiers", f"{zh}之后没有规定。", f"Nothing is said of the time from {en} on.")
    return tuple(ordered)


@dataclass(frozen=True, slots=True)
class Quote:
    """What would be paid back. `refundable` False: nothing can be applied for, the sentences say why.

    Attributes:
        each: returned for each ticket, in fen.
        tier: which of the tiers, from 0; None: none of them. tier_zh, tier_en: when it holds, in words.
    """

    refundable: bool
    paid_fen: int
    returned_fen: int
    kept_fen: int
    each: tuple[int, ...]
    zh: str
    en: str
    tier: int | None = None
    tier_zh: str = ""
    tier_en: str = ""


def refund_quote(
    rules: RefundRules,
    paid_fen: int,
    units: int = 1,
    *,
    at: datetime,
    check_in_at: datetime,
    expires_at: datetime | None = None,
    sold_at: datetime | None = None,
    used: bool = False,
    activated: bool = False,
    valid_days: tuple[int, int] | None = None,
    override: bool = False,
) -> Quote:
    """What `units` tickets at `paid_fen` each would return, applied for at an instant. Pure.

    Args:
        check_in_at: the first second of the booked slot or day. expires_at: the last second it is valid in.
        used: it, or part of it. activated: of an annual card.
        valid_days: days left of days in all, of an annual card refunded by time.
        override: somebody with the permission to do so: whether it is refundable is not asked, the fee still is.
    """
    paid = paid_fen * units
    if not override:
        refusal = _refusal(rules, at, check_in_at, expires_at, sold_at, used=used, activated=activated)
        if refusal is not None:
            return Quote(False, paid, 0, paid, (0,) * units, *refusal)
    base = paid_fen
    if rules.pro_rata and valid_days is not None:
        left, days = valid_days
        base = paid_fen * max(0, min(left, days)) // max(days, 1)
    amount, tier = fee_at(rules, at, check_in_at)
    returned = base - amount.kept_of(base)
    kept = paid - returned * units
    zh = f"退 {yuan(returned * units)}，实付 {yuan(paid)}"
    en = f"returns {yuan(returned * units)} of {yuan(paid)}"
    if kept:
        zh, en = f"{zh}，扣 {yuan(kept)}", f"{en}, keeps {yuan(kept)}"
    words = ("", "")
    if tier is not None:
        words = tier_words(rules.tiers[tier])
        zh, en = f"{zh}（{words[0]}）", f"{en} ({words[1]})"
    return Quote(True, paid, returned * units, kept, (returned,) * units, zh, en, tier, *words)


def fee_at(rules: RefundRules, at: datetime, check_in_at: datetime) -> tuple[Amount, int | None]:
    """What is kept of one that is applied for at an instant, and by which tier."""
    match rules.fee:
        case "fixed":
            return Amount(KEPT, FIXED, rules.fee_fen), None
        case "tiers":
            for place, tier in enumerate(rules.tiers):
                if tier.end is None or at < check_in_at + timedelta(minutes=tier.end):
                    return tier.amount, place
            raise ValueError("tiers that do not cover all time")
        case _:
            return Amount(), None


def part_returned(whole_fen: int, whole_returned_fen: int, before_fen: int, share_fen: int, already_fen: int) -> int:
    """What a part returns of a package with a fee of its own: its share of what the whole would, worked out on what
    has been given back so far, so that the parts sum to the whole and no order of them returns more (T-46).

    Args:
        whole_fen, whole_returned_fen: what was paid for the package, and what it would return now as a whole.
        before_fen: the shares of the parts returned before; `already_fen`: what was returned for them.
    """
    if not whole_fen:
        return 0
    so_far = whole_returned_fen * (before_fen + share_fen) // whole_fen
    mine = so_far - whole_returned_fen * before_fen // whole_fen
    return max(0, min(mine, whole_returned_fen - already_fen, share_fen))


def _refusal(
    rules: RefundRules,
    at: datetime,
    check_in_at: datetime,
    expires_at: datetime | None,
    sold_at: datetime | None,
    *,
    used: bool,
    activated: bool,
) -> tuple[str, str] | None:
    if rules.kind == NONE:
        return "此票不可退。", "It is not refundable."
    if used and rules.only_unused:
        return "已使用，不可退。", "It has been used and cannot be refunded."
    if activated and rules.only_inactive:
        return "已激活，不可退。", "It has been activated and cannot be refunded."
    if rules.within_days and sold_at is not None and at >= sold_at + timedelta(days=rules.within_days):
        return (
            f"已超过购买后 {rules.within_days} 天。",
            f"More than {rules.within_days} days have passed since its sale.",
        )
    if expires_at is not None and at > expires_at:
        return "已过有效期，不可退。", "It has expired and cannot be refunded."
    if rules.kind == CONDITIONAL and rules.deadline != "none":
        of = check_in_at if rules.deadline == "check_in" or expires_at is None else expires_at
        if at >= of + timedelta(minutes=rules.deadline_minutes):
            return "已过可退时间，不可退。", "The time to return it is over."
    return None


def tier_words(tier: Tier) -> tuple[str, str]:
    """ "检票前 24 小时以前", "before 24 h before the check-in time": when a tier holds."""
    if tier.start is None and tier.end is None:
        return "任何时间", "at any time"
    if tier.start is None:
        zh, en = _when(tier.end or 0)
        return f"{zh}之前", f"before {en}"
    zh, en = _when(tier.start)
    if tier.end is None:
        return f"{zh}起", f"from {en} on"
    zh_to, en_to = _when(tier.end)
    return f"{zh}起至{zh_to}前", f"from {en} until {en_to}"


def _when(minutes: int) -> tuple[str, str]:
    if minutes == 0:
        return "检票时间", "the check-in time"
    zh, en = _span(abs(minutes))
    return (f"检票前{zh}", f"{en} before check-in") if minutes < 0 else (f"检票后{zh}", f"{en} after check-in")


def _span(minutes: int) -> tuple[str, str]:
    for size, zh, en in ((24 * 60, "天", "d"), (60, "小时", "h")):
        if minutes % size == 0:
            return f" {minutes // size} {zh}", f"{minutes // size} {en}"
    return f" {minutes} 分钟", f"{minutes} min"


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _bad(field: str, zh: str, en: str) -> DomainError:
    return DomainError(f"refund_rules.{field}", zh, en, field)
