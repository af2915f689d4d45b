"""What the demo venue is: stations, lanes, employees. Plain values; no database here. catalogue.py has its products."""

from __future__ import annotations

from dataclasses import dataclass

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
