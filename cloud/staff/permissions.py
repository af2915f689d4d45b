"""What may be permitted, which built-in role permits it, and the check every service makes first (E-01)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db import models

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.staff.models import Employee, RoleGrant
from cloud.staff.reach import EVERYWHERE, NOWHERE, Reach


class Permission(StrEnum):
    """Stable codes, stored in roles. Deny by default."""

    LIVE_VIEW = "live.view"
    ORDER_VIEW = "order.view"
    ORDER_ISSUE = "order.issue"
    ORDER_PASS = "order.pass"  # noqa: S105 - show a ticket's code: whoever holds it can enter by it
    ORDER_REVOKE = "order.revoke"
    ORDER_REISSUE = "order.reissue"
    ORDER_REFUND = "order.refund"  # give tickets back by their rules, and note that the money went back
    REFUND_REVIEW = "refund.review"  # agree to refunds that wait, or refuse them
    REFUND_OVERRIDE = "refund.override"  # refund what the rules do not, for a reason
    ENTITLEMENT_MANAGE = "entitlement.manage"  # activate, hand out, book, attach and detach cards and codes
    ENTITLEMENT_LOCK = "entitlement.lock"  # lock for a refund, freeze, and undo either
    ENTITLEMENT_EXPLAIN = "entitlement.explain"  # ask a gate why it would refuse something
    PERSONAL_VIEW = "personal.view"  # a visitor's whole name and ID number, one at a time and with a reason
    PRODUCT_MANAGE = "product.manage"
    STATION_MANAGE = "station.manage"  # create stations and devices, exclusion groups, what a station verifies
    STATION_SWITCH = "station.switch"  # enable and disable stations and devices
    CASE_MANAGE = "case.manage"  # review, close and reopen what gates could not settle by themselves
    EDGE_MANAGE = "edge.manage"  # enrol and revoke edges
    KEY_MANAGE = "key.manage"  # rotate and kill signing keys
    STAFF_MANAGE = "staff.manage"
    VENUE_MANAGE = "venue.manage"
    LIST_SHARE = "list.share"  # saved filters for everybody at the venue
    AUDIT_VIEW = "audit.view"  # who did what, of everybody at the venue


# About the venue as a whole: a grant limited to some stations does not give these, whatever its role lists.
WHOLE_VENUE = frozenset(
    {
        Permission.PRODUCT_MANAGE,
        Permission.STATION_MANAGE,
        Permission.EDGE_MANAGE,
        Permission.KEY_MANAGE,
        Permission.STAFF_MANAGE,
        Permission.VENUE_MANAGE,
        Permission.AUDIT_VIEW,
    }
)
# Whoever holds one of these can do lasting damage: a venue may ask them for a second factor.
POWERS = WHOLE_VENUE | {Permission.PERSONAL_VIEW}

ADMINISTRATOR = "administrator"
PRODUCT_MANAGER = "product_manager"
GATE_SUPERVISOR = "gate_supervisor"
VIEWER = "viewer"

_VIEW = (Permission.LIVE_VIEW, Permission.ORDER_VIEW)

# key -> (zh, en, permissions)
BUILT_IN: dict[str, tuple[str, str, tuple[Permission, ...]]] = {
    ADMINISTRATOR: ("管理员", "Administrator", tuple(Permission)),
    PRODUCT_MANAGER: (
        "产品经理",
        "Product manager",
        (
            *_VIEW,
            Permission.ORDER_ISSUE,
            Permission.ORDER_PASS,
            Permission.ORDER_REVOKE,
            Permission.ORDER_REISSUE,
            Permission.ORDER_REFUND,
            Permission.REFUND_REVIEW,
            Permission.ENTITLEMENT_MANAGE,
            Permission.ENTITLEMENT_LOCK,
            Permission.ENTITLEMENT_EXPLAIN,
            Permission.PRODUCT_MANAGE,
            Permission.LIST_SHARE,
        ),
    ),
    GATE_SUPERVISOR: (
        "闸口主管",
        "Gate supervisor",
        (
            *_VIEW,
            Permission.ORDER_PASS,
            Permission.ORDER_REISSUE,
            Permission.ENTITLEMENT_MANAGE,
            Permission.ENTITLEMENT_EXPLAIN,
            Permission.STATION_SWITCH,
            Permission.CASE_MANAGE,
        ),
    ),
    VIEWER: ("只读", "Viewer", _VIEW),
}


@dataclass(frozen=True, slots=True)
class Powers:
    """All that somebody may at a venue, and at which of its stations. What is not in `reaches` is not permitted."""

    reaches: Mapping[Permission, Reach]

    @property
    def permissions(self) -> frozenset[Permission]:
        return frozenset(self.reaches)

    def reach(self, permission: Permission) -> Reach:
        return self.reaches.get(permission, NOWHERE)

    def __or__(self, other: Powers) -> Powers:
        return Powers({one: self.reach(one) | other.reach(one) for one in self.permissions | other.permissions})

    def cover(self, other: Powers) -> bool:
        """Whether nothing the other may goes beyond this."""
        if not other.permissions <= self.permissions:
            return False
        pairs = [(self.reach(permission), theirs) for permission, theirs in other.reaches.items()]
        return all(
            ours.everywhere or (not theirs.everywhere and theirs.stations <= ours.stations) for ours, theirs in pairs
        )


EVERYTHING = Powers({permission: EVERYWHERE for permission in Permission})
NOTHING = Powers({})


def powers(actor: Actor, venue: models.Model) -> Powers:
    """What the actor may: trusted code and superusers everything, others what their roles at the venue grant."""
    employee = actor.employee
    if employee is None:
        return EVERYTHING
    if not isinstance(employee, Employee) or not employee.is_active:
        return NOTHING
    if employee.is_superuser:
        return EVERYTHING
    return powers_of_grants(RoleGrant.objects.filter(employee=employee, venue_id=venue.pk))


def powers_of_grants(grants: models.QuerySet[RoleGrant]) -> Powers:
    """What grants at one venue add up to. One query: a limited grant comes once for each of its stations."""
    held = NOTHING
    for codes, limited, station in grants.values_list("role__permissions", "limited", "stations"):
        held |= powers_of_role(codes, Reach(stations=frozenset(filter(None, (station,)))) if limited else EVERYWHERE)
    return held


def powers_of_role(codes: Iterable[str], reach: Reach) -> Powers:
    """What a role with these codes gives whom it is granted with this reach."""
    permitted = known(codes) if reach.everywhere else known(codes) - WHOLE_VENUE
    return Powers({permission: reach for permission in permitted})


def known(codes: Iterable[str]) -> frozenset[Permission]:
    """The permissions a role's codes stand for; those of another version of the software stand for none."""
    codes = frozenset(codes)
    return frozenset(permission for permission in Permission if permission.value in codes)


