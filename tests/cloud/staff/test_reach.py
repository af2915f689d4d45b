"""Who is limited to some stations sees, finds and switches just those: in services, pages and every section (S-09)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.test import Client
from django.urls import reverse

from cloud.admin import urls
from cloud.admin.kit import registry
from cloud.admin.kit.reach import NO_STATION, station_path
from cloud.admissions.models import JournalEntry, Occupancy
from cloud.catalog.models import TicketProduct
from cloud.core import business_day
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.entitlements import live_services
from cloud.gates.services import report
from cloud.staff import services as staff
from cloud.staff.models import Employee, RoleGrant
from cloud.staff.permissions import WHOLE_VENUE, Permission, powers, require_at
from cloud.staff.reach import EVERYWHERE, NOWHERE, Reach
from cloud.venues.models import Device, Edge, Station, Venue
from paifang.reasons import Reason
from paifang.v1 import scan_pb2
from tests.support.presented import present
from tests.support.venue import SYSTEM, make_edge, make_gate, make_venue

assert urls.app_name == "console"  # importing it registers the sections
BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def east_gate(venue: Venue, east: Station, edge: Edge) -> Device:
    return make_gate(venue, east, "E-1", edge)


@pytest.fixture
def zhou(venue: Venue, west: Station) -> Employee:
    """A gate supervisor of the west gate only."""
    return staff.hire_employee(
        actor=SYSTEM, venue=venue, username="zhou", name="周敏", role="gate_supervisor", stations=[west]
    )


@pytest.fixture
def client(zhou: Employee) -> Client:
    client = Client()
    client.force_login(zhou, backend=BACKEND)
    client.cookies["django_language"] = "en"
    return client


def test_reaches_add_up_and_contain_each_other() -> None:
    west, both = Reach(stations=frozenset({1})), Reach(stations=frozenset({1, 2}))
    assert west | both == both
    assert (west | EVERYWHERE).everywhere
    assert (EVERYWHERE.covers(7), EVERYWHERE.covers(None)) == (True, True)
    assert (west.covers(1), west.covers(2), west.covers(None)) == (True, False, False)
    assert both.includes(west)
    assert not west.includes(both)
    assert not both.includes(EVERYWHERE)
    assert west.includes(NOWHERE)


@pytest.mark.spec("S-09", "E-04")
def test_a_limited_grant_permits_at_its_stations_and_nothing_about_the_whole_venue(
    venue: Venue, west: Station, east: Station, zhou: Employee
) -> None:
    held = powers(Actor.of(zhou), venue)
    assert held.reach(Permission.STATION_SWITCH) == Reach(stations=frozenset({west.pk}))
    staff.grant_role(actor=SYSTEM, employee=zhou, role="administrator", venue=venue, stations=[east])
    held = powers(Actor.of(zhou), venue)
    assert not held.permissions & WHOLE_VENUE
    assert held.reach(Permission.STATION_SWITCH) == Reach(stations=frozenset({west.pk, east.pk}))
    staff.grant_role(actor=SYSTEM, employee=zhou, role="viewer", venue=venue)
    held = powers(Actor.of(zhou), venue)
    assert held.reach(Permission.LIVE_VIEW) == EVERYWHERE
    assert not held.reach(Permission.STATION_SWITCH).everywhere


@pytest.mark.spec("S-09")
def test_a_limited_grant_whose_stations_are_gone_permits_nothing(venue: Venue, zhou: Employee, west: Station) -> None:
    RoleGrant.stations.through.objects.all().delete()
    assert powers(Actor.of(zhou), venue).reach(Permission.STATION_SWITCH) == NOWHERE
    with pytest.raises(DomainError) as refused:
        require_at(Actor.of(zhou), Permission.STATION_SWITCH, venue, west.pk)
    assert refused.value.code == "permission.station"


def test_a_grant_names_stations_of_its_venue(venue: Venue, zhou: Employee) -> None:
    other = make_venue("other")
    strange = Station(venue=other, number=1)
    for stations in ([], [strange]):
        with pytest.raises(DomainError) as refused:
            staff.grant_role(actor=SYSTEM, employee=zhou, role="viewer", venue=venue, stations=stations)
        assert refused.value.code == "role.stations"


@pytest.mark.spec("S-09")
def test_the_services_refuse_other_stations(
    venue: Venue, zhou: Employee, west: Station, east: Station, gate: Device, east_gate: Device
) -> None:
    who = Actor.of(zhou)
    live_services.set_station_enabled(actor=who, venue=venue, station=west, enabled=False)
    live_services.set_device_enabled(actor=who, venue=venue, device=gate, enabled=False)
    for act in (
        lambda: live_services.set_station_enabled(actor=who, venue=venue, station=east, enabled=False),
        lambda: live_services.set_device_enabled(actor=who, venue=venue, device=east_gate, enabled=False),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        assert refused.value.code == "permission.station"
    assert [Station.objects.get(pk=one.pk).enabled for one in (west, east)] == [False, True]
    assert [Device.objects.get(pk=one.pk).enabled for one in (gate, east_gate)] == [False, True]


@pytest.mark.spec("S-09")
def test_a_number_in_the_address_leads_nowhere_else(
    client: Client, west: Station, east: Station, gate: Device, east_gate: Device
) -> None:
    for address in (f"/lanes/{east_gate.pk}/switch?to=off", f"/stations/{east.pk}/switch?to=off"):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
    assert client.post(f"/lanes/{gate.pk}/switch?to=off").status_code == 302
    gate.refresh_from_db()
    east_gate.refresh_from_db()
    assert (gate.enabled, east_gate.enabled) == (False, True)


@pytest.mark.spec("S-09")
def test_the_live_page_shows_their_lanes_only(client: Client, gate: Device, east_gate: Device) -> None:
    board = client.get(reverse("console:live")).context["board"]
    assert [lane.name for station in board.stations for lane in station.lanes] == ["W-1"]


@pytest.fixture
def traffic(venue: Venue, gate: Device, east: Station) -> Device:
    """At each gate, one of an edge of its own: admitted, refused, entered and left. The lane of the far one."""
    far = make_gate(venue, east, "E-1", make_edge(venue, "东门主机"))
    make_gate(venue, gate.station, "W-2", gate.edge)  # a second lane makes no edge appear twice
    today = business_day.today(venue)
    for device, times in ((gate, 1), (far, 4)):
        for n in range(times):
            present(device, 11 + n)
            present(device, 20 + n, reason=Reason.FORGED if device is far else Reason.USED_UP)
        Occupancy.objects.create(
            venue=venue, station_id=device.station_id, business_day=today, entered=10 * times, left=times
        )
    return far


@pytest.mark.spec("S-09")
def test_the_figures_of_live_page_and_overview_are_of_their_stations(client: Client, traffic: Device) -> None:
    board = client.get(reverse("console:live")).context["board"]
    assert [(tile.label, tile.value) for tile in board.tiles] == [
        ("Entered today", "10"), ("Admitted today", "1"), ("Refused today", "1"), ("Lanes in service", "0/2"),
    ]  # fmt: skip
    assert board.tiles[0].note == "at your stations; 1 left there"
    assert board.chart.summary.startswith("1 persons in the last 30 minutes")
    assert [(one.code, one.count) for one in board.refusals] == [(Reason.USED_UP, 1)]
    assert [edge.name for edge in board.edges] == ["西门主机"]
    found = client.get(reverse("console:overview")).context["board"]
    # What was sold belongs to no station: it is not among them, also for who may see orders.
    assert [(figure.tile.label, figure.tile.value) for figure in found.figures] == [
        ("Admitted today", "1"), ("Entered today", "10"), ("Refused today", "1"), ("Open conflicts", "0"),
        ("Lanes in service", "0/2"),
    ]  # fmt: skip
    assert [(rank.label, rank.count) for rank in found.stations] == [("West gate", 1)]
    assert [rank.key for rank in found.refusals] == [f"reason-{Reason.USED_UP.value}"]
    assert found.chart.summary.startswith("Persons admitted in each hour: 1 today so far")
    assert [edge.name for edge in found.edges] == ["西门主机"]


@pytest.mark.spec("S-09")
def test_filters_name_their_places_only(client: Client, traffic: Device, gate: Device, west: Station) -> None:
    def choices(address: str, name: str) -> list[str]:
        field = client.get(address).context["filters"].fields[name]
        return [str(label) for _value, label in field.choices if label != "All"]

    for address in ("/admissions", "/conflicts"):
        assert choices(address, "station") == ["West gate"]
        assert choices(address, "lane") == ["W-1", "W-2"]
        assert choices(address, "edge") == ["西门主机"]
    assert choices("/devices", "station") == ["West gate"]
    assert choices("/devices", "edge") == ["西门主机"]
    # Asked for in the address it is a choice like one that does not exist.
    for address in (f"/admissions?station={traffic.station_id}", f"/devices?station={traffic.station_id}"):
        response = client.get(address)
        assert response.status_code == 422
        assert "E-1" not in response.content.decode()


@pytest.mark.spec("S-09")
def test_edges_are_listed_where_one_of_their_devices_is_theirs(client: Client, traffic: Device, gate: Device) -> None:
    page = client.get("/edges").content.decode()
    assert page.count(f'href="/edges/{gate.edge_id}"') == 1
    assert f'href="/edges/{traffic.edge_id}"' not in page
    assert client.get(f"/edges/{gate.edge_id}").status_code == 200
    assert client.get(f"/edges/{traffic.edge_id}").status_code == 404


@pytest.mark.spec("S-09")
def test_of_an_edge_with_lanes_elsewhere_theirs_alone_are_shown(
    client: Client, gate: Device, east_gate: Device
) -> None:
    lanes = [
        scan_pb2.LaneStatus(device_id=one.pk, state=scan_pb2.LANE_STATE_READY, reader_online=True, barrier_online=True)
        for one in (gate, east_gate)
    ]
    report(gate.edge, scan_pb2.EdgeStatus(lanes=lanes).SerializeToString())
    for address in ("/edges", f"/edges/{gate.edge_id}"):
        page = client.get(address).content.decode()
        assert "1/1" in page, address
        assert "E-1" not in page, address
    assert "E-1" not in b"".join(client.get("/edges/export.csv").streaming_content).decode("utf-8-sig")


@pytest.mark.spec("S-09")
def test_every_section_of_rows_at_stations_shows_theirs_only(
    client: Client, venue: Venue, west: Station, east: Station, gate: Device, east_gate: Device
) -> None:
    pairs: dict[str, tuple[Any, Any]] = {
        "stations": (west, east),
        "devices": (gate, east_gate),
        "admissions": (present(gate), present(east_gate)),
    }
    for key, (near, far) in pairs.items():
        section = registry.find(key)
        assert section is not None
        page = client.get(section.list_url).content.decode()
        assert f'href="{section.url(near)}"' in page, key
        assert f'href="{section.url(far)}"' not in page, key
        assert client.get(section.url(near)).status_code == 200, key
        assert client.get(section.url(far)).status_code == 404, key
        for action in section.actions:
            if action.permission is Permission.STATION_SWITCH:
                assert client.post(f"/{key}/do/{action.key}", {"pk": far.pk}).status_code == 404, key
        exported = b"".join(client.get(f"/{key}/export.csv").streaming_content).decode("utf-8-sig")
        assert len(exported.splitlines()) == 2, key
    for word in ("east", "E-1", "东门"):
        found = client.get("/go", {"q": word}).content.decode()
        assert f"/stations/{east.pk}" not in found
        assert f"/devices/{east_gate.pk}" not in found


# Sections whose rows are the venue's as a whole. A new section is either about stations, which its model says, or here.
OF_THE_VENUE = {
    "audit", "categories", "employees", "groups", "holidays", "keys", "orders", "pois", "products", "refunds", "roles",
    "settings",
}  # fmt: skip


@pytest.mark.django_db
def test_every_section_is_of_the_venue_or_of_stations() -> None:
    by_model = {
        section.key: section.station if section.station is not None else station_path(model)
        for section in registry.sections()
        if (model := _model(section.key)) is not None
    }
    assert {key for key, path in by_model.items() if path == NO_STATION} <= OF_THE_VENUE
    assert (by_model["stations"], by_model["devices"], by_model["admissions"]) == ("pk", "station", "station_id")


def _model(key: str) -> type[models.Model] | None:
    from types import SimpleNamespace

    from django_scopes import scopes_disabled

    section = registry.find(key)
    assert section is not None
    desk = SimpleNamespace(
        venue=Venue(pk=1), actor=SYSTEM, employee=Employee(pk=1), reach=lambda permission: EVERYWHERE
    )
    with scopes_disabled():
        return section.rows(desk).model  # type: ignore[arg-type]


def test_a_model_says_how_its_rows_belong_to_a_station_or_the_section_must() -> None:
    assert station_path(JournalEntry) == "station_id"
    assert station_path(TicketProduct) == NO_STATION

    class Told(models.Model):
        device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")

        class Meta:
            app_label = "tests"

    class Moved(models.Model):
        first = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="+")
        then = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="+")

        class Meta:
            app_label = "tests"

    class Numbered(models.Model):
        device_id = models.BigIntegerField()

        class Meta:
            app_label = "tests"

    assert station_path(Told) == "device__station"
    for open_one in (Moved, Numbered):
        with pytest.raises(ImproperlyConfigured, match="say by which lookup"):
            station_path(open_one)
