"""Who is authorised at a station, set from the station's side (S-09)."""

from __future__ import annotations

import pytest

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.staff import services as staff
from cloud.staff.models import RoleGrant
from cloud.staff.permissions import Permission, powers
from cloud.venues.models import Station, Venue
from tests.support.race import race
from tests.support.venue import SYSTEM, make_actor

pytestmark = pytest.mark.django_db


def hire(venue: Venue, username: str, role: str, *stations: Station) -> RoleGrant:
    person = staff.hire_employee(
        actor=SYSTEM, venue=venue, username=username, name=username, role=role, stations=stations or None
    )
    return RoleGrant.objects.get(employee=person)


def authorise(station: Station, *grants: RoleGrant, actor: Actor = SYSTEM) -> list[RoleGrant]:
    return staff.set_station_grants(actor=actor, venue=station.venue, station=station, grants=grants)


def at(station: Station) -> set[str]:
    return set(station.grants.values_list("employee__username", flat=True))  # type: ignore[attr-defined]


@pytest.mark.spec("S-09", "E-04")
def test_just_those_chosen_are_authorised_and_only_they_have_a_trail(
    venue: Venue, west: Station, east: Station
) -> None:
    zhou, chen = (hire(venue, name, "gate_supervisor", east) for name in ("zhou", "chen"))
    wang = hire(venue, "wang", "viewer", west, east)
    assert authorise(west, zhou, wang) == [zhou]
    assert (at(west), at(east)) == ({"zhou", "wang"}, {"zhou", "chen", "wang"})
    assert authorise(west, zhou, wang) == [], "nothing changed, nothing is said"
    authorise(west, chen)
    assert at(west) == {"chen"}
    trail = AuditRow.objects.filter(action="role.grant", detail__stations__isnull=False).order_by("pk")
    assert [row.detail["stations"] for row in trail][-4:] == [[1, 2], [2], [1, 2], [2]]
    noted = AuditRow.objects.filter(action="station.employees").order_by("pk")
    assert [row.detail for row in noted] == [
        {"added": 1, "removed": 0}, {"added": 1, "removed": 2},
    ]  # fmt: skip


@pytest.mark.spec("S-09", "E-01")
def test_nobody_gives_what_is_beyond_them_and_roles_of_the_whole_venue_are_no_matter_of_a_station(
    venue: Venue, west: Station, east: Station
) -> None:
    role = staff.create_role(
        actor=SYSTEM, venue=venue, name_zh="人事", permissions=[Permission.STAFF_MANAGE, Permission.LIVE_VIEW]
    )
    clerk = make_actor(venue, role.key)
    supervisor, viewer = hire(venue, "zhou", "gate_supervisor", east), hire(venue, "boss", "viewer")
    for grants, code in (((supervisor,), "role.above"), ((viewer,), "row.gone")):
        with pytest.raises(DomainError) as refused:
            authorise(west, *grants, actor=clerk)
        assert refused.value.code == code
    with pytest.raises(DomainError) as refused:
        authorise(west, actor=make_actor(venue, "product_manager"))
    assert refused.value.code == "permission.denied"
    assert at(west) == set()


@pytest.mark.spec("S-09")
@pytest.mark.django_db(transaction=True)
def test_two_stations_set_at_once_lose_nobody(venue: Venue, west: Station, east: Station) -> None:
    zhou = hire(venue, "zhou", "gate_supervisor", west)
    for _ in range(2):
        authorise(west)
        authorise(east)
        results = race(
            venue,
            lambda: authorise(west, zhou),
            lambda: authorise(east, zhou),
        )
        assert not [each for each in results if isinstance(each, Exception)], results
        assert (at(west), at(east)) == ({"zhou"}, {"zhou"})
    assert powers(Actor.of(zhou.employee), venue).reach(Permission.STATION_SWITCH).stations == {west.pk, east.pk}
