"""What the console offers, in the order of the side navigation: pages of their own, and every declared section."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit import registry
from cloud.staff.permissions import Permission

if TYPE_CHECKING:
    from cloud.admin.desk import Desk


@dataclass(frozen=True, slots=True)
class Entry:
    """A link. Whoever lacks the permission does not see it. `covers` names the further pages of the section."""

    title: str | Promise
    url_name: str
    icon: str
    permission: Permission
    covers: tuple[str, ...] = ()
    section: str = ""  # the key of a declared section
    place: int = 0
    badge: Callable[[Desk], int] | None = None

    @property
    def url(self) -> str:
        return reverse(self.url_name, args=[self.section] if self.section else [])

    def is_current(self, name: str, key: str) -> bool:
        """Whether the page of this url name, of this section if any, belongs to the entry."""
        return name in self.covers or (key == self.section if self.section else name == self.url_name)


@dataclass(frozen=True, slots=True)
class Group:
    """`key` is what a section names as its group."""

    key: str
    title: str | Promise
    entries: tuple[Entry, ...] = ()


_LIVE = ("console:switch-lane", "console:switch-station")

# The groups in their order, and the entries that are pages of their own.
MENU: tuple[Group, ...] = (
    Group(
        "entrance",
        _("Entrance"),
        (
            Entry(_("Overview"), "console:overview", "layout-dashboard", Permission.LIVE_VIEW),
            Entry(_("Live"), "console:live", "activity", Permission.LIVE_VIEW, _LIVE, place=5),
            Entry(
                _("Explain"),
                "console:explain",
                "circle-question-mark",
                Permission.ENTITLEMENT_EXPLAIN,
                ("console:explained",),
                place=50,
            ),
        ),
    ),
    Group("tickets", _("Tickets")),
    Group("venue", _("Venue")),
    Group("people", _("People")),
    Group("system", _("System")),
)


_STYLE = Entry(_("Style"), "console:style", "palette", Permission.STAFF_MANAGE, place=1000)


def visible(permissions: frozenset[Permission]) -> tuple[Group, ...]:
    """The menu of somebody with these permissions; groups left empty are left out."""
    groups = []
    for group in MENU:
        entries = [
            *group.entries,
            *_declared(group.key),
            *([_STYLE] if settings.DEBUG and group.key == "system" else []),
        ]
        entries = sorted((one for one in entries if one.permission in permissions), key=lambda entry: entry.place)
        if entries:
            groups.append(Group(group.key, group.title, tuple(entries)))
    return tuple(groups)


def _declared(group: str) -> list[Entry]:
    return [
        Entry(one.title, "console:section-list", one.icon, one.view, one.pages, one.key, one.place, one.badge)
        for one in registry.sections()
        if one.group == group
    ]
