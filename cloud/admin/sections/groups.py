"""Exclusion groups: same-type stations that share one count of uses and one list of products (S-11 to S-14)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Link, Related, Section, Value, actor_of
from cloud.admin.kit.text import chinese, money, named
from cloud.admissions import groups as selectors
from cloud.catalog import selectors as catalog
from cloud.entitlements import live_services
from cloud.staff.permissions import Permission
from cloud.venues.models import ExclusionGroup, Station


def _joined(rows: Iterable[Any]) -> str:
    return ("、" if chinese() else ", ").join(named(row) for row in rows)


def _stations(group: ExclusionGroup) -> str:
    return _joined(group.stations.all())


def _products(group: ExclusionGroup) -> str:
    """What all of its stations verify: they have one list (S-13)."""
    first = next(iter(group.stations.all()), None)
    return _joined(first.products.all()) if first is not None else ""


def _label(group: ExclusionGroup) -> str:
    """Its name; one that it has from a station, in the reader's language."""
    of_station = (named(station) for station in group.stations.all() if station.name_zh == group.name)
    return next(of_station, group.name) or _stations(group)


def _kind(group: ExclusionGroup) -> Pill:
    if group.second is not None:  # type: ignore[attr-defined]
        return Pill(str(_("Same-type stations")), Tone.BUSY, "link")
    return Pill(str(_("One station")), Tone.IDLE, "door-open")


class _SharedFilter(django_filters.ChoiceFilter):
    def filter(self, qs: QuerySet[ExclusionGroup], value: str) -> QuerySet[ExclusionGroup]:
        return qs.filter(second__isnull=value == "one") if value in ("one", "several") else qs


class RenameForm(SectionForm):
    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("For the console only: no gate shows it."))


class JoinForm(SectionForm):
    stations = forms.ModelMultipleChoiceField(
        Station.objects.none(), label=_("Stations"), widget=forms.CheckboxSelectMultiple,
        help_text=_("A station of another group brings that whole group along."),
    )  # fmt: skip

    def prepare(self) -> None:
        entries = Station.objects.filter(venue=self.desk.venue, nature=Station.Nature.ENTRY).order_by("number")
        if self.row is not None:
            entries = entries.exclude(group=self.row)
        self.fields["stations"].queryset = entries  # type: ignore[attr-defined]
        self.fields["stations"].label_from_instance = named  # type: ignore[attr-defined]


class LeaveForm(SectionForm):
    station = forms.ModelChoiceField(Station.objects.none(), label=_("Station"))

    def prepare(self) -> None:
        members = self.row.stations.order_by("number") if self.row is not None else Station.objects.none()
        self.fields["station"].queryset = members  # type: ignore[attr-defined]
        self.fields["station"].label_from_instance = named  # type: ignore[attr-defined]


def says_joined(desk: Desk, chosen: Iterable[Station]) -> Iterator[Any]:
    """What becoming same-type means for these stations and their groups: each product brought in, and past uses."""
    members = members_of(chosen)
    yield says_once(members)
    everything = {product.pk: product for member in members for product in member.products.all()}
    for member in members:
        there = {product.pk for product in member.products.all()}
        brought = [product for pk, product in sorted(everything.items()) if pk not in there]
        if brought:
            text = _("%(station)s verifies these as well: %(products)s. Tickets already sold are included.")
            yield text % {"station": named(member), "products": _joined(brought)}
    if all(len(everything) == len(member.products.all()) for member in members):
        yield _("They verify the same products already: none is brought in.")
    yield from says_uses(desk, members)


def members_of(chosen: Iterable[Station]) -> list[Station]:
    """All the stations of their groups."""
    groups = {station.group_id for station in chosen}
    return list(Station.objects.filter(group_id__in=groups).order_by("number").prefetch_related("products"))


def says_once(members: Iterable[Station]) -> Any:
    return _("One ticket is used once at all of them together: %(stations)s.") % {"stations": _joined(members)}


def says_uses(desk: Desk, members: Iterable[Station]) -> Iterator[Any]:
    uses = selectors.uses_today(desk.venue, members)
    if uses:
        yield ngettext_lazy(
            "%(uses)d person was let in today; that use counts at all of them from now on.",
            "%(uses)d persons were let in today; those uses count at all of them from now on.",
            uses,
        ) % {"uses": uses}
    yield _("Uses of earlier days count too: a used ticket is not let in a second time at another of them.")


def _preview_join(desk: Desk, rows: Sequence[Any], values: dict[str, Any]) -> Iterator[Any]:
    yield from says_joined(desk, [*rows[0].stations.all(), *values["stations"]])


