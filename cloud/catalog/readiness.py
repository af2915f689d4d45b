"""What a product lacks before it can be sold, block by block (T-06). Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cloud.catalog import booking, card_rules, refund_rules, rules, sale_rules
from cloud.catalog.contents import contents, parts_of, rides_of
from cloud.catalog.info import ProductInfo, checked_info
from cloud.catalog.models import CalendarCell, Category, ProductMedia, Spec, TicketProduct
from cloud.core.business_day import today
from cloud.core.errors import DomainError

BASICS, DETAIL, CONTENTS, PRICE, ORDER, GATE, REFUND = (
    "basics", "detail", "contents", "price", "order", "gate", "refund",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Missing:
    """Something to do in a block. Only what is `needed` keeps a product off sale; the rest is advice."""

    block: str
    code: str
    zh: str
    en: str
    needed: bool = True

    def text(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


def missing(product: TicketProduct) -> list[Missing]:
    """All that is missing, in the order of the blocks."""
    return [
        *_basics(product),
        *_detail(product),
        *_contents(product),
        *_price(product),
        *_rules(ORDER, lambda: sale_rules.checked(sale_rules.SaleRules.from_json(product.sale_rules))),
        *_rules(ORDER, lambda: booking.checked(booking.BookingRules.from_json(product.booking_rules))),
        *_channels(product),
        *_gate(product),
        *_rules(
            REFUND,
            lambda: refund_rules.checked(refund_rules.RefundRules.from_json(product.refund_rules), product.kind),
        ),
    ]


def require_ready(product: TicketProduct) -> None:
    """Raises DomainError "product.incomplete", which names what is missing."""
    lacking = [one for one in missing(product) if one.needed]
    if lacking:
        raise DomainError(
            "product.incomplete",
            f"“{product.name_zh}”还不能上架：{'；'.join(one.zh.rstrip('。') for one in lacking)}。",
            f"{product.name_en or product.name_zh} cannot be put on sale yet: {' '.join(one.en for one in lacking)}",
        )


def _basics(product: TicketProduct) -> Iterator[Missing]:
    yield from _rules(BASICS, lambda: checked_info(ProductInfo.from_json(product.info)))
    if not product.name_en:
        yield Missing(BASICS, "name_en", "没有英文名称。", "It has no English name.", needed=False)
    if not product.info.get("area_zh"):
        yield Missing(BASICS, "place", "没有填写景区。", "It does not say where it is.", needed=False)


def _detail(product: TicketProduct) -> Iterator[Missing]:
    if not product.media.filter(role=ProductMedia.Role.COVER).exists():
        yield Missing(DETAIL, "cover", "没有封面图。", "It has no cover picture.", needed=False)
    if not product.texts.get("introduction"):
        yield Missing(DETAIL, "introduction", "没有产品介绍。", "It has no introduction.", needed=False)


def _contents(product: TicketProduct) -> Iterator[Missing]:
    match product.kind:
        case TicketProduct.Kind.PACKAGE:
            if not parts_of(product):
                yield Missing(CONTENTS, "parts", "套票还没有包含门票。", "The package contains no tickets yet.")
        case TicketProduct.Kind.ANNUAL:
            if not rides_of(product):
                yield Missing(CONTENTS, "rides", "年卡还没有选择门票。", "The card is good for no tickets yet.")
            yield from _rules(CONTENTS, lambda: card_rules.checked(card_rules.CardRules.from_json(product.card_rules)))


def _price(product: TicketProduct) -> Iterator[Missing]:
    specs = list(product.specs.all())
    if not specs:
        yield Missing(PRICE, "specs", "没有规格。", "It has no specs.")
    cells = CalendarCell.objects.filter(spec__product=product, price_fen__isnull=False, closed=False)
    priced = set(cells.filter(day__gte=today(product.venue)).values_list("spec_id", flat=True).distinct())
    categories = Category.objects.filter(venue_id=product.venue_id).exists()
    for spec in specs:
        zh, en = name_of(spec)
        if spec.price_fen is None and spec.pk not in priced:
            yield Missing(
                PRICE, "price", f"{zh}没有价格：填写价格，或在日历中定价。",
                f"{en} has no price: enter one, or price days in the calendar.",
            )  # fmt: skip
        if categories and spec.category_id is None:
            yield Missing(PRICE, "category", f"{zh}没有选择分类。", f"{en} names no category.")


def _channels(product: TicketProduct) -> Iterator[Missing]:
    if product.sale_rules.get("channels") == []:
        yield Missing(ORDER, "channels", "没有选择可售渠道。", "No channel sells it.")


def _gate(product: TicketProduct) -> Iterator[Missing]:
    yield from _rules(GATE, lambda: rules.checked(rules.ProductRules.from_json(product.rules)))
    if not product.stations.exists():
        yield Missing(GATE, "stations", "没有验票站点。", "No station verifies it.")
    if product.kind != TicketProduct.Kind.TICKET:
        yield from _rules(GATE, lambda: contents(Spec(product=product), 0))


def _rules(block: str, check: Callable[[], object]) -> Iterator[Missing]:
    """What its own rules say against what is stored: a rule may have become stricter since."""
    try:
        check()
    except DomainError as error:
        yield Missing(block, error.code, error.zh, error.en)


def name_of(spec: Spec) -> tuple[str, str]:
    """How a spec is called in a sentence, in both languages."""
    if not spec.name_zh:
        return "", "It"
    return f"规格“{spec.name_zh}”", f"The spec {spec.name_en or spec.name_zh}"
