"""Roles: built-in ones to read and copy, a venue's own to change. What each permits is set in the matrix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, FormSpec, Link, Panel, Related, Section, Value, actor_of
from cloud.admin.kit.table import Cell, Column, Empty, Row, Table
from cloud.admin.kit.text import named
from cloud.admin.permission_words import ROOMS
from cloud.admin.sections.employee_view import name_of, reach_text
from cloud.staff import selectors, services
from cloud.staff.models import Role
from cloud.staff.permissions import Permission, known, powers_of_role
from cloud.staff.reach import EVERYWHERE


class NamesForm(SectionForm):
    name_zh = forms.CharField(label=_("Name in Chinese"), max_length=40)
    name_en = forms.CharField(label=_("Name in English"), max_length=40, required=False)


class CreateForm(NamesForm):
    like = forms.ChoiceField(
        label=_("Permits at first what this one does"), required=False,
        help_text=_("Refined in the permission matrix afterwards."),
    )  # fmt: skip

    def prepare(self) -> None:
        roles = selectors.roles(self.desk.venue)
        mine = self.desk.powers
        within = [role for role in roles if mine.cover(powers_of_role(role.permissions, EVERYWHERE))]
        choices = [("", _("Nothing"))] + [(role.key, named(role)) for role in within]
        self.fields["like"].choices = choices  # type: ignore[attr-defined]


class CopyForm(NamesForm):
    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {}


def _kind(role: Role) -> Pill:
    if role.built_in:
        return Pill(str(_("Built in")), Tone.IDLE, "lock")
    return Pill(str(_("Own")), Tone.BUSY, "pencil")


def _people(role: Role) -> int:
    return len({grant.employee_id for grant in role.grants_here})  # type: ignore[attr-defined]


def _create(desk: Desk, row: Any, values: dict[str, Any]) -> Role:
    like = next((role for role in selectors.roles(desk.venue) if role.key == values.pop("like")), None)
    codes = known(like.permissions) if like else ()
    return services.create_role(**actor_of(desk), **values, permissions=codes)


def _copy(desk: Desk, row: Role, values: dict[str, Any]) -> Role:
    return services.create_role(**actor_of(desk), **values, permissions=known(row.permissions))


def _permits(desk: Desk, role: Role) -> Table:
    """What it permits, in words."""
    held = known(role.permissions)
    lines = [
        Row(f"permits-{one.permission}", (
            Cell(str(one.title), note=str(_("Not where it is limited to stations")) if one.whole_venue else ""),
            Cell(str(room)), Cell(str(one.allows)),
        ))
        for room, entries in ROOMS for one in entries if one.permission in held
    ]  # fmt: skip
    columns = (Column(_("Permission"), main=True), Column(_("About")), Column(_("Allows")))
    text = _("Tick what it should permit in the permission matrix.")
    empty = Empty(str(_("It permits nothing")), str(text), "shield")
    return Table(str(_("What it permits")), columns, tuple(lines), empty)


def _says_deleted(desk: Desk, rows: Sequence[Role]) -> Iterable[Any]:
    yield _("Nobody has it, so nobody loses anything. It cannot be brought back.")


VALUES = (
    Value("name", _("Role"), named, order=("name_zh",), main=True),
    Value("kind", _("Type"), _kind, order=("venue",)),
    Value("people", _("People"), _people, numeric=True),
    Value("permits", _("Permissions"), lambda one: len(known(one.permissions)), numeric=True),
    Value("name_zh", _("Name in Chinese"), lambda one: one.name_zh, order=("name_zh",), listed=False),
    Value("name_en", _("Name in English"), lambda one: one.name_en, order=("name_en",), listed=False),
)


ROLES = register(
    Section(
        key="roles",
        group="people",
        icon="shield",
        title=_("Roles"),
        one=_("Role"),
        view=Permission.STAFF_MANAGE,
        rows=lambda desk: selectors.roles(desk.venue),
        label=named,
        values=VALUES,
        order=("pk",),
        search=("name_zh__icontains", "name_en__icontains"),
        search_hint=_("Role"),
        facts=tuple(value for value in VALUES if value.key not in ("name", "kind")),
        state=_kind,
        panels=(Panel(_("What it permits"), _permits),),
        related=(
            Related(
                _("Who has it"), lambda desk, one: one.grants_here,
                (
                    Value("name", _("Name"), lambda one: name_of(one.employee), main=True),
                    Value("username", _("User name"), lambda one: one.employee.username),
                    Value("stations", _("Stations"), reach_text),
                ),
                _("Nobody has this role here."),
            ),
        ),
        create=FormSpec(
            CreateForm, Permission.STAFF_MANAGE, _create, _("New role"), _("New role"), _("%(name)s is created."),
        ),
        edit=FormSpec(
            NamesForm, Permission.STAFF_MANAGE,
            lambda desk, row, values: services.edit_role(**actor_of(desk), role=row, **values),
            _("Rename %(name)s"), _("Rename"), _("%(name)s is saved."), offered=lambda role: not role.built_in,
        ),
        actions=(
            Action(
                "copy", _("Copy"), Permission.STAFF_MANAGE,
                lambda desk, rows: [_("A role of your own that permits the same at first.")],
                _("Copied: %(name)s"), run=_copy, form=CopyForm, icon="copy", bulk=False,
            ),
            Action(
                "delete", _("Delete"), Permission.STAFF_MANAGE, _says_deleted, _("Deleted: %(name)s"),
                run=lambda desk, row, values: services.delete_role(**actor_of(desk), role=row),
                fits=lambda one: not one.built_in and not one.grants_here, icon="trash-2", grave=True, removes=True,
            ),
        ),
        links=(Link(_("Permission matrix"), "console:role-matrix", Permission.STAFF_MANAGE, "table-2"),),
        empty=_("Roles say what employees may do."),
        place=20,
        pages=("console:role-matrix",),
    )
)  # fmt: skip
