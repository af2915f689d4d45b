"""Choosing single tickets for a package or a card: by bar code, ticket name or spec name (T-38)."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from cloud.admin.desk import Desk
from cloud.admin.kit.page import page, show
from cloud.admin.kit.text import named
from cloud.catalog import pinyin
from cloud.catalog.models import Spec, TicketProduct
from cloud.staff.permissions import Permission

OFFERED = 30
_CODED = re.compile(r".*\[([A-Za-z0-9_-]+)\]")


def spec_text(spec: Spec) -> str:
    """ "成人票 / 儿童 [T0001-2]": what is shown in the field, and read back by the code at its end."""
    name = named(spec.product)
    own = named(spec)
    return f"{name} / {own} [{spec.code}]" if own else f"{name} [{spec.code}]"


def product_text(product: TicketProduct) -> str:
    return f"{named(product)} [{product.code}]"


class TicketField(forms.CharField):
    """A text that names one row: its code, or what the list beside it offers. Cleaned to the row."""

    def __init__(self, offer: str, **kwargs: Any) -> None:
        super().__init__(max_length=200, widget=forms.TextInput(attrs={"list": offer, "autocomplete": "off",
                         "data-tickets": ""}), **kwargs)  # fmt: skip
        self.offer = offer

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        found = _CODED.fullmatch(text)
        code = found[1] if found else text
        rows: QuerySet[Any] = (
            specs() if self.offer == "specs" else TicketProduct.objects.filter(kind=TicketProduct.Kind.TICKET)
        )
        exact = list(rows.filter(code=code)[:1])
        if not exact:
            exact = list(rows.filter(Q(name_zh=code) | Q(name_en__iexact=code))[:2])
        if len(exact) != 1:
            raise ValidationError(_("There is no single ticket “%(text)s”. Choose one of the list.") % {"text": text})
        return exact[0]


def specs() -> QuerySet[Spec]:
    """Of single tickets, within the scope."""
    return Spec.objects.filter(product__kind=TicketProduct.Kind.TICKET).select_related("product")


@page(Permission.PRODUCT_MANAGE)
def offered(request: HttpRequest, desk: Desk) -> HttpResponse:
    """What fits what is being typed, as a datalist's options."""
    text = request.GET.get("q", "").strip()[:60]
    return show(request, desk, "console/products/offered.html", {"offered": offers(request.GET.get("of", ""), text)})


def offers(what: str, text: str) -> list[str]:
    letters = pinyin.typed(text)
    by_name = Q(product__name_zh__icontains=text) | Q(product__name_en__icontains=text)
    wanted = by_name | Q(code__icontains=text) | Q(name_zh__icontains=text) | Q(name_en__icontains=text)
    if letters.isascii():
        wanted |= Q(product__pinyin__icontains=letters)
    found = specs().filter(wanted) if text else specs()
    found = found.order_by("product__product_class", "position")
    if what == "products":
        products = {spec.product.pk: spec.product for spec in found[: OFFERED * 3]}
        return [product_text(one) for one in products.values()][:OFFERED]
    return [spec_text(spec) for spec in found[:OFFERED]]
