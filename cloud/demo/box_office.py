"""Sells the crowd its tickets through the same services the console uses, and spoils some of them."""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min
from django.utils import timezone

from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.services import snapshot_rules
from cloud.core import business_day
from cloud.core.actors import Actor
from cloud.demo import catalogue, visits
from cloud.demo.visits import Visit
from cloud.entitlements.models import EdgeCursor, Entitlement, FeedHead, FeedRow
from cloud.entitlements.rotating import key_for_today
from cloud.entitlements.selectors import pass_line, shown_line
from cloud.entitlements.services import Grant, issue
from cloud.sales import services as sales
from cloud.sales.models import Order, OrderUnit
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Venue
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
                return Visit(kind, "gates", str(unit.entitlement_id), card=person)
            case "annual":
                unit = self._unit("annual")
                return self._visit(kind, unit, then=self._visit(kind, unit, good=False))
            case "rides":
                entry, cable = self._sold("rides", 1)
                return self._visit(kind, entry, then=self._visit(kind, cable, group="cable"))
            case "package":
                entry, cable = self._sold("mountain-day", 1)
                return self._visit(kind, entry, then=self._visit(kind, cable, group="cable"))
            case "timed":
                return self._visit(kind, self._sold("timed", 1, slot=self._slot())[0])
            case "night":
                [hours] = rules_of(self._products["night"]).hours
                return self._visit(kind, self._unit("night"), good=hours.start <= self._minute() < hours.end)
            case "live_code" | "picture":
                return self._live(kind, self._unit("e-ticket"))
            case "goes":
                unit = self._unit("group")
                return self._visit(kind, unit, bodies=2, then=self._visit(kind, unit, bodies=2))
            case "leaves":
                unit = self._unit(self.source.choice(("adult", "family")))
                return self._visit(kind, unit, then=self._visit(kind, unit, group="out"))
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
                return self._visit(kind, self._yesterdays(), good=False)
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

    def _live(self, kind: str, unit: OrderUnit) -> Visit:
        """A phone with the ticket's page open, or a picture of the pass in it."""
        if kind == "picture":
            return self._visit(kind, unit, line=pass_line(unit.entitlement).encode(), good=False)
        raw, key = bytes(unit.entitlement.pass_raw), key_for_today(unit.entitlement).key
        return self._visit(kind, unit, line=b"", live=(raw, key), behaviour=visits.behaviour(self.source))

    def _slot(self) -> int:
        """The start of the slot that it is now."""
        now = self._minute()
        return next(slot.start for slot in catalogue.SLOTS if slot.start <= now < slot.end)

    def _minute(self) -> int:
        """Of the venue's clocks, from the business day's midnight."""
        now = timezone.now()
        midnight = business_day.wall(self.venue, business_day.today(self.venue, now), 0)
        return int((now - midnight).total_seconds()) // 60

    def _unit(self, code: str, person: tuple[str, str] | None = None) -> OrderUnit:
        """Sells one unit for today."""
        return self._sold(code, 1, person)[0]

    def _sold(
        self, code: str, quantity: int, person: tuple[str, str] | None = None, slot: int | None = None
    ) -> list[OrderUnit]:
        """Sells units for today."""
        product = self._products[code]
        visitors = [VisitorInput(name=person[1], id_number=person[0])] if person else []
        line = OrderLine(
            product=product,
            quantity=quantity,
            slot=slot,
            visit_date=business_day.today(self.venue) if product.validity == "dated" else None,
            visitors=visitors,
        )
        order: Order = sales.issue_order(
            actor=ACTOR, venue=self.venue, lines=[line], idempotency_key=f"demo-{uuid.uuid4()}"
        )
        return list(order.units.select_related("entitlement__venue", "order"))

    @transaction.atomic
    def _yesterdays(self) -> Entitlement:
        """A ticket of yesterday. No sale makes one, so it is issued without an order."""
        product = self._products["adult"]
        calendar = business_day.calendar_of(self.venue)
        day = business_day.today(self.venue) - timedelta(days=1)
        end = calendar.end(day) - timedelta(seconds=1)
        return issue(self.venue, Grant(product, snapshot_rules(product), calendar.start(day), end, product.persons))

    def _visit(self, kind: str, sold: OrderUnit | Entitlement, **more: Any) -> Visit:
        entitlement = sold.entitlement if isinstance(sold, OrderUnit) else sold
        line = b"" if entitlement.rotating else shown_line(entitlement).encode()
        return replace(Visit(kind, "gates", str(entitlement.pk), line, bodies=entitlement.persons), **more)

    def _nobody(self, kind: str, line: bytes) -> Visit:
        return Visit(kind, "gates", f"{kind}-{uuid.uuid4()}", line=line, good=False)
