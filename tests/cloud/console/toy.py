"""A whole section, as short as they come: a form, two services, a declaration. docs/console.md shows this file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.section import Action, FormSpec, Section, Value
from cloud.core import audit
from cloud.core.errors import DomainError
from cloud.core.inputs import required_text
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Edge


# The services. Real ones live in the model's room and ask for the actor and the venue by name.
def save_toy(desk: Desk, row: Edge | None, values: dict[str, Any]) -> Edge:
    require(desk.actor, Permission.EDGE_MANAGE, desk.venue)
    toy = row or Edge(venue=desk.venue)
    toy.name = required_text(values["name"], "name", 80)
    toy.save()
    audit.write(desk.actor, "toy.save", toy, desk.venue, name=toy.name)
    return toy


def retire_toy(desk: Desk, row: Edge, values: dict[str, Any]) -> None:
    require(desk.actor, Permission.EDGE_MANAGE, desk.venue)
    if "stays" in row.name:
        raise DomainError("toy.stays", "不能停用。", "This one stays.")
    Edge.objects.filter(pk=row.pk).update(retired_at=timezone.now())


# The section.
class ToyForm(SectionForm):
    name = forms.CharField(label="Name", max_length=80)


TOY = Section(
    key="toys",
    group="system",
    icon="package",
    title="Toys",
    one="Toy",
    view=Permission.LIVE_VIEW,
    rows=lambda desk: Edge.objects.filter(venue=desk.venue),  # of this venue, with what the values read
    label=lambda toy: toy.name,
    values=(
        Value("name", "Name", lambda toy: toy.name, order=("name",), main=True),
        Value("made", "Made", lambda toy: toy.created_at, order=("created_at",)),
    ),
    order=("name",),
    search=("name__icontains",),
    create=FormSpec(ToyForm, Permission.EDGE_MANAGE, save_toy, "New toy", "New toy", "%(name)s is there."),
    edit=FormSpec(ToyForm, Permission.EDGE_MANAGE, save_toy, "Edit %(name)s", "Edit", "%(name)s is saved."),
    actions=(
        Action("retire", "Retire", Permission.EDGE_MANAGE, lambda desk, rows: ["It is put away."],
               "Retired: %(name)s", run=retire_toy, fits=lambda toy: toy.retired_at is None),
    ),
)  # fmt: skip
