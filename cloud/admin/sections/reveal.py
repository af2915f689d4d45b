"""A visitor unmasked: with a reason, for this one page."""

from __future__ import annotations

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from cloud.admin.desk import Desk
from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, show
from cloud.admin.kit.text import named
from cloud.admin.sections.orders import ORDERS, unit_or_404
from cloud.core.errors import DomainError, SealError
from cloud.sales.services import reveal_visitor
from cloud.sales.services.reveal import WHY_LENGTH
from cloud.staff.permissions import Permission


class WhyForm(SectionForm):
    why = forms.CharField(
        label=gettext_lazy("Why"), max_length=WHY_LENGTH,
        help_text=gettext_lazy("For example: checks the ID at the counter. Kept in the audit with your name."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.PERSONAL_VIEW)
def reveal(request: HttpRequest, desk: Desk, number: str, position: int) -> HttpResponse:
    """Asks why first; the answer to the POST shows it, and nothing else does."""
    order, unit = unit_or_404(desk, number, position)
    if unit.visitor is None:
        raise Http404(f"{number} names no visitor for ticket {position}")
    back, url = ORDERS.url(order), reverse("console:reveal", args=[number, position])
    form = WhyForm(desk, None, request.POST if request.method == "POST" else None)
    error = ""
    if request.method == "POST" and form.is_valid():
        try:
            shown = reveal_visitor(actor=desk.actor, venue=desk.venue, unit=unit, why=form.cleaned_data["why"])
        except DomainError as refused:
            error = refused.text(request.LANGUAGE_CODE)  # type: ignore[attr-defined]
        except SealError:
            error = _("The ID number cannot be read: it was sealed with another key.")
        else:
            context = {"shown": shown, "number": number, "position": position, "back": back,
                       "product": named(unit, "product_name"), "why": form.cleaned_data["why"]}  # fmt: skip
            response = show(request, desk, "console/orders/revealed.html", context)
            response["Cache-Control"] = "no-store"
            return response
    confirm = Confirm(
        title=_("Show who ticket %(position)s is for?") % {"position": position},
        consequences=(
            _("The whole name and ID number are shown on one page, until you leave it."),
            _("The audit keeps that you looked, at which ticket, when and why."),
        ),
        verb=_("Show"), url=url, back=back, form=form, error=error,
    )  # fmt: skip
    return ask(request, desk, confirm, 422 if form.errors or error else 200)
