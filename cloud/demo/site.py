"""What the demo venue is: stations, lanes, ticket products, employees. Plain values; no database here."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.catalog.rules import DAY_MINUTES, ProductRules, Times

VENUE_CODE = "paifang-mountain"
VENUE_NAME = ("牌坊山风景区", "Paifang Mountain")
TIME_ZONE = "Asia/Shanghai"
DAY_START = 4 * 60  # who comes with a night ticket after midnight still comes on its day
CAPACITY = 20_000
EDGE_NAME = "entrance-1"


@dataclass(frozen=True, slots=True)
class StationPlan:
    """A station. Stations of one `group` share one use counter: in by one of them, not again by another.

    `inner`: it lies inside the venue. `exit`: it lets people out.
    """

    key: str
    name_zh: str
    name_en: str
    group: str
    inner: bool = False
    exit: bool = False


@dataclass(frozen=True, slots=True)
class LanePlan:
    """A lane: scanner and turnstile, on some an ID-card reader. The crowd keeps away from lanes `by_hand`."""

    device: str
    name: str
    station: str
    id_reader: bool = False
    by_hand: bool = False

    def socket(self, part: str) -> str:
        """The file name of an emulator's control socket: part is "qr", "id" or "board"."""
        return f"{self.device.lower()}-{part}.sock"


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """A ticket product: `stations` by key."""

    code: str
    name_zh: str
    name_en: str
    price_fen: int
    stations: tuple[str, ...]
    persons: int = 1
    validity: str = "dated"
    valid_days: int = 1
    uses: int = 1
    rules: ProductRules = ProductRules()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class EmployeePlan:
    """A demo login, with a built-in role."""

    username: str
    name: str
    role: str


STATIONS = (
    StationPlan("west", "西大门", "West gate", "gates"),
    StationPlan("east", "东大门", "East gate", "gates"),
    StationPlan("cable", "索道站", "Cable car", "cable", inner=True),
    StationPlan("out", "南门出口", "South exit", "out", exit=True),
)

LANES = (
    LanePlan("WEST-1", "西门 1 / West 1", "west", id_reader=True),
    LanePlan("WEST-2", "西门 2 / West 2", "west"),
    LanePlan("WEST-3", "西门 3 / West 3", "west", by_hand=True),
    LanePlan("EAST-1", "东门 1 / East 1", "east", id_reader=True),
    LanePlan("EAST-2", "东门 2 / East 2", "east"),
    LanePlan("CABLE-1", "索道 1 / Cable car 1", "cable"),
    LanePlan("OUT-1", "出口 1 / Exit 1", "out"),
)

# Two hours each, through the whole business day.
SLOTS = tuple(Times(start, start + 120) for start in range(DAY_START, DAY_START + DAY_MINUTES, 120))

PRODUCTS = (
    ProductPlan("adult", "成人票", "Adult", 12_000, ("west", "east")),
    ProductPlan("child", "儿童票", "Child", 6_000, ("west", "east")),
    ProductPlan("family", "家庭票（四人）", "Family of four", 32_000, ("west", "east"), persons=4),
    ProductPlan("cable", "索道票", "Cable car", 8_000, ("cable",)),
    ProductPlan("combined", "门票索道联票", "Entry and cable car", 18_000, ("west", "east", "cable")),
    ProductPlan("three-days", "三日票", "Three days", 26_000, ("west", "east"), validity="open", valid_days=3),
    ProductPlan(
        "annual",
        "年卡",
        "Annual card",
        60_000,
        ("west", "east"),
        validity="open",
        valid_days=365,
        uses=0,
        rules=ProductRules(total=10, per_month=3, per_day=1, short_code=True),
    ),
    ProductPlan(
        "rides",
        "畅玩卡（次数共用）",
        "Rides card, uses shared",
        45_000,
        ("west", "east", "cable"),
        validity="open",
        valid_days=90,
        uses=0,
        rules=ProductRules(total=5, shared=True),
    ),
    ProductPlan(
        "timed",
        "分时票",
        "Timed entry",
        9_000,
        ("west", "east"),
        rules=ProductRules(slots=SLOTS, early_minutes=30, late_minutes=60),
    ),
    ProductPlan(
        "night", "夜场票", "Night ticket", 7_000, ("west", "east"), rules=ProductRules(hours=(Times(17 * 60, 26 * 60),))
    ),
    ProductPlan(
        "e-ticket",
        "电子票（动态码）",
        "E-ticket, live code",
        11_000,
        ("west", "east"),
        rules=ProductRules(rotating=True),
    ),
    ProductPlan(
        "group",
        "亲友票（可分次入园）",
        "Friends, in several goes",
        30_000,
        ("west", "east"),
        persons=4,
        rules=ProductRules(at_once=2),
    ),
)

EMPLOYEES = (
    EmployeePlan("admin", "管理员", "administrator"),
    EmployeePlan("manager", "票务经理", "product_manager"),
    EmployeePlan("supervisor", "闸口主管", "gate_supervisor"),
    EmployeePlan("viewer", "查看员", "viewer"),
)
# The demo listens on loopback only, and its logins are printed when it starts.
PASSWORD = "paifang-demo"  # noqa: S105


def station(key: str) -> StationPlan:
    return next(plan for plan in STATIONS if plan.key == key)


def lane(device: str) -> LanePlan:
    """The lane of an identifier, in any case. Raises KeyError naming the lanes there are."""
    for plan in LANES:
        if plan.device == device.upper():
            return plan
    raise KeyError(f"there is no lane {device}; there are {', '.join(plan.device for plan in LANES)}")
