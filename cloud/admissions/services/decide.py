"""What people make of a case: noted, closed with a reason, opened again. Of two who decide at once one is told."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from cloud.admissions.models import Case
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import required_text
from cloud.core.locks import lock_row
from cloud.staff.permissions import Permission, require_at
from cloud.venues.models import Venue

NOTE = 500


def review_case(*, actor: Actor, venue: Venue, case: Case, note: str) -> Case:
    """Somebody looked at it and says what they found; it still waits to be closed.

    Raises:
        DomainError: "case.state" (closed), "input.*", "permission.denied", "row.gone".
    """
    return _decide(actor, venue, case, Case.State.REVIEWED, note, "case.review")


def close_case(*, actor: Actor, venue: Venue, case: Case, note: str) -> Case:
    """Done with, for the reason given. Raises as review_case."""
    return _decide(actor, venue, case, Case.State.CLOSED, note, "case.close")


@transaction.atomic
def reopen_case(*, actor: Actor, venue: Venue, case: Case, note: str) -> Case:
    """A closed case waits for somebody again.

    Raises:
        DomainError: "case.state" (not closed), "input.*", "permission.denied", "row.gone".
    """
    why = required_text(note, "note", NOTE)
    case = lock_row(Case, case.pk)
    require_at(actor, Permission.CASE_MANAGE, venue, case.station_id)
    if case.state != Case.State.CLOSED:
        raise DomainError("case.state", "该事项未关闭。", "The case is not closed.")
    return _write(actor, venue, case, Case.State.OPEN, why, "case.reopen")


@transaction.atomic
def _decide(actor: Actor, venue: Venue, case: Case, state: str, note: str, action: str) -> Case:
    why = required_text(note, "note", NOTE)
    case = lock_row(Case, case.pk)
    require_at(actor, Permission.CASE_MANAGE, venue, case.station_id)
    if case.state == Case.State.CLOSED:
        raise DomainError(
            "case.state",
            "该事项已被关闭，如需更改请先重新打开。",
            "The case was closed already: open it again to change what was decided.",
        )
    return _write(actor, venue, case, state, why, action)


def _write(actor: Actor, venue: Venue, case: Case, state: str, note: str, action: str) -> Case:
    case.state, case.note, case.decided_at = state, note, timezone.now()
    case.decided_by = actor.employee  # type: ignore[assignment]
    case.save(update_fields=["state", "note", "decided_at", "decided_by"])
    audit.write(actor, action, case, venue, case_kind=case.kind, note=note)
    return case
