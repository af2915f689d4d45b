"""Doing something to one ticket of an order: what will follow, then the service, then what happened."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cloud.admin.desk import Desk
from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import go, page, report, said, show
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections import ticket_actions as actions
from cloud.admin.sections.order_view import order_url
from cloud.admin.sections.ticket_state import Held, Ticket, held, ticket_of, with_state
from cloud.core.errors import DomainError
from cloud.entitlements import attach
from cloud.sales import selectors
from cloud.staff.permissions import Permission


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.ORDER_VIEW)
def act(request: HttpRequest, desk: Desk, number: str, position: int, name: str) -> HttpResponse:
    """Asks, and on a POST does it. Somebody else may have been quicker: then the page says that nothing is to do."""
    action = actions.find(name)
    if action is None:
        raise Http404(name)
    if not desk.may(action.permission):
        raise PermissionDenied
    ticket = _ticket_or_404(desk, number, position)
    back = f"{order_url(number)}#unit-{position}"
    if not action.fits(ticket):
        messages.warning(request, _("Nothing to do: the ticket is not in that state any more."))
        return go(request, back)
    sent = request.POST if request.method == "POST" else None
    form = action.form(desk, ticket, sent) if action.form is not None else None
    error = ""
    if form is not None and sent is not None and form.asked_again():
        if request.headers.get("HX-Request"):
            return show(request, desk, "console/kit/form_parts.html", {"form": form, "plain": True})
        return ask(request, desk, _confirm(action, ticket, form))
    if sent is not None and (form is None or form.is_valid()):
        try:
            action.run(desk, ticket, form.cleaned_data if form is not None else {})
        except DomainError as refused:
            if form is not None:
                form.refuse(refused)
            else:
                error = said(refused)
        else:
            messages.success(request, str(action.done) % {"position": position})
            return go(request, back)
    return ask(request, desk, _confirm(action, ticket, form, error), 422 if sent is not None else 200)


def _confirm(action: actions.TicketAction, ticket: Ticket, form: SectionForm | None, error: str = "") -> Confirm:
    unit = ticket.unit
    if form is not None and form.is_bound and not form.quiet:
        error = error or " ".join(str(one) for one in form.non_field_errors())
    return Confirm(
        title=_("%(verb)s: ticket %(position)s, %(product)s?")
        % {"verb": action.verb, "position": unit.position, "product": named(unit, "product_name")},
        consequences=tuple(action.says(ticket)),
        verb=str(action.verb),
        url=reverse("console:ticket-act", args=[unit.order.number, unit.position, action.key]),
        back=order_url(unit.order.number),
        grave=action.grave,
        form=form,
        error=error,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.ENTITLEMENT_MANAGE)
def take_off(request: HttpRequest, desk: Desk, number: str, position: int, pk: int) -> HttpResponse:
    """A card or code no longer stands for the ticket."""
    ticket = _ticket_or_404(desk, number, position)
    back = f"{order_url(number)}#unit-{position}"
    shown = next((one for one in held(ticket) if one.pk == pk and not one.fixed), None)
    if shown is None:
        raise Http404(pk)
    if request.method == "POST":
        credential = next(one for one in ticket.credentials if one.pk == pk)
        try:
            attach.detach(**actor_of(desk), credential=credential)
        except DomainError as refused:
            report(request, refused)
        else:
            messages.success(request, _("%(credential)s is taken off.") % {"credential": _written(shown)})
        return go(request, back)
    confirm = Confirm(
        title=_("Take %(credential)s off ticket %(position)s?") % {"credential": _written(shown), "position": position},
        consequences=(
            _("Within a moment no gate takes it for this ticket; for other tickets it stands for it stays good."),
            _("The ticket itself stays as it is: its code and other cards admit as before."),
        ),
        verb=_("Take off"),
        url=reverse("console:ticket-take-off", args=[number, position, pk]),
        back=order_url(number),
        grave=True,
    )
    return ask(request, desk, confirm)


def _written(one: Held) -> str:
    """ "Card …2F1C"."""
    return f"{one.name} …{one.hint}" if one.hint else one.name


def _ticket_or_404(desk: Desk, number: str, position: int) -> Ticket:
    try:
        found = selectors.order(desk.venue, number)
    except DomainError as error:
        raise Http404(said(error)) from None
    unit = with_state(selectors.units(desk.venue)).filter(order=found, position=position).first()
    if unit is None or unit.entitlement_id is None:  # or it is not paid yet
        raise Http404(f"{number} has no ticket {position}")
    return ticket_of(unit)
