"""What the pages of an order show: pure view models over the selectors' answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cloud.admin.kit import verdict
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.section import Text, Value
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import either, money, named, stamp
from cloud.admissions.history import Presented
from cloud.admissions.models import Admission
from cloud.catalog.channels import CHANNELS, PAY_METHODS, Named
from cloud.core.idnumber import masked
from cloud.entitlements.acks import Applied
from cloud.entitlements.models import Entitlement
from cloud.sales.models import Order, OrderUnit
from cloud.sales.personal import masked_name
from cloud.sales.states import UNPAID


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class UnitView:
    """`live`: it may still be used and its code replaced."""

    position: int
    name: str
    price: str
    window: str
    visitor: str
    id_number: str
    pill: Pill
    live: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """How far a revocation has got."""

    done: bool
    title: str
    waiting: tuple[str, ...]


STATES: dict[str, tuple[Text, Tone, str]] = {
    Order.State.PLACED: (gettext_lazy("Not paid yet"), Tone.WARN, "hourglass"),
    Order.State.LAPSED: (gettext_lazy("Not paid in time"), Tone.IDLE, "clock"),
    Order.State.CANCELLED: (gettext_lazy("Cancelled"), Tone.IDLE, "x"),
    Order.State.ISSUED: (gettext_lazy("Issued"), Tone.GOOD, "circle-check"),
    Order.State.PART_REFUNDED: (gettext_lazy("Partly refunded"), Tone.BUSY, "undo-2"),
    Order.State.REFUNDED: (gettext_lazy("Refunded"), Tone.IDLE, "undo-2"),
    Order.State.REVOKED: (gettext_lazy("Revoked"), Tone.BAD, "ban"),
}


def order_pill(order: Order) -> Pill:
    text, tone, icon = STATES[order.state]
    return Pill(str(text), tone, icon)


def channel(order: Order) -> str:
    return called(CHANNELS, order.channel)


def pay_method(order: Order) -> str:
    return called(PAY_METHODS, order.pay_method)


def selling_station(order: Order) -> str:
    return named(order.station) if order.station is not None else ""


def called(names: Mapping[str, Named], code: str) -> str:
    """What a channel or a way of paying is called; nothing where there is none."""
    found = names.get(code)
    return either(found.zh, found.en) if found is not None else code


def contact(order: Order) -> str:
    """Masked, as everybody may see it."""
    phone = f"…{order.phone_last4}" if order.phone_last4 else ""
    return " ".join(filter(None, (masked_name(order.contact_name), phone)))


def order_url(number: str) -> str:
    return reverse("console:section-detail", args=["orders", number])


def author(order: Order) -> str:
    by = order.created_by
    return (by.get_full_name() or by.get_username()) if by else _("the system")


def order_product(order: Order) -> str:
    """The product of its tickets; of several kinds the first, and that there are others."""
    first = either(order.first_zh, order.first_en)  # type: ignore[attr-defined]
    last = either(order.last_zh, order.last_en)  # type: ignore[attr-defined]
    return first if first == last else _("%(product)s and others") % {"product": first}


# Of the detail page.
FACTS = (
    Value("total", gettext_lazy("Total"), lambda one: money(one.total_fen)),
    Value("units", gettext_lazy("Tickets"), lambda one: one.unit_count),
    Value("channel", gettext_lazy("Sold by"), channel),
    Value("station", gettext_lazy("Selling station"), selling_station, if_any=True),
    Value("contact", gettext_lazy("Contact"), contact, if_any=True),
    Value("issued", gettext_lazy("Ordered at"), lambda one: one.created_at),
    Value("author", gettext_lazy("Issued by"), author),
    Value(
        "pay_by", gettext_lazy("To be paid by"), lambda one: one.pay_by if one.state in UNPAID else None, if_any=True
    ),
    Value("paid", gettext_lazy("Paid at"), lambda one: one.paid_at, if_any=True),
    Value("method", gettext_lazy("Paid by"), pay_method, if_any=True),
    Value("cancelled", gettext_lazy("Cancelled at"), lambda one: one.cancelled_at, if_any=True),
    Value("day", gettext_lazy("Business day"), lambda one: one.business_day.isoformat()),
    Value("revoked", gettext_lazy("Revoked at"), lambda one: one.revoked_at, if_any=True),
    Value("why", gettext_lazy("Why revoked"), lambda one: one.revoked_why, if_any=True),
)


def unit_view(unit: OrderUnit, admissions: Sequence[Admission], groups: dict[int, int]) -> UnitView:
    """`groups`: station id -> exclusion group, of the stations that verify the unit's product."""
    entitlement = unit.entitlement
    if entitlement is None:
        pill, live = Pill(_("Not issued"), Tone.IDLE, "hourglass"), False
    else:
        pill, live = _unit_state(entitlement, unit.product.uses * entitlement.persons, admissions, groups)
    visitor = unit.visitor
    return UnitView(
        position=unit.position,
        name=named(unit, "product_name"),
        price=money(unit.price_fen),
        window=window(entitlement) if entitlement is not None else "",
        visitor=masked_name(visitor.name) if visitor else "",
        id_number=masked(visitor.id_number_last4) if visitor else "",
        pill=pill,
        live=live,
    )


