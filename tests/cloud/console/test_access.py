"""Who gets in, who does not, and what they see instead."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse

from cloud.staff.models import Employee
from cloud.venues.models import Device, Station, Venue
from tests.support import venue as make

PAGES = ("overview", "live", "live-board", "issue")
# role -> pages it does not have
CLOSED = {
    "administrator": set(),
    "product_manager": set(),
    "gate_supervisor": {"issue"},
    "viewer": {"issue"},
}


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_is_led_to_the_login_and_back(db, client, name):
    address = reverse(f"console:{name}")
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"] == f"/login?next={address}"


def test_a_refresh_without_a_session_reloads_the_whole_page(db, client):
    response = client.get("/live/board", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/"})
    assert response.status_code == 204
    assert response["HX-Redirect"] == "http://testserver/"


@pytest.mark.parametrize("role", CLOSED)
@pytest.mark.parametrize("name", PAGES)
def test_each_role_has_its_pages(log_in, role, name):
    response = log_in(role).get(reverse(f"console:{name}"))
    assert response.status_code == (403 if name in CLOSED[role] else 200)
    assert response["Content-Security-Policy"].startswith("default-src 'self'")
    assert response["X-Frame-Options"] == "DENY"


def test_the_menu_and_the_buttons_offer_what_is_permitted(log_in):
    assert "Issue tickets" in log_in("product_manager").get("/orders").content.decode()
    assert "Issue tickets" not in log_in("viewer").get("/orders").content.decode()


def test_without_any_role_one_may_only_leave(log_in):
    response = log_in(None).get("/")
    assert response.status_code == 403
    assert "No venue for you yet" in response.content.decode()
    assert reverse("console:logout") in response.content.decode()


@pytest.mark.parametrize("role", ["viewer", "product_manager"])
def test_only_supervisors_switch_lanes_and_stations(log_in, gate: Device, west: Station, role):
    client = log_in(role)
    assert client.post(f"/lanes/{gate.pk}/switch?to=off").status_code == 403
    assert client.post(f"/stations/{west.pk}/switch?to=off").status_code == 403
    gate.refresh_from_db()
    west.refresh_from_db()
    assert gate.enabled
    assert west.enabled


def test_rows_of_another_venue_are_not_found(log_in, gate: Device, west: Station):
    other = make.make_venue("other", name_zh="别处")
    stranger = make.make_actor(other, "administrator", "stranger").employee
    assert isinstance(stranger, Employee)
    client = Client()
    client.force_login(stranger, backend="django.contrib.auth.backends.ModelBackend")
    for address in (f"/lanes/{gate.pk}/switch", f"/stations/{west.pk}/switch"):
        assert client.get(address).status_code == 404
        assert client.post(address).status_code == 404
    gate.refresh_from_db()
    assert gate.enabled


def test_forms_need_their_token(log_in, gate: Device):
    client = log_in(csrf=True)
    response = client.post(f"/lanes/{gate.pk}/switch?to=off")
    assert response.status_code == 403
    assert "no longer valid" in response.content.decode()
    gate.refresh_from_db()
    assert gate.enabled


def test_a_wrong_password_says_so_and_the_right_one_lets_in(client, venue: Venue):
    make.make_actor(venue, "viewer", "lin")
    client.cookies["django_language"] = "en"
    response = client.post("/login", {"username": "lin", "password": "wrong", "next": "/orders"})
    assert response.status_code == 200
    page = response.content.decode()
    assert "User name and password do not match." in page
    assert 'value="lin"' in page
    assert "wrong" not in page
    response = client.post("/login", {"username": "lin", "password": "correct horse battery", "next": "/orders"})
    assert response["Location"] == "/orders"
    assert client.get("/orders").status_code == 200
    assert client.post("/logout")["Location"] == "/login"
    assert client.get("/orders").status_code == 302


def test_login_leads_only_to_this_site(client, venue: Venue):
    make.make_actor(venue, "viewer", "lin")
    answer = {"username": "lin", "password": "correct horse battery", "next": "https://elsewhere.example/"}
    assert client.post("/login", answer)["Location"] == "/"


@pytest.mark.parametrize(("language", "text"), [("zh-hans", "请等待 15 分钟后再试"), ("en", "Wait 15 minutes")])
def test_many_wrong_passwords_lock_the_name_at_this_address(client, venue: Venue, language, text):
    make.make_actor(venue, "viewer", "lin")
    client.cookies["django_language"] = language
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = client.post("/login", {"username": "lin", "password": "wrong"})
    assert response.status_code == 429
    assert text in response.content.decode()
    response = client.post("/login", {"username": "lin", "password": "correct horse battery"})
    assert response.status_code == 429  # the right one too, until the time is over
    assert client.post("/login", {"username": "bo", "password": "wrong"}).status_code == 200


def test_the_language_is_chinese_unless_asked_otherwise(db, client):
    assert "登录" in client.get("/login").content.decode()
    assert "Log in" in client.get("/login", headers={"Accept-Language": "en"}).content.decode()


def test_switching_the_language_keeps_the_place(db, client):
    response = client.post("/language", {"language": "en", "next": "/orders?q=1"})
    assert response["Location"] == "/orders?q=1"
    assert client.cookies["django_language"].value == "en"
    assert '<html lang="en">' in client.get("/login").content.decode()
    client.post("/language", {"language": "zh-hans", "next": "/"})
    assert '<html lang="zh-Hans">' in client.get("/login").content.decode()


@pytest.mark.parametrize("wanted", ["//elsewhere.example/", "https://elsewhere.example/", "javascript:alert(1)", ""])
def test_switching_the_language_leads_nowhere_else(db, client, wanted):
    assert client.post("/language", {"language": "en", "next": wanted})["Location"] == "/"


@pytest.mark.parametrize("language", ["de", "", "../../etc", "zh-hans\0"])
def test_an_unknown_language_changes_nothing(db, client, language):
    assert client.post("/language", {"language": language}).status_code == 302
    assert "django_language" not in client.cookies


def test_one_works_at_the_venue_one_chose(log_in, venue: Venue):
    client = log_in("viewer")
    second = make.make_venue("second", name_zh="第二", name_en="Second park")
    third = make.make_venue("third", name_zh="第三", name_en="Third park")
    me = Employee.objects.get(username="u-viewer")
    make.grant_role(actor=make.SYSTEM, employee=me, role="administrator", venue=second)
    assert "West Lake" in client.get("/").content.decode()
    assert client.post("/venue", {"venue": "second"})["Location"] == "/"
    page = client.get("/").content.decode()
    assert '<button class="pf-venue-name" type="button" data-bs-toggle="dropdown" aria-expanded="false">Second' in page
    assert client.get("/orders/new").status_code == 200  # an administrator here, a viewer there
    assert client.post("/venue", {"venue": third.code}).status_code == 404
    assert client.post("/venue", {"venue": "nowhere"}).status_code == 404
    assert client.post("/venue", {"venue": "\0"}).status_code == 404, "PostgreSQL takes no such character"


def test_an_unknown_address_is_explained(log_in):
    response = log_in("viewer").get("/no-such-page")
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


def test_our_own_failure_is_admitted(log_in, monkeypatch):
    client = log_in("viewer")
    client.raise_request_exception = False
    monkeypatch.setattr("cloud.admin.sections.live.board", lambda desk: 1 / 0)
    response = client.get("/live")
    assert response.status_code == 500
    assert "Something failed on our side" in response.content.decode()
    assert "ZeroDivisionError" not in response.content.decode()


def test_health_says_whether_the_database_answers(db, client, monkeypatch):
    assert client.get("/healthz").json() == {"ok": True, "database": True}

    def down() -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", down)
        response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"ok": False, "database": False}
