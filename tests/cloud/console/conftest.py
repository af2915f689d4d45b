"""Browsers of the console's tests: Django's client logged in with a role, fake reports of edges, fake emulators."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from cloud.gates.models import EdgeHealth
from cloud.staff.models import Employee
from cloud.venues.models import Device, Edge, Venue
from paifang.v1 import scan_pb2
from tests.support import venue as make
from tests.support.browser import chromium, open_page, park

__all__ = ["chromium", "open_page", "park"]  # fixtures

settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # else the file server warns of it in every test

BACKEND = "django.contrib.auth.backends.ModelBackend"
LogIn = Callable[..., Client]
Report = Callable[..., None]


@pytest.fixture(autouse=True)
def quick_passwords(settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # slow ones prove nothing here


@pytest.fixture
def log_in(venue: Venue) -> LogIn:
    """A client of an employee with a role at the venue, in English unless told."""

    def log_in(role: str | None = "administrator", language: str = "en", csrf: bool = False) -> Client:
        employee = make.make_actor(venue, role, f"u-{role}").employee
        assert isinstance(employee, Employee)
        client = Client(enforce_csrf_checks=csrf)
        client.force_login(employee, backend=BACKEND)
        client.cookies["django_language"] = language
        return client

    return log_in


@pytest.fixture
def report() -> Report:
    """Notes what an edge reports of its lanes."""

    def report(edge: Edge, *lanes: Device, at: datetime | None = None, **lane: int) -> None:
        now = at or timezone.now()
        now_ms = int(now.timestamp() * 1000)
        values = {
            "state": scan_pb2.LANE_STATE_READY, "reader_online": True, "barrier_online": True,
            "last_decision": scan_pb2.DECISION_ADMIT, "last_at_ms": now_ms, "presented": 1204, "admitted": 1180,
        }  # fmt: skip
        status = scan_pb2.EdgeStatus(
            at_ms=now_ms,
            verifier="compiled",
            clock=scan_pb2.CLOCK_STATE_CONFIRMED,
            journal_seq=120,
            journal_acked=103,
            urgent_current_to_ms=now_ms,
            bulk_current_to_ms=now_ms,
            lanes=[scan_pb2.LaneStatus(device_id=device.pk, **(values | lane)) for device in lanes],
        )
        EdgeHealth.objects.update_or_create(
            edge=edge,
            defaults={"venue_id": edge.venue_id, "reported_at": now, "status": status.SerializeToString()},
        )

    return report
