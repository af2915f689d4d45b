"""Orders: the section, and giving a ticket a new code. Issuing and showing a code are pages of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from django_scopes import get_scope

from cloud.admin.desk import Desk
from cloud.admin.emulators import control
from cloud.admin.kit import filters
from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, report, said, show
from cloud.admin.kit.reach import NO_STATION
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, Link, Panel, Section, Value, actor_of
from cloud.admin.kit.text import money
from cloud.admin.sections import order_view as view
from cloud.admin.sections.order_lines import PayForm, lines_table, refund_url, refunds_table, says_paid
from cloud.admin.sections.ticket_actions import offered
from cloud.admin.sections.ticket_state import held, pills, ticket_of, with_state
from cloud.admissions import selectors as admissions
from cloud.admissions.history import presentations
from cloud.catalog.models import TicketProduct
from cloud.core.errors import DomainError
from cloud.entitlements import spread
from cloud.entitlements.selectors import pass_line
from cloud.gates import selectors as gates
from cloud.sales import selectors
from cloud.sales.models import Order, OrderUnit
from cloud.sales.personal import masked_name
from cloud.sales.services import cancel_unpaid, pay_order, reissue_unit, revoke_order
from cloud.sales.states import SOLD, STANDING, UNPAID
from cloud.staff.permissions import Permission
from cloud.venues.models import Station

SESSION_REPLACED = "replaced_code"
STATES = tuple((state, text) for state, (text, _tone, _icon) in view.STATES.items())


class RevokeForm(SectionForm):
    why = forms.CharField(
        label=_("Why"), max_length=200, help_text=_("Shown in the order to whoever looks it up."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


class _ProductFilter(filters.NamedFilter):
    def filter(self, qs: QuerySet[Order], value: TicketProduct | None) -> QuerySet[Order]:
        return qs if value is None else selectors.with_product(qs, value)


class _VisitFilter(django_filters.DateFilter):
    def filter(self, qs: QuerySet[Order], value: date | None) -> QuerySet[Order]:
        if value is None or value == date.max:
            return qs
        return selectors.for_visit(qs, get_scope()["venue"], value)


def _products(_request: HttpRequest | None) -> QuerySet[TicketProduct]:
    return TicketProduct.objects.order_by("code")


def _says_revoked(desk: Desk, orders: Sequence[Order]) -> Iterable[Any]:
    issued = OrderUnit.objects.filter(order__in=orders, entitlement__isnull=False)
    units = issued.values_list("entitlement_id", flat=True)
    entered = admissions.for_entitlements(desk.venue, units)
    used = sum(any(one.persons > one.returned for one in found) for found in entered.values())
    yield ngettext_lazy(
        '%(count)d ticket is refused at every gate within a moment, and its code shows "revoked".',
        '%(count)d tickets are refused at every gate within a moment, and their codes show "revoked".',
        len(units),
    ) % {"count": len(units)}
    if used:
        yield ngettext_lazy(
            "%(used)d of them has been used already; who is inside stays inside.",
            "%(used)d of them have been used already; who is inside stays inside.",
            used,
        ) % {"used": used}
    yield _("Nothing is paid back by this.")
    yield _("It cannot be undone: to let the visitors in, issue new tickets.")


def _tickets(desk: Desk, order: Order) -> dict[str, Any]:
    units = list(with_state(selectors.units(desk.venue)).filter(order=order))
    entered = admissions.for_entitlements(desk.venue, [unit.entitlement_id for unit in units if unit.entitlement_id])
    groups = verifying_groups(units)
    shown: list[Any] = []
    for unit in units:
        if unit.entitlement is None:
            shown.append((view.unit_view(unit, [], {}), [], [], []))
            continue
        ticket = ticket_of(unit)
        one = view.unit_view(unit, entered.get(unit.entitlement_id, []), groups[unit.product_id])
        shown.append((one, pills(ticket), held(ticket), offered(desk, ticket)))
    return {
        "number": order.number,
        "units": shown,
        "may_manage": desk.may(Permission.ENTITLEMENT_MANAGE),
        "may_show_pass": desk.may(Permission.ORDER_PASS),
        "may_unmask": desk.may(Permission.PERSONAL_VIEW),
        "may_explain": desk.may(Permission.ENTITLEMENT_EXPLAIN),
        "may_reissue": desk.may(Permission.ORDER_REISSUE) and order.state in STANDING,
        "issued": order.state in SOLD,
        "refund_url": refund_url(desk, order),
    }


def _trail(order: Order) -> list[Any]:
    """The order, its tickets, and what was done to their rights to enter."""
    units = list(order.units.select_related("entitlement"))
    refunds = list(order.refunds.all())
    return [order, *refunds, *units, *(unit.entitlement for unit in units if unit.entitlement is not None)]


def _visits(desk: Desk, order: Order) -> Any:
    units = list(selectors.units(desk.venue).filter(order=order, entitlement__isnull=False))
    return view.visits_table(presentations(desk.venue, [unit.entitlement_id for unit in units]), units)


def _revocation(desk: Desk, order: Order) -> dict[str, Any] | None:
    """How far its revocation has got; None of one that stands."""
    if order.revoked_at is None:
        return None
    ids = [unit.entitlement_id for unit in order.units.all() if unit.entitlement_id]
    applied = spread.revocation(desk.venue, ids, order.revoked_at)
    state = view.spread_of(applied, {one.edge.pk: one.reported_at for one in gates.edges(desk.venue)})
    return {"spread": state, "url": reverse("console:revocation", args=[order.number])} if state else None


VALUES = (
    Value("number", _("Order"), lambda one: one.number, main=True),
    Value("state", _("State"), view.order_pill),
    Value("product", _("Product"), view.order_product),
    Value("units", _("Tickets"), lambda one: one.unit_count, numeric=True),
    Value("visitor", _("Visitor"), lambda one: masked_name(one.visitor_name or "")),
    Value("total", _("Total"), lambda one: money(one.total_fen), numeric=True, plain=lambda one: one.total_fen / 100),
    Value("issued", _("Issued at"), lambda one: one.created_at, order=("created_at",)),
    Value("author", _("Issued by"), view.author),
    Value("day", _("Business day"), lambda one: one.business_day.isoformat(), listed=False),
    Value("revoked", _("Revoked at"), lambda one: one.revoked_at, listed=False),
    Value("why", _("Why revoked"), lambda one: one.revoked_why, listed=False),
)


ORDERS = register(
    Section(
        key="orders",
        group="tickets",
        icon="receipt-text",
        title=_("Orders"),
        one=_("Order"),
        view=Permission.ORDER_VIEW,
        rows=lambda desk: selectors.listed(desk.venue),
        label=lambda one: one.number,
        by="number",
        values=VALUES,
        order=("-created_at",),
        search=(selectors.matching,),
        search_hint=_("Order number, visitor's name or ID number, product"),
        filters={
            "state": filters.choice(_("State"), "state", STATES),
            "product": _ProductFilter(label=_("Product"), queryset=_products, empty_label=_("All")),
            "visit": _VisitFilter(
                label=_("Valid on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
            ),
            "since": filters.since(_("From day"), "created_at"),
            "until": filters.until(_("To day"), "created_at"),
        },
        facts=view.FACTS,
        state=view.order_pill,
        panels=(
            Panel(_("Revocation"), _revocation, "console/orders/revocation.html"),
            Panel(_("Ordered"), lines_table),
            Panel(_("Tickets"), _tickets, "console/orders/units.html"),
            Panel(_("Refunds"), refunds_table),
            Panel(_("At the gates"), _visits),
        ),
        trail=_trail,
        station=NO_STATION,  # where it was sold narrows nobody's orders
        actions=(
            Action(
                "pay", _("Take the payment"), Permission.ORDER_ISSUE, says_paid, _("Order %(name)s is paid."),
                run=lambda desk, row, values: pay_order(**actor_of(desk), order=row, method=values["method"]),
                fits=lambda one: one.state in UNPAID, form=PayForm, icon="banknote", bulk=False,
            ),
            Action(
                "cancel", _("Cancel order"), Permission.ORDER_ISSUE,
                lambda desk, rows: [_("What it holds is free for others at once."), _("It cannot be paid any more.")],
                _("Order %(name)s is cancelled."),
                run=lambda desk, row, values: cancel_unpaid(**actor_of(desk), order=row),
                fits=lambda one: one.state in UNPAID, icon="x",
            ),
            Action(
                "revoke", _("Revoke"), Permission.ORDER_REVOKE, _says_revoked, _("Order %(name)s is revoked."),
                run=lambda desk, row, values: revoke_order(**actor_of(desk), order=row, why=values["why"]),
                fits=lambda one: one.state in STANDING, form=RevokeForm, icon="ban", grave=True,
            ),
        ),
        links=(Link(_("Issue tickets"), "console:issue", Permission.ORDER_ISSUE),),
        personal=True,
        empty=_("Tickets you issue appear here with their entry codes."),
        place=10,
        pages=(
            "console:issue", "console:reissue", "console:qr", "console:ticket-act", "console:ticket-take-off",
            "console:refund",
        ),
    )
)  # fmt: skip


@page(Permission.ORDER_VIEW)
def revocation(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """The part that says how far a revocation has got; asks again until every gate has it."""
    found, _units = order_or_404(desk, number)
    state = _revocation(desk, found)
    return show(request, desk, "console/orders/revocation.html", {"panel": state}) if state else HttpResponse()


@page(Permission.ORDER_REISSUE)
def reissue(request: HttpRequest, desk: Desk, number: str, position: int) -> HttpResponse:
    _order, unit = unit_or_404(desk, number, position)
    if request.method == "POST":
        old = pass_line(unit.entitlement)
        try:
            reissue_unit(actor=desk.actor, venue=desk.venue, unit=unit)
        except DomainError as error:
            report(request, error)
            return redirect(view.order_url(number))
        if control():
            # So that somebody trying the demo can show the old code to a gate and see it refused.
            request.session[SESSION_REPLACED] = {"unit": unit.pk, "line": old}
        messages.success(request, _("Here is the new code. The old one is refused as replaced from now on."))
        return redirect("console:qr", number, position)
    confirm = Confirm(
        title=str(_("Give ticket %(position)s a new code?")) % {"position": position},
        consequences=(
            str(_('The visitor needs the new code: the one they have is refused as "replaced" within a moment.')),
            str(_("Uses already made stay counted.")),
        ),
        verb=str(_("Give out a new code")),
        url=reverse("console:reissue", args=[number, position]),
        back=view.order_url(number),
    )
    return ask(request, desk, confirm)


def order_or_404(desk: Desk, number: str) -> tuple[Order, list[OrderUnit]]:
    try:
        found = selectors.order(desk.venue, number)
    except DomainError as error:
        raise Http404(said(error)) from None
    return found, list(found.units.all())


def unit_or_404(desk: Desk, number: str, position: int) -> tuple[Order, OrderUnit]:
    found, units = order_or_404(desk, number)
    for unit in units:
        if unit.position == position and unit.entitlement_id is not None:
            return found, unit
    raise Http404(f"{number} has no ticket {position}")


def verifying_groups(units: list[OrderUnit]) -> dict[int, dict[int, int]]:
    """Product id -> the stations that verify it -> their exclusion groups."""
    groups: dict[int, dict[int, int]] = {unit.product_id: {} for unit in units}
    links = Station.objects.filter(products__in=groups).values_list("products__pk", "pk", "group_id")
    for product, station, group in links:
        if product in groups:
            groups[product][station] = group
    return groups
