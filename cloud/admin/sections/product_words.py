"""What the gates do with a product's ticket, in plain sentences."""

from __future__ import annotations

from collections import defaultdict

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.kit.text import chinese, named
from cloud.admin.sections.rule_fields import MEDIA, WEEKDAYS, days_text, period
from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import ProductRules


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
    rules = rules_of(product)
    said = {"persons": _persons(product), "uses": _uses(product), "when": _when(product, rules)}
    places = [_(" or ").join(names) for names in groups.values()]
    if len(places) == 1:
        first = _("Admits %(persons)s %(uses)s, %(when)s, at %(where)s.") % {**said, "where": places[0]}
    else:
        where = _("; ").join(places)
        first = _("Admits %(persons)s %(uses)s at each of these, %(when)s: %(where)s.") % {**said, "where": where}
    return ("" if chinese() else " ").join(
        (first, *_limits(rules), *_calendar(rules), *_before(rules), *_at_the_gate(rules))
    )


def _persons(product: TicketProduct) -> str:
    return ngettext("%(count)d person", "%(count)d persons", product.persons) % {"count": product.persons}


def _uses(product: TicketProduct) -> str:
    if product.uses == 0:
        return _("as often as wanted")
    if product.uses == 1:
        return _("once")
    return ngettext("%(count)d time", "%(count)d times", product.uses) % {"count": product.uses}


def _when(product: TicketProduct, rules: ProductRules) -> str:
    if product.validity == TicketProduct.Validity.DATED:
        when = _("on the booked day")
    elif product.valid_days == 1:
        when = _("on the day of its sale")
    else:
        days = ngettext("within %(days)d day from its sale", "within %(days)d days from its sale", product.valid_days)
        when = days % {"days": product.valid_days}
    return _(", ").join((when, *(period(row) for row in rules.hours)))


def _limits(rules: ProductRules) -> list[str]:
    counted = [
        text % {"count": count}
        for count, text in (
            (rules.total, _("%(count)d in all")),
            (rules.per_month, _("%(count)d a month")),
            (rules.per_day, _("%(count)d a day")),
        )
        if count
    ]
    return [
        *([_("At most %(limits)s for each person.") % {"limits": _(", ").join(counted)}] if counted else []),
        *([_("The tickets of one order share their uses.")] if rules.shared else []),
        *([_("At most %(count)d persons at once.") % {"count": rules.at_once}] if rules.at_once else []),
        *([_("All persons go in together or nobody.")] if rules.together else []),
    ]


def _calendar(rules: ProductRules) -> list[str]:
    said = []
    if rules.weekdays:
        said.append(_("Only on %(days)s.") % {"days": _(", ").join(str(WEEKDAYS[day]) for day in rules.weekdays)})
    if rules.holidays != "allowed":
        said.append(_("Not on public holidays.") if rules.holidays == "refused" else _("Only on public holidays."))
    for rows, text in ((rules.dates, _("Only on these days: %(days)s.")), (rules.blackout, _("Not on: %(days)s."))):
        if rows:
            said.append(text % {"days": days_text(rows).replace("\n", _(", "))})
    if rules.after_first_hours:
        said.append(_("Valid for %(count)d hours from its first use.") % {"count": rules.after_first_hours})
    if rules.after_first_days:
        said.append(_("Valid for %(count)d days from its first use.") % {"count": rules.after_first_days})
    if rules.slots:
        slots = _(", ").join(period(row) for row in rules.slots)
        said.append(_("In the booked slot: %(slots)s.") % {"slots": slots})
    if rules.early_minutes or rules.late_minutes:
        tolerance = {"early": rules.early_minutes, "late": rules.late_minutes}
        said.append(_("Up to %(early)d minutes before and %(late)d minutes after the slot.") % tolerance)
    return said


def _before(rules: ProductRules) -> list[str]:
    """What must have been done."""
    activation = {"holder": _("The holder activates it first."), "desk": _("The front desk activates it first.")}
    return [
        *([activation[rules.activation]] if rules.activation in activation else []),
        *([_("A day or slot is booked first.")] if rules.book_first else []),
        *([_("It is collected first.")] if rules.collect_first else []),
    ]


def _at_the_gate(rules: ProductRules) -> list[str]:
    said = []
    if rules.media:
        names = _(", ").join(str(label) for name, label in MEDIA if name in rules.media)
        said.append(_("Only by: %(media)s.") % {"media": names})
    if rules.rotating:
        said.append(_("By the live code on the phone; a picture of it is refused."))
    if rules.identity:
        said.append(_("The holder's ID card must be read."))
    if rules.reentry_minutes:
        said.append(_("Again after %(count)d minutes at the earliest.") % {"count": rules.reentry_minutes})
    if rules.anti_passback:
        said.append(_("Not again before its holder has left."))
    if rules.signed_only:
        text = _("A gate lets in up to %(count)d on the signature alone before it knows of the sale.")
        said.append(text % {"count": rules.signed_only})
    if rules.outage_refused:
        said.append(_("Nobody gets in while the entrances cannot tell each other who came in."))
    if rules.outage_persons:
        text = _("A gate lets in up to %(count)d persons while the entrances cannot tell each other who came in.")
        said.append(text % {"count": rules.outage_persons})
    return said
