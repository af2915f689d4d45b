"""What may be permitted, which built-in role permits it, and the check every service makes first (E-01)."""

from __future__ import annotations

from enum import StrEnum

from django.db import models

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.staff.models import Employee, RoleGrant


class Permission(StrEnum):
    """Stable codes, stored in roles. Deny by default."""

    LIVE_VIEW = "live.view"
    ORDER_VIEW = "order.view"
    ORDER_ISSUE = "order.issue"
    ORDER_PASS = "order.pass"  # noqa: S105 - show a ticket's code: whoever holds it can enter by it
    ORDER_REVOKE = "order.revoke"
    ORDER_REISSUE = "order.reissue"
    ENTITLEMENT_MANAGE = "entitlement.manage"  # activate, hand out, book, attach and detach cards and codes
    ENTITLEMENT_LOCK = "entitlement.lock"  # lock for a refund, freeze, and undo either
    ENTITLEMENT_EXPLAIN = "entitlement.explain"  # ask a gate why it would refuse something
    PRODUCT_MANAGE = "product.manage"
    STATION_MANAGE = "station.manage"  # create stations and devices, exclusion groups, what a station verifies
    STATION_SWITCH = "station.switch"  # enable and disable stations and devices
    EDGE_MANAGE = "edge.manage"  # enrol and revoke edges
    KEY_MANAGE = "key.manage"  # rotate and kill signing keys
    STAFF_MANAGE = "staff.manage"
    VENUE_MANAGE = "venue.manage"
    AUDIT_VIEW = "audit.view"  # who did what, of everybody at the venue


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
            Permission.ENTITLEMENT_MANAGE,
            Permission.ENTITLEMENT_LOCK,
            Permission.ENTITLEMENT_EXPLAIN,
            Permission.PRODUCT_MANAGE,
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
        ),
    ),
    VIEWER: ("只读", "Viewer", _VIEW),
}


def granted(actor: Actor, venue: models.Model) -> frozenset[Permission]:
    """What the actor may: trusted code and superusers everything, others what their roles at the venue grant."""
    employee = actor.employee
    if employee is None:
        return frozenset(Permission)
    if not isinstance(employee, Employee) or not employee.is_active:
        return frozenset()
    if employee.is_superuser:
        return frozenset(Permission)
    grants = RoleGrant.objects.filter(employee=employee, venue_id=venue.pk).values_list("role__permissions", flat=True)
    codes = {code for permissions in grants for code in permissions}
    return frozenset(permission for permission in Permission if permission in codes)


def allowed(actor: Actor, permission: Permission, venue: models.Model) -> bool:
    """Whether the actor may."""
    return permission in granted(actor, venue)


def require(actor: Actor, permission: Permission, venue: models.Model) -> None:
    """Raises DomainError "permission.denied" unless the actor may. Read anew each time: a change tells at once."""
    if not allowed(actor, permission, venue):
        raise denied(permission)


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
