"""The cloud's side of an end-to-end test: `python -m tests.support.till`, one JSON request a line on stdin.

It runs in the environment of the stack under test, on the same database, and sells, spoils and reads through the
same services and tables as the console.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402
from django.db.models import Q  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_scopes import scope  # noqa: E402

from cloud.admissions import selectors  # noqa: E402
from cloud.admissions.models import Admission, JournalEntry, SetAside  # noqa: E402
from cloud.catalog.dates import bought_by_day  # noqa: E402
from cloud.catalog.models import TicketProduct  # noqa: E402
from cloud.catalog.rules import ProductRules  # noqa: E402
from cloud.catalog.sale_rules import SaleRules  # noqa: E402
from cloud.core import business_day  # noqa: E402
from cloud.core.actors import Actor  # noqa: E402
from cloud.demo import site  # noqa: E402
from cloud.demo.venue import ensure_venue  # noqa: E402
from cloud.entitlements.attach import attach  # noqa: E402
from cloud.entitlements.live_services import (  # noqa: E402
    create_device,
    create_product,
    edit_product,
    set_capacity,
    set_device_enabled,
    set_device_products,
    set_station_enabled,
    set_station_products,
)
from cloud.entitlements.selectors import pass_line, shown_line  # noqa: E402
from cloud.gates.services import create_token  # noqa: E402
from cloud.sales.models import Order, OrderUnit  # noqa: E402
from cloud.sales.services import issue_order, reissue_unit, revoke_order  # noqa: E402
from cloud.sales.values import OrderLine, VisitorInput  # noqa: E402
from cloud.venues.models import Device, Edge, Station  # noqa: E402
from cloud.venues.services import create_edge  # noqa: E402
from paifang.reasons import Reason  # noqa: E402
from paifang.records import CredentialKind  # noqa: E402
from paifang.v1 import scan_pb2  # noqa: E402

ACTOR = Actor.system("test")
VENUE = ensure_venue()


def issue(product: str, id_number: str = "", name: str = "张三") -> dict[str, Any]:
    """Sells one ticket for today."""
    sold = TicketProduct.objects.get(code=product)
    today = business_day.today(VENUE) if sold.validity == "dated" else None
    visitors = [VisitorInput(name, id_number)] if id_number else []
    line = OrderLine(sold, 1, today, visitors)
    order = issue_order(actor=ACTOR, venue=VENUE, lines=[line], idempotency_key=str(uuid.uuid4()))
    unit = order.units.select_related("entitlement").get()
    label = str(unit.entitlement_id)
    return {"label": label, "line": pass_line(unit.entitlement), "order": order.number, "unit": unit.pk}


def sell(product: str, quantity: int = 1, days: int = 0, slot: int | None = None) -> dict[str, Any]:
    """Sells some of a product, for so many days from now: every code it gives, as its holder shows it."""
    sold = TicketProduct.objects.get(code=product)
    day = None if bought_by_day(sold) else business_day.today(VENUE) + timedelta(days=days)
    line = OrderLine(sold, quantity, day, slot=slot)
    order = issue_order(actor=ACTOR, venue=VENUE, lines=[line], idempotency_key=str(uuid.uuid4()))
    units = order.units.select_related("entitlement__venue").order_by("position")
    return {
        "units": [
            {
                "label": str(unit.entitlement_id), "line": shown_line(unit.entitlement), "unit": unit.pk,
                "order": order.number, "product": unit.product.code, "price_fen": unit.price_fen,
            }
            for unit in units
        ]
    }  # fmt: skip


def reissue(unit: int) -> dict[str, Any]:
    """A new code for the same ticket."""
    reissue_unit(actor=ACTOR, venue=VENUE, unit=OrderUnit.objects.get(pk=unit))
    return {"line": pass_line(OrderUnit.objects.select_related("entitlement").get(pk=unit).entitlement)}


def revoke(order: str) -> dict[str, Any]:
    revoke_order(actor=ACTOR, venue=VENUE, order=Order.objects.get(number=order), why="test")
    return {}


def presented(label: str) -> dict[str, Any]:
    """What the cloud knows was decided about an entitlement, in order."""
    names = dict(Device.objects.values_list("pk", "identifier"))
    rows = JournalEntry.objects.filter(kind="presentation", entitlement_id=int(label)).order_by("seq")
    decided = [
        [names[row.device_id], scan_pb2.Decision.Name(row.decision).removeprefix("DECISION_"), Reason(row.reason).name]
        for row in rows
    ]
    return {"decided": decided}


def admissions(label: str) -> dict[str, Any]:
    """Each admission's outcome, persons passed and returned, and whether it was settled after a restart."""
    rows = Admission.objects.filter(entitlement_id=int(label)).order_by("seq")
    return {"admissions": [[row.outcome, row.passed, row.returned, row.recovered] for row in rows]}


def reasons() -> dict[str, Any]:
    """How often each reason was given to something that is no ticket of ours."""
    refused = JournalEntry.objects.filter(kind="presentation", decision=scan_pb2.DECISION_REFUSE)
    rows = refused.filter(Q(entitlement_id=None) | Q(entitlement_id=0))
    named = [Reason(reason).name for reason in rows.values_list("reason", flat=True)]
    return {"reasons": {name: named.count(name) for name in sorted(set(named))}}


