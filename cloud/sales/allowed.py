"""Whether an order may be sold to this buyer, here, on these terms: channels, names, ages, groups, limits, consents.

Pure: what counts over several orders is cloud.sales.quotas'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

from cloud.catalog.channels import CHANNELS, PAY_METHODS, why_closed
from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.core.errors import DomainError
from cloud.core.idnumber import birth_date
from cloud.sales.asked import Line
from cloud.sales.values import Buyer, Consents, VisitorInput


def check(lines: Sequence[Line], channel: str, buyer: Buyer, consents: Consents) -> None:
    """All of it. Raises DomainError "order.*" as the functions below."""
    for line in lines:
        check_channel(line, channel)
        _proof(line, consents)
        _agreed(line, consents)
    for of_product in _by_product(lines):
        _names(of_product, lines)
        _ages(of_product)
        _quantities(of_product, buyer)


def check_channel(line: Line, channel: str) -> None:
    """Raises DomainError "order.channel": not ticked for the product, or not connected (T-18)."""
    zh, en = _name(line.product)
    if channel not in CHANNELS:
        raise DomainError("order.channel", f"没有渠道 {channel}。", f"There is no channel {channel}.", "channel")
    place, closed = CHANNELS[channel], why_closed(channel)
    if closed is not None:
        raise DomainError("order.channel", f"{place.zh}：{closed[0]}", f"{place.en}: {closed[1]}", "channel")
    if channel not in line.sale.channels:
        raise DomainError("order.channel", f"“{zh}”不在{place.zh}出售。", f"{en} is not sold by {place.en}.", "channel")


def check_method(methods: Iterable[str], allowed: Sequence[str], name: tuple[str, str]) -> None:
    """Raises DomainError "order.pay_method": not a way to pay for it (T-23, T-57)."""
    for method in methods:
        if method not in PAY_METHODS:
            raise DomainError(
                "order.pay_method", f"没有支付方式 {method}。", f"There is no way to pay {method}.", "pay_method"
            )
        if allowed and method not in allowed:
            zh = "、".join(PAY_METHODS[one].zh for one in allowed)
            en = ", ".join(PAY_METHODS[one].en for one in allowed)
            raise DomainError(
                "order.pay_method", f"“{name[0]}”只能用{zh}支付。", f"{name[1]} is paid by {en} only.", "pay_method"
            )


def age_on(born: date, day: date) -> int:
    """Full years. Who was born on 29 February is a year older from 1 March of a common year on."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _proof(line: Line, consents: Consents) -> None:
    """T-65: at the sale somebody must have seen it; an age is proved by the ID number."""
    if line.sale.proof == "sale" and line.sale.preference != "age" and not consents.proof:
        zh, en = _name(line.product)
        raise DomainError(
            "order.proof",
            f"“{zh}”为优惠票，请先核验凭证再出票。",
            f"{en} has a lower price: see the proof for it first, and confirm that you did.",
            "proof",
        )


def _agreed(line: Line, consents: Consents) -> None:
    zh, en = _name(line.product)
    if line.sale.notice and not consents.notice:
        raise DomainError(
            "order.notice", f"请先确认“{zh}”的风险提示。", f"Confirm the risk notice of {en} first.", "notice"
        )
    if line.sale.agreement and not consents.agreement:
        raise DomainError(
            "order.agreement",
            f"请先同意“{zh}”的购买协议。",
            f"Agree to the purchase agreement of {en} first.",
            "agreement",
        )


def _names(lines: Sequence[Line], order: Sequence[Line]) -> None:
    """T-19: one person of the order with an ID number, or one for each ticket, all different."""
    product, sale = lines[0].product, lines[0].sale
    zh, en = _name(product)
    complete = [one for line in lines for one in line.visitors if one.id_number]
    gate = rules_of(product)
    # Where its holder activates it, the page of the ticket asks who that is.
    every = sale.real_name == "all" or (gate.identity and gate.activation != "holder")
    if every and any(len(_complete(line)) < line.quantity for line in lines):
        raise DomainError(
            "order.identity",
            f"“{zh}”为实名票，每张须填游客证件号。",
            f"{en} needs the ID number of each visitor.",
            "visitors",
        )
    if sale.real_name == "one" and not any(_complete(line) for line in order):
        raise DomainError(
            "order.identity",
            f"“{zh}”须填一位游客的姓名和证件号。",
            f"{en} needs the name and ID number of one visitor.",
            "visitors",
        )
    numbers = [(one.id_number, line.visit_date) for line in lines for one in _complete(line)]
    if complete and len(numbers) != len(set(numbers)):
        raise DomainError(
            "order.same_visitor",
            "同一证件号在同一票种中出现两次。",
            "The same ID number appears twice for one ticket type.",
            "visitors",
        )


def _ages(lines: Sequence[Line]) -> None:
    """T-20: on the day of the visit, both bounds included."""
    for line in lines:
        low, high = line.sale.age_min, line.sale.age_max
        if low is None and high is None:
            continue
        for visitor in _complete(line):
            age = age_on(birth_date(visitor.id_number), line.day)
            if (low is not None and age < low) or (high is not None and age > high):
                raise _wrong_age(line.product, visitor, line.day, age, low, high)


def _wrong_age(
    product: TicketProduct, visitor: VisitorInput, day: date, age: int, low: int | None, high: int | None
) -> DomainError:
    zh, en = _name(product)
    if low is not None and high is not None:
        wants = (f"{low} 至 {high} 周岁", f"{low} to {high} years old")
    elif low is not None:
        wants = (f"满 {low} 周岁", f"{low} years or older")
    else:
        wants = (f"不超过 {high} 周岁", f"{high} years or younger")
    who = "…" + visitor.id_number[-4:]
    return DomainError(
        "order.age",
        f"“{zh}”限{wants[0]}：证件尾号 {who} 在 {day} 为 {age} 周岁。",
        f"{en} is for visitors {wants[1]}: the one with ID {who} is {age} on {day}.",
        "visitors",
    )


def _quantities(lines: Sequence[Line], buyer: Buyer) -> None:
    """T-22 and of T-24 what one order may have; and that a limit by phone or member knows whom it counts."""
    sale, wanted = lines[0].sale, sum(line.quantity for line in lines)
    zh, en = _name(lines[0].product)
    if wanted < sale.group_min:
        raise DomainError(
            "order.group",
            f"“{zh}”为团体票，{sale.group_min} 张起订。",
            f"{en} is a group ticket: from {sale.group_min} on.",
            "quantity",
        )
    for limit in sale.limits:
        if limit.per == "order" and wanted > limit.most:
            raise DomainError(
                "order.limit", f"“{zh}”每单限购 {limit.most} 张。", f"{en}: at most {limit.most} an order.", "quantity"
            )
        if limit.per == "phone" and not buyer.phone.strip():
            raise DomainError(
                "order.phone", f"“{zh}”按手机号限购，请填手机号。", f"{en} is limited by phone: enter one.", "phone"
            )
        if limit.per == "member" and not buyer.member.strip():
            raise DomainError(
                "order.member",
                f"“{zh}”按会员限购，请填会员号。",
                f"{en} is limited by member: enter a number.",
                "member",
            )


def _complete(line: Line) -> list[VisitorInput]:
    return [visitor for visitor in line.visitors if visitor.id_number]


def _by_product(lines: Iterable[Line]) -> list[list[Line]]:
    found: dict[int, list[Line]] = defaultdict(list)
    for line in lines:
        found[line.product.pk].append(line)
    return list(found.values())


def _name(product: TicketProduct) -> tuple[str, str]:
    return product.name_zh, product.name_en or product.name_zh
