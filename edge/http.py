"""Health and metrics over HTTP, for people and monitors on the entrance's own network. No framework, no writes.

GET /health    the whole health as JSON; 503 when nobody can be admitted
GET /metrics   the same figures for Prometheus
POST /explain  why a credential is or would be refused, as JSON; for programs on this machine alone
"""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.verifier import StoreError

log = logging.getLogger(__name__)

Health = Callable[[], dict[str, Any]]
Explain = Callable[[dict[str, Any]], dict[str, Any]]  # edge.explain.Explainer.asked; ValueError: wrongly asked
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

RETRY_S = 5.0
TEXT = b"text/plain; version=0.0.4; charset=utf-8"
JSON = b"application/json"
MAX_QUESTION = 16_384  # bytes
Answer = tuple[int, bytes, bytes]  # status, content type, body


class App:
    """The ASGI application."""

    def __init__(self, health: Health, explain: Explain | None = None) -> None:
        self._health = health
        self._explain = explain
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(health))

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            if scope["path"] == "/explain":
                status, kind, body = await self._explained(scope, receive)
            else:
                status, kind, body = self._answer(scope["method"], scope["path"])
            headers = [
                (b"content-type", kind),
                (b"content-length", str(len(body)).encode()),
                (b"cache-control", b"no-store"),
            ]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _answer(self, method: str, path: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return 405, b"text/plain", b"only GET\n"
        if path == "/health":
            try:
                health = self._health()
            except StoreError as problem:
                health = {"status": "failing", "problems": [f"the store cannot be read: {problem}"]}
            body = json.dumps(health, ensure_ascii=False, indent=1).encode() + b"\n"
            return 503 if health["status"] == "failing" else 200, JSON, body
        if path == "/metrics":
            return 200, TEXT, generate_latest(self._registry)
        return 404, b"text/plain", b"there is /health and /metrics\n"

    async def _explained(self, scope: dict[str, Any], receive: Receive) -> Answer:
        """To programs of this machine; a browser's page from elsewhere cannot send this content type unasked."""
        if self._explain is None:
            return _problem(404, "not served here")
        if scope["method"] != "POST":
            return _problem(405, "only POST")
        if not _of_this_machine(scope.get("client")):
            return _problem(403, "only from this machine")
        if dict(scope["headers"]).get(b"content-type") != JSON:
            return _problem(415, "only application/json")
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_QUESTION:
                return _problem(413, "too long")
        try:
            told = self._explain(json.loads(body))
        except ValueError as problem:
            return _problem(400, str(problem))
        except StoreError as problem:
            return _problem(503, str(problem))
        return 200, JSON, json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _problem(status: int, text: str) -> Answer:
    return status, JSON, json.dumps({"problem": text}).encode() + b"\n"


def _of_this_machine(client: Any) -> bool:
    try:
        return ipaddress.ip_address(client[0]).is_loopback
    except (TypeError, ValueError):
        return False


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


class _Figures(Collector):
    """Health's numbers as metrics, read at each scrape."""

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterable[Metric]:
        health = self._health()
        claims = health["claims"]
        yield _gauge("up_to_work", "1 unless nobody can be admitted", health["status"] != "failing")
        yield _gauge("store_used_ratio", "Part of the store's map in use", health["store"]["permille"] / 1000)
        yield _gauge("entitlements", "Entitlement records held", health["store"]["entitlements"])
        yield _gauge("journal_backlog", "Journal entries the cloud has not acked", health["journal"]["backlog"])
        yield _gauge("journal_stored", "Journal entries kept here, acked ones included", health["journal"]["stored"])
        yield _counter("journal_sent_again", "Entries the cloud had acked and lost", health["journal"]["sent_again"])
        yield _gauge("catching_up", "Tickets with counted uses are refused", bool(health["standing"]["behind"]))
        yield _gauge("out_of_date", "Nobody is admitted, data being too old", health["standing"]["out_of_date"])
        yield _gauge("clock_off_seconds", "How far off trusted time may be", health["clock"]["off_by_ms"] / 1000)
        off = health["clock"]["machine_off_ms"] / 1000
        yield _gauge("machine_clock_off_seconds", "The machine's own clock minus trusted time", off)
        yield _counter("journal_entries", "Last sequence of the journal", health["journal"]["last"])
        yield _counter("commits", "Durable transactions since the start", health["store"]["commits"])
        yield _gauge("cloud_online", "The last report got through", health["cloud"]["online"])
        yield _gauge("clock_confirmed", "Time is confirmed by the cloud", health["clock"]["state"] == "confirmed")
        yield _gauge("claims_quorum", "0 while claims across entrances have none", claims["state"] != "no_quorum")
        yield _gauge("claims_untold", "Counter owners etcd has to be told of", claims["untold"])
        yield _gauge("claims_exposed", "Persons admitted without a claim in this outage", claims["exposed"])
        for outcome in ("won", "lost", "unanswered"):
            yield _counter(f"claims_{outcome}", f"Claims across entrances that were {outcome}", claims[outcome])
        yield _gauge("people_inside", "People inside as this entrance counts them", health["inside"])
        age = GaugeMetricFamily("paifang_feed_age_seconds", "How old what the gate knows may be", labels=["stream"])
        for stream in ("urgent", "bulk"):
            if health["feed"][stream]["age_s"] is not None:
                age.add_metric([stream], health["feed"][stream]["age_s"])
        yield age
        refused = CounterMetricFamily("paifang_feed_refused", "Feed batches refused", labels=["code"])
        for code, count in health["feed"]["refused"].items():
            refused.add_metric([code], count)
        yield refused
        yield from _lanes(health["lanes"])


def _lanes(lanes: list[dict[str, Any]]) -> Iterable[Metric]:
    presented = CounterMetricFamily("paifang_presented", "Credentials presented", labels=["device"])
    admitted = CounterMetricFamily("paifang_admitted", "Presentations admitted", labels=["device"])
    online = GaugeMetricFamily("paifang_device_online", "The part answers", labels=["device", "part"])
    for lane in lanes:
        presented.add_metric([lane["device"]], lane["presented"])
        admitted.add_metric([lane["device"]], lane["admitted"])
        online.add_metric([lane["device"], "reader"], lane["reader_online"])
        online.add_metric([lane["device"], "barrier"], lane["barrier_online"])
    yield from (presented, admitted, online)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"paifang_{name}", text, value=float(value))


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"paifang_{name}", text, value=float(value))


async def serve_forever(address: str, health: Health, explain: Explain | None = None) -> None:
    """Serves until cancelled. A port that is taken is tried again: the gates do not depend on it."""
    config = Config()
    config.bind = [address]
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.5
    app: Any = App(health, explain)
    while True:
        try:
            await serve(app, config)
        except OSError as problem:
            log.error("health and metrics cannot be served at %s: %s", address, problem)
        await trio.sleep(RETRY_S)
