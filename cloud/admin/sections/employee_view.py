"""What pages show of employees and their roles, as values."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext as _

from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.text import chinese, named
from cloud.staff.models import Employee, RoleGrant


def name_of(employee: Employee) -> str:
    return employee.get_full_name() or employee.get_username()


def joined(words: list[str]) -> str:
    return ("、" if chinese() else ", ").join(words)


def reach_text(grant: RoleGrant) -> str:
    """The stations of a grant by name; within its venue's scope, or the count alone."""
    if not grant.limited:
        return _("All stations")
    return joined([named(station) for station in grant.stations.all()]) or _("No station")


def role_text(grant: RoleGrant) -> str:
    """ "Gate supervisor (West gate)"."""
    name = named(grant.role)
    if not grant.limited:
        return name
    return f"{name}（{reach_text(grant)}）" if chinese() else f"{name} ({reach_text(grant)})"


def roles_text(employee: Employee) -> str:
    """`grants_here` of staff.selectors.employees."""
    return joined([role_text(grant) for grant in employee.grants_here])  # type: ignore[attr-defined]


def stations_text(employee: Employee) -> str:
    grants = employee.grants_here  # type: ignore[attr-defined]
    if not grants:
        return ""
    if any(not grant.limited for grant in grants):
        return _("All stations")
    found = {station.pk: station for grant in grants for station in grant.stations.all()}
    ordered = sorted(found.values(), key=lambda station: station.number)
    return joined([named(station) for station in ordered]) or _("No station")


def status_pill(employee: Employee) -> Pill:
    """Whether they can log in."""
    if not employee.is_active:
        return Pill(_("Deactivated"), Tone.IDLE, "circle-slash")
    if not employee.has_usable_password():
        return Pill(_("Has no password yet"), Tone.WARN, "key-round")
    if employee.one_time_over(timezone.now()):
        return Pill(_("One-time password is over"), Tone.WARN, "key-round")
    if employee.must_change_password():
        return Pill(_("Has a one-time password"), Tone.BUSY, "key-round")
    return Pill(_("Active"), Tone.GOOD, "circle-check")


def factor_pill(employee: Employee) -> Pill:
    if employee.has_factor:  # type: ignore[attr-defined]
        return Pill(_("On"), Tone.GOOD, "shield-check")
    return Pill(_("Off"), Tone.IDLE, "shield-off")