def _join(desk: Desk, group: ExclusionGroup, values: dict[str, Any]) -> Any:
    first = group.stations.order_by("number")[0]
    return live_services.join_groups(**actor_of(desk), station=first, others=values["stations"])


def _preview_leave(desk: Desk, rows: Sequence[Any], values: dict[str, Any]) -> Iterator[Any]:
    group, station = rows[0], values["station"]
    others = [one for one in group.stations.order_by("number") if one.pk != station.pk]
    names = {"station": named(station), "others": _joined(others)}
    yield _("%(station)s and %(others)s no longer exclude each other: a ticket may be used at both.") % names
    if len(others) == 1:
        yield _("%(others)s stays alone: neither has a same-type station any more.") % names
    yield _("%(station)s keeps its products: %(products)s.") % {
        **names, "products": _joined(station.products.all()) or "–",
    }  # fmt: skip
    uses = selectors.uses_today(desk.venue, group.stations.all())
    yield ngettext_lazy(
        "What was used until now, %(uses)d today, stays used at both: leaving lets nobody in a second time.",
        "What was used until now, %(uses)d today, stays used at both: leaving lets nobody in a second time.",
        uses,
    ) % {"uses": uses}


VALUES = (
    Value("name", _("Group"), _label, order=("name",), main=True),
    Value("kind", _("Type"), _kind),
    Value("stations", _("Stations"), _stations),
    Value("products", _("Verifies"), _products),
    Value("uses", _("Uses today"), lambda one: one.uses or 0, order=("uses",), numeric=True),
)


GROUPS = register(
    Section(
        key="groups",
        group="venue",
        icon="link",
        title=_("Exclusion groups"),
        one=_("Exclusion group"),
        view=Permission.LIVE_VIEW,
        rows=lambda desk: selectors.groups(desk.venue),
        label=_label,
        values=VALUES,
        order=("name",),
        search=("name__icontains", "stations__name_zh__icontains", "stations__name_en__icontains"),
        search_hint=_("Group or station"),
        filters={
            "kind": _SharedFilter(
                label=_("Type"), empty_label=_("All"),
                choices=(("several", _("Same-type stations")), ("one", _("One station"))),
            ),
        },
        facts=(
            Value("products", _("Verifies"), _products),
            Value("uses", _("Uses today"), lambda one: one.uses or 0),
        ),
        state=_kind,
        related=(
            Related(
                _("Stations"), lambda desk, one: selectors.with_uses(one.stations.order_by("number"), desk.venue),
                (
                    Value("name", _("Station"), named, main=True),
                    Value("number", _("Number"), lambda one: one.number, numeric=True),
                    Value("uses", _("Uses today"), lambda one: one.uses or 0, numeric=True),
                ),
                _("Every station left it."), "stations",
            ),
            Related(
                _("Verifies"), lambda desk, one: catalog.products(desk.venue).filter(stations__group=one).distinct(),
                (
                    Value("name", _("Product"), named, main=True),
                    Value("code", _("Code"), lambda one: one.code),
                    Value("price", _("Price"), lambda one: money(one.price_fen), numeric=True),
                ),
                _("No product is verified here."), "products",
            ),
        ),
        edit=FormSpec(
            RenameForm, Permission.STATION_MANAGE,
            lambda desk, row, values: live_services.rename_group(**actor_of(desk), group=row, **values),
            _("Rename %(name)s"), _("Rename"), _("%(name)s is saved."),
        ),
        trail=lambda one: [one, *one.stations.all()],
        actions=(
            Action(
                "join", _("Join stations"), Permission.STATION_MANAGE,
                lambda desk, rows: [
                    _("Stations of one group exclude each other: a ticket is used once at all of them together."),
                    _("They verify the same products. Next you see which are brought in."),
                ],
                _("Joined: %(name)s"), run=_join, form=JoinForm, preview=_preview_join,
                fits=lambda one: one.second is not None or one.entry, icon="link", bulk=False,
            ),
            Action(
                "leave", _("Take a station out"), Permission.STATION_MANAGE,
                lambda desk, rows: [_("The station gets a group of its own. Next you see what that means.")],
                _("Taken out: %(name)s"),
                run=lambda desk, row, values: live_services.leave_group(**actor_of(desk), station=values["station"]),
                form=LeaveForm, preview=_preview_leave, fits=lambda one: one.second is not None, icon="unlink",
                bulk=False,
            ),
        ),
        links=(
            Link(
                _("Choose stations to join"), "console:section-list", Permission.STATION_MANAGE, "link", ("stations",)
            ),
        ),
        empty=_("Every station has a group; those of one group share a count of uses."),
        place=15,
    )
)  # fmt: skip
