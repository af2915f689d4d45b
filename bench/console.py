"""The console's list pages at a venue with a million orders and five million admissions, on PostgreSQL.

Server time of whole pages (session, permissions, queries, template) through Django's test client, one at a time, warm:
the first page, deep pages, filters both common and rare, searches by number, name and ID number, both orders.
Against: the same pages of a venue with a thousand orders, in the same database, in turn.

`PAIFANG_BENCH_SHARE=0.05` makes the big venue that much smaller, to try something out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.results import Result, percentile

ORDERS, ADMISSIONS = 1_000_000, 5_000_000
SMALL = 1_000, 5_000
ROUNDS = 12


def console() -> Iterator[Result]:
    from tests.support.postgres import cluster

    with cluster() as url:
        done = subprocess.run(
            [sys.executable, "-m", "bench.console"], env=os.environ | {"PAIFANG_DATABASE_URL": url},
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    measured: dict[str, list[int]] = json.loads(done.stdout.splitlines()[-1])
    everything = [one for name, times in measured.items() if name.startswith("big ") for one in times]
    small = [one for name, times in measured.items() if name.startswith("small ") for one in times]
    ours, theirs = percentile(everything, 0.95) / 1000, percentile(small, 0.95) / 1000
    against = "the same with 1,000 orders"
    yield Result("console_1m", ours, "ms p95", against, theirs, ours / theirs, len(everything))
    slowest = max((name for name in measured if name.startswith("big ")), key=lambda name: max(measured[name]))
    own = slowest.replace("big ", "small ")
    ours, theirs = (percentile(measured[name], 0.95) / 1000 for name in (slowest, own))
    yield Result(f"console_1m {slowest[4:]}", ours, "ms p95", against, theirs, ours / theirs, ROUNDS)


BENCHES = {"console_1m": console}


def _child() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    settings.ALLOWED_HOSTS = ["*"]
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)
    from bench.console_fill import fill, make_place
    from cloud.staff.models import Employee
    from cloud.staff.services import create_employee
    from tests.support.venue import SYSTEM

    share = float(os.environ.get("PAIFANG_BENCH_SHARE", "1"))
    create_employee(actor=SYSTEM, username="bench", password="correct horse battery", superuser=True)
    sizes = {"small": SMALL, "big": (int(ORDERS * share), int(ADMISSIONS * share))}
    for code, (orders, admissions) in sizes.items():
        start = time.monotonic()
        fill(make_place(code), orders, admissions)
        print(f"{code}: filled in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    client = Client()
    client.force_login(Employee.objects.get(username="bench"), backend="django.contrib.auth.backends.ModelBackend")
    measured: dict[str, list[int]] = {}
    paths = {code: _paths(code) for code in sizes}
    for turn in range(ROUNDS + 1):
        for code in sizes:
            _choose(client, code)
            for name, path in paths[code].items():
                start_ns = time.perf_counter_ns()
                response = client.get(path)
                taken = (time.perf_counter_ns() - start_ns) // 1000
                if response.status_code != 200:
                    raise RuntimeError(f"{path}: {response.status_code}")
                if turn:  # the first is to warm up
                    measured.setdefault(f"{code} {name}", []).append(taken)
    for name, times in measured.items():
        print(f"{name}: p95 {percentile(times, 0.95) / 1000:.0f} ms", file=sys.stderr)
    print(json.dumps(measured))


def _choose(client: object, code: str) -> None:
    from cloud.admin.desk import SESSION_VENUE

    session = client.session  # type: ignore[attr-defined]
    session[SESSION_VENUE] = code
    session.save()


def _paths(code: str) -> dict[str, str]:
    """What is asked of a venue: a name for each, and its address."""
    from urllib.parse import urlencode

    from django.utils import timezone
    from django_scopes import scope

    from cloud.admissions.models import Admission
    from cloud.catalog.models import TicketProduct
    from cloud.sales.models import Order, Visitor
    from cloud.venues.models import Device, Station, Venue

    venue = Venue.objects.get(code=code)
    with scope(venue=venue):
        number = Order.objects.order_by("pk")[500].number
        name = Visitor.objects.order_by("pk")[500].name
        common, rare = (TicketProduct.objects.get(code=one).pk for one in ("p0", "p39"))
        stations, lanes = Station.objects.order_by("pk"), Device.objects.order_by("pk")
        station, lane = stations[0].pk, lanes[39].pk
        today = timezone.localdate().isoformat()
        rare_outcome = Admission.Outcome.UNTICKETED
    deep = {"page": "400"} if code == "big" else {"page": "20"}
    asked: dict[str, tuple[str, dict[str, object]]] = {
        "orders": ("orders", {}),
        "orders, a deep page": ("orders", deep),
        "orders, oldest first": ("orders", {"sort": "issued"}),
        "orders, revoked": ("orders", {"state": "revoked"}),
        "orders of a common product": ("orders", {"product": common}),
        "orders of a rare product": ("orders", {"product": rare}),
        "orders valid today": ("orders", {"visit": today}),
        "orders of today": ("orders", {"since": today}),
        "orders by number": ("orders", {"q": number}),
        "orders by a number's beginning": ("orders", {"q": number[:6]}),
        "orders by a name": ("orders", {"q": name}),
        "orders by a surname": ("orders", {"q": name[:1]}),
        "orders by no name there is": ("orders", {"q": "诸葛亮明"}),
        "orders by a product's name": ("orders", {"q": "门票03"}),
        "orders by an ID number": ("orders", {"q": "110101199003070011"}),
        "admissions": ("admissions", {}),
        "admissions, a deep page": ("admissions", deep),
        "admissions at a station": ("admissions", {"station": station}),
        "admissions at a quiet lane": ("admissions", {"lane": lane}),
        "admissions, refused": ("admissions", {"decision": "3"}),
        "admissions by a rare outcome": ("admissions", {"outcome": rare_outcome}),
        "admissions by order number": ("admissions", {"q": number}),
        "admissions by a name": ("admissions", {"q": name}),
        "admissions, oldest first": ("admissions", {"sort": "at"}),
        "audit": ("audit", {}),
        "audit, a deep page": ("audit", deep),
        "audit by a person": ("audit", {"q": "till 7"}),
        "audit by a person there is not": ("audit", {"q": "nobody"}),
        "audit of an action": ("audit", {"action": "venue.create"}),
    }
    return {title: f"/{key}?{urlencode(query)}" for title, (key, query) in asked.items()}


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cloud.settings")
    _child()