def window(entitlement: Entitlement) -> str:
    """When it is valid, in whole days of the venue."""
    first = timezone.localtime(entitlement.not_before).date()
    last = timezone.localtime(entitlement.not_after).date()
    if first == last:
        return _("Valid on %(day)s") % {"day": first.isoformat()}
    return _("Valid %(first)s to %(last)s") % {"first": first.isoformat(), "last": last.isoformat()}


def _unit_state(
    entitlement: Entitlement, uses: int, admissions: Sequence[Admission], groups: dict[int, int]
) -> tuple[Pill, bool]:
    ended = {
        Entitlement.State.REVOKED: Pill(_("Revoked"), Tone.BAD, "ban"),
        Entitlement.State.REFUNDED: Pill(_("Refunded"), Tone.BAD, "undo-2"),
        Entitlement.State.LOCKED: Pill(_("Refund pending"), Tone.WARN, "lock"),
        Entitlement.State.FROZEN: Pill(_("Frozen"), Tone.WARN, "lock"),
    }
    state = Entitlement.State(entitlement.state)
    if state in ended:
        return ended[state], state in (Entitlement.State.LOCKED, Entitlement.State.FROZEN)
    used: defaultdict[int, int] = defaultdict(int)
    for admission in admissions:
        used[groups.get(admission.station_id, -admission.station_id)] += admission.persons - admission.returned
    now = timezone.now()
    if used and uses and all(used[group] >= uses for group in set(groups.values())):
        return Pill(_("Used"), Tone.IDLE, "check"), False
    if entitlement.not_after < now:
        return Pill(_("Expired"), Tone.IDLE, "clock"), False
    if any(used.values()):
        return Pill(_("Partly used"), Tone.BUSY, "footprints"), True
    if entitlement.not_before > now:
        return Pill(_("Not valid yet"), Tone.IDLE, "hourglass"), True
    return Pill(_("Valid"), Tone.GOOD, "circle-check"), True


def visits_table(presented: Sequence[Presented], units: Sequence[OrderUnit]) -> Table:
    """Where and when its tickets were presented, and what became of it."""
    by_entitlement = {unit.entitlement_id: unit for unit in units}
    columns = [Column(_("When"), main=True), Column(_("Where")), Column(_("Verdict")), Column(_("What followed"))]
    several = len(units) > 1
    if several:
        columns.insert(1, Column(_("Ticket")))
    rows = []
    for one in presented:
        unit = by_entitlement.get(one.entitlement_id)
        after = one.admission
        cells = [
            Cell(stamp(one.at)),
            Cell(one.device.name if one.device else "–", named(one.station) if one.station else ""),
            Cell(pill=verdict.verdict(one.decision, one.reason)),
            Cell(pill=verdict.outcome(after.outcome), note=_persons(after)) if after else Cell("–"),
        ]
        if several:
            cells.insert(1, Cell(f"{unit.position} · {named(unit, 'product_name')}" if unit else "–"))
        rows.append(Row(f"visit-{one.entry}", tuple(cells)))
    empty = Empty(
        _("Not presented yet"), _("Each time one of these tickets is shown at a gate it appears here."), "scan-line"
    )
    return Table(_("Presented at the gates"), tuple(columns), tuple(rows), empty)


def _persons(admission: Admission) -> str:
    if admission.persons == 1:
        return ""
    text = ngettext("%(passed)d of %(persons)d person", "%(passed)d of %(persons)d persons", admission.persons)
    return text % {"passed": admission.passed, "persons": admission.persons}


def spread_of(applied: Applied | None, seen: dict[int, datetime | None]) -> Spread | None:
    """`seen`: edge id -> when it last reported, to say since when a gate is out of reach."""
    if applied is None:
        return None
    if applied.by is not None:
        return Spread(True, _("Revoked at every gate by %(time)s") % {"time": stamp(applied.by)}, ())
    if not applied.waiting:
        return Spread(True, _("Revoked; there are no gates yet that would need to know"), ())
    lines = []
    for edge in applied.waiting:
        last = seen.get(edge.pk)
        if last is None:
            lines.append(_("%(edge)s has not connected yet; it learns of this when it does") % {"edge": edge.name})
        else:
            lines.append(_("%(edge)s was last heard of at %(time)s") % {"edge": edge.name, "time": stamp(last)})
    return Spread(False, _("Revoked here; waiting for gates that have not confirmed yet"), tuple(lines))
