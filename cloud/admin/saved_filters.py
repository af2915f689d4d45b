"""Saving lists narrowed down: for oneself, or shared with the venue; which of them a list begins with."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from cloud.admin.models import DefaultFilter, SavedFilter
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import required_text
from cloud.core.locks import lock_row
from cloud.staff.models import Employee
from cloud.staff.permissions import Permission, allowed, require
from cloud.venues.models import Venue

MOST = 30  # of one person in one section
NAME_LENGTH, ADDRESS_LENGTH = 40, 1000


def saved_filters(actor: Actor, venue: Venue, section: str) -> QuerySet[SavedFilter]:
    """The actor's own, and those shared with the venue."""
    rows = SavedFilter.objects.filter(venue=venue, section=section)
    return rows.filter(Q(shared=True) | Q(employee=_employee(actor))).order_by("name", "pk")


def default_filter(actor: Actor, venue: Venue, section: str) -> SavedFilter | None:
    """What the actor's list begins with. One that is no longer shared with them is none."""
    return saved_filters(actor, venue, section).filter(defaults__employee=_employee(actor)).first()


@transaction.atomic
def save_filter(
    *, actor: Actor, venue: Venue, section: str, name: str, address: str, shared: bool = False, default: bool = False
) -> SavedFilter:
    """A new one.

    Raises:
        DomainError: "filter.name" (taken), "filter.many", "filter.address", "permission.denied" (to share), "input.*".
    """
    employee = _employee(actor)
    if shared:
        require(actor, Permission.LIST_SHARE, venue)
    if len(address) > ADDRESS_LENGTH:
        raise DomainError(
            "filter.address", "筛选条件太长，无法保存。", "This filter is too long to be saved. Choose fewer values."
        )
    if SavedFilter.objects.filter(venue=venue, employee=employee, section=section).count() >= MOST:
        raise DomainError(
            "filter.many", f"最多保存 {MOST} 个，请先删除一些。", f"At most {MOST} are kept. Delete some first."
        )
    saved = SavedFilter(
        venue=venue, employee=employee, section=section, name=required_text(name, "name", NAME_LENGTH),
        address=address.lstrip("?"), shared=shared,
    )  # fmt: skip
    _write(saved)
    set_default(actor=actor, venue=venue, saved=saved, default=default)
    if shared:
        audit.write(actor, "filter.share", saved, venue, section=section, name=saved.name)
    return saved


@transaction.atomic
def change_filter(
    *, actor: Actor, venue: Venue, saved: SavedFilter, name: str, shared: bool, default: bool
) -> SavedFilter:
    """Its name and whom it is for. Of somebody else's only the default can be set.

    Raises:
        DomainError: "filter.name", "permission.denied", "row.gone", "input.*".
    """
    saved = lock_row(SavedFilter, saved.pk)
    set_default(actor=actor, venue=venue, saved=saved, default=default)
    if not may_change(actor, venue, saved):
        return saved
    if saved.shared or shared:
        _require_sharing(actor, venue, saved, shared)
    before = saved.shared
    saved.name, saved.shared = required_text(name, "name", NAME_LENGTH), shared
    _write(saved)
    if before != shared:
        audit.write(
            actor, "filter.share" if shared else "filter.unshare", saved, venue, section=saved.section, name=saved.name
        )
    return saved


@transaction.atomic
def delete_filter(*, actor: Actor, venue: Venue, saved: SavedFilter) -> None:
    """Raises DomainError: "permission.denied", "row.gone"."""
    saved = lock_row(SavedFilter, saved.pk)
    if not may_change(actor, venue, saved):
        require(actor, Permission.LIST_SHARE, venue)
    if saved.shared:
        audit.write(actor, "filter.unshare", saved, venue, section=saved.section, name=saved.name)
    saved.delete()


def set_default(*, actor: Actor, venue: Venue, saved: SavedFilter, default: bool) -> None:
    """Whether the actor's list begins with it. It takes the place of another."""
    mine = {"venue": venue, "employee": _employee(actor), "section": saved.section}
    if default:
        DefaultFilter.objects.update_or_create(**mine, defaults={"saved": saved})
    else:
        DefaultFilter.objects.filter(**mine, saved=saved).delete()


def may_change(actor: Actor, venue: Venue, saved: SavedFilter) -> bool:
    """Its maker may, and of a shared one whoever may share."""
    if saved.employee_id == _employee(actor).pk:
        return True
    return saved.shared and allowed(actor, Permission.LIST_SHARE, venue)


def _require_sharing(actor: Actor, venue: Venue, saved: SavedFilter, shared: bool) -> None:
    """Taking one's own back needs no permission; anything else about sharing does."""
    if shared or saved.employee_id != _employee(actor).pk:
        require(actor, Permission.LIST_SHARE, venue)


def _write(saved: SavedFilter) -> None:
    try:
        with transaction.atomic():
            saved.save()
    except IntegrityError:
        raise DomainError(
            "filter.name", f"您已有名为“{saved.name}”的筛选。", f"You have one called {saved.name} already.", "name"
        ) from None


def _employee(actor: Actor) -> Employee:
    if not isinstance(actor.employee, Employee):
        raise ValueError("a saved filter is somebody's")
    return actor.employee
