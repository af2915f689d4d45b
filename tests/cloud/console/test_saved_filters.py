"""Saved filters: whose they are, who may share, change and delete them."""

from __future__ import annotations

import pytest
from django_scopes import scope

from cloud.admin import saved_filters as service
from cloud.admin.models import SavedFilter
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.venues.models import Venue
from tests.support import venue as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(venue: Venue) -> Actor:
    return make.make_actor(venue, "administrator")


def save(actor: Actor, venue: Venue, name: str = "Open", **more: bool) -> SavedFilter:
    return service.save_filter(actor=actor, venue=venue, section="devices", name=name, address="?status=on", **more)


def names(actor: Actor, venue: Venue) -> list[str]:
    return [saved.name for saved in service.saved_filters(actor, venue, "devices")]


def test_ones_own_are_for_oneself_and_shared_ones_for_the_venue(venue: Venue, boss: Actor, viewer: Actor) -> None:
    save(boss, venue, "Mine")
    save(boss, venue, "Ours", shared=True)
    save(viewer, venue, "Theirs")
    assert names(boss, venue) == ["Mine", "Ours"]
    assert names(viewer, venue) == ["Ours", "Theirs"]
    other = make.make_venue("other")
    with scope(venue=other):
        assert names(boss, other) == []
    assert [row.detail["name"] for row in AuditRow.objects.filter(action="filter.share")] == ["Ours"]


def test_sharing_needs_its_permission(venue: Venue, viewer: Actor) -> None:
    with pytest.raises(DomainError, match=r"permission\.denied"):
        save(viewer, venue, shared=True)
    own = save(viewer, venue)
    with pytest.raises(DomainError, match=r"permission\.denied"):
        service.change_filter(actor=viewer, venue=venue, saved=own, name="Open", shared=True, default=False)
    assert not SavedFilter.objects.filter(shared=True).exists()


def test_of_somebody_elses_only_the_default_is_set(venue: Venue, boss: Actor, viewer: Actor) -> None:
    shared = save(boss, venue, shared=True)
    service.change_filter(actor=viewer, venue=venue, saved=shared, name="Stolen", shared=False, default=True)
    shared.refresh_from_db()
    assert (shared.name, shared.shared) == ("Open", True)
    assert service.default_filter(viewer, venue, "devices") == shared
    assert service.default_filter(boss, venue, "devices") is None
    with pytest.raises(DomainError, match=r"permission\.denied"):
        service.delete_filter(actor=viewer, venue=venue, saved=shared)
    service.change_filter(actor=boss, venue=venue, saved=shared, name="Open", shared=False, default=False)
    assert service.default_filter(viewer, venue, "devices") is None


def test_one_default_a_list_and_no_name_twice(venue: Venue, boss: Actor) -> None:
    save(boss, venue, "One", default=True)
    two = save(boss, venue, "Two", default=True)
    assert service.default_filter(boss, venue, "devices") == two
    with pytest.raises(DomainError, match=r"filter\.name"):
        save(boss, venue, "Two")
    with pytest.raises(DomainError, match=r"input\.required"):
        save(boss, venue, "  ")
    service.delete_filter(actor=boss, venue=venue, saved=two)
    assert service.default_filter(boss, venue, "devices") is None


def test_there_is_an_end_to_them(venue: Venue, boss: Actor) -> None:
    for n in range(service.MOST):
        save(boss, venue, f"f{n}")
    with pytest.raises(DomainError, match=r"filter\.many"):
        save(boss, venue, "one more")
    with pytest.raises(DomainError, match=r"filter\.address"):
        service.save_filter(actor=boss, venue=venue, section="audit", name="long", address="x" * 1001)
