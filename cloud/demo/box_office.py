"""Sells the crowd its tickets through the same services the console uses, and spoils some of them."""

from __future__ import annotations

import random
import time
import uuid
from datetime import timedelta

from django.db.models import Min

from cloud.catalog.models import TicketProduct
from cloud.core import business_day
from cloud.core.actors import Actor
from cloud.demo import visits
from cloud.demo.visits import Visit
from cloud.entitlements.models import EdgeCursor, FeedHead, FeedRow
from cloud.sales import services as sales
from cloud.sales.models import Order, OrderUnit
from cloud.venues.models import Venue
from paifang import passes
from paifang.v1 import feed_pb2

ACTOR = Actor.system("demo box office")
STREAMS = (feed_pb2.STREAM_URGENT, feed_pb2.STREAM_BULK)
NAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"


class BoxOffice:
    """Makes visits of a venue. Use it within the venue's scope, in one thread."""

    def __init__(self, venue: Venue, source: random.Random) -> None:
        self.venue = venue
        self.source = source
        self._products = {product.code: product for product in TicketProduct.objects.all()}

    def sell(self, kinds: list[str]) -> list[Visit]:
        """A visit of each kind, in that order; their passes are good once `applied` says so."""
        return [self._make(kind) for kind in kinds]

    def applied(self) -> bool:
        """Whether every edge of the venue has applied all that was sold and spoiled so far."""
        if FeedRow.objects.filter(seq=None).exists():
            return False
        heads = {head.stream: head.seq for head in FeedHead.objects.all()}
        slowest = dict(EdgeCursor.objects.values_list("stream").annotate(Min("seq")))
        return all(slowest.get(stream, -1) >= heads.get(stream, 0) for stream in STREAMS)

    def wait_applied(self, seconds: float) -> bool:
        """The same, waiting for it."""
        deadline = time.monotonic() + seconds
        while not self.applied():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _make(self, kind: str) -> Visit:
        match kind:
            case "adult" | "child" | "family":
                unit = self._unit(kind)
                return self._visit(kind, unit, behaviour=visits.behaviour(self.source))
            case "cable":
                return self._visit(kind, self._unit("cable"), group="cable")
            case "combined":
                unit = self._unit("combined")
                return self._visit(kind, unit, then=self._visit(kind, unit, group="cable"))
            case "id_card":
                person = (visits.id_number(self.source), self.source.choice(NAMES) + self.source.choice("安宁乐康"))
                unit = self._unit("adult", person)
                return Visit(kind, "gates", _label(unit), card=person)
            case "repeat":
                unit = self._unit("adult")
                return self._visit(kind, unit, then=self._visit(kind, unit, good=False))
            case "replaced":
                unit = self._unit("adult")
                visit = self._visit(kind, unit, good=False)
                sales.reissue_unit(actor=ACTOR, venue=self.venue, unit=unit)
                return visit
            case "revoked":
                unit = self._unit("adult")
                sales.revoke_order(actor=ACTOR, venue=self.venue, order=unit.order, why="demo: bought by mistake")
                return self._visit(kind, unit, good=False)
            case "stale":
                return self._visit(kind, self._unit("adult", days=-1), good=False)
            case "wrong_station":
                return self._visit(kind, self._unit("cable"), good=False)
            case "forged":
                genuine = bytes(self._unit("child").entitlement.pass_raw)
                return self._nobody(kind, visits.forged(genuine, self.source))
            case "altered":
                return self._nobody(kind, visits.altered(bytes(self._unit("child").entitlement.pass_raw)))
            case "foreign":
                return self._nobody(kind, visits.foreign(self.source))
        raise ValueError(f"no such kind of visit: {kind}")

    def _unit(self, code: str, person: tuple[str, str] | None = None, days: int = 0) -> OrderUnit:
        """Sells one unit for the business day that many days from today."""
        product = self._products[code]
        visitors = [sales.VisitorInput(name=person[1], id_number=person[0])] if person else []
        line = sales.OrderLine(
            product=product,
            quantity=1,
            visit_date=business_day.today(self.venue) + timedelta(days=days) if product.validity == "dated" else None,
            visitors=visitors,
        )
        order: Order = sales.issue_order(
            actor=ACTOR, venue=self.venue, lines=[line], idempotency_key=f"demo-{uuid.uuid4()}"
        )
        unit: OrderUnit = order.units.select_related("entitlement", "order").get()
        return unit

    def _visit(self, kind: str, unit: OrderUnit, **more: object) -> Visit:
        entitlement = unit.entitlement
        facts = {
            "group": "gates",
            "line": passes.line(bytes(entitlement.pass_raw)),
            "bodies": entitlement.persons,
        } | more
        return Visit(kind, label=_label(unit), **facts)  # type: ignore[arg-type]

    def _nobody(self, kind: str, line: bytes) -> Visit:
        return Visit(kind, "gates", f"{kind}-{uuid.uuid4()}", line=line, good=False)


def _label(unit: OrderUnit) -> str:
    """What the bodies of a genuine pass are called: by it the count at the end knows whose they were."""
    return str(unit.entitlement_id)
