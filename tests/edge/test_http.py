"""The HTTP side without a socket: what each path answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.http import App

STREAM = {"age_s": 1.5}
LANE = {"device": "G1", "presented": 3, "admitted": 2, "reader_online": True, "barrier_online": False}


def healthy(status: str = "ok") -> dict[str, Any]:
    return {
        "status": status,
        "store": {"permille": 125, "entitlements": 20, "commits": 9},
        "journal": {"last": 40, "backlog": 4, "stored": 30, "sent_again": 0},
        "standing": {"behind": "store.new", "out_of_date": False},
        "cloud": {"online": False},
        "clock": {"state": "confirmed", "off_by_ms": 12, "machine_off_ms": -1500},
        "inside": 2,
        "claims": {"state": "no_quorum", "won": 5, "lost": 2, "unanswered": 1, "untold": 3, "exposed": 4},
        "feed": {"urgent": STREAM, "bulk": {"age_s": None}, "refused": {"feed.gap": 1}},
        "lanes": [LANE],
    }


async def ask(path: str, method: str = "GET", status: str = "ok") -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is read of a request")

    await App(lambda: healthy(status))({"type": "http", "method": method, "path": path}, receive, send)
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


@pytest.mark.parametrize(("status", "code"), [("ok", 200), ("degraded", 200), ("failing", 503)])
async def test_health(status: str, code: int) -> None:
    answered, headers, body = await ask("/health", status=status)
    assert answered == code
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"content-length"] == str(len(body)).encode()
    assert json.loads(body) == healthy(status)


async def test_metrics() -> None:
    answered, _, body = await ask("/metrics")
    assert answered == 200
    figures = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
    assert figures == {
        "paifang_up_to_work": "1.0",
        "paifang_store_used_ratio": "0.125",
        "paifang_entitlements": "20.0",
        "paifang_journal_backlog": "4.0",
        "paifang_journal_stored": "30.0",
        "paifang_journal_sent_again_total": "0.0",
        "paifang_catching_up": "1.0",
        "paifang_out_of_date": "0.0",
        "paifang_clock_off_seconds": "0.012",
        "paifang_machine_clock_off_seconds": "-1.5",
        "paifang_journal_entries_total": "40.0",
        "paifang_commits_total": "9.0",
        "paifang_cloud_online": "0.0",
        "paifang_clock_confirmed": "1.0",
        "paifang_claims_quorum": "0.0",
        "paifang_claims_untold": "3.0",
        "paifang_claims_exposed": "4.0",
        "paifang_claims_won_total": "5.0",
        "paifang_claims_lost_total": "2.0",
        "paifang_claims_unanswered_total": "1.0",
        "paifang_people_inside": "2.0",
        'paifang_feed_age_seconds{stream="urgent"}': "1.5",
        'paifang_feed_refused_total{code="feed.gap"}': "1.0",
        'paifang_presented_total{device="G1"}': "3.0",
        'paifang_admitted_total{device="G1"}': "2.0",
        'paifang_device_online{device="G1",part="reader"}': "1.0",
        'paifang_device_online{device="G1",part="barrier"}': "0.0",
    }


async def test_nothing_else() -> None:
    assert (await ask("/"))[0] == 404
    assert (await ask("/health", "POST"))[0] == 405
    answered, headers, body = await ask("/health", "HEAD")
    assert (answered, body) == (200, b"")
    assert int(headers[b"content-length"]) > 100
