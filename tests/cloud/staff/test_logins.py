"""Sessions and the second factor, as services."""

from __future__ import annotations

from base64 import b32decode
from datetime import timedelta

import pytest
from django.utils import timezone
from django_otp.oath import TOTP

from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.staff import services as staff
from cloud.staff.models import Employee, LoginPolicy, LoginSession, RecoveryCode, SecondFactor
from cloud.staff.services import Checked
from cloud.venues.models import Venue
from tests.support.race import race
from tests.support.venue import SYSTEM, make_actor, make_venue

NOW = 1_800_000_000.0  # an instant; codes change every 30 s


@pytest.fixture
def lin(venue: Venue) -> Employee:
    employee = make_actor(venue, "viewer", "lin").employee
    assert isinstance(employee, Employee)
    return employee


def code_at(secret: str, now: float) -> str:
    totp = TOTP(b32decode(secret))
    totp.time = now
    return f"{totp.token():06d}"


def set_up(employee: Employee) -> tuple[str, list[str]]:
    """The app's secret and the recovery codes."""
    secret = staff.prepare_second_factor(employee=employee).secret
    answer, codes = staff.confirm_second_factor(employee=employee, code=code_at(secret, NOW), now=NOW)
    assert answer.right
    return secret, codes


def check(employee: Employee, code: str, now: float = NOW) -> Checked:
    return staff.check_second_factor(employee=employee, code=code, now=now).checked


def forget_waiting() -> None:
    SecondFactor.objects.update(throttling_failure_timestamp=timezone.now() - timedelta(days=1))


def test_the_key_is_sealed_the_codes_are_hashed_and_both_are_shown_once(lin: Employee) -> None:
    secret, codes = set_up(lin)
    factor = SecondFactor.objects.get()
    assert b32decode(secret) not in bytes(factor.sealed_key)
    kept = b"".join(bytes(one.code_hash) for one in RecoveryCode.objects.all())
    assert len(codes) == len(set(codes)) == 10
    assert not [code for code in codes if code.replace("-", "").encode() in kept]
    assert secret not in "".join(str(row.detail) for row in AuditRow.objects.all())
    with pytest.raises(DomainError) as refused:
        staff.prepare_second_factor(employee=lin)
    assert refused.value.code == "second_factor.there"


def test_before_it_is_confirmed_the_key_stays_and_nothing_is_asked(lin: Employee) -> None:
    assert staff.prepare_second_factor(employee=lin) == staff.prepare_second_factor(employee=lin)
    assert not staff.has_second_factor(lin)
    answer, codes = staff.confirm_second_factor(employee=lin, code="000000", now=NOW)
    assert (answer.checked, codes) == (Checked.WRONG, [])
    assert check(lin, "000000") is Checked.WRONG


def test_no_code_is_taken_twice_nor_an_older_one(lin: Employee) -> None:
    secret, _codes = set_up(lin)
    assert check(lin, code_at(secret, NOW)) is Checked.WRONG, "it was used to confirm"
    forget_waiting()
    later = NOW + 60
    assert check(lin, code_at(secret, later), later) is Checked.RIGHT
    assert check(lin, code_at(secret, NOW + 30), later) is Checked.WRONG, "of an earlier step"


@pytest.mark.parametrize(("off", "taken"), [(-30, True), (0, True), (30, True), (-90, False), (90, False)])
def test_a_clock_may_be_off_by_one_step(lin: Employee, off: int, taken: bool) -> None:
    secret, _codes = set_up(lin)
    now = NOW + 600
    assert (check(lin, code_at(secret, now + off), now) is Checked.RIGHT) == taken


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "²²²²²²", "0" * 12, "\0" * 6])
def test_what_is_no_code_is_wrong(lin: Employee, code: str) -> None:
    set_up(lin)
    assert check(lin, code) is Checked.WRONG


def test_wrong_codes_make_the_next_wait_twice_as_long_each(lin: Employee) -> None:
    secret, codes = set_up(lin)
    waits = []
    for _ in range(4):
        before = timezone.now()
        answer = staff.check_second_factor(employee=lin, code="000000", now=NOW)
        assert answer.until is not None
        waits.append(round((answer.until - before).total_seconds()))
        assert check(lin, code_at(secret, NOW + 60), NOW + 60) is Checked.WAIT, "not even the right one"
        assert check(lin, codes[0]) is Checked.WAIT
        forget_waiting()
    assert waits == [1, 2, 4, 8]
    assert check(lin, code_at(secret, NOW + 60), NOW + 60) is Checked.RIGHT
    assert SecondFactor.objects.get().throttling_failure_count == 0


