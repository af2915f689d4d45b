"""Who stands at the console: the employee, the venue chosen, what is permitted there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.utils import timezone

from cloud.admin.kit.text import named
from cloud.core.actors import Actor
from cloud.staff.models import Employee
from cloud.staff.permissions import Permission, Powers, powers
from cloud.staff.reach import Reach
from cloud.staff.selectors import roles_at
from cloud.venues.models import Venue
from cloud.venues.selectors import venues_of

if TYPE_CHECKING:
    from cloud.admin import menu

SESSION_VENUE = "venue"


@dataclass(frozen=True)
class Desk:
    """Given to every view. Inside the view the venue's scope and time zone are in force."""

    employee: Employee
    venue: Venue
    venues: tuple[Venue, ...]

    @cached_property
    def actor(self) -> Actor:
        return Actor.of(self.employee)

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.venue.time_zone)

    @cached_property
    def powers(self) -> Powers:
        """For showing and hiding only: services check again."""
        return powers(self.actor, self.venue)

    @property
    def permissions(self) -> frozenset[Permission]:
        return self.powers.permissions

    def reach(self, permission: Permission) -> Reach:
        """At which stations it holds."""
        return self.powers.reach(permission)

    @cached_property
    def menu(self) -> tuple[menu.Group, ...]:
        from cloud.admin import menu  # which knows the sections, and they know desks

        return menu.visible(self.permissions)

    def menu_at(self, page: str, section: str) -> list[tuple[str, list[tuple[menu.Entry, bool]]]]:
        """The menu's groups by title; of each entry whether the page of this name (of this section) belongs to it."""
        return [
            (str(group.title), [(entry, entry.is_current(page, section)) for entry in group.entries])
            for group in self.menu
        ]

    @cached_property
    def now(self) -> datetime:
        return timezone.now()

    @property
    def now_ms(self) -> int:
        return int(self.now.timestamp() * 1000)

    @property
    def name(self) -> str:
        return self.actor.name

    @cached_property
    def roles(self) -> str:
        return ", ".join(named(role) for role in roles_at(self.employee, self.venue))

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


def desk_of(request: HttpRequest) -> Desk | None:
    """The desk of a logged-in employee at the venue chosen last, else the first; None without any venue."""
    employee = request.user
    if not isinstance(employee, Employee):
        return None
    venues = tuple(venues_of(employee))
    if not venues:
        return None
    chosen = request.session.get(SESSION_VENUE)
    venue = next((venue for venue in venues if venue.code == chosen), venues[0])
    return Desk(employee, venue, venues)
