"""Who holds a ticket, asked on its page where that activates it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.entitlements.models import Entitlement
from cloud.sales.models import OrderUnit
from cloud.sales.services import activate_unit
from cloud.sales.services.activate import NAME_LENGTH
from cloud.storefront import limits
from cloud.storefront.ticket import activation_of, asks_identity
from paifang.rulesets import Activation

HOLDER = Actor.system("holder")


class HolderForm(forms.Form):
    """The ID number is asked where a gate will ask for the card.

    Attributes:
        done: it activated the ticket. status: of the page that shows the form.
    """

    name = forms.CharField(
        label=pgettext_lazy("person", "Name"), max_length=NAME_LENGTH,
        help_text=gettext_lazy("As on your ID card."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    id_number = forms.CharField(
        label=gettext_lazy("ID number"), max_length=24,
        help_text=gettext_lazy("Have this ID card with you: the gate reads it. It is kept sealed."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip

    def __init__(self, *args: Any, identity: bool, **kwargs: Any) -> None:
        super().__init__(*args, use_required_attribute=False, **kwargs)
        self.done = False
        self.status = 422 if self.is_bound else 200
        if not identity:
            del self.fields["id_number"]

    def activate(self, unit: OrderUnit) -> None:
        """Raises nothing: what the service refuses stands in the form."""
        values = self.cleaned_data
        try:
            activate_unit(
                actor=HOLDER, venue=unit.venue, unit=unit, name=values["name"], id_number=values.get("id_number", "")
            )
        except DomainError as refused:
            self.add_error(refused.field if refused.field in self.fields else None, _said(refused))
        else:
            self.done = True


def form_of(request: HttpRequest, token: str, entitlement: Entitlement) -> HolderForm | None:
    """The form, filled in and acted upon where it was sent; None where there is nothing for the holder to do."""
    unit = OrderUnit.objects.filter(entitlement=entitlement).select_related("venue").first()
    if unit is None:
        return None
    if request.method != "POST":
        waits = activation_of(entitlement) == Activation.HOLDER
        return HolderForm(identity=asks_identity(entitlement)) if waits else None
    form = HolderForm(request.POST, identity=asks_identity(entitlement))
    if not limits.spend("holder", str(entitlement.pk), limits.HOLDERS):
        form.add_error(None, _("That was tried too often. Wait a minute."))
        form.status = 429
    elif form.is_valid():
        form.activate(unit)
    return form


def _said(error: DomainError) -> str:
    return error.text(get_language() or "zh-hans")
