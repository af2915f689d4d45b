"""What else follows from saving a station: for its same-type stations, its gates, and devices of other stations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.desk import Desk
from cloud.admin.kit.action_view import brief
from cloud.admin.kit.text import named
from cloud.admin.sections.groups import members_of, says_once, says_uses
from cloud.catalog.models import DeviceProduct, TicketProduct
from cloud.venues import selectors
from cloud.venues.models import Device, Station


@dataclass(frozen=True, slots=True)
class Follows:
    """`lines` to agree to; `about` is what they are about, so that other choices are asked about anew.

    `brought`: what same-type stations verify and is not chosen yet, to be looked at (S-12).
    """

    about: tuple[Any, ...]
    lines: list[str]
    brought: list[TicketProduct]


def follows(desk: Desk, row: Station | None, values: dict[str, Any]) -> Follows:
    """From the form's cleaned values; `row` is None of a new station."""
    siblings = list(selectors.group_members(row).exclude(pk=row.pk)) if row is not None else []
    chosen = list(values["same_type"] or ())
    joining = [one for one in chosen if one not in siblings]
    leaving = [one for one in siblings if one not in chosen]
    here = list(TicketProduct.objects.filter(stations=row)) if row is not None else []
    kept = list(values["products"] or ())
    lost = [one for one in here if one not in kept]
    moved = [one for one in values["devices"] if one.station_id not in (None, row.pk if row else None)]
    union = _verified_by(joining)
    lines = [
        *_joins(desk, row, joining, union, kept),
        *_leaves(row, siblings, leaving),
        *_loses(row, [one for one in siblings if one in chosen], lost),
        *_moves(moved),
    ]
    about = (
        [_keys(part) for part in (joining, leaving, lost, union)],
        sorted((device.pk, device.station_id) for device in moved),
    )
    return Follows(about, lines, [one for one in union if one not in kept])


def _keys(rows: list[Any]) -> list[int]:
    return sorted(row.pk for row in rows)


def _verified_by(joining: list[Station]) -> list[TicketProduct]:
    groups = {station.group_id for station in joining}
    wanted = TicketProduct.objects.filter(stations__group__in=groups).distinct()
    return list(wanted.order_by("product_class")) if groups else []


def _joins(
    desk: Desk, row: Station | None, joining: list[Station], union: list[TicketProduct], kept: list[TicketProduct]
) -> Iterator[str]:
    if not joining:
        return
    members = members_of([*([row] if row is not None else ()), *joining])
    yield str(says_once(members))
    yield from map(str, says_uses(desk, members))
    brought = [one for one in union if one not in kept]
    if brought:
        yield _("They bring in these, which are ticked now: %(products)s.") % {
            "products": brief([named(one) for one in brought])
        }
    yield _("What is ticked when you save again is what all of them verify, tickets already sold included.")


def _leaves(row: Station | None, siblings: list[Station], leaving: list[Station]) -> Iterator[str]:
    if not leaving or row is None:
        return
    alone = len(leaving) == len(siblings)
    apart = [named(one) for one in ([row] if alone else leaving)]
    rest = [named(one) for one in (siblings if alone else [row, *(one for one in siblings if one not in leaving)])]
    yield _("%(apart)s and %(rest)s no longer exclude each other: a ticket may be used at both.") % {
        "apart": brief(apart), "rest": brief(rest),
    }  # fmt: skip
    yield _("What was used until now stays used at both, and each keeps the products it has.")


def _loses(row: Station | None, siblings: list[Station], lost: list[TicketProduct]) -> Iterator[str]:
    if not lost or row is None:
        return
    yield _("The gates of %(stations)s refuse these within a moment, tickets already sold included: %(products)s.") % {
        "stations": brief([named(one) for one in (row, *siblings)]), "products": brief([named(one) for one in lost]),
    }  # fmt: skip
    stations = [row.pk, *_keys(siblings)]
    narrowed = set(
        DeviceProduct.objects.filter(product__in=lost, device__station__in=stations).values_list("device", flat=True)
    )
    left = DeviceProduct.objects.filter(device__in=narrowed).exclude(product__in=lost).values_list("device", flat=True)
    empty = Device.objects.filter(pk__in=narrowed - set(left)).order_by("identifier")
    if empty:
        yield _(
            "These lanes have no product of their own left, and verify nothing until they get others: %(lanes)s."
        ) % {"lanes": brief([device.name for device in empty])}


def _moves(moved: list[Device]) -> Iterator[str]:
    for device in moved:
        if device.station is not None:
            yield _("%(device)s is moved here from %(station)s.") % {
                "device": device.name, "station": named(device.station),
            }  # fmt: skip
    narrowed = sum(device.narrowed for device in moved)
    if narrowed:
        yield ngettext(
            "%(count)d of them verified just some products there; here it verifies all of the station's.",
            "%(count)d of them verified just some products there; here they verify all of the station's.",
            narrowed,
        ) % {"count": narrowed}
