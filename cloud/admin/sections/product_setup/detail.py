"""Block 2: pictures, film, and the five texts (T-08 to T-10). Pictures are saved one by one: media.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.section import actor_of
from cloud.admin.sections.product_setup.block import Block
from cloud.catalog import product_services
from cloud.catalog.info import LANGUAGES, MAX_TEXT, TEXTS, checked_texts
from cloud.catalog.models import ProductMedia, TicketProduct
from cloud.catalog.product_services.media import MOST_DETAIL

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

TITLES = {
    "introduction": _("Introduction"),
    "includes": _("What the ticket includes"),
    "booking": _("Booking rules"),
    "refund": _("Refund and change rules"),
    "safety": _("Safety notice"),
}
_IN = {"zh": _("in Chinese"), "en": _("in English")}


def _rich(name: str, language: str) -> forms.CharField:
    attrs = {"rows": 5, "data-rich": "", "lang": "zh-Hans" if language == "zh" else "en"}
    return forms.CharField(label=_IN[language], max_length=MAX_TEXT, required=False, widget=forms.Textarea(attrs=attrs))


class DetailForm(SectionForm):
    layout = tuple((TITLES[name], tuple(f"{name}_{language}" for language in LANGUAGES)) for name in TEXTS)

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {
            f"{name}_{language}": row.texts.get(name, {}).get(language, "") for name in TEXTS for language in LANGUAGES
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        return {"texts": {name: {one: values.get(f"{name}_{one}", "") for one in LANGUAGES} for name in TEXTS}}


DetailForm.base_fields |= {f"{name}_{one}": _rich(name, one) for name in TEXTS for one in LANGUAGES}


def media_of(product: TicketProduct) -> dict[str, Any]:
    """The pictures and the film, for the part of the page that changes them."""
    media = list(product.media.select_related("venue"))
    details = [one for one in media if one.role == ProductMedia.Role.DETAIL]
    return {
        "product": product,
        "cover": next((one for one in media if one.role == ProductMedia.Role.COVER), None),
        "details": details,
        "video": next((one for one in media if one.role == ProductMedia.Role.VIDEO), None),
        "room": MOST_DETAIL - len(details),
        "most": MOST_DETAIL,
    }


def _draft(product: TicketProduct, values: dict[str, Any]) -> None:
    product.texts = checked_texts(values["texts"])


def _context(desk: Desk, product: TicketProduct) -> dict[str, Any]:
    return media_of(product)


DETAIL = Block(
    "detail",
    _("Product detail"),
    "image",
    DetailForm,
    lambda desk, product, values: product_services.set_texts(**actor_of(desk), product=product, **values),
    _draft,
    keeps=(_("Orders show the texts they were made with."),),
    above="console/products/media.html",
    context=_context,
)
