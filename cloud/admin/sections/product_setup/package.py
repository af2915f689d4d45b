"""What a package contains: single tickets and how many of each (T-38)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.rows import RowForm, Rows
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.kit.yuan import YuanField, yuan
from cloud.admin.sections.product_setup.block import Block
from cloud.admin.sections.product_setup.order import REAL_NAMES
from cloud.admin.sections.product_setup.tickets import TicketField, offers, spec_text
from cloud.admin.sections.rule_fields import MEDIA
from cloud.catalog.contents import parts_of
from cloud.catalog.inherited import Inherited, inherited
from cloud.catalog.models import TicketProduct
from cloud.catalog.services import MAX_PRICE_FEN
from cloud.core.errors import DomainError
from cloud.entitlements import live_services
from cloud.entitlements.live_services.parts import MAX_PARTS, MAX_QUANTITY

if TYPE_CHECKING:
    from cloud.admin.desk import Desk


class PartRow(RowForm):
    spec = TicketField("specs", label=_("Ticket"), help_text=_("Type a bar code, a ticket's or a spec's name."))
    quantity = forms.IntegerField(label=_("Quantity"), min_value=1, max_value=MAX_QUANTITY)
    weight = YuanField(
        label=_("Share of the price, as yuan"), max_fen=MAX_PRICE_FEN, required=False,
        help_text=_("The price is divided in proportion to these. Empty: the ticket's own price."),
    )  # fmt: skip


class PackageForm(SectionForm):
    parts = Rows(
        PartRow,
        label=_("Tickets in the package"),
        one=_("Ticket"),
        add=_("Add a ticket"),
        read=lambda package: [
            {
                "spec": spec_text(part.spec),
                "quantity": part.quantity,
                "weight": yuan(part.weight_fen) if part.weight_fen is not None else "",
            }
            for part in parts_of(package)
        ],
        min_rows=1,
        max_rows=MAX_PARTS,
        ordered=True,
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            values["parts"] = [
                live_services.Part(one["spec"], one["quantity"], one["weight"]) for one in values["parts"]
            ]
        return values


def inherits(package: TicketProduct) -> list[str]:
    """What a package asks because one of its tickets does (T-40 to T-42): "ID card, because of Cable car"."""
    try:
        least = inherited([part.spec.product for part in parts_of(package)])
    except DomainError:
        return []  # the block's own form says what does not fit
    said = [(name, text) for name, text in _least(least) if text]
    return [_because(text, least, name) for name, text in said]


def _least(least: Inherited) -> list[tuple[str, str]]:
    media = dict(MEDIA)
    return [
        ("real_name", str(dict(REAL_NAMES)[least.real_name]) if least.real_name != "none" else ""),
        ("age_min", gettext("Youngest: %(age)d") % {"age": least.age_min} if least.age_min is not None else ""),
        ("age_max", gettext("Oldest: %(age)d") % {"age": least.age_max} if least.age_max is not None else ""),
        ("group_min", gettext("At least %(count)d tickets") % {"count": least.group_min} if least.group_min else ""),
        ("media", gettext(", ").join(str(media[name]) for name in least.media)),
        ("identity", gettext("The holder's ID card must be read") if least.identity else ""),
    ]


def _because(text: str, least: Inherited, name: str) -> str:
    tickets = least.because.get(name, ())
    if not tickets:
        return text
    return gettext("%(what)s, because of %(tickets)s") % {
        "what": text.rstrip("。."),
        "tickets": gettext(", ").join(named(one) for one in tickets),
    }


def _context(desk: Desk, product: TicketProduct) -> dict[str, Any]:
    return {"lists": [("specs", offers("specs", ""))], "inherits": inherits(product)}


def _no_draft(product: TicketProduct, values: dict[str, Any]) -> None:
    """The preview shows a package's own words; what it contains is seen once it is saved."""


PACKAGE = Block(
    "contents",
    _("Tickets in the package"),
    "package",
    PackageForm,
    lambda desk, product, values: live_services.set_package_parts(**actor_of(desk), package=product, **values),
    _no_draft,
    keeps=(_("Packages already sold keep the tickets they were sold with."),),
    below="console/products/tickets.html",
    context=_context,
    kinds=("package",),
)
