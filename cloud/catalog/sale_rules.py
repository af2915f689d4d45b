"""Who may buy how many of a product, where, when and on what terms: data as rules.ProductRules, read by the sale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from cloud.catalog.channels import CHANNELS, PAY_METHODS, PREFERENCES, why_closed
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, within

REAL_NAMES = ("none", "one", "all")  # from loose to strict
GROUP_REFUNDS = ("refuse", "reprice", "allow")
LIMIT_OF = ("order", "member", "phone", "id")
LIMIT_IN = ("sale_day", "visit_day", "ever")
PRINTINGS = ("each", "together")
PROOFS = ("none", "sale", "entry")

MAX_AGE = 150
MAX_GROUP = 127  # one code may admit a whole group: no more than a pass holds
MAX_TEXT = 5000
MAX_PAY_MINUTES = 7 * 24 * 60
MAX_LIMIT = 10_000
MAX_LIMITS = 12
MAX_PICK_UP_HOURS = 366 * 24


@dataclass(frozen=True, slots=True, order=True)
class Limit:
    """At most `most` tickets of the product (T-24) for one of LIMIT_OF: each order, or whoever has the same member
    number, phone or ID number; counted within one of LIMIT_IN: the business day of the sale, that of the visit, or
    for ever. An order is counted by itself: its `span` says nothing."""

    per: str
    span: str
    most: int


@dataclass(frozen=True, slots=True)
class SaleRules:
    """The default sells to anybody, at the desk and in the mini-program.

    Attributes:
        channels: keys of CHANNELS; one that is not here never sells the product (T-18).
        real_name: whose names and ID numbers a sale needs: none, one person's for the order, all visitors' (T-19).
        age_min, age_max: on the day of the visit, both included; None: no limit. With real_name all only (T-20).
        notice_*: the risk notice a buyer must confirm before paying; empty: none (T-21).
        agreement_*: the purchase agreement, likewise (T-56).
        group_min: a group ticket is sold from so many on; 0: it is none (T-22).
        group_refund: what a refund that leaves fewer than that does: refused; the ones left are charged
            `group_single_fen` each instead, out of what is paid back; or nothing.
        pay_methods: keys of PAY_METHODS; none: any (T-23). pay_minutes: an unpaid order frees its stock after them.
        limits: all of them hold (T-24). How far ahead is cloud.catalog.booking's to say.
        pick_up_hours: a ticket that must be collected first (ProductRules.collect_first, T-25) is handed out from so
            many hours before its visit on; 0: at any time.
        printing: a code for each ticket, or one for all of a line (T-26).
        preference: whom the price is for, a key of PREFERENCES, in words `policy_*`; proof: where it is shown (T-65).
            Proof at the sale is seen by somebody, so that the desk alone sells it; an age is proved by the ID number.
    """

    channels: tuple[str, ...] = ("desk", "shop")
    real_name: str = "none"
    age_min: int | None = None
    age_max: int | None = None
    notice_zh: str = ""
    notice_en: str = ""
    agreement_zh: str = ""
    agreement_en: str = ""
    group_min: int = 0
    group_refund: str = "refuse"
    group_single_fen: int = 0
    pay_methods: tuple[str, ...] = ()
    pay_minutes: int = 30
    limits: tuple[Limit, ...] = ()
    pick_up_hours: int = 0
    printing: str = "each"
    preference: str = ""
    policy_zh: str = ""
    policy_en: str = ""
    proof: str = "none"

    @property
    def aged(self) -> bool:
        return self.age_min is not None or self.age_max is not None

    @property
    def notice(self) -> bool:
        return bool(self.notice_zh)

    @property
    def agreement(self) -> bool:
        return bool(self.agreement_zh)

    def to_json(self) -> dict[str, Any]:
        """Only what is set: the default is an empty object, and a rule added later needs no migration."""
        plain = SaleRules()
        stored = {
            one.name: value for one in fields(self) if (value := getattr(self, one.name)) != getattr(plain, one.name)
        }
        for name in ("channels", "pay_methods"):
            if name in stored:
                stored[name] = list(stored[name])
        if "limits" in stored:
            stored["limits"] = [asdict(one) for one in self.limits]
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SaleRules:
        """What `to_json` wrote. Raises TypeError on anything else."""
        values = dict(stored)
        for name in ("channels", "pay_methods"):
            if name in values:
                values[name] = tuple(values[name])
        if "limits" in values:
            values["limits"] = tuple(Limit(**one) for one in values["limits"])
        return cls(**values)


def checked(rules: SaleRules) -> SaleRules:
    """The rules with their lists in one order and nothing kept that has no meaning: an age limit goes with the names
    it needs (T-20). Pure.

    Raises:
        DomainError: "sale_rules.*", "input.*", its field the rule's name.
    """
    for name, choices in _CHOICES.items():
        if getattr(rules, name) not in choices:
            raise _bad(name, "没有这个选项。", "There is no such choice.")
    for name, (low, high) in _RANGES.items():
        value = getattr(rules, name)
        if value is not None:
            within(value, name, low, high)
    rules = replace(
        rules,
        **{name: optional_text(getattr(rules, name), name, MAX_TEXT) for name in _TEXTS},
        channels=_channels(rules.channels),
        pay_methods=_methods(rules.pay_methods),
        limits=_limits(rules),
    )
    if rules.real_name != "all":
        rules = replace(rules, age_min=None, age_max=None)
    if rules.group_min <= 1:
        rules = replace(rules, group_refund="refuse", group_single_fen=0)
    _consistent(rules)
    return rules


_CHOICES: dict[str, Iterable[str]] = {
    "real_name": REAL_NAMES,
    "group_refund": GROUP_REFUNDS,
    "printing": PRINTINGS,
    "preference": PREFERENCES,
    "proof": PROOFS,
}
_RANGES = {
    "age_min": (0, MAX_AGE),
    "age_max": (0, MAX_AGE),
    "group_min": (0, MAX_GROUP),
    "group_single_fen": (0, 100_000_000),
    "pay_minutes": (1, MAX_PAY_MINUTES),
    "pick_up_hours": (0, MAX_PICK_UP_HOURS),
}
_TEXTS = ("notice_zh", "notice_en", "agreement_zh", "agreement_en", "policy_zh", "policy_en")


def _channels(codes: tuple[str, ...]) -> tuple[str, ...]:
    for code in codes:
        if code not in CHANNELS:
            raise _bad("channels", f"没有渠道 {code}。", f"There is no channel {code}.")
        closed = why_closed(code)
        if closed is not None:
            name = CHANNELS[code]
            raise _bad("channels", f"{name.zh}：{closed[0]}", f"{name.en}: {closed[1]}")
    return tuple(code for code in CHANNELS if code in codes)


def _methods(codes: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := sorted(set(codes) - PAY_METHODS.keys()):
        raise _bad("pay_methods", f"没有支付方式 {unknown[0]}。", f"There is no way to pay {unknown[0]}.")
    kept = tuple(code for code in PAY_METHODS if code in codes)
    return () if len(kept) == len(PAY_METHODS) else kept


def _limits(rules: SaleRules) -> tuple[Limit, ...]:
    if len(rules.limits) > MAX_LIMITS:
        raise _bad("limits", f"最多 {MAX_LIMITS} 行。", f"At most {MAX_LIMITS} lines.")
    kept: dict[tuple[str, str], Limit] = {}
    for limit in rules.limits:
        if limit.per not in LIMIT_OF or limit.span not in LIMIT_IN:
            raise _bad("limits", "没有这种限购。", "There is no such limit.")
        within(limit.most, "limits", 1, MAX_LIMIT)
        one = replace(limit, span="ever") if limit.per == "order" else limit
        if (one.per, one.span) in kept:
            raise _bad("limits", "同一种限购出现两次。", "The same kind of limit appears twice.")
        if one.per == "id" and rules.real_name == "none":
            raise _bad(
                "limits",
                "按证件限购须要求实名：请先设置一人或全部实名。",
                "A limit by ID number needs real names: ask for those of one person or of all.",
            )
        kept[one.per, one.span] = one
    return tuple(sorted(kept.values(), key=lambda one: (LIMIT_OF.index(one.per), LIMIT_IN.index(one.span))))


def _consistent(rules: SaleRules) -> None:
    if rules.age_min is not None and rules.age_max is not None and rules.age_max < rules.age_min:
        raise _bad("age_max", "年龄上限小于下限。", "The oldest is younger than the youngest.")
    for limit in rules.limits:
        if limit.most < rules.group_min:
            raise _bad(
                "limits",
                f"限购 {limit.most} 张少于最小起订量 {rules.group_min} 张，无法购买。",
                f"A limit of {limit.most} is below the group minimum of {rules.group_min}: nobody could buy.",
            )
    if rules.group_refund == "reprice" and not rules.group_single_fen:
        raise _bad(
            "group_single_fen",
            "请填写不足起订量时其余票的单价。",
            "Enter what each ticket left costs when fewer than the minimum are left.",
        )
    if rules.printing == "together" and rules.real_name == "all":
        raise _bad(
            "printing",
            "全部实名时每位游客须有自己的票，不能一票多人。",
            "Where every visitor is named each has a ticket: one code for several does not go with it.",
        )
    for name in ("notice", "agreement", "policy"):
        if getattr(rules, f"{name}_en") and not getattr(rules, f"{name}_zh"):
            raise _bad(f"{name}_zh", "请填写中文内容。", "Enter the Chinese text too.")
    _preference(rules)


def _preference(rules: SaleRules) -> None:
    if rules.preference == "age" and not rules.aged:
        raise _bad(
            "preference",
            "年龄优惠须要求全部实名并设置年龄。",
            "A price for an age group needs the names of all and an age limit.",
        )
    if rules.proof == "sale" and rules.preference != "age" and rules.channels != ("desk",):
        raise _bad(
            "channels",
            "购票时核验凭证的优惠票只能在窗口出售。",
            "A price whose proof is seen at the sale is sold at the front desk alone.",
        )
    if not rules.preference and rules.proof != "none":
        raise _bad("proof", "请先选择优惠对象。", "Choose first whom the price is for.")


def _bad(field: str, zh: str, en: str) -> DomainError:
    return DomainError(f"sale_rules.{field}", zh, en, field)
