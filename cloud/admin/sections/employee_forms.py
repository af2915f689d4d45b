"""Forms about employees: taking them on, their particulars, giving and taking back roles."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.text import named
from cloud.admin.sections import employee_view as view
from cloud.staff import selectors
from cloud.staff.permissions import powers_of_role
from cloud.staff.reach import EVERYWHERE
from cloud.venues.models import Station

PHONE = r"^\+?[0-9][0-9 -]{3,18}[0-9]$"


_named = lazy(named, str)  # an import knows a role by its name in either language


class EditForm(SectionForm):
    name = forms.CharField(label=_("Name"), max_length=60)
    phone = forms.RegexField(
        PHONE, label=_("Phone"), max_length=20, required=False,
        error_messages={"invalid": _("Digits, with blanks and hyphens where you like.")},
    )  # fmt: skip

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {"name": row.first_name, "phone": row.phone}


class GrantForm(SectionForm):
    role = forms.ChoiceField(label=_("Role"), help_text=_("Roles that go beyond what you may yourself are not here."))
    stations = forms.ModelMultipleChoiceField(
        Station.objects.none(), label=_("Only at these stations"), required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "None chosen: all over the venue. Limited to stations, a role gives nothing that is about the venue as a "
            "whole."
        ),
    )  # fmt: skip

    def prepare(self) -> None:
        self.fields["role"].choices = offered(self.desk)  # type: ignore[attr-defined]
        field = self.fields["stations"]
        field.queryset = Station.objects.filter(venue=self.desk.venue).order_by("number")  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {}


class HireForm(GrantForm):
    username = forms.CharField(
        label=_("User name"), max_length=60, help_text=_("For logging in; it cannot be changed."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    name = EditForm.base_fields["name"]
    phone = EditForm.base_fields["phone"]
    field_order = ("name", "username", "phone", "role", "stations")


class AdmitForm(GrantForm):
    username = forms.CharField(
        label=_("User name"), max_length=150, help_text=_("Exactly as they log in with it at the other venue."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    field_order = ("username", "role", "stations")


class WithdrawForm(SectionForm):
    role = forms.ChoiceField(label=_("Role"))

    def prepare(self) -> None:
        grants = self.row.grants_here if self.row is not None else ()
        choices = [(grant.role.key, view.role_text(grant)) for grant in grants]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]


def offered(desk: Desk) -> list[tuple[str, Any]]:
    """What the person may give to others, the least first: nobody becomes an administrator by a slip."""
    roles = selectors.roles(desk.venue)
    found = [role for role in roles if desk.powers.cover(powers_of_role(role.permissions, EVERYWHERE))]
    return [(role.key, _named(role)) for role in sorted(found, key=lambda role: (len(role.permissions), role.pk))]


def chosen(values: dict[str, Any]) -> dict[str, Any]:
    """`stations` as services take them: None for all over the venue."""
    return {**values, "stations": list(values["stations"]) or None}
