"""The door and what is behind it: one-time passwords, the second factor, sessions, the matrix, unmasking."""

from __future__ import annotations

import re
from base64 import b32decode
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP

from cloud.core.business_day import today
from cloud.core.models import AuditRow
from cloud.sales import services as sales
from cloud.sales.models import OrderUnit
from cloud.sales.values import OrderLine, VisitorInput
from cloud.staff import services as staff
from cloud.staff.models import Employee, LoginSession, Role, SecondFactor
from cloud.venues.models import Venue
from tests.support import venue as make

PASSWORD = "correct horse battery"


def door(username: str = "lin", password: str = PASSWORD, language: str = "en", **more: str) -> tuple[Client, Any]:
    client = Client(headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36"})
    client.cookies["django_language"] = language
    return client, client.post("/login", {"username": username, "password": password, **more})


def page_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


@pytest.fixture
def lin(venue: Venue) -> Employee:
    employee = make.make_actor(venue, "viewer", "lin").employee
    assert isinstance(employee, Employee)
    return employee


@pytest.fixture
def secret(lin: Employee) -> str:
    """The key of lin's authenticator app."""
    key = staff.prepare_second_factor(employee=lin).secret
    answer, _codes = staff.confirm_second_factor(employee=lin, code=now_code(key, -30))
    assert answer.right
    return key


def now_code(key: str, off: float = 0) -> str:
    totp = TOTP(b32decode(key))
    totp.time = timezone.now().timestamp() + off
    return f"{totp.token():06d}"


# --- one-time passwords


@pytest.mark.spec("E-18")
def test_a_one_time_password_leads_to_ones_own_and_nowhere_else(log_in, venue, lin):
    admin = log_in()
    assert "Make a one-time password" in page_of(admin, f"/employees/{lin.pk}/password")
    shown = admin.post(f"/employees/{lin.pk}/password")
    assert shown["Cache-Control"] == "no-store"
    password = shown.context["password"]
    assert password in shown.content.decode()
    assert password not in page_of(admin, f"/employees/{lin.pk}")
    client, response = door(password=password, next="/orders")
    assert response["Location"] == "/orders"
    for path in ("/orders", "/", "/account", "/stations"):
        assert client.get(path)["Location"] == "/account/password?first=1"
    part = client.get("/live/board", headers={"HX-Request": "true"})
    assert part["HX-Redirect"] == "/account/password?first=1"
    page = page_of(client, "/account/password")
    assert "Choose your own password" in page
    assert "At least 10 characters" in page
    for new, again, text in (
        ("short", "short", "at least 10 characters"),
        ("a wholly new sentence", "another", "not the same"),
        (password, password, "another password than"),
    ):
        refused = client.post("/account/password", {"password": new, "again": again})
        assert refused.status_code == 422
        assert text in refused.content.decode()
        assert new not in refused.content.decode().replace("at least 10", "")
    done = client.post("/account/password", {"password": "a wholly new sentence", "again": "a wholly new sentence"})
    assert done.status_code == 302
    assert client.get("/stations").status_code == 200
    _again, refused = door(password=password)
    assert refused.status_code == 200


def test_a_one_time_password_that_was_not_used_in_time_says_so(lin, venue):
    password = staff.give_one_time_password(actor=make.SYSTEM, venue=venue, employee=lin)
    Employee.objects.update(one_time_until=timezone.now() - timedelta(minutes=1))
    _client, response = door(password=password)
    assert "was not used in time" in response.content.decode()


def test_nobody_resets_their_own_this_way(log_in, venue):
    client = log_in()
    me = Employee.objects.get()
    assert client.post(f"/employees/{me.pk}/password")["Location"] == f"/employees/{me.pk}"
    assert "Not to your own account" in page_of(client, "/employees")


def test_changing_ones_password_asks_for_the_one_there_is(lin):
    client, _response = door()
    key = client.session.session_key
    fresh = {"password": "a wholly new sentence", "again": "a wholly new sentence"}
    assert client.post("/account/password", fresh | {"now": "wrong"}).status_code == 422
    assert client.post("/account/password", fresh | {"now": PASSWORD})["Location"] == "/account"
    assert client.get("/account").status_code == 200
    assert client.session.session_key != key


# --- the second factor


@pytest.mark.spec("E-18")
def test_the_code_is_asked_for_after_the_password_and_the_way_is_kept(lin, secret):
    client, response = door(next="/orders?q=1")
    assert response["Location"] == "/login/code"
    assert client.get("/orders").status_code == 302, "the password alone opens nothing"
    before = client.session.session_key
    wrong = client.post("/login/code", {"code": "000000"})
    assert wrong.status_code == 422
    assert "This code is not right" in wrong.content.decode()
    assert "Too many wrong codes. Wait 1 second" in client.post("/login/code", {"code": "1"}).content.decode()
    SecondFactor.objects.update(throttling_failure_timestamp=None)
    response = client.post("/login/code", {"code": now_code(secret)})
    assert response["Location"] == "/orders?q=1"
    assert client.session.session_key != before
    assert client.get("/orders").status_code == 200
    assert LoginSession.objects.get().second_factor
    assert AuditRow.objects.filter(action="login.refused").count() == 2


def test_the_second_step_waits_five_minutes_and_leads_only_to_this_site(lin, secret):
    home = reverse(settings.LOGIN_REDIRECT_URL)
    client, _response = door(next="https://elsewhere.example/")
    session = client.session
    assert session["second_step"]["next"] == home
    session["second_step"] = session["second_step"] | {"next": "https://elsewhere.example/"}
    session.save()
    assert client.post("/login/code", {"code": now_code(secret)})["Location"] == home
    client, _response = door()
    session = client.session
    session["second_step"] = session["second_step"] | {"at": (timezone.now() - timedelta(minutes=6)).isoformat()}
    session.save()
    assert client.post("/login/code", {"code": now_code(secret, 30)})["Location"] == "/login"
    assert "begin again" in page_of(client, "/login")
    assert Client().get("/login/code")["Location"] == "/login"


def test_it_is_set_up_by_scanning_and_a_code_and_its_recovery_codes_are_shown_once(lin):
    client, _response = door()
    page = page_of(client, "/account/second-factor")
    assert "<svg" in page
    key = re.search(r'id="secret">([A-Z2-7 ]+)<', page).group(1).replace(" ", "")
    assert client.post("/account/second-factor", {"code": "000000"}).status_code == 422
    SecondFactor.objects.update(throttling_failure_timestamp=None)
    done = client.post("/account/second-factor", {"code": now_code(key)})
    assert done["Cache-Control"] == "no-store"
    codes = done.context["codes"]
    assert len(codes) == 10
    page = page_of(client, "/account/second-factor")
    assert codes[0] not in page
    assert key not in page.replace(" ", "")
    assert "you have 10 recovery codes left" in page
    response = client.post("/account/second-factor", {"code": codes[0], "do": "codes"})
    assert codes[1] not in response.content.decode()
    fresh = response.context["codes"]
    client, _response = door()
    client.post("/login/code", {"code": fresh[0]})
    assert "You have 9 recovery codes left" in page_of(client, "/account")
    assert client.post("/account/second-factor", {"code": fresh[1], "do": "remove"})["Location"] == "/account"
    assert not staff.has_second_factor(lin)


@pytest.mark.spec("E-18")
def test_whoever_must_have_one_sets_it_up_before_anything_else(log_in, venue, lin):
    client, _response = door()
    elsewhere, _response = door()
    assert client.get("/stations").status_code == 200
    admin = log_in()
    assert admin.post("/employees/login-rules", {"second_factor": "everybody"})["Location"] == "/employees"
    assert client.get("/stations")["Location"] == "/account/second-factor?first=1"
    key = staff.prepare_second_factor(employee=lin).secret
    client.post("/account/second-factor", {"code": now_code(key)})
    assert client.get("/stations").status_code == 200
    assert elsewhere.get("/stations")["Location"].startswith("/login/ended"), "that one has not shown it"
    assert elsewhere.get("/login/ended")["Location"] == "/login"
    assert "cannot be switched off" in page_of(client, "/account/second-factor")


# --- sessions


@pytest.mark.spec("E-18")
def test_sessions_are_listed_and_ended_from_another(lin):
    here, _response = door()
    there, _response = door()
    page = page_of(here, "/account")
    assert page.count("Chrome · Windows") >= 2
    assert here.session.session_key not in page
    other = next(one for one in here.get("/account").context["sessions"] if not one.this)
    assert here.post(f"/account/sessions/{other.pk}/end")["Location"] == "/account"
    response = there.get("/stations?q=1")
    assert response["Location"] == "/login?next=/stations%3Fq%3D1"
    assert "This session was ended" in page_of(there, "/login")
    third, _response = door()
    assert here.post("/account/sessions/end-others").status_code == 302
    assert third.get("/stations").status_code == 302
    assert here.get("/stations").status_code == 200


def test_a_session_of_somebody_else_is_not_ended_by_its_number(log_in, lin):
    _client, _response = door()
    theirs = LoginSession.objects.get()
    admin = log_in()
    admin.post(f"/account/sessions/{theirs.pk}/end")
    theirs.refresh_from_db()
    assert theirs.ended_at is None
    assert admin.get(f"/account/sessions/{theirs.pk}/end").status_code == 405


def test_an_administrator_ends_them_all_and_a_deactivated_person_is_out(log_in, lin):
    client, _response = door()
    admin = log_in()
    assert "Chrome · Windows" in page_of(admin, f"/employees/{lin.pk}")
    admin.post("/employees/do/end-sessions", {"pk": lin.pk, "next": "/employees"})
    assert client.get("/stations").status_code == 302
    client, _response = door()
    admin.post("/employees/do/deactivate", {"pk": lin.pk, "next": "/employees"})
    assert client.get("/stations").status_code == 302
    _client, response = door()
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("setting", "text"), [("SESSION_IDLE_AGE", "nothing was done"), ("SESSION_COOKIE_AGE", "long ago")]
)
def test_an_old_or_idle_session_says_why_it_ended(lin, settings, setting, text):
    client, _response = door()
    past = timezone.now() - timedelta(seconds=getattr(settings, setting) + 1)
    LoginSession.objects.update(seen_at=past, **({"began_at": past} if "COOKIE" in setting else {}))
    assert client.get("/stations")["Location"] == "/login?next=/stations"
    assert text in page_of(client, "/login")