def journal() -> dict[str, Any]:
    """The demo's own edge in figures: entries, admissions, persons let in by entitlement, what was set aside and why.

    Read in the order that makes "all entries are here, none is open" hold for what is read after it.
    """
    edge = Edge.objects.get(name=site.EDGE_NAME)
    admitted = Admission.objects.filter(edge=edge)
    figures = {
        "entries": JournalEntry.objects.filter(edge=edge).count(),
        "open": admitted.filter(outcome="open").count(),
        "admissions": admitted.count(),
        "set_aside": list(SetAside.objects.values_list("why", flat=True)),
    }
    passed: Counter[str] = Counter()
    for entitlement, persons in admitted.filter(leaving=False).values_list("entitlement_id", "passed"):
        passed[str(entitlement)] += persons
    return figures | {"passed": +passed}


def counted() -> dict[str, Any]:
    """The business day so far, as pages show it."""
    so_far = selectors.today(VENUE)
    return {"admissions": so_far.admissions, "entered": so_far.entered, "left": so_far.left, "inside": so_far.inside}


def product(
    code: str, rules: dict[str, Any], uses: int = 0, sale: dict[str, Any] | None = None, **columns: Any
) -> dict[str, Any]:
    """A ticket for the gates, on sale. `sale`: its order rules; `columns`: further terms of it."""
    made = create_product(
        actor=ACTOR, venue=VENUE, code=code, name_zh=code, price_fen=1, uses=uses, rules=ProductRules.from_json(rules),
        stations=list(Station.objects.filter(name_en__in=("West gate", "East gate"))), **columns,
    )  # fmt: skip
    if sale:
        edit_product(actor=ACTOR, venue=VENUE, product=made, sale_rules=SaleRules.from_json(sale))
    return {}


def room(capacity: int | None) -> dict[str, Any]:
    """So many may be inside at once."""
    set_capacity(actor=ACTOR, venue=VENUE, capacity=capacity, day_capacity=None)
    return {}


def lane(edge: int, station: str, identifier: str) -> dict[str, Any]:
    """A gate of another edge at a station of the demo, by its English name."""
    create_device(
        actor=ACTOR, venue=VENUE, identifier=identifier, name=identifier, edge=Edge.objects.get(pk=edge),
        station=Station.objects.get(name_en=station),
    )  # fmt: skip
    return {}


def switch(name: str, on: bool) -> dict[str, Any]:
    """A station by its English name, or a device by its identifier, on or off."""
    station, device = Station.objects.filter(name_en=name).first(), Device.objects.filter(identifier=name).first()
    if station is not None:
        set_station_enabled(actor=ACTOR, venue=VENUE, station=station, enabled=on)
    else:
        set_device_enabled(actor=ACTOR, venue=VENUE, device=device, enabled=on)
    return {}


def narrow(device: str, products: list[str] | None) -> dict[str, Any]:
    """A lane verifies just these of its station's products; None: all of them."""
    chosen = None if products is None else TicketProduct.objects.filter(code__in=products)
    set_device_products(actor=ACTOR, venue=VENUE, device=Device.objects.get(identifier=device), products=chosen)
    return {}


def verifies(station: str, without: str = "", also: str = "") -> dict[str, Any]:
    """A station by its English name loses or gets a product."""
    place = Station.objects.get(name_en=station)
    wanted = {product.code for product in place.products.all()} - {without} | ({also} if also else set())
    products = TicketProduct.objects.filter(code__in=wanted)
    set_station_products(actor=ACTOR, venue=VENUE, station=place, products=products)
    return {}


def attached(unit: int, kind: int, value: str) -> dict[str, Any]:
    """Something else that stands for the ticket."""
    entitlement = OrderUnit.objects.get(pk=unit).entitlement
    attach(actor=ACTOR, venue=VENUE, entitlement=entitlement, kind=CredentialKind(kind), value=value)
    return {}


def live_code(unit: int) -> dict[str, Any]:
    """What the visitor's phone shows now."""
    return {"line": shown_line(OrderUnit.objects.select_related("entitlement").get(pk=unit).entitlement)}


def token() -> dict[str, Any]:
    """For a new edge: the one under test keeps its certificate."""
    edge = create_edge(actor=ACTOR, venue=VENUE, name=f"spare {uuid.uuid4()}")
    return {"token": create_token(actor=ACTOR, edge=edge), "edge": edge.pk}


def retire(edge: int) -> dict[str, Any]:
    """No order waits any more for that edge to hear of its revocation."""
    Edge.objects.filter(pk=edge).update(retired_at=timezone.now())
    return {}


DOES: dict[str, Callable[..., dict[str, Any]]] = {
    act.__name__: act
    for act in (
        issue,
        sell,
        reissue,
        revoke,
        presented,
        admissions,
        reasons,
        journal,
        counted,
        product,
        room,
        lane,
        switch,
        narrow,
        verifies,
        attached,
        live_code,
        token,
        retire,
    )
}


def main() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        with scope(venue=VENUE):
            reply = DOES[request.pop("do")](**request)
        connection.close()  # it may wait long for the next request
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