def test_a_recovery_code_works_once_however_it_is_typed(lin: Employee) -> None:
    _secret, codes = set_up(lin)
    assert check(lin, f" {codes[0].lower()} ") is Checked.RECOVERY
    assert check(lin, codes[0]) is Checked.WRONG
    forget_waiting()
    assert check(lin, codes[1].replace("-", "")) is Checked.RECOVERY
    assert AuditRow.objects.filter(action="second_factor.recovery").count() == 2
    fresh = staff.renew_recovery_codes(employee=lin)
    assert check(lin, codes[2]) is Checked.WRONG, "the old ones are over"
    forget_waiting()
    assert check(lin, fresh[0]) is Checked.RECOVERY


def test_a_recovery_code_is_its_owners_only(lin: Employee, venue: Venue) -> None:
    _secret, codes = set_up(lin)
    other = make_actor(venue, "viewer", "bo").employee
    set_up(other)  # type: ignore[arg-type]
    assert check(other, codes[0]) is Checked.WRONG  # type: ignore[arg-type]


@pytest.mark.spec("E-18")
def test_who_needs_a_second_factor(venue: Venue, lin: Employee, settings) -> None:
    boss = make_actor(venue, "administrator", "boss").employee
    root = staff.create_employee(actor=SYSTEM, username="root", password="correct horse battery", superuser=True)

    def asked() -> list[bool]:
        return [staff.second_factor_required(who) for who in (lin, boss, root)]  # type: ignore[arg-type]

    assert asked() == [False, False, False]
    staff.set_login_policy(actor=SYSTEM, venue=venue, second_factor="power")
    assert asked() == [False, True, True]
    with pytest.raises(DomainError) as refused:
        staff.remove_second_factor(employee=boss)  # type: ignore[arg-type]
    assert refused.value.code == "second_factor.required"
    staff.set_login_policy(actor=SYSTEM, venue=venue, second_factor="everybody")
    assert asked() == [True, True, True]
    LoginPolicy.objects.all().delete()
    settings.REQUIRE_SECOND_FACTOR = "power"
    assert asked() == [False, True, True]
    settings.REQUIRE_SECOND_FACTOR = "everybody"
    assert asked() == [True, True, True]


def test_another_venues_rule_is_not_theirs(venue: Venue, lin: Employee) -> None:
    other = make_venue("other")
    staff.set_login_policy(actor=SYSTEM, venue=other, second_factor="everybody")
    assert not staff.second_factor_required(lin)


def test_an_administrator_takes_a_lost_one_away(venue: Venue, lin: Employee) -> None:
    set_up(lin)
    boss = make_actor(venue, "administrator", "boss")
    staff.disable_second_factor(actor=boss, venue=venue, employee=lin)
    assert not staff.has_second_factor(lin)
    assert not RecoveryCode.objects.exists()
    assert AuditRow.objects.get(action="second_factor.disable").actor_name == "boss"


@pytest.mark.django_db(transaction=True)
def test_one_code_at_two_doors_at_once_opens_one(transactional_db: None) -> None:
    venue = make_venue()
    lin = make_actor(venue, "viewer", "lin").employee
    assert isinstance(lin, Employee)
    secret, codes = set_up(lin)
    later = NOW + 60
    code = code_at(secret, later)
    results = race(venue, lambda: check(lin, code, later), lambda: check(lin, code, later))
    assert sorted(one.name for one in results) == ["RIGHT", "WRONG"]
    forget_waiting()
    results = race(venue, lambda: check(lin, codes[0]), lambda: check(lin, codes[0]))
    assert sorted(one.name for one in results) == ["RECOVERY", "WRONG"]


# --- sessions


