"""What the gates do with a product's ticket, in one plain sentence."""

from __future__ import annotations

from collections import defaultdict

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.kit.text import named
from cloud.catalog.models import TicketProduct


def validity(product: TicketProduct) -> str:
    if product.validity == TicketProduct.Validity.DATED:
        return _("The booked day")
    days = ngettext("%(days)d day from the sale", "%(days)d days from the sale", product.valid_days)
    return days % {"days": product.valid_days}


def sentence(product: TicketProduct) -> str:
    """For tickets sold now. Uses count for each group of same-type stations, so groups are told apart."""
    groups: dict[int, list[str]] = defaultdict(list)
    for station in product.stations.all():
        groups[station.group_id].append(named(station))
    if not groups:
        return _("No gate admits it: no station verifies it.")
    said = {"persons": _persons(product), "uses": _uses(product), "when": _when(product)}
    places = [_(" or ").join(names) for names in groups.values()]
    if len(places) == 1:
        return _("Admits %(persons)s %(uses)s, %(when)s, at %(where)s.") % {**said, "where": places[0]}
    where = _("; ").join(places)
    return _("Admits %(persons)s %(uses)s at each of these, %(when)s: %(where)s.") % {**said, "where": where}


def _persons(product: TicketProduct) -> str:
    return ngettext("%(count)d person", "%(count)d persons", product.persons) % {"count": product.persons}


def _uses(product: TicketProduct) -> str:
    if product.uses == 1:
        return _("once")
    return ngettext("%(count)d time", "%(count)d times", product.uses) % {"count": product.uses}


def _when(product: TicketProduct) -> str:
    if product.validity == TicketProduct.Validity.DATED:
        return _("on the booked day")
    if product.valid_days == 1:
        return _("on the day of its sale")
    days = ngettext("within %(days)d day from its sale", "within %(days)d days from its sale", product.valid_days)
    return days % {"days": product.valid_days}