def granted(actor: Actor, venue: models.Model) -> frozenset[Permission]:
    """What the actor may, somewhere at the venue."""
    return powers(actor, venue).permissions


def allowed(actor: Actor, permission: Permission, venue: models.Model) -> bool:
    """Whether the actor may."""
    return permission in granted(actor, venue)


def require(actor: Actor, permission: Permission, venue: models.Model) -> None:
    """Raises DomainError "permission.denied" unless the actor may. Read anew each time: a change tells at once."""
    if not allowed(actor, permission, venue):
        raise denied(permission)


def require_at(actor: Actor, permission: Permission, venue: models.Model, station_id: int | None) -> None:
    """As `require`, for what is done at one station: that must be within the actor's reach too (S-09).

    Raises:
        DomainError: "permission.denied"; "permission.station": permitted, but not there.
    """
    held = powers(actor, venue)
    if permission not in held.permissions:
        raise denied(permission)
    if not held.reach(permission).covers(station_id):
        raise DomainError(
            "permission.station",
            "您未被授权管理该站点。请联系管理员。",
            "You are not authorised for this station. Ask an administrator.",
        )


def require_installation(actor: Actor) -> None:
    """For what belongs to no venue yet: trusted code and superusers only."""
    employee = actor.employee
    if employee is not None and not (isinstance(employee, Employee) and employee.is_active and employee.is_superuser):
        raise denied(Permission.VENUE_MANAGE)


def denied(permission: Permission) -> DomainError:
    return DomainError(
        "permission.denied",
        f"没有权限（{permission}）。请联系管理员授予相应角色。",
        f"Not permitted ({permission}). Ask an administrator for a role that includes it.",
    )
