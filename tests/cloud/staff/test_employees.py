"""Taking people on, and nobody giving, taking or resetting more than they have themselves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.hashers import check_password
from django.utils import timezone

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.staff import services as staff
from cloud.staff.models import Employee, LoginSession, Role
from cloud.staff.permissions import Permission, granted
from cloud.staff.selectors import employees
from cloud.staff.services.passwords import Given
from cloud.venues.models import Station, Venue
from tests.support.race import race
from tests.support.venue import SYSTEM, make_actor, make_station, make_venue


def hire(venue: Venue, username: str = "zhou", role: str = "viewer", actor: Actor = SYSTEM) -> Employee:
    return staff.hire_employee(actor=actor, venue=venue, username=username, name="周敏", role=role)


def refused(code: str, act: object) -> None:
    with pytest.raises(DomainError) as problem:
        act()  # type: ignore[operator]
    assert problem.value.code == code


@pytest.fixture
def boss(venue: Venue) -> Actor:
    return make_actor(venue, "administrator", "boss")


@pytest.fixture
def clerk(venue: Venue) -> Actor:
    """Manages employees, and otherwise only looks."""
    role = staff.create_role(
        actor=SYSTEM, venue=venue, name_zh="人事", permissions=["staff.manage", "live.view", "order.view"]
    )
    return make_actor(venue, role.key, "clerk")


@pytest.mark.spec("E-02")
def test_an_administrator_takes_somebody_on_who_then_chooses_a_password(venue: Venue, boss: Actor) -> None:
    zhou = hire(venue, actor=boss)
    assert not zhou.has_usable_password()
    password = staff.give_one_time_password(actor=boss, venue=venue, employee=zhou)
    zhou.refresh_from_db()
    assert zhou.check_password(password)
    assert zhou.must_change_password()
    assert not zhou.one_time_over()
    assert zhou.one_time_over(timezone.now() + timedelta(days=3, minutes=1))
    staff.change_password(employee=zhou, password="a wholly new sentence")
    zhou.refresh_from_db()
    assert zhou.check_password("a wholly new sentence")
    assert not zhou.must_change_password()
    assert password not in "".join(str(row.detail) for row in AuditRow.objects.all())


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"username": "a b"}, "employee.username"),
        ({"username": "boss"}, "employee.username"),
        ({"username": ""}, "input.required"),
        ({"name": ""}, "input.required"),
        ({"phone": "call me"}, "employee.phone"),
        ({"role": "emperor"}, "role.unknown"),
        ({"stations": []}, "role.stations"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nobody_behind(venue: Venue, boss: Actor, fields, code: str) -> None:
    asked = {"username": "zhou", "name": "周敏", "role": "viewer"} | fields
    refused(code, lambda: staff.hire_employee(actor=boss, venue=venue, **asked))
    assert Employee.objects.count() == 1


@pytest.mark.spec("E-01")
def test_nobody_gives_or_takes_more_than_they_have(venue: Venue, boss: Actor, clerk: Actor) -> None:
    zhou = hire(venue, actor=clerk)
    refused("role.above", lambda: hire(venue, "eve", "gate_supervisor", clerk))
    refused("role.above", lambda: staff.grant_role(actor=clerk, employee=zhou, role="administrator", venue=venue))
    me = clerk.employee
    refused("role.above", lambda: staff.grant_role(actor=clerk, employee=me, role="administrator", venue=venue))
    refused(
        "role.above",
        lambda: staff.withdraw_role(actor=clerk, employee=boss.employee, role="administrator", venue=venue),
    )
    refused("role.above", lambda: staff.create_role(actor=clerk, venue=venue, name_zh="x", permissions=["key.manage"]))
    own = Role.objects.get(name_zh="人事")
    more = [*own.permissions, "order.issue"]
    refused(
        "role.above",
        lambda: staff.set_role_permissions(actor=clerk, venue=venue, role=own, permissions=more, seen=own.permissions),
    )
    assert granted(clerk, venue) == {Permission.STAFF_MANAGE, Permission.LIVE_VIEW, Permission.ORDER_VIEW}


def test_an_account_above_is_not_reset_renamed_or_deactivated(venue: Venue, boss: Actor, clerk: Actor) -> None:
    above = boss.employee
    for act in (
        lambda: staff.give_one_time_password(actor=clerk, venue=venue, employee=above),
        lambda: staff.set_employee_active(actor=clerk, venue=venue, employee=above, active=False),
        lambda: staff.edit_employee(actor=clerk, venue=venue, employee=above, name="x"),
        lambda: staff.disable_second_factor(actor=clerk, venue=venue, employee=above),
        lambda: staff.end_sessions(actor=clerk, venue=venue, employee=above),
    ):
        refused("employee.above", act)
    superuser = staff.create_employee(actor=SYSTEM, username="root", password="correct horse battery", superuser=True)
    staff.grant_role(actor=SYSTEM, employee=superuser, role="viewer", venue=venue)
    refused("employee.above", lambda: staff.give_one_time_password(actor=boss, venue=venue, employee=superuser))


@pytest.mark.spec("E-07")
def test_one_person_works_at_two_venues_and_neither_administrator_takes_the_other_over(
    venue: Venue, boss: Actor
) -> None:
    other = make_venue("other")
    theirs = make_actor(other, "administrator", "theirs")
    refused(
        "employee.unknown",
        lambda: staff.admit_employee(actor=theirs, venue=other, username="nobody", role="viewer"),
    )
    zhou = hire(venue, actor=boss)
    staff.admit_employee(actor=theirs, venue=other, username="zhou", role="gate_supervisor")
    assert zhou in employees(other)
    for actor, place in ((boss, venue), (theirs, other)):
        refused(
            "employee.above",
            lambda actor=actor, place=place: staff.give_one_time_password(actor=actor, venue=place, employee=zhou),
        )
    strange = hire(venue, "strange", actor=boss)
    refused("employee.unknown", lambda: staff.end_sessions(actor=theirs, venue=other, employee=strange))
    staff.withdraw_role(actor=theirs, employee=zhou, role="gate_supervisor", venue=other)
    assert zhou not in employees(other)
    staff.withdraw_role(actor=boss, employee=zhou, role="viewer", venue=venue)
    assert zhou in employees(venue), "their home lists them without a role too"


def test_deactivating_ends_the_sessions_and_keeps_the_roles(venue: Venue, boss: Actor) -> None:
    zhou = hire(venue, actor=boss)
    session = staff.begin_session(employee=zhou, address="10.0.0.7", agent="x")
    staff.set_employee_active(actor=boss, venue=venue, employee=zhou, active=False)
    assert staff.resume_session(employee=zhou, pk=session.pk) is None
    assert LoginSession.objects.get().ended_why == "deactivated"
    refused("employee.inactive", lambda: staff.give_one_time_password(actor=boss, venue=venue, employee=zhou))
    staff.set_employee_active(actor=boss, venue=venue, employee=zhou, active=True)
    zhou.refresh_from_db()
    assert Permission.LIVE_VIEW in granted(Actor.of(zhou), venue)
    refused(
        "employee.self",
        lambda: staff.set_employee_active(actor=boss, venue=venue, employee=boss.employee, active=False),
    )


@pytest.mark.spec("E-18")
def test_the_last_administrator_stays(venue: Venue, boss: Actor) -> None:
    def leave() -> None:
        staff.withdraw_role(actor=boss, employee=boss.employee, role="administrator", venue=venue)

    refused("employee.last_administrator", leave)
    west = make_station(venue)
    refused(
        "employee.last_administrator",
        lambda: staff.grant_role(
            actor=boss, employee=boss.employee, role="administrator", venue=venue, stations=[west]
        ),
    )
    second = hire(venue, "second", "administrator", boss)
    staff.set_employee_active(actor=boss, venue=venue, employee=second, active=False)
    refused("employee.last_administrator", leave)
    staff.set_employee_active(actor=boss, venue=venue, employee=second, active=True)
    leave()
    assert Permission.STAFF_MANAGE not in granted(boss, venue)


def test_resetlogin_opens_a_deactivated_account_without_its_second_factor(venue: Venue, boss: Actor) -> None:
    zhou = hire(venue, actor=boss)
    staff.prepare_second_factor(employee=zhou)
    staff.set_employee_active(actor=boss, venue=venue, employee=zhou, active=False)
    password = staff.reset_login(actor=SYSTEM, username="zhou")
    zhou.refresh_from_db()
    assert (zhou.is_active, zhou.check_password(password), zhou.must_change_password()) == (True, True, True)
    assert not zhou.secondfactor_set.exists()
    assert AuditRow.objects.filter(action="employee.login_reset", actor_name="tests").count() == 1
    refused("employee.unknown", lambda: staff.reset_login(actor=SYSTEM, username="nobody"))
    refused("permission.denied", lambda: staff.reset_login(actor=boss, username="zhou"))


# --- roles


def test_a_role_of_ones_own_lives_and_goes(venue: Venue, boss: Actor) -> None:
    role = staff.create_role(actor=boss, venue=venue, name_zh="检票员", permissions=["live.view"])
    zhou = hire(venue, role=role.key, actor=boss)
    assert granted(Actor.of(zhou), venue) == {Permission.LIVE_VIEW}
    staff.set_role_permissions(
        actor=boss, venue=venue, role=role, permissions=["live.view", "order.view"], seen=["live.view"]
    )
    assert granted(Actor.of(zhou), venue) == {Permission.LIVE_VIEW, Permission.ORDER_VIEW}, "at once"
    assert AuditRow.objects.get(action="role.permissions").detail["added"] == ["order.view"]
    refused("role.used", lambda: staff.delete_role(actor=boss, venue=venue, role=role))
    refused("role.name", lambda: staff.create_role(actor=boss, venue=venue, name_zh="检票员"))
    staff.withdraw_role(actor=boss, employee=zhou, role=role.key, venue=venue)
    staff.delete_role(actor=boss, venue=venue, role=role)
    assert not Role.objects.filter(pk=role.pk).exists()


def test_built_in_roles_and_those_of_other_venues_are_left_alone(venue: Venue, boss: Actor) -> None:
    other = make_venue("other")
    theirs = staff.create_role(actor=SYSTEM, venue=other, name_zh="别处的")
    for role in (Role.objects.get(key="viewer"), theirs):
        for act in (
            lambda role=role: staff.edit_role(actor=boss, venue=venue, role=role, name_zh="x"),
            lambda role=role: staff.delete_role(actor=boss, venue=venue, role=role),
            lambda role=role: staff.set_role_permissions(
                actor=boss, venue=venue, role=role, permissions=[], seen=role.permissions
            ),
        ):
            refused("role.built_in", act)
    refused(
        "role.unknown",
        lambda: staff.grant_role(actor=boss, employee=boss.employee, role=theirs.key, venue=venue),
    )


def test_codes_of_another_version_are_refused_when_set_and_mean_nothing_when_there(venue: Venue, boss: Actor) -> None:
    refused("role.permission", lambda: staff.create_role(actor=boss, venue=venue, name_zh="x", permissions=["fly"]))
    role = staff.create_role(actor=boss, venue=venue, name_zh="x")
    Role.objects.filter(pk=role.pk).update(permissions=["fly"])
    assert granted(make_actor(venue, role.key, "bird"), venue) == frozenset()


# --- two at once


@pytest.mark.django_db(transaction=True)
@pytest.mark.spec("E-18")
def test_two_administrators_who_remove_each_other_leave_one(transactional_db: None) -> None:
    venue = make_venue()
    one, two = (make_actor(venue, "administrator", name) for name in ("one", "two"))

    def remove(actor: Actor, other: Actor) -> None:
        staff.withdraw_role(actor=actor, employee=other.employee, role="administrator", venue=venue)

    results = race(venue, lambda: remove(one, two), lambda: remove(two, one))
    problems = [one.code for one in results if isinstance(one, DomainError)]
    assert results.count(None) == 1
    assert problems in (["employee.last_administrator"], ["permission.denied"])
    assert sum(Permission.STAFF_MANAGE in granted(who, venue) for who in (one, two)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_deactivate_each_other_leave_one(transactional_db: None) -> None:
    venue = make_venue()
    one, two = (make_actor(venue, "administrator", name) for name in ("one", "two"))

    def off(actor: Actor, other: Actor) -> None:
        fresh = Actor.of(Employee.objects.get(pk=actor.employee.pk))
        staff.set_employee_active(actor=fresh, venue=venue, employee=other.employee, active=False)

    results = race(venue, lambda: off(one, two), lambda: off(two, one))
    assert sum(result is not None and isinstance(result, DomainError) for result in results) == 1, results
    assert Employee.objects.filter(is_active=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_change_a_role_at_once_one_is_told(transactional_db: None) -> None:
    venue = make_venue()
    role = staff.create_role(actor=SYSTEM, venue=venue, name_zh="检票员", permissions=["live.view"])

    def change(code: str) -> Role:
        return staff.set_role_permissions(
            actor=SYSTEM, venue=venue, role=role, permissions=["live.view", code], seen=["live.view"]
        )

    results = race(venue, lambda: change("order.view"), lambda: change("order.pass"))
    assert [one.code for one in results if isinstance(one, DomainError)] == ["role.changed"]
    role.refresh_from_db()
    assert len(role.permissions) == 2


def test_stations_are_set_anew_by_granting_again(venue: Venue, west: Station, east: Station, boss: Actor) -> None:
    zhou = hire(venue, role="gate_supervisor", actor=boss)
    for stations in ([west], [east], None):
        grant = staff.grant_role(actor=boss, employee=zhou, role="gate_supervisor", venue=venue, stations=stations)
        assert list(grant.stations.all()) == (stations or [])
        assert grant.limited == bool(stations)


def test_many_get_one_time_passwords_that_let_them_in_once(venue: Venue, boss: Actor) -> None:
    staffed = [hire(venue, f"new{n}", actor=boss) for n in range(3)]
    given = staff.give_first_passwords(actor=boss, venue=venue, seen={one.pk: None for one in staffed})
    assert [one.employee.username for one in given] == ["new0", "new1", "new2"]
    assert len({one.password for one in given}) == 3
    for one in given:
        employee = Employee.objects.get(pk=one.employee.pk)
        assert employee.check_password(one.password)
        assert employee.must_change_password()
    assert AuditRow.objects.filter(action="employee.password_reset").count() == 3
    stored = str(list(AuditRow.objects.values())) + str(list(Employee.objects.values()))
    assert not [one for one in given if one.password in stored]
    staff.change_password(employee=staffed[0], password="correct horse staple")
    with pytest.raises(DomainError) as problem:  # as the page had it: they have passwords by now
        staff.give_first_passwords(actor=boss, venue=venue, seen={one.pk: None for one in staffed})
    assert problem.value.code == "employee.none_waits"
    again = {one.pk: Employee.objects.get(pk=one.pk).password_changed_at for one in staffed}
    given = staff.give_first_passwords(actor=boss, venue=venue, seen=again)
    assert [one.employee.username for one in given] == ["new1", "new2"], "who chose an own one keeps it"
    with pytest.raises(DomainError) as problem:
        staff.give_first_passwords(actor=boss, venue=venue, seen=dict.fromkeys(range(201)))
    assert problem.value.code == "employee.too_many"


def test_a_one_time_password_is_hashed_quickly_by_the_hash_in_force(venue: Venue, boss: Actor, settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    lin = hire(venue, actor=boss)
    password = staff.give_one_time_password(actor=boss, venue=venue, employee=lin)
    lin.refresh_from_db()
    assert lin.password.startswith("pbkdf2_sha256$1000$")
    assert check_password(password, lin.password)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_give_passwords_at_once_the_first_ones_hold(transactional_db: None) -> None:
    venue = make_venue()
    new = [hire(venue, f"new{n}", actor=SYSTEM) for n in range(3)]

    def give() -> list[Given]:
        return staff.give_first_passwords(actor=SYSTEM, venue=venue, seen={one.pk: None for one in new})

    results = race(venue, give, give)
    (given,) = [one for one in results if isinstance(one, list)]
    assert [one.code for one in results if isinstance(one, DomainError)] == ["employee.none_waits"]
    assert all(Employee.objects.get(pk=one.employee.pk).check_password(one.password) for one in given)
