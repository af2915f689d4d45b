"""What the console offers, in the order of the side navigation. A section is one entry here."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.staff.permissions import Permission


@dataclass(frozen=True, slots=True)
class Entry:
    """A link. Whoever lacks the permission does not see it. `covers` names the further pages of the section."""

    title: str | Promise
    url_name: str
    icon: str
    permission: Permission
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    title: str | Promise
    entries: tuple[Entry, ...]


_LIVE = ("console:switch-lane", "console:switch-station")
_ORDERS = ("console:order", "console:issue", "console:revoke", "console:reissue", "console:qr")

MENU: tuple[Group, ...] = (
    Group(_("Entrance"), (Entry(_("Live"), "console:live", "activity", Permission.LIVE_VIEW, _LIVE),)),
    Group(_("Tickets"), (Entry(_("Orders"), "console:orders", "receipt-text", Permission.ORDER_VIEW, _ORDERS),)),
)


def visible(permissions: frozenset[Permission]) -> tuple[Group, ...]:
    """The menu of somebody with these permissions; groups left empty are left out."""
    groups = []
    for group in MENU:
        entries = tuple(entry for entry in group.entries if entry.permission in permissions)
        if entries:
            groups.append(Group(group.title, entries))
    return tuple(groups)
