"""What the demo venue sells: single tickets, two packages, two annual cards. Plain values; no database here."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cloud.catalog.card_rules import POOL, CardRules
from cloud.catalog.info import ProductInfo
from cloud.catalog.models import TicketProduct
from cloud.catalog.refund_rules import CONDITIONAL, KEPT, PARTS, PERCENT, Amount, RefundRules, Tier
from cloud.catalog.rules import DAY_MINUTES, ProductRules, Times
from cloud.demo.site import DAY_START

GATES = ("west", "east")
DAY = 24 * 60  # minutes

# Two hours each, through the whole business day.
SLOTS = tuple(Times(start, start + 120) for start in range(DAY_START, DAY_START + DAY_MINUTES, 120))
SLOT_STOCK = 800

PLACE = ProductInfo(
    poi="牌坊山风景区",
    area_zh="牌坊山风景区",
    area_en="Paifang Mountain",
    address_zh="浙江省杭州市牌坊山路 1 号",
    address_en="1 Paifangshan Road, Hangzhou",
    latitude=Decimal("30.245853"),
    longitude=Decimal("120.209947"),
    phone="0571-8888 0000",
)

# Whole until a day before the visit, then a fifth is kept; on the day of the visit nothing comes back.
TIERED = RefundRules(
    kind=CONDITIONAL,
    deadline="check_in",
    fee="tiers",
    tiers=(
        Tier(None, -DAY, Amount(KEPT)),
        Tier(-DAY, 0, Amount(KEPT, PERCENT, 2_000)),
        Tier(0, None, Amount(KEPT, PERCENT, 10_000)),
    ),
)
UNUSED = RefundRules(kind=CONDITIONAL, only_inactive=False, within_days=7)


@dataclass(frozen=True, slots=True)
class CategoryPlan:
    key: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class RidePlan:
    """A single ticket an annual card is good for, with its limits; 0: none."""

    code: str
    total: int = 0
    per_month: int = 0
    per_day: int = 0


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """A product: `stations` by key, `parts` as (code, quantity), `about` what a buyer reads first, in both languages.

    `busy_fen`: the price on weekends and public holidays; none: as on other days.
    """

    code: str
    name_zh: str
    name_en: str
    price_fen: int
    stations: tuple[str, ...]
    about: tuple[str, str]
    category: str = "tickets"
    kind: str = TicketProduct.Kind.TICKET
    persons: int = 1
    validity: str = "dated"
    valid_days: int = 1
    uses: int = 1
    rules: ProductRules = ProductRules()  # noqa: RUF009 - frozen
    refund: RefundRules = TIERED
    stock: int | None = None
    busy_fen: int | None = None
    parts: tuple[tuple[str, int], ...] = ()
    rides: tuple[RidePlan, ...] = ()
    card: CardRules = CardRules()  # noqa: RUF009 - frozen


CATEGORIES = (
    CategoryPlan("tickets", "门票", "Entry"),
    CategoryPlan("rides", "游乐项目", "Rides"),
    CategoryPlan("packages", "套票", "Packages"),
    CategoryPlan("cards", "年卡", "Annual cards"),
)

PRODUCTS = (
    ProductPlan(
        "adult", "成人票", "Adult", 12_000, GATES,
        ("身高 1.4 米以上游客，当日入园一次。", "For visitors taller than 1.4 m: one entry on the day booked."),
        stock=20_000, busy_fen=14_000,
    ),
    ProductPlan(
        "child", "儿童票", "Child", 6_000, GATES,
        ("身高 1.0 至 1.4 米的儿童，须有成人同行。", "For children of 1.0 to 1.4 m, with an adult."),
        stock=10_000, busy_fen=7_000,
    ),
    ProductPlan(
        "family", "家庭票（四人）", "Family of four", 32_000, GATES,
        ("一码四人，可同时入园。", "One code for four, who come in together."), persons=4, stock=3_000,
    ),
    ProductPlan(
        "cable", "索道票", "Cable car", 8_000, ("cable",),
        ("往返索道一次，需先购门票入园。", "The cable car up and down, for visitors inside."),
        category="rides", stock=6_000,
    ),
    ProductPlan(
        "combined", "门票索道联票", "Entry and cable car", 18_000, (*GATES, "cable"),
        ("一码通用：入园一次，乘索道一次。", "One code for both: one entry and one ride."), stock=5_000,
    ),
    ProductPlan(
        "three-days", "三日票", "Three days", 26_000, GATES,
        ("购票当日起三日内入园一次。", "One entry within three days from the purchase."), validity="open", valid_days=3,
    ),
    ProductPlan(
        "timed", "分时票", "Timed entry", 9_000, GATES,
        ("按预约的时段入园，可提前 30 分钟。", "Entry in the slot booked, up to 30 minutes early."),
        rules=ProductRules(slots=SLOTS, early_minutes=30, late_minutes=60), stock=SLOT_STOCK,
    ),
    ProductPlan(
        "night", "夜场票", "Night ticket", 7_000, GATES,
        ("17:00 至次日 02:00 入园。", "Entry from 17:00 to 02:00."),
        rules=ProductRules(hours=(Times(17 * 60, 26 * 60),)), stock=4_000,
    ),
    ProductPlan(
        "e-ticket", "电子票（动态码）", "E-ticket, live code", 11_000, GATES,
        ("手机动态码入园，截图无效。", "By the live code on a phone; a picture of it is refused."),
        rules=ProductRules(rotating=True),
    ),
    ProductPlan(
        "group", "亲友票（可分次入园）", "Friends, in several goes", 30_000, GATES,
        ("一码四人，可分次入园，每次最多两人。", "One code for four, in several goes of two at most."),
        persons=4, rules=ProductRules(at_once=2),
    ),
    ProductPlan(
        "mountain-day", "登山一日套票", "A day on the mountain", 17_500, (*GATES, "cable"),
        ("成人票加索道票，比单买省 25 元。", "Entry and the cable car, 25 yuan less than apart."),
        category="packages", kind=TicketProduct.Kind.PACKAGE, refund=RefundRules(kind=PARTS),
        parts=(("adult", 1), ("cable", 1)),
    ),
    ProductPlan(
        "family-day", "亲子欢乐套票", "Family fun", 59_000, (*GATES, "cable"),
        ("两大两小，含四张索道票。", "Two adults and two children, with four rides of the cable car."),
        category="packages", kind=TicketProduct.Kind.PACKAGE, refund=RefundRules(kind=PARTS),
        parts=(("adult", 2), ("child", 2), ("cable", 4)),
    ),
    ProductPlan(
        "annual", "年卡", "Annual card", 60_000, GATES,
        ("一年内入园 10 次，每月 3 次，每天 1 次。", "Ten entries in a year: three a month, one a day."),
        category="cards", kind=TicketProduct.Kind.ANNUAL, uses=0, refund=UNUSED,
        rides=(RidePlan("adult", 10, 3, 1),),
    ),
    ProductPlan(
        "rides", "畅玩卡（次数共用）", "Rides card, uses shared", 45_000, (*GATES, "cable"),
        ("90 天内入园或乘索道共 5 次，任意组合。", "Five uses in 90 days, of the gates and the cable car in any mix."),
        category="cards", kind=TicketProduct.Kind.ANNUAL, uses=0, refund=UNUSED,
        rides=(RidePlan("adult"), RidePlan("cable")),
        card=CardRules(combination=POOL, pool_total=5, months=0, days=90),
    ),
)  # fmt: skip
