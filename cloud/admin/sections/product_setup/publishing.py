"""The last page: what is still missing, and when each spec is on sale (T-12, T-49)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.rows import RowForm, Rows
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections.product_setup.block import Block
from cloud.catalog import product_services
from cloud.catalog.models import TicketProduct
from cloud.catalog.product_services import Publishing
from cloud.catalog.product_services.publish import SELLING

STATUSES = (
    ("warehouse", _("In the warehouse")),
    ("on", _("On sale")),
    ("timed", _("On sale at a time")),
    ("off", _("Off sale")),
)
LISTINGS = (("now", _("Immediately")), ("booking", _("When booking opens")), ("at", _("At a given time")))
DELISTINGS = (("never", _("Not by itself")), ("booking", _("When booking ends")), ("at", _("At a given time")))
_WRITTEN = "%Y-%m-%dT%H:%M:%S"


def _moment(label: Any, help_text: Any = "") -> forms.DateTimeField:
    """In the venue's time, to the second."""
    return forms.DateTimeField(
        label=label, required=False, help_text=help_text,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=_WRITTEN),
        input_formats=[_WRITTEN, "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"],
    )  # fmt: skip


class PublishRow(RowForm):
    pk = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(label=_("Spec"), required=False, widget=forms.TextInput(attrs={"readonly": True}))
    status = forms.ChoiceField(label=_("Publish status"), choices=STATUSES, initial="warehouse")
    listing = forms.ChoiceField(label=_("Goes on sale"), choices=LISTINGS, initial="now")
    on_at = _moment(_("On sale from"), _("The venue's time. When booking opens: empty while the calendar decides."))
    delisting = forms.ChoiceField(label=_("Goes off sale"), choices=DELISTINGS, initial="never")
    off_at = _moment(_("Off sale from"), _("From this second on it is no longer sold; what is sold stays valid."))
    depends = (
        Depends("listing", ("status",), shown=lambda status: status == "timed", otherwise="now"),
        Depends("on_at", ("listing",), shown=lambda listing: listing in ("booking", "at")),
        Depends("delisting", ("status",), shown=lambda status: status in SELLING, otherwise="never"),
        Depends("off_at", ("delisting",), shown=lambda delisting: delisting in ("booking", "at")),
    )

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        names = ("pk", "status", "listing", "delisting")
        times = {"on_at": _local(row.on_at), "off_at": _local(row.off_at)}
        return {name: getattr(row, name) for name in names} | times | {"name": named(row) or named(row.product)}


class PublishForm(SectionForm):
    specs = Rows(
        PublishRow,
        label=_("Specs"),
        one=_("Spec"),
        add=_("Add a spec"),
        read=lambda product: product.specs.select_related("product").order_by("position", "pk"),
        min_rows=1,
        fixed=True,
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors:
            values["wanted"] = {one["pk"]: _publishing(one) for one in values.pop("specs")}
        return values


def _publishing(values: dict[str, Any]) -> Publishing:
    return Publishing(*(values[name] for name in ("status", "listing", "on_at", "delisting", "off_at")))


def _local(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime(_WRITTEN) if moment else ""


def _no_draft(product: TicketProduct, values: dict[str, Any]) -> None:
    """When it is sold changes nothing of what a visitor reads."""


PUBLISH = Block(
    "publish",
    _("Publish"),
    "circle-check",
    PublishForm,
    lambda desk, product, values: product_services.set_publishing(**actor_of(desk), product=product, **values),
    _no_draft,
    keeps=(_("Tickets already sold stay valid when a spec goes off sale."),),
    above="console/products/missing.html",
)
