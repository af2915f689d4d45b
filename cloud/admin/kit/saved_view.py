"""Saved filters above a list: chips to go to, saving what is shown, changing and deleting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud.admin import saved_filters as service
from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import go
from cloud.admin.kit.query import VIEW, Query
from cloud.admin.kit.routed import section_page
from cloud.admin.kit.section import Section
from cloud.admin.models import SavedFilter
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission

if TYPE_CHECKING:
    from cloud.admin.desk import Desk


@dataclass(frozen=True, slots=True)
class Chip:
    """One saved filter. `url` shows its list; `change` and `delete` open dialogs, empty where one may not."""

    saved: SavedFilter
    url: str
    current: bool
    default: bool
    mine: bool
    change: str
    delete: str


def chips_of(desk: Desk, section: Section, current: str) -> list[Chip]:
    first = service.default_filter(desk.actor, desk.venue, section.key)
    chips = []
    for saved in service.saved_filters(desk.actor, desk.venue, section.key):
        places = [section.key, saved.pk]
        may = service.may_change(desk.actor, desk.venue, saved)
        chips.append(
            Chip(
                saved=saved,
                url=address_of(section, saved),
                current=current == str(saved.pk),
                default=first == saved,
                mine=saved.employee_id == desk.employee.pk,
                change=reverse("console:filter-change", args=places),
                delete=reverse("console:filter-delete", args=places) if may else "",
            )
        )
    return chips


def address_of(section: Section, saved: SavedFilter) -> str:
    return f"{section.list_url}?{saved.address}{'&' if saved.address else ''}{VIEW}={saved.pk}"


def first_address(desk: Desk, section: Section) -> str:
    """Where the list begins for this person; empty: as it is."""
    saved = service.default_filter(desk.actor, desk.venue, section.key)
    return address_of(section, saved) if saved else ""


class _FilterForm(SectionForm):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=service.NAME_LENGTH)
    shared = forms.BooleanField(
        label=gettext_lazy("For everybody at this venue"), required=False,
        help_text=gettext_lazy("Whoever may see this list finds it there."),
    )  # fmt: skip
    default = forms.BooleanField(
        label=gettext_lazy("My list begins with it"), required=False,
        help_text=gettext_lazy("For you alone, also of one that is shared."),
    )  # fmt: skip

    def prepare(self) -> None:
        self.fields["name"].widget.attrs["autocomplete"] = "off"
        if not self.desk.may(Permission.LIST_SHARE) and not (self.row is not None and self.row.shared):
            del self.fields["shared"]
        if self.row is not None and not service.may_change(self.desk.actor, self.desk.venue, self.row):
            del self.fields["name"]
            self.fields.pop("shared", None)


@section_page(lambda section, place: section.view)
def save(request: HttpRequest, desk: Desk, section: Section) -> HttpResponse:
    """Saves what the address shows: it is sent along as the query string."""
    query = Query(section, desk, request, request.GET)
    address = query.address(**{VIEW: None})
    form = _FilterForm(desk, None, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            saved = service.save_filter(
                actor=desk.actor, venue=desk.venue, section=section.key, address=address, **_values(form, None)
            )
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
            return go(request, address_of(section, saved))
    narrowed = [f"{title}: {text}" for title, text in query.described] or [_("The whole list, in this order.")]
    confirm = Confirm(
        title=_("Save this list"),
        consequences=(*narrowed, _("It finds what fits whenever it is opened, not the rows of today.")),
        verb=_("Save"),
        url=f"{request.path}{address}",
        back=section.list_url + address,
        form=form,
        error=_general(form),
    )
    return ask(request, desk, confirm, 422 if request.method == "POST" else 200)


@section_page(lambda section, place: section.view)
def change(request: HttpRequest, desk: Desk, section: Section, pk: int) -> HttpResponse:
    saved = _or_404(desk, section, pk)
    is_default = service.default_filter(desk.actor, desk.venue, section.key) == saved
    initial = {"name": saved.name, "shared": saved.shared, "default": is_default}
    form = _FilterForm(desk, saved, request.POST) if request.method == "POST" else _FilterForm(
        desk, saved, initial=initial
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        try:
            saved = service.change_filter(actor=desk.actor, venue=desk.venue, saved=saved, **_values(form, saved))
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": saved.name})
            return go(request, address_of(section, saved))
    confirm = Confirm(
        title=_("Saved filter “%(name)s”") % {"name": saved.name},
        consequences=(_("Made by %(who)s") % {"who": saved.employee.get_full_name() or saved.employee.username},),
        verb=_("Save"),
        url=request.path,
        back=address_of(section, saved),
        form=form,
        error=_general(form),
    )
    return ask(request, desk, confirm, 422 if request.method == "POST" else 200)


@section_page(lambda section, place: section.view)
def delete(request: HttpRequest, desk: Desk, section: Section, pk: int) -> HttpResponse:
    saved = _or_404(desk, section, pk)
    if not service.may_change(desk.actor, desk.venue, saved):
        raise Http404(pk)
    if request.method == "POST":
        service.delete_filter(actor=desk.actor, venue=desk.venue, saved=saved)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": saved.name})
        return go(request, f"{section.list_url}?{VIEW}=")
    lines = [_("The rows it finds stay as they are.")]
    if saved.shared:
        lines.append(_("It is shared: nobody at the venue finds it any more."))
    confirm = Confirm(
        title=_("Delete the saved filter “%(name)s”?") % {"name": saved.name},
        consequences=tuple(lines),
        verb=_("Delete"),
        url=request.path,
        back=address_of(section, saved),
        grave=True,
    )
    return ask(request, desk, confirm)


def _or_404(desk: Desk, section: Section, pk: int) -> SavedFilter:
    if pk > 2**63 - 1:
        raise Http404(pk)
    return get_object_or_404(service.saved_filters(desk.actor, desk.venue, section.key), pk=pk)


def _values(form: SectionForm, saved: SavedFilter | None) -> dict[str, Any]:
    """What was typed; what the form does not ask stays as it is."""
    typed = form.cleaned_data
    return {
        "name": typed.get("name", saved.name if saved else ""),
        "shared": typed.get("shared", saved.shared if saved else False),
        "default": typed["default"],
    }


def _general(form: SectionForm) -> str:
    return " ".join(str(error) for error in form.non_field_errors()) if form.is_bound else ""
