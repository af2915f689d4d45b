"""Stations in the console: the list and its four keys, the one page they are set up on, what it asks before saving."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cloud.admin.kit.forms import AGREED, SEEN
from cloud.catalog.models import DeviceProduct, TicketProduct
from cloud.catalog.station_lists import collectable_at, sellable_at, set_station_collects, set_station_sales
from cloud.core.models import AuditRow
from cloud.entitlements import live_services
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.staff.models import Employee, RoleGrant
from cloud.staff.permissions import Permission, powers
from cloud.staff.services import grant_role, hire_employee
from cloud.venues.models import Device, Station, Venue
from tests.support import venue as make
from tests.support.presented import present


def text_of(response: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def cells(client: Client, station: Station) -> list[str]:
    """What the list shows of a station."""
    rows = client.get("/stations").context["table"].rows
    [row] = [row for row in rows if row.value == str(station.pk)]
    return [cell.text or (cell.pill.text if cell.pill else "") for cell in row.cells]


def found(client: Client, text: str) -> set[int]:
    return {station.pk for station in client.get("/stations", {"q": text}).context["page"].items}


def shown(client: Client, station: Station | None) -> dict[str, Any]:
    """What the form would send as it is opened, its lists as lists."""
    response = client.get(f"/stations/{station.pk}/edit" if station else "/stations/new")
    form = response.context["form"]
    data = dict(form.shown()) if station else {"nature": "entry", "sells": "all", "collects": "all"}
    return data | ({SEEN: form.token()} if station else {})


def save(client: Client, station: Station | None, agree: bool = False, **changed: Any) -> Any:
    """Opens the form, changes something, saves; and once more where it asks."""
    data = shown(client, station) | changed
    url = f"/stations/{station.pk}/edit" if station else "/stations/new"
    response = client.post(url, data)
    if agree:
        assert response.status_code == 422, "it asks first"
        response = client.post(url, data | {AGREED: response.context["form"].agreement})
    return response


def hire(venue: Venue, username: str, name: str, *stations: Station, role: str = "gate_supervisor") -> RoleGrant:
    employee = hire_employee(
        actor=make.SYSTEM, venue=venue, username=username, name=name, role=role, stations=stations or None
    )
    return RoleGrant.objects.get(employee=employee)


@pytest.fixture
def client(log_in: Any) -> Client:
    client: Client = log_in()
    return client


@pytest.mark.spec("S-02")
def test_the_list_has_the_eight_fields_with_long_ones_cut_short(
    client: Client, venue: Venue, west: Station, way_out: Station, adult: TicketProduct, week: TicketProduct
):
    make.make_product(venue, "night", name_en="Night", stations=[west])
    set_station_sales(actor=make.SYSTEM, venue=venue, station=west, products=[adult])
    for number in (1, 2, 3, 4):
        make.make_gate(venue, west, f"W-{number}")
    hire(venue, "zhou", "周敏", west)
    hire(venue, "chen", "陈晓", west, way_out)
    assert cells(client, west) == [
        "1", "West gate", "Entry station", "Adult, Week and 1 more", "Adult", "All products", "周敏, 陈晓",
        "W-1, W-2 and 2 more", "Enabled",
    ]  # fmt: skip
    assert cells(client, way_out)[1:] == [
        "Exit", "Exit station", "–", "All products", "All products", "陈晓", "–", "Enabled",
    ]  # fmt: skip
    exported = b"".join(client.get("/stations/export.csv")).decode("utf-8-sig").splitlines()  # type: ignore[arg-type]
    assert exported[1].startswith('1,West gate,Entry station,"Adult, Week, Night",Adult,All products,"')
    assert '"W-1, W-2, W-3, W-4"' in exported[1]


@pytest.mark.spec("S-01")
def test_each_of_the_four_keys_finds_the_station(
    client: Client, venue: Venue, west: Station, east: Station, week: TicketProduct, gate: Device
):
    Device.objects.filter(pk=gate.pk).update(name="North lane")
    hire(venue, "zhou", "周敏", west)
    hire(venue, "boss", "全部站长", role="viewer")
    this, all_of_them = {west.pk}, {west.pk, east.pk}
    for key in (str(west.number), "七日", "Week", "North la", "w-1", "周敏", "zhou", "West"):
        assert found(client, key) == this, key
    assert found(client, "站长") == all_of_them, "somebody of the whole venue works at all of them"
    live_services.retire_device(actor=make.SYSTEM, venue=venue, device=gate)
    Employee.objects.filter(username="zhou").update(is_active=False)
    assert [found(client, key) for key in ("North la", "周敏", "nobody")] == [set(), set(), set()]


@pytest.mark.spec("S-01", "S-02")
def test_a_list_of_long_lists_asks_no_more_than_one_of_short_ones(client: Client, venue: Venue, west: Station):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/stations", {"q": "1"}).status_code == 200
        return len(queries)

    make.make_product(venue, "first", stations=[west])
    make.make_gate(venue, west, "A-1")
    asked()
    few = asked()
    for n in range(12):
        station = make.make_station(venue, f"{n} 站 1")
        make.make_product(venue, f"p-{n}", stations=[west, station])
        make.make_gate(venue, west, f"A-1{n}")
    assert asked() == few


@pytest.mark.spec("S-03", "S-04", "S-05")
def test_a_new_station_is_an_entry_with_a_number_that_nobody_types(client: Client, venue: Venue, west: Station):
    page = client.get("/stations/new")
    assert page.context["form"]["nature"].value() == "entry"
    assert "number" not in page.context["form"].fields
    assert save(client, None, name_zh=" ").status_code == 422
    assert save(client, None, name_zh="摩天轮售票处", number="77").status_code == 302
    made = Station.objects.get(name_zh="摩天轮售票处")
    assert (made.number, made.nature, made.enabled, made.sells_all, made.collects_all) == (2, "entry", True, True, True)
    assert save(client, made, name_zh="摩天轮", number="77").status_code == 302
    assert Station.objects.get(pk=made.pk).number == 2


@pytest.mark.spec("S-04")
def test_the_type_is_chosen_until_something_was_shown_there(client: Client, venue: Venue, west: Station, gate: Device):
    assert save(client, west, nature="exit", name_zh="西门").status_code == 302
    assert Station.objects.get(pk=west.pk).nature == "exit"
    assert save(client, west, nature="entry", name_zh="西门").status_code == 302
    present(gate, 7)
    form = client.get(f"/stations/{west.pk}/edit").context["form"]
    assert [key for key, _ in form.fields["nature"].choices] == ["entry"]
    refused = save(client, west, nature="exit")
    assert refused.status_code == 422
    assert Station.objects.get(pk=west.pk).nature == "entry"


@pytest.mark.spec("S-06")
def test_the_picker_has_all_ticket_products_each_with_its_kind(client: Client, venue: Venue, west: Station):
    kinds = {"ticket": "Ticket", "package": "Package", "annual": "Annual card"}
    for kind in kinds:
        make.make_product(venue, kind, name_en=f"A {kind}", kind=kind)
    field = client.get(f"/stations/{west.pk}/edit").context["form"].fields["products"]
    assert [(str(label), label.note) for _, label in field.choices] == [
        (f"A {kind}", word) for kind, word in kinds.items()
    ]
    chosen = [str(product.pk) for product in TicketProduct.objects.filter(kind__in=("package", "annual"))]
    assert save(client, west, products=chosen).status_code == 302
    assert set(west.products.values_list("code", flat=True)) == {"package", "annual"}
    assert list(TicketProduct.objects.get(code="annual").stations.all()) == [west], "the product's side of the same"


@pytest.mark.spec("S-06", "S-13", "S-19")
def test_taking_a_product_away_says_who_refuses_it_then_and_asks(
    client: Client, venue: Venue, west: Station, east: Station, gate: Device, adult: TicketProduct, week: TicketProduct
):
    live_services.join_groups(actor=make.SYSTEM, venue=venue, station=west, others=[east])
    live_services.set_device_products(actor=make.SYSTEM, venue=venue, device=gate, products=[week])
    asked = save(client, west, products=[str(adult.pk)])
    assert asked.status_code == 422
    assert asked.context["form"].question == [
        "The gates of West gate, East gate refuse these within a moment, tickets already sold included: Week.",
        "These lanes have no product of their own left, and verify nothing until they get others: W-1.",
    ]
    assert set(west.products.all()) == {adult, week}, "asking changes nothing"
    assert save(client, west, agree=True, products=[str(adult.pk)]).status_code == 302
    assert list(west.products.all()) == list(east.products.all()) == [adult]
    assert not DeviceProduct.objects.exists()


@pytest.mark.spec("S-12", "S-13")
def test_joining_presents_what_both_verify_and_forces_what_is_chosen_of_it(
    client: Client, venue: Venue, west: Station, east: Station
):
    a, b = make.make_product(venue, "a", stations=[west]), make.make_product(venue, "b", stations=[east])
    asked = save(client, west, same_type=[str(east.pk)])
    assert asked.status_code == 422
    form = asked.context["form"]
    assert "They bring in these, which are ticked now: Adult." in form.question
    assert set(form["products"].value()) == {str(a.pk), str(b.pk)}, "{A} and {B} present {A, B}"
    assert Station.objects.get(pk=east.pk).group_id != west.group_id
    data = shown(client, west) | {"same_type": [str(east.pk)], "products": [str(b.pk)], AGREED: form.agreement}
    again = client.post(f"/stations/{west.pk}/edit", data)
    assert again.status_code == 422, "a product that west verifies is given up as well: that is asked too"
    data[AGREED] = again.context["form"].agreement
    assert client.post(f"/stations/{west.pk}/edit", data).status_code == 302
    assert Station.objects.get(pk=east.pk).group_id == west.group_id
    assert list(west.products.all()) == list(east.products.all()) == [b]


@pytest.mark.spec("S-14")
def test_unticking_a_same_type_station_parts_them_on_both_pages(
    client: Client, venue: Venue, west: Station, east: Station, adult: TicketProduct
):
    north = make.make_station(venue, "北门", name_en="North gate")
    live_services.join_groups(actor=make.SYSTEM, venue=venue, station=west, others=[east, north])
    asked = save(client, west, same_type=[str(north.pk)])
    assert asked.context["form"].question[0] == (
        "East gate and West gate, North gate no longer exclude each other: a ticket may be used at both."
    )
    assert save(client, west, agree=True, same_type=[str(north.pk)]).status_code == 302
    assert shown(client, east)["same_type"] == []
    assert shown(client, north)["same_type"] == [str(west.pk)]
    assert set(east.products.all()) == {adult}, "it keeps its products"
    assert save(client, west, agree=True, same_type=[]).status_code == 302
    assert shown(client, north)["same_type"] == []


@pytest.mark.spec("S-07", "S-08")
def test_what_is_sold_and_handed_out_there(
    client: Client, venue: Venue, west: Station, adult: TicketProduct, week: TicketProduct
):
    some = {"sells": "some", "sold": [str(adult.pk)], "collects": "some", "collected": [str(week.pk)]}
    assert save(client, west, **some).status_code == 302
    now = Station.objects.get(pk=west.pk)
    assert (list(sellable_at(now)), list(collectable_at(now))) == ([adult], [week])
    page = text_of(client.get(f"/stations/{west.pk}"))
    assert "Sells Adult Hands out Week" in page
    assert save(client, west, sells="all", collects="all").status_code == 302
    later = make.make_product(venue, "later")
    assert later in sellable_at(Station.objects.get(pk=west.pk))
    page = client.get(f"/stations/{west.pk}/edit").content.decode()
    assert 'name="products"' in page
    assert 'name="sold"' not in page, "lists that do not apply are not written into the page"
    blind = {"sells": "some", "sold-undrawn": "1"}  # of a browser without scripts
    asked = save(client, west, **blind)
    assert "Choose them here, then save again." in text_of(asked)
    assert Station.objects.get(pk=west.pk).sells_all


@pytest.mark.spec("S-09", "E-04", "E-07")
def test_who_is_authorised_is_the_same_fact_on_both_sides_and_counts_at_the_next_click(
    client: Client, venue: Venue, west: Station, east: Station
):
    zhou, chen = hire(venue, "zhou", "周敏", west), hire(venue, "chen", "陈晓", east)
    grant_role(actor=make.SYSTEM, venue=venue, employee=zhou.employee, role="viewer", stations=[east])
    theirs = Client()
    theirs.force_login(zhou.employee, backend="django.contrib.auth.backends.ModelBackend")
    assert theirs.get(f"/stations/{west.pk}").status_code == 200
    field = client.get(f"/stations/{west.pk}/edit").context["form"].fields["employees"]
    assert [f"{label} · {label.note}" for _, label in field.choices] == [
        "周敏 · Gate supervisor · West gate", "周敏 · Viewer · East gate", "陈晓 · Gate supervisor · East gate",
    ]  # fmt: skip
    assert save(client, west, employees=[str(chen.pk)]).status_code == 302
    assert theirs.get(f"/stations/{west.pk}").status_code == 404, "in the running session"
    assert theirs.get(f"/stations/{east.pk}").status_code == 200, "a viewer there, by another role"
    employee = chen.employee
    assert "West gate" in text_of(client.get(f"/employees/{employee.pk}"))
    held = powers(make.Actor.of(employee), venue).reach(Permission.STATION_SWITCH)
    assert held.stations == {west.pk, east.pk}
    assert RoleGrant.objects.get(pk=zhou.pk).limited, "the last station gone, the role permits nothing, not everything"
    assert AuditRow.objects.get(action="station.employees").detail == {"added": 1, "removed": 1}


@pytest.mark.spec("S-10", "S-19")
def test_a_device_of_another_station_is_moved_once_one_agrees(
    client: Client, venue: Venue, west: Station, east: Station, gate: Device
):
    printer = live_services.create_device(
        actor=make.SYSTEM, venue=venue, identifier="P-1", name="Printer", kind="printer", station=east
    )
    wanted = [str(gate.pk), str(printer.pk)]
    asked = save(client, east, devices=wanted)
    assert asked.context["form"].question == ["W-1 is moved here from West gate."]
    assert Device.objects.get(pk=gate.pk).station == west
    data = shown(client, east) | {"devices": wanted, AGREED: asked.context["form"].agreement}
    north = make.make_station(venue, "北门", name_en="North gate")
    live_services.move_device(actor=make.SYSTEM, venue=venue, device=gate, station=north)
    moved = client.post(f"/stations/{east.pk}/edit", data)
    assert moved.context["form"].question == ["W-1 is moved here from North gate."], "asked anew: it is elsewhere now"
    assert save(client, east, agree=True, devices=wanted).status_code == 302
    assert set(east.devices.all()) == {gate, printer}
    assert "Station East gate" in text_of(client.get(f"/devices/{gate.pk}"))
    refused = save(client, east, devices=[])
    assert "A gate belongs to a station: move it from the other station's page. W-1" in text_of(refused)
    assert save(client, east, devices=[str(gate.pk)]).status_code == 302
    assert Device.objects.get(pk=printer.pk).station is None


@pytest.mark.spec("S-13")
def test_of_two_who_set_products_of_one_group_the_second_is_told(
    client: Client, venue: Venue, west: Station, east: Station
):
    a, b, c = (make.make_product(venue, code, name_en=code.upper()) for code in "abc")
    live_services.join_groups(actor=make.SYSTEM, venue=venue, station=west, others=[east], products=[a])
    mine, theirs = shown(client, west), shown(client, east)
    theirs["products"] = [str(a.pk), str(b.pk)]
    assert client.post(f"/stations/{east.pk}/edit", theirs).status_code == 302
    mine["products"] = [str(a.pk), str(c.pk)]
    told = client.post(f"/stations/{west.pk}/edit", mine)
    assert told.status_code == 409
    assert "Verifies: was “A”, is “A, B” now; you want “A, C”" in text_of(told)
    assert set(west.products.all()) == {a, b}, "nobody's change is lost"


@pytest.mark.spec("S-09")
def test_who_is_limited_to_a_station_sees_that_one_and_may_not_set_it_up(log_in, venue: Venue, west: Station, east):
    zhou = hire(venue, "zhou", "周敏", west)
    client = Client()
    client.force_login(zhou.employee, backend="django.contrib.auth.backends.ModelBackend")
    assert found(client, "") == {west.pk}
    assert [client.get(f"/stations/{one.pk}").status_code for one in (west, east)] == [200, 404]
    assert client.get(f"/stations/{west.pk}/edit").status_code == 403
    assert client.get("/stations/new").status_code == 403


def test_without_the_right_to_staff_the_page_has_no_employees(log_in, venue: Venue, west: Station):
    from cloud.staff.services import create_role

    role = create_role(actor=make.SYSTEM, venue=venue, name_zh="站点管理", permissions=["live.view", "station.manage"])
    hire(venue, "zhou", "周敏", west)
    client = log_in(role.key)
    data = shown(client, west)
    assert "employees" not in data
    assert client.post(f"/stations/{west.pk}/edit", data | {"name_zh": "西大门"}).status_code == 302
    assert RoleGrant.objects.get(employee__username="zhou").stations.get() == west


@pytest.mark.spec("S-08", "S-09", "S-15")
def test_a_ticket_is_handed_out_as_one_of_ones_own_stations_that_hands_it_out(
    venue: Venue, west: Station, east: Station, week: TicketProduct
):
    TicketProduct.objects.filter(pk=week.pk).update(rules={"collect_first": True})
    line = OrderLine(TicketProduct.objects.get(pk=week.pk), 1, None)
    order = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="k")
    set_station_collects(actor=make.SYSTEM, venue=venue, station=west, products=[])
    north = make.make_station(venue, "北门", name_en="North gate")
    live_services.set_station_enabled(actor=make.SYSTEM, venue=venue, station=north, enabled=False)
    client = Client()
    zhou = hire(venue, "zhou", "周敏", west, north).employee
    client.force_login(zhou, backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["django_language"] = "en"
    url = f"/orders/{order.number}/1/do/collect"
    field = client.get(url).context["confirm"].form.fields["station"]
    assert ([str(label) for _, label in field.choices][1:], field.required) == (["West gate"], True)
    refused = client.post(url, {"station": west.pk})
    assert "Week cannot be picked up at West gate (go to East gate)." in text_of(refused)
    set_station_collects(actor=make.SYSTEM, venue=venue, station=west, products=[week])
    assert client.post(url, {"station": west.pk, "where": "1"}).status_code == 302
    assert AuditRow.objects.get(action="entitlement.collect").detail == {"where": "1", "station": west.number}
