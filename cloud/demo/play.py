"""The crowd process: a park's day after the other, gently, for as long as the demo runs."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from django.db import connection
from django_scopes import scope

from cloud.core import business_day
from cloud.demo import curve, site, visits
from cloud.demo.box_office import BoxOffice
from cloud.demo.crowd import Crowd, Pace
from cloud.demo.gate import Gate
from cloud.demo.visits import Visit
from cloud.venues.models import Venue

GENTLE = Pace(walk=700, patience=1500, open=8000, glance=150, between=400)
BUSIEST_PER_SECOND = 0.9
FLOOR = 0.35  # of the busiest: at no time of the day does nobody come
MINUTES_PER_SECOND = 1.0  # a park's twelve hours in twelve minutes
STOCK = 400  # visits sold ahead, so that the gates have work while the cloud is away
BATCH = 20


def gates(control: Path) -> list[Gate]:
    """The lanes the crowd uses."""
    return [Gate(control, plan) for plan in site.LANES if not plan.by_hand]


def groups() -> dict[str, str]:
    """Station key -> exclusion group."""
    return {plan.key: plan.group for plan in site.STATIONS}


class Stock:
    """Visits ready to be played. The box office adds, the gates' queue takes."""

    def __init__(self) -> None:
        self._ready: list[Visit] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._ready)

    def add(self, more: list[Visit]) -> None:
        with self._lock:
            self._ready.extend(more)

    def throw_away(self) -> None:
        with self._lock:
            self._ready.clear()

    def take(self, source: random.Random) -> Visit | None:
        with self._lock:
            return self._ready.pop(source.randrange(len(self._ready))) if self._ready else None


def forever(venue: Venue, control: Path) -> None:
    """Until the process is ended: sells ahead in one thread, sends people to the gates from another."""
    source = random.Random()  # noqa: S311 - who comes when
    stock = Stock()
    crowd = Crowd(gates(control), groups(), GENTLE, print)
    crowd.start()
    threading.Thread(target=_arrive, args=(crowd, stock, source), daemon=True).start()
    with scope(venue=venue):
        office = BoxOffice(venue, source)
        day = business_day.today(venue)
        while True:
            if day != business_day.today(venue):  # tickets of yesterday are worth nothing
                day = business_day.today(venue)
                stock.throw_away()
            if len(stock) < STOCK:
                sold = office.sell(visits.draw(BATCH, source))
                connection.close()  # other processes write too, and this one now waits
                while not office.wait_applied(5.0):
                    print("sold, and not at the gates yet")
                stock.add(sold)
            time.sleep(1.0 if len(stock) > BATCH else 0.1)


def _arrive(crowd: Crowd, stock: Stock, source: random.Random) -> None:
    began = time.monotonic()
    while True:
        minute = (time.monotonic() - began) * MINUTES_PER_SECOND
        time.sleep(source.expovariate(BUSIEST_PER_SECOND * curve.rate(minute, FLOOR)))
        if len(crowd.queue) < len(site.LANES) * 3:  # a long queue sends people elsewhere
            visit = stock.take(source)
            if visit is not None:
                crowd.queue.join(visit)