def test_an_open_page_that_refreshes_itself_keeps_nobody_logged_in(lin, settings):
    client, _response = door()
    past = timezone.now() - timedelta(minutes=5)
    LoginSession.objects.update(seen_at=past)
    by_itself = {"HX-Request": "true", "HX-Current-URL": "/live", "X-By-Itself": "1"}
    assert client.get("/live/board", headers=by_itself).status_code == 200
    assert LoginSession.objects.get().seen_at == past
    settings.SESSION_IDLE_AGE = 299
    response = client.get("/live/board", headers=by_itself)
    assert (response.status_code, response["HX-Redirect"]) == (204, "/live")
    assert client.get("/live")["Location"] == "/login?next=/live"
    assert "nothing was done" in page_of(client, "/login")


def test_who_is_taken_on_is_given_a_one_time_password_next(log_in, venue):
    admin = log_in()
    values = {"name": "赵敏", "username": "zhao", "role": "viewer"}
    response = admin.post("/employees/new", values)
    hired = Employee.objects.get(username="zhao")
    assert response["Location"] == f"/employees/{hired.pk}/password"
    page = page_of(admin, response["Location"])
    assert "赵敏 is created. Give them a one-time password" in page
    assert "Make a one-time password" in page


def test_logging_in_makes_a_new_session_and_logging_out_ends_it(lin):
    client = Client()
    client.post("/login", {"username": "lin", "password": "wrong"})
    before = client.session.session_key
    client.post("/login", {"username": "lin", "password": PASSWORD})
    assert client.session.session_key != before
    client.post("/logout")
    assert LoginSession.objects.get().ended_why == "logout"
    page = page_of(door()[0], "/account")
    assert "Wrong password or code" in page
    assert "Logged out" in page


