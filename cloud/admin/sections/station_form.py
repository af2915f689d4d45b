"""A station set up on one page, as the manual has it: what it is, its products, its people and devices (S-03 to S-14).

Saving calls a service for each part that changed, in one transaction, after asking about what else follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.picker import Picked, PickField, called, keys, picked, was_drawn
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections import station_says
from cloud.admin.sections.device_cells import DEVICES
from cloud.admin.sections.employee_view import joined, name_of, reach_text
from cloud.admissions import services as admissions
from cloud.admissions.selectors import is_verified_at
from cloud.catalog import station_lists
from cloud.catalog.models import TicketProduct
from cloud.entitlements import live_services
from cloud.staff import selectors as staff
from cloud.staff.models import RoleGrant
from cloud.staff.permissions import Permission, powers_of_role
from cloud.staff.reach import Reach
from cloud.staff.services import set_station_grants
from cloud.venues import selectors
from cloud.venues.models import Device, Station

NATURES = (("entry", _("Entry station")), ("exit", _("Exit station")))
KINDS = {"ticket": _("Ticket"), "package": _("Package"), "annual": _("Annual card")}
HOW_MANY = (("all", _("All products, later ones too")), ("some", _("Some products")))


def product_choice(product: TicketProduct) -> Picked:
    """All ticket products alike, each with its kind: tickets, packages and annual cards (S-06)."""
    return picked(named(product), str(KINDS[product.kind]), f"{product.code} {product.name_zh} {product.name_en} "
                  f"{product.pinyin}")  # fmt: skip


def product_choices(products: QuerySet[TicketProduct]) -> list[tuple[int, Picked]]:
    """There may be thousands: just what is shown of them is read."""
    return called(products.only("kind", "code", "name_zh", "name_en", "pinyin"), product_choice)


def _how_many(label: str | Promise) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=HOW_MANY, initial="all", widget=forms.RadioSelect)


class StationForm(SectionForm):
    """`row` is the station, None of a new one."""

    nature = forms.ChoiceField(
        label=_("Type"), choices=NATURES, initial="entry", widget=forms.RadioSelect,
        help_text=_("An exit only counts. The type is fixed once a code was shown there."),
    )  # fmt: skip
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=80)
    name_en = forms.CharField(label=_("Name in English"), max_length=80, required=False)
    inner = forms.BooleanField(
        label=_("Inside the venue"),
        required=False,
        help_text=_("A ride, say: nobody enters or leaves the venue by it."),
    )
    products = PickField(
        TicketProduct, label=_("Verifies"),
        help_text=_("What its gates admit. The product's own page shows the same from its side."),
    )  # fmt: skip
    same_type = PickField(
        Station, label=_("Same-type stations"),
        help_text=_("One ticket is used once at all of them together, and all of them verify the same products."),
    )  # fmt: skip
    sells = _how_many(_("Sells"))
    sold = PickField(TicketProduct, label=_("Products sold here"))
    collects = _how_many(_("Hands out"))
    collected = PickField(TicketProduct, label=_("Tickets handed out here"))
    employees = PickField(RoleGrant, label=_("Authorised employees"))
    devices = PickField(
        Device, label=_("Devices"), help_text=_("A device of another station is moved here, once you agree to that.")
    )
    layout = (
        (_("Station"), ("name_zh", "name_en", "nature", "inner")),
        (_("Verification"), ("products", "same_type")),
        (_("Sale"), ("sells", "sold")),
        (_("Pick-up"), ("collects", "collected")),
        (_("People and devices"), ("employees", "devices")),
    )
    depends = (
        Depends("products", ("nature",), shown=lambda nature: nature != "exit"),
        Depends("same_type", ("nature",), shown=lambda nature: nature != "exit"),
        Depends("sold", ("sells",), shown=lambda how: how == "some"),
        Depends("collected", ("collects",), shown=lambda how: how == "some"),
    )
    error_fields = {"station": "devices", "group": "same_type", "stations": "same_type"}

    def prepare(self) -> None:
        desk, row = self.desk, self.row
        products = TicketProduct.objects.filter(venue=desk.venue).order_by("product_class")
        choices = product_choices(products)
        for name in ("products", "sold", "collected"):
            self._field(name).offer(products, choices)
        for name, how in (("sold", "sells"), ("collected", "collects")):
            self._field(name).widget.undrawn = self[how].value() != "some"  # type: ignore[attr-defined]
        siblings = (
            selectors.stations(desk.venue).filter(nature=Station.Nature.ENTRY).exclude(pk=row.pk if row else None)
        )
        named_so = called(siblings, lambda one: picked(named(one), f"#{one.number}", f"{one.name_zh} {one.name_en}"))
        self._field("same_type").offer(siblings, named_so)
        devices = selectors.devices(desk.venue).order_by("identifier")
        self._field("devices").offer(devices, called(devices, self._device_choice))
        if row is not None and is_verified_at(row):
            self.fields["nature"].choices = [pair for pair in NATURES if pair[0] == row.nature]  # type: ignore[attr-defined]
        if desk.may(Permission.STAFF_MANAGE):
            self._offer_employees()
        else:
            del self.fields["employees"]
            self.layout = tuple((title, tuple(n for n in names if n in self.fields)) for title, names in self.layout)

    def _field(self, name: str) -> PickField:
        field: PickField = self.fields[name]
        return field

    def _device_choice(self, device: Device) -> Picked:
        at = named(device.station) if device.station and device.station != self.row else ""
        note = f"{device.identifier} · {DEVICES[device.kind]}"
        return picked(device.name, f"{note} · {at}" if at else note)

    def _offer_employees(self) -> None:
        """Roles limited to stations, as far as this person may give them."""
        grants = staff.limited_grants(self.desk.venue)
        pks = [one.pk for one in grants if self._covers(one)]
        field = self._field("employees")
        offered = grants.filter(pk__in=pks)
        field.offer(
            offered,
            called(
                offered,
                lambda one: picked(
                    name_of(one.employee), f"{named(one.role)} · {reach_text(one)}", one.employee.username
                ),
            ),
        )
        anyway = [name_of(one) for one in staff.everywhere(self.desk.venue)]
        if anyway:
            text = _("Work at every station by their role: %(names)s.")
            field.help_text = text % {"names": joined(anyway)}

    def _covers(self, grant: RoleGrant) -> bool:
        here = Reach(stations=frozenset({self.row.pk if self.row else 0}))
        return self.desk.powers.cover(powers_of_role(grant.role.permissions, here))

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {
            **{name: getattr(row, name) for name in ("nature", "name_zh", "name_en", "inner")},
            "products": keys(row.products.all()),
            "same_type": keys(selectors.group_members(row).exclude(pk=row.pk)),
            "sells": "all" if row.sells_all else "some",
            "sold": sorted(row.sales.values_list("product_id", flat=True)),
            "collects": "all" if row.collects_all else "some",
            "collected": sorted(row.collects.values_list("product_id", flat=True)),
            "employees": keys(row.grants.filter(limited=True, employee__is_active=True)),
            "devices": keys(row.devices.filter(retired_at=None)),
        }

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        there = set(self.initial_of(self.row)["devices"]) if self.row else set()
        stay = [one for one in Device.objects.filter(pk__in=there - set(keys(values["devices"]))) if one.kind == "gate"]
        if stay:
            text = _("A gate belongs to a station: move it from the other station's page. %(names)s")
            self.add_error("devices", text % {"names": joined([one.name for one in stay])})
            return values
        for name, how in (("sold", "sells"), ("collected", "collects")):
            if values[how] == "some" and not was_drawn(self.data, name):
                self.add_error(name, _("Choose them here, then save again."))
        if self.errors:
            return values
        asked = station_says.follows(self.desk, self.row, values)
        if asked.lines and self.ask(asked.about, asked.lines) and asked.brought:
            self._tick("products", asked.brought)
        return values

    def _tick(self, name: str, more: Iterable[TicketProduct]) -> None:
        """Chosen when the form is shown again, for the person to untick."""
        data = self.data.copy()
        data.setlist(name, [str(pk) for pk in {*keys(self.cleaned_data[name]), *keys(more)}])
        self.data = data


def save(desk: Desk, row: Station | None, values: dict[str, Any]) -> Station:
    """Creates or changes the station and what hangs on it. Within the caller's transaction."""
    who = actor_of(desk)
    terms = {name: values[name] for name in ("name_zh", "name_en", "inner")}
    if row is None:
        station = live_services.create_station(**who, **terms, nature=values["nature"])
    else:
        station = live_services.edit_station(**who, station=row, **terms)
    before = StationForm.initial_of(station)
    if values["nature"] == Station.Nature.ENTRY:
        admissions.set_station_nature(**who, station=station, nature=Station.Nature.ENTRY)
    if station.nature == Station.Nature.ENTRY or values["nature"] == Station.Nature.ENTRY:
        _save_group(desk, station, before, values)
    if values["nature"] == Station.Nature.EXIT:
        admissions.set_station_nature(**who, station=station, nature=Station.Nature.EXIT)
    sold = values["sold"] if values["sells"] == "some" else None
    station_lists.set_station_sales(**who, station=station, products=sold)
    collected = values["collected"] if values["collects"] == "some" else None
    station_lists.set_station_collects(**who, station=station, products=collected)
    if "employees" in values:
        _save_employees(desk, station, values["employees"])
    _save_devices(desk, station, before, values["devices"])
    return Station.objects.get(pk=station.pk)


