"""Logins from their beginning to their end. A session that ended is out at its next request."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.staff.models import Employee, LoginSession
from cloud.staff.services.guard import require_over

SEEN_EVERY = timedelta(minutes=1)  # a request within this of the last note writes nothing
AGENT_LENGTH = 300
KEEP = timedelta(days=180)  # a login that is over stays listed so long


def begin_session(
    *, employee: Employee, address: str | None, agent: str, second_factor: bool = False, now: datetime | None = None
) -> LoginSession:
    """A login that has just succeeded."""
    return LoginSession.objects.create(
        employee=employee,
        seen_at=now or timezone.now(),
        address=address,
        agent=agent.replace("\0", "")[:AGENT_LENGTH],
        second_factor=second_factor,
    )


def resume_session(
    *, employee: Employee, pk: int, by_itself: bool = False, now: datetime | None = None
) -> LoginSession | None:
    """The session at another request of it. None where it ended, or ends by this for its age or idleness.

    Args:
        by_itself: a page asked, not somebody: they were not seen by this.
    """
    now = now or timezone.now()
    session = LoginSession.objects.filter(pk=pk, employee=employee, ended_at=None).first()
    if session is None:
        return None
    if now - session.began_at > timedelta(seconds=settings.SESSION_COOKIE_AGE):
        return _over(session, LoginSession.Ended.AGE, now)
    if now - session.seen_at > timedelta(seconds=settings.SESSION_IDLE_AGE):
        return _over(session, LoginSession.Ended.IDLE, now)
    if not by_itself and now - session.seen_at > SEEN_EVERY:
        LoginSession.objects.filter(pk=pk, ended_at=None).update(seen_at=now)
    return session


@transaction.atomic
def end_own_session(*, employee: Employee, pk: int) -> None:
    """Ends one of one's own. Raises DomainError "session.unknown" for anybody else's, and for one that is over."""
    sessions = LoginSession.objects.filter(employee=employee, pk=pk)
    if not _end(sessions, LoginSession.Ended.ENDED):
        raise DomainError(
            "session.unknown", "该登录会话不存在或已结束。", "There is no such session, or it is over already."
        )
    audit.write(Actor.of(employee), "session.end", employee, None, count=1)


@transaction.atomic
def end_other_sessions(*, employee: Employee, but: int | None) -> int:
    """Ends all of one's own but one; how many there were."""
    count = end_all(employee, LoginSession.Ended.ENDED, but=but)
    if count:
        audit.write(Actor.of(employee), "session.end", employee, None, count=count)
    return count


@transaction.atomic
def end_sessions(*, actor: Actor, venue: models.Model, employee: Employee) -> int:
    """An administrator ends all of an employee's sessions; how many there were.

    Raises:
        DomainError: "permission.denied", "employee.unknown", "employee.above".
    """
    require_over(actor, employee, venue)
    count = end_all(employee, LoginSession.Ended.ADMINISTRATOR)
    audit.write(actor, "session.end", employee, venue, count=count)
    return count


def end_all(employee: Employee, why: LoginSession.Ended, but: int | None = None) -> int:
    """Within the caller's transaction and permission; how many there were."""
    return _end(LoginSession.objects.filter(employee=employee).exclude(pk=but), why)


def end_this(pk: int, why: LoginSession.Ended = LoginSession.Ended.LOGOUT) -> None:
    """Notes that a session is over."""
    _end(LoginSession.objects.filter(pk=pk), why)


def note_second_factor(pk: int) -> None:
    """The second factor was shown in this session, after its login."""
    LoginSession.objects.filter(pk=pk, ended_at=None).update(second_factor=True)


def note_refused_login(*, username: str) -> None:
    """Somebody failed to log in as an employee, who sees it in their account. Unknown names leave no trace here."""
    employee = Employee.objects.filter(username=username.replace("\0", "")[:150]).first()
    if employee is not None:
        audit.write(Actor.system("login"), "login.refused", employee, None)


def clean_up_sessions(now: datetime | None = None) -> int:
    """Ends the sessions that nobody came back to and removes those that are long over; how many were removed."""
    now = now or timezone.now()
    open_ones = LoginSession.objects.filter(ended_at=None)
    for why, over in (
        (LoginSession.Ended.AGE, {"began_at__lt": now - timedelta(seconds=settings.SESSION_COOKIE_AGE)}),
        (LoginSession.Ended.IDLE, {"seen_at__lt": now - timedelta(seconds=settings.SESSION_IDLE_AGE)}),
    ):
        open_ones.filter(**over).update(ended_at=now, ended_why=why)
    gone, _ = LoginSession.objects.filter(ended_at__lt=now - KEEP).delete()
    return gone


def _end(sessions: models.QuerySet[LoginSession], why: LoginSession.Ended) -> int:
    return sessions.filter(ended_at=None).update(ended_at=timezone.now(), ended_why=why)


def _over(session: LoginSession, why: LoginSession.Ended, now: datetime) -> None:
    LoginSession.objects.filter(pk=session.pk, ended_at=None).update(ended_at=now, ended_why=why)