# --- employees by stations and venues, roles, the matrix


def test_somebody_of_another_venue_is_admitted_by_name_and_otherwise_not_there(log_in, venue):
    other = make.make_venue("other")
    strange = staff.hire_employee(actor=make.SYSTEM, venue=other, username="strange", name="远", role="viewer")
    admin = log_in()
    for path in (f"/employees/{strange.pk}", f"/employees/{strange.pk}/edit", f"/employees/{strange.pk}/password"):
        assert admin.get(path).status_code == 404
    assert admin.post("/employees/admit", {"username": "nobody", "role": "viewer"}).status_code == 422
    assert admin.post("/employees/admit", {"username": "strange", "role": "viewer"}).status_code == 302
    assert admin.get(f"/employees/{strange.pk}").status_code == 200
    page = page_of(admin, f"/employees/{strange.pk}")
    assert page.count("Role given") == 1, "what the other venue did with the account is theirs"


def test_the_matrix_says_the_difference_and_two_people_do_not_undo_each_other(log_in, venue):
    role = staff.create_role(actor=make.SYSTEM, venue=venue, name_zh="检票员", permissions=["live.view"])
    admin = log_in()
    page = admin.get("/roles/matrix")
    seen = page.context["seen"]
    wanted = {"seen": seen, f"r{role.pk}": ["order.view", "order.pass"]}
    asked = admin.post("/roles/matrix", wanted).content.decode()
    assert "Change what these roles permit?" in asked
    assert "See orders and admissions" in asked
    assert "See what happens" in asked
    role.refresh_from_db()
    assert role.permissions == ["live.view"], "asking changes nothing"
    assert admin.post("/roles/matrix", wanted | {"agreed": "1"}).status_code == 302
    role.refresh_from_db()
    assert role.permissions == ["order.pass", "order.view"]
    late = admin.post("/roles/matrix", {"seen": seen, f"r{role.pk}": [], "agreed": "1"})
    assert late.status_code == 409
    role.refresh_from_db()
    assert role.permissions == ["order.pass", "order.view"]
    viewer = Role.objects.get(key="viewer")
    admin.post("/roles/matrix", {"seen": "forged", f"r{viewer.pk}": ["staff.manage"], "agreed": "1"})
    viewer.refresh_from_db()
    assert viewer.permissions == ["live.view", "order.view"]


