"""Orders: the list, one order, revoking it, replacing a ticket's code."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.desk import Desk
from cloud.admin.emulators import control
from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.page import page, report, said, show
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table, page_of
from cloud.admin.kit.text import money, stamp
from cloud.admin.sections import order_view as view
from cloud.admissions import selectors as admissions
from cloud.admissions.history import presentations
from cloud.core.errors import DomainError
from cloud.core.trail import trail_of
from cloud.entitlements import spread
from cloud.entitlements.selectors import pass_line
from cloud.gates import selectors as gates
from cloud.sales import selectors
from cloud.sales.models import Order, OrderUnit
from cloud.sales.services import reissue_unit, revoke_order
from cloud.staff.permissions import Permission
from cloud.venues.models import Station

QUERY_LENGTH = 60
SESSION_REPLACED = "replaced_code"


@page(Permission.ORDER_VIEW)
def orders(request: HttpRequest, desk: Desk) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip()[:QUERY_LENGTH]
    found = page_of(selectors.orders(desk.venue, query), request.GET.get("page", ""))
    context = {
        "table": _orders_table(list(found.items), query, found.number),
        "page": found,
        "query": query,
        "may_issue": desk.may(Permission.ORDER_ISSUE),
    }
    return show(request, desk, "console/orders/list.html", context)


def _orders_table(rows: list[Order], query: str, number: int) -> Table:
    columns = (
        Column(_("Order"), main=True),
        Column(_("State")),
        Column(_("Tickets"), numeric=True),
        Column(_("Total"), numeric=True),
        Column(_("Issued at")),
        Column(_("Issued by")),
    )
    lines = tuple(
        Row(
            f"order-{order.number}",
            (
                Cell(order.number),
                Cell(pill=view.order_pill(order)),
                Cell(str(order.unit_count)),  # type: ignore[attr-defined]
                Cell(money(order.total_fen)),
                Cell(stamp(order.created_at)),
                Cell(_author(order)),
            ),
            url=reverse("console:order", args=[order.number]),
        )
        for order in rows
    )
    if query:
        text = _("No order has this number, visitor or ticket. Numbers and ID numbers are matched whole.")
        empty = Empty(_("Nothing found"), text, "search-x")
    elif number > 1:
        empty = Empty(_("No more orders"), _("The list ends before this page."), "receipt-text")
    else:
        empty = Empty(_("No orders yet"), _("Tickets you issue appear here with their entry codes."), "receipt-text")
    return Table(_("Orders"), columns, lines, empty)


def _author(order: Order) -> str:
    author = order.created_by
    return (author.get_full_name() or author.get_username()) if author else _("the system")


@page(Permission.ORDER_VIEW)
def order(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    found, units = order_or_404(desk, number)
    ids = [unit.entitlement_id for unit in units]
    entered = admissions.for_entitlements(desk.venue, ids)
    groups = verifying_groups(units)
    context = {
        "view": view.OrderView(
            order=found,
            pill=view.order_pill(found),
            facts=view.order_facts(found, units),
            units=tuple(
                view.unit_view(unit, entered.get(unit.entitlement_id, []), groups[unit.product_id]) for unit in units
            ),
            visits=view.visits_table(presentations(desk.venue, ids), units),
            audit=view.audit_table(trail_of([found, *units])),
            revocation=_spread(desk, found, units),
        ),
        "may_issue": desk.may(Permission.ORDER_ISSUE),
        "may_show_pass": desk.may(Permission.ORDER_PASS),
        "may_revoke": desk.may(Permission.ORDER_REVOKE) and found.state == Order.State.ISSUED,
        "may_explain": desk.may(Permission.ENTITLEMENT_EXPLAIN),
        "may_reissue": desk.may(Permission.ORDER_REISSUE) and found.state == Order.State.ISSUED,
    }
    return show(request, desk, "console/orders/detail.html", context)


@page(Permission.ORDER_VIEW)
def revocation(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    """The part that says how far a revocation has got; asks again until every gate has it."""
    found, units = order_or_404(desk, number)
    state = _spread(desk, found, units)
    if state is None:
        return HttpResponse()
    context = {"spread": state, "url": reverse("console:revocation", args=[number])}
    return show(request, desk, "console/orders/revocation_part.html", context)


def _spread(desk: Desk, order: Order, units: list[OrderUnit]) -> view.Spread | None:
    if order.revoked_at is None:
        return None
    applied = spread.revocation(desk.venue, [unit.entitlement_id for unit in units], order.revoked_at)
    return view.spread_of(applied, {one.edge.pk: one.reported_at for one in gates.edges(desk.venue)})


class RevokeForm(forms.Form):
    why = forms.CharField(max_length=200)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.fields["why"].label = _("Why")
        self.fields["why"].help_text = _("Shown in the order to whoever looks it up.")
        self.fields["why"].widget.attrs["autocomplete"] = "off"


@page(Permission.ORDER_REVOKE)
def revoke(request: HttpRequest, desk: Desk, number: str) -> HttpResponse:
    found, units = order_or_404(desk, number)
    form = RevokeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            revoke_order(actor=desk.actor, venue=desk.venue, order=found, why=form.cleaned_data["why"])
        except DomainError as error:
            report(request, error)
        else:
            messages.success(request, _("Order %(number)s is revoked.") % {"number": found.number})
        return redirect("console:order", number)
    entered = admissions.for_entitlements(desk.venue, [unit.entitlement_id for unit in units])
    used = sum(any(one.persons > one.returned for one in entered.get(unit.entitlement_id, [])) for unit in units)
    tickets = ngettext(
        '%(count)d ticket is refused at every gate within a moment, and its code shows "revoked".',
        '%(count)d tickets are refused at every gate within a moment, and their codes show "revoked".',
        len(units),
    ) % {"count": len(units)}
    lines = [tickets]
    if used:
        text = ngettext(
            "%(used)d of them has been used already; who is inside stays inside.",
            "%(used)d of them have been used already; who is inside stays inside.",
            used,
        )
        lines.append(text % {"used": used})
    lines += [_("Nothing is paid back by this."), _("It cannot be undone: to let the visitors in, issue new tickets.")]
    confirm = Confirm(
        title=_("Revoke order %(number)s?") % {"number": found.number},
        consequences=tuple(lines),
        verb=_("Revoke the order"),
        url=reverse("console:revoke", args=[number]),
        back=reverse("console:order", args=[number]),
        grave=True,
        form=form,
    )
    return ask(request, desk, confirm, 422 if request.method == "POST" else 200)


@page(Permission.ORDER_REISSUE)
def reissue(request: HttpRequest, desk: Desk, number: str, position: int) -> HttpResponse:
    _order, unit = unit_or_404(desk, number, position)
    if request.method == "POST":
        old = pass_line(unit.entitlement)
        try:
            reissue_unit(actor=desk.actor, venue=desk.venue, unit=unit)
        except DomainError as error:
            report(request, error)
            return redirect("console:order", number)
        if control():
            # So that somebody trying the demo can show the old code to a gate and see it refused.
            request.session[SESSION_REPLACED] = {"unit": unit.pk, "line": old}
        messages.success(request, _("Here is the new code. The old one is refused as replaced from now on."))
        return redirect("console:qr", number, position)
    confirm = Confirm(
        title=_("Give ticket %(position)s a new code?") % {"position": position},
        consequences=(
            _('The visitor needs the new code: the one they have is refused as "replaced" within a moment.'),
            _("Uses already made stay counted."),
        ),
        verb=_("Give out a new code"),
        url=reverse("console:reissue", args=[number, position]),
        back=reverse("console:order", args=[number]),
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
        if unit.position == position:
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