def test_a_session_ends_by_idleness_and_by_age(lin: Employee, settings) -> None:
    settings.SESSION_IDLE_AGE, settings.SESSION_COOKIE_AGE = 3600, 7200
    start = timezone.now()
    session = staff.begin_session(employee=lin, address="10.0.0.7", agent="x" * 400, now=start)
    assert len(session.agent) == 300
    for minutes in (50, 100):
        assert staff.resume_session(employee=lin, pk=session.pk, now=start + timedelta(minutes=minutes))
    assert staff.resume_session(employee=lin, pk=session.pk, now=start + timedelta(minutes=121)) is None
    assert LoginSession.objects.get().ended_why == "age"
    idle = staff.begin_session(employee=lin, address=None, agent="", now=start)
    assert staff.resume_session(employee=lin, pk=idle.pk, now=start + timedelta(minutes=61)) is None
    assert LoginSession.objects.get(pk=idle.pk).ended_why == "idle"
    assert staff.resume_session(employee=lin, pk=idle.pk, now=start) is None, "over is over"


def test_being_seen_is_noted_once_a_minute(lin: Employee, django_assert_num_queries) -> None:
    start = timezone.now()
    session = staff.begin_session(employee=lin, address=None, agent="", now=start)
    with django_assert_num_queries(1):
        staff.resume_session(employee=lin, pk=session.pk, now=start + timedelta(seconds=59))
    with django_assert_num_queries(2):
        staff.resume_session(employee=lin, pk=session.pk, now=start + timedelta(seconds=61))


def test_a_page_that_asks_by_itself_is_nobody_doing_something(lin: Employee, settings) -> None:
    settings.SESSION_IDLE_AGE = 3600
    start = timezone.now()
    session = staff.begin_session(employee=lin, address=None, agent="", now=start)
    for minutes in (20, 40, 60):
        at = start + timedelta(minutes=minutes)
        assert staff.resume_session(employee=lin, pk=session.pk, by_itself=True, now=at) == session
    assert LoginSession.objects.get().seen_at == start
    at = start + timedelta(minutes=61)
    assert staff.resume_session(employee=lin, pk=session.pk, by_itself=True, now=at) is None
    assert LoginSession.objects.get().ended_why == "idle"


def test_sessions_nobody_came_back_to_are_ended_and_old_ones_removed(lin: Employee, settings) -> None:
    settings.SESSION_IDLE_AGE, settings.SESSION_COOKIE_AGE = 3600, 7200
    now = timezone.now()
    fresh, idle, old, over = (staff.begin_session(employee=lin, address=None, agent="", now=now) for _ in range(4))
    LoginSession.objects.filter(pk=idle.pk).update(seen_at=now - timedelta(seconds=3601))
    LoginSession.objects.filter(pk=old.pk).update(began_at=now - timedelta(seconds=7201))
    LoginSession.objects.filter(pk=over.pk).update(ended_at=now - timedelta(days=181), ended_why="logout")
    assert staff.clean_up_sessions(now) == 1
    assert dict(LoginSession.objects.values_list("pk", "ended_why")) == {fresh.pk: "", idle.pk: "idle", old.pk: "age"}
    assert staff.clean_up_sessions(now + timedelta(days=179)) == 0
    assert staff.clean_up_sessions(now + timedelta(days=181)) == 2, "those that ended by this"


def test_one_ends_ones_own_and_nobody_elses(lin: Employee, venue: Venue) -> None:
    bo = make_actor(venue, "administrator", "bo").employee
    assert isinstance(bo, Employee)
    mine, theirs = (staff.begin_session(employee=one, address=None, agent="") for one in (lin, bo))
    with pytest.raises(DomainError) as refused:
        staff.end_own_session(employee=lin, pk=theirs.pk)
    assert refused.value.code == "session.unknown"
    assert staff.resume_session(employee=lin, pk=theirs.pk) is None, "nor goes on with it"
    second = staff.begin_session(employee=lin, address=None, agent="")
    assert staff.end_other_sessions(employee=lin, but=second.pk) == 1
    assert staff.resume_session(employee=lin, pk=mine.pk) is None
    assert staff.resume_session(employee=lin, pk=second.pk) == second
    assert staff.end_sessions(actor=SYSTEM, venue=venue, employee=lin) == 1


def test_another_password_ends_the_other_sessions(lin: Employee) -> None:
    here, there = (staff.begin_session(employee=lin, address=None, agent="") for _ in range(2))
    staff.change_password(employee=lin, password="a wholly new sentence", session=here.pk)
    assert staff.resume_session(employee=lin, pk=here.pk) == here
    assert staff.resume_session(employee=lin, pk=there.pk) is None
    for password in ("a wholly new sentence", "short"):
        with pytest.raises(DomainError) as refused:
            staff.change_password(employee=lin, password=password)
        assert refused.value.code == "employee.password"
