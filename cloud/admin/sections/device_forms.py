"""The forms of devices: what one is, where it stands, which of its station's products a lane verifies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.picker import PickField
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections.device_cells import DEVICES
from cloud.admin.sections.station_form import NATURES, product_choices
from cloud.catalog.models import TicketProduct
from cloud.entitlements import live_services
from cloud.entitlements.lanes import VERIFYING
from cloud.venues import selectors
from cloud.venues.models import Device, Edge, Station

__all__ = ["NATURES", "CreateForm", "EditForm", "MoveForm", "RetireForm", "create", "edit", "says_moved"]

HOW_MANY = (("all", _("All that its station verifies")), ("some", _("Only some of them")))


class _NamedForm(SectionForm):
    name = forms.CharField(label=_("Name"), max_length=80)
    edge = forms.ModelChoiceField(
        Edge.objects.none(), label=_("Edge"), required=False, help_text=_("The entrance's computer it hangs on.")
    )

    def prepare(self) -> None:
        self.fields["edge"].queryset = selectors.live_edges(self.desk.venue)  # type: ignore[attr-defined]


class EditForm(_NamedForm):
    verifies = forms.ChoiceField(
        label=_("Verifies"), choices=HOW_MANY, initial="all", widget=forms.RadioSelect, required=False
    )
    own = PickField(
        TicketProduct, label=_("Its own products"),
        help_text=_("Of what its station verifies. What the station loses the lane loses too; with none left it "
                    "verifies nothing."),
    )  # fmt: skip
    depends = (Depends("own", ("verifies",), shown=lambda how: how == "some", required=lambda how: how == "some"),)
    error_fields = {"products": "own"}

    def prepare(self) -> None:
        super().prepare()
        device: Device | None = self.row
        if device is None or not narrows(device):
            del self.fields["verifies"], self.fields["own"]
            self.depends = ()
            return
        products = TicketProduct.objects.filter(stations=device.station).order_by("product_class")
        self.fields["own"].offer(products, product_choices(products))  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        shown = {"name": row.name, "edge": row.edge_id}
        if narrows(row):
            shown["verifies"] = "some" if row.narrowed else "all"
            shown["own"] = sorted(row.own_products.values_list("product_id", flat=True))
        return shown


class _StationForm(SectionForm):
    def prepare(self) -> None:
        super().prepare()
        field = self.fields["station"]
        field.queryset = selectors.stations(self.desk.venue)  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]


class MoveForm(_StationForm):
    station = forms.ModelChoiceField(Station.objects.none(), label=_("Station"))


class CreateForm(_StationForm, _NamedForm):
    identifier = forms.CharField(
        label=_("Identifier"), max_length=64,
        help_text=_("Unique in the whole installation, capitals or not; it cannot be changed, nor used again later."),
    )  # fmt: skip
    kind = forms.ChoiceField(label=_("Type"), choices=tuple(DEVICES.items()), initial="gate")
    gate_type = forms.ChoiceField(
        label=_("Gate type"), choices=NATURES, initial="entry", required=False,
        help_text=_("An entry verifies; an exit only counts. It is its station's type."),
    )  # fmt: skip
    station = forms.ModelChoiceField(
        Station.objects.none(), label=_("Station"), required=False, help_text=_("A gate needs one.")
    )
    field_order = ("identifier", "name", "kind", "gate_type", "station", "edge")
    depends = (
        Depends("gate_type", ("kind",), shown=lambda kind: kind == "gate"),
        Depends(
            "station", ("gate_type",),
            choices=lambda gate_type: Station.objects.filter(**({"nature": gate_type} if gate_type else {})),
        ),
    )  # fmt: skip


class RetireForm(SectionForm):
    why = forms.CharField(label=_("Why"), max_length=200, required=False)


def narrows(device: Device) -> bool:
    """Whether it may have products of its own: a lane at an entry (S-18, S-19)."""
    entry = device.station is not None and device.station.nature == Station.Nature.ENTRY
    return device.kind in VERIFYING and entry


def create(desk: Desk, row: Any, values: dict[str, Any]) -> Device:
    given = {name: value for name, value in values.items() if name != "gate_type"}
    return live_services.create_device(**actor_of(desk), **given)


def edit(desk: Desk, row: Device, values: dict[str, Any]) -> Device:
    device = live_services.edit_device(**actor_of(desk), device=row, name=values["name"], edge=values["edge"])
    if "verifies" in values:
        own = values["own"] if values["verifies"] == "some" else None
        device = live_services.set_device_products(**actor_of(desk), device=device, products=own)
    return device


def says_moved(desk: Desk, rows: Sequence[Device], values: dict[str, Any]) -> Iterator[str]:
    """The second question: which station each leaves (S-10)."""
    station = values["station"]
    for device in rows:
        names = {"device": device.name, "to": named(station), "from": named(device.station) if device.station else ""}
        if device.station == station:
            yield gettext("%(device)s is at %(to)s already.") % names
        elif device.station is None:
            yield gettext("%(device)s belongs to %(to)s from now on.") % names
        else:
            yield gettext("%(device)s is moved from %(from)s to %(to)s.") % names
        if device.narrowed and device.station != station:
            yield gettext("It verified just some products; there it verifies all of the station's.")
    if any(device.kind in VERIFYING for device in rows):
        yield gettext("Gates hear of it within a moment.")
