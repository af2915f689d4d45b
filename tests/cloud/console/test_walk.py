"""Every link there is, followed by each kind of employee: all lead somewhere, and all words are in the language."""

from __future__ import annotations

import re
from collections import deque
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from cloud.admissions.models import Case
from cloud.core.business_day import today
from cloud.entitlements import keys
from cloud.sales import services as sales
from cloud.sales.values import OrderLine, VisitorInput
from cloud.staff import services as staff
from cloud.staff.permissions import Permission
from cloud.venues.models import Station, Venue
from paifang.reasons import Reason
from tests.support import venue as make
from tests.support.presented import present

BACKEND = "django.contrib.auth.backends.ModelBackend"
ROLES = ("viewer", "gate_supervisor", "product_manager", "administrator")
LINK = re.compile(r'(?:href|hx-get)="([^"#]*)"')
PLACEHOLDER = re.compile(r"%\(\w+\)|\{\{|\{%|<function|object at 0x")
CODES = re.compile(rf"(?<![\w./-])(?:{'|'.join(re.escape(one) for one in Permission)})(?![\w.])")
WORD = re.compile(r"[A-Za-z'-]*[a-z][A-Za-z'-]+")  # all capitals are an abbreviation or a code
CHINESE = re.compile(r"[\u4e00-\u9fff]+")
# Names, keys, and what is written the same in both languages.
SAME = frozenset(
    {
        "English", "Google", "Microsoft", "Authenticator", "Excel", "Ctrl", "Esc", "Enter", "Alt", "Shift", "Delete",
        "csv", "xlsx", "mp", "avi", "mov", "rmvb", "rm", "ogv", "webm", "wav", "ogg",
        "Asia", "Shanghai", "中文", "简体中文",
    }
)  # fmt: skip
# What people named, or wrote as an example, in one language or in both.
NAMED = frozenset(
    {
        "tests", "lake", "Lake", "West", "East", "Adult", "adult", "password",
        "西大门", "东大门", "西湖", "成人票",
    }
)  # fmt: skip
# Pages whose matter is in another language: time zones, built-in roles, what a file may say, stored records.
MIXED = re.compile(r"/settings/\d+/edit|/roles/\d+|/\w+/import|/keys/\d+|/audit.*")


class _Reader(HTMLParser):
    """What is read or heard of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style", "code")
        self.said += [value for name, value in attrs if value and name in ("title", "aria-label", "placeholder", "alt")]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style", "code")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


@pytest.fixture
def busy(venue: Venue, report) -> Venue:
    """One of everything, all names of people's making without a letter of the other language."""
    west, east = make.make_station(venue, "西大门", name_en="West"), make.make_station(venue, "东大门", name_en="East")
    edge = make.make_edge(venue, "1")
    lanes = [make.make_gate(venue, station, f"{n}", edge) for n, station in enumerate((west, east))]
    product = make.make_product(venue, "1", name_zh="成人票", name_en="Adult", stations=[west, east])
    lines = [OrderLine(product, 1, today(venue), [VisitorInput("7", make.make_id_number())])]
    sold = [
        sales.issue_order(actor=make.SYSTEM, venue=venue, lines=lines[:1], idempotency_key=str(n)) for n in range(2)
    ]
    sales.revoke_order(actor=make.SYSTEM, venue=venue, order=sold[1], why="5")
    entry = present(lanes[0], sold[0].units.get().entitlement_id)
    present(lanes[1], sold[0].units.get().entitlement_id, reason=Reason.USED_AT_SIBLING)
    Case.objects.create(
        venue=venue, key="1", kind="unticketed", at=entry.at, business_day=today(venue), edge=edge,
        station_id=west.pk, device_id=lanes[0].pk, persons=1, value_fen=8000,
    )  # fmt: skip
    keys.ensure_venue_keys(venue)
    report(edge, *lanes, at=timezone.now())
    return venue


def follow(client: Client) -> dict[str, str]:
    """Every kind of page that links lead to from the first, once as it is and once with something asked of it."""
    seen: dict[str, str] = {}
    kinds: set[tuple[str, bool]] = set()
    waiting = deque(["/"])
    while waiting:
        address = waiting.popleft()
        parts = urlsplit(address)
        kind = re.sub(r"\d+", "0", parts.path), bool(parts.query)
        if kind in kinds:
            continue
        kinds.add(kind)
        response = client.get(address, follow=True)
        assert response.status_code in (200, 204), f"{address}: {response.status_code}"
        if "text/html" not in response.get("Content-Type", ""):
            continue
        seen[address] = response.content.decode()
        for link in LINK.findall(seen[address]):
            target = urlsplit(urljoin(address, unescape(link)))
            # Exports are walked by the conformance test; each would leave a row in the audit.
            if not target.netloc and not target.path.startswith("/static/") and "/export." not in target.path:
                waiting.append(target.path + (f"?{target.query}" if target.query else ""))
    return seen


def words_of(page: str) -> str:
    reader = _Reader()
    reader.feed(page)
    return " | ".join(reader.said)


@pytest.mark.parametrize(("role", "language"), [*((role, "zh-hans") for role in ROLES), ("administrator", "en")])
def test_every_link_of_a_role_leads_to_a_page_in_its_language(busy: Venue, role: str, language: str):
    limited = list(Station.objects.filter(name_zh="西大门")) if role == "gate_supervisor" else []
    employee = staff.hire_employee(
        actor=make.SYSTEM, venue=busy, username="8", name="8", role=role, stations=limited or None
    )
    client = Client()
    client.force_login(employee, backend=BACKEND)
    client.cookies["django_language"] = language
    pages = follow(client)
    assert len(pages) > (60 if role == "administrator" else 12)
    for address, page in pages.items():
        text = words_of(page)
        assert not PLACEHOLDER.findall(text), address
        assert not CODES.findall(text), address
        foreign = set((WORD if language == "zh-hans" else CHINESE).findall(text)) - SAME - NAMED
        assert MIXED.fullmatch(urlsplit(address).path) or not foreign, address