def test_every_permission_has_its_words_and_its_line_in_the_matrix(log_in):
    from cloud.admin.permission_words import words
    from cloud.staff.permissions import Permission

    assert sorted(one.permission for one in words()) == sorted(Permission)
    assert log_in("viewer").get("/roles/matrix").status_code == 403


def test_a_deleted_role_leads_to_the_list(log_in, venue):
    role = staff.create_role(actor=make.SYSTEM, venue=venue, name_zh="检票员")
    response = log_in().post("/roles/do/delete", {"pk": role.pk, "next": f"/roles/{role.pk}"})
    assert response["Location"] == "/roles"


# --- unmasking


@pytest.fixture
def unit(venue: Venue) -> OrderUnit:
    product = make.make_product(venue, stations=[make.make_station(venue)])
    visitor = VisitorInput("王小明", make.make_id_number())
    line = OrderLine(product, 1, today(venue), [visitor])
    order = sales.issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="one")
    return order.units.get()


def test_a_visitor_is_masked_until_somebody_says_why(log_in, unit):
    admin = log_in()
    number, path = unit.order.number, f"/orders/{unit.order.number}/1/person"
    whole = make.make_id_number()
    page = page_of(admin, f"/orders/{number}")
    assert whole not in page
    assert "王小明" not in page
    assert path in page
    assert whole not in page_of(admin, path)
    assert admin.post(path, {"why": "  "}).status_code == 422
    assert not AuditRow.objects.filter(action="personal.show").exists()
    shown = admin.post(path, {"why": "checks the ID at the counter"})
    assert shown["Cache-Control"] == "no-store"
    assert whole in shown.content.decode()
    assert "王小明" in shown.content.decode()
    row = AuditRow.objects.get(action="personal.show")
    assert row.actor_name == "u-administrator"
    assert row.detail == {
        "number": number, "position": 1, "fields": ["name", "id_number"], "why": "checks the ID at the counter",
    }  # fmt: skip
    assert whole not in page_of(admin, f"/orders/{number}"), "for that one page only"


@pytest.mark.parametrize("role", ["viewer", "gate_supervisor", "product_manager"])
def test_unmasking_is_a_permission_of_its_own(log_in, unit, role):
    client = log_in(role)
    path = f"/orders/{unit.order.number}/1/person"
    assert path not in page_of(client, f"/orders/{unit.order.number}")
    assert client.get(path).status_code == 403
    assert client.post(path, {"why": "x"}).status_code == 403


def test_there_is_nobody_to_unmask_where_nobody_is_named(log_in, unit):
    OrderUnit.objects.update(visitor=None)
    admin = log_in()
    assert admin.get(f"/orders/{unit.order.number}/1/person").status_code == 404
    assert admin.get(f"/orders/{unit.order.number}/9/person").status_code == 404