def _save_group(desk: Desk, station: Station, before: dict[str, Any], values: dict[str, Any]) -> None:
    """Leaving first, then joining with the products chosen, forced upon all of the group (S-12 to S-14)."""
    who, wanted = actor_of(desk), {one.pk: one for one in values["same_type"]}
    leaving = set(before["same_type"]) - wanted.keys()
    if leaving and leaving == set(before["same_type"]):
        live_services.leave_group(**who, station=station)
    else:
        for one in Station.objects.filter(pk__in=leaving):
            live_services.leave_group(**who, station=one)
    joining = [one for pk, one in wanted.items() if pk not in before["same_type"]]
    if joining:
        live_services.join_groups(**who, station=station, others=joining, products=values["products"])
    elif keys(values["products"]) != before["products"]:
        live_services.set_station_products(**who, station=station, products=values["products"])


def _save_employees(desk: Desk, station: Station, chosen: Iterable[RoleGrant]) -> None:
    """Roles that are beyond this person to give stay as they are."""
    there = station.grants.filter(limited=True).select_related("role")  # type: ignore[attr-defined]
    here = Reach(stations=frozenset({station.pk}))
    beyond = [
        one
        for one in there
        if not one.employee.is_active or not desk.powers.cover(powers_of_role(one.role.permissions, here))
    ]
    set_station_grants(**actor_of(desk), station=station, grants=[*chosen, *beyond])


def _save_devices(desk: Desk, station: Station, before: dict[str, Any], chosen: Iterable[Device]) -> None:
    """Last of all: wherever devices are locked, stations were before."""
    wanted = {device.pk: device for device in chosen}
    for pk, device in sorted(wanted.items()):
        if pk not in before["devices"]:
            live_services.move_device(**actor_of(desk), device=device, station=station, left=device.station)
    for device in Device.objects.filter(pk__in=set(before["devices"]) - wanted.keys()).order_by("pk"):
        live_services.move_device(**actor_of(desk), device=device, station=None, left=station)
