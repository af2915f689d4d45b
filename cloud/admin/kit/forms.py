"""Forms of sections: drawn field by field, told apart into parts, and able to say what changed meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core import signing
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from cloud.admin.kit.page import said
from cloud.core.errors import DomainError

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

SEEN = "_seen"  # the hidden input with what the person was shown
_SALT = "console.form"


@dataclass(frozen=True, slots=True)
class Changed:
    """A field somebody else changed while this form was open."""

    label: str
    before: str
    now: str
    typed: str  # what this person wants instead; empty where they left the field alone


class SectionForm(forms.Form):
    """A form that knows the desk and, when editing, the row.

    Attributes:
        layout: parts of the form as (title, field names); empty: one part without a title.
        error_fields: fields of services -> fields here, where they have other names.
    """

    layout: tuple[tuple[str | Promise, tuple[str, ...]], ...] = ()
    error_fields: Mapping[str, str] = {}

    def __init__(self, desk: Desk, row: Any, *args: Any, **kwargs: Any) -> None:
        self.desk, self.row = desk, row
        super().__init__(*args, auto_id="id_%s", **kwargs)
        self.changed: list[Changed] = []
        for field in self.fields.values():
            if isinstance(field, forms.ModelChoiceField) and field.empty_label:
                field.empty_label = "–"
        self.prepare()

    def prepare(self) -> None:
        """For subclasses: querysets and choices of this desk."""

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        """What the form shows of a row at first: its attributes by the fields' names."""
        return {name: _plain(getattr(row, name)) for name in cls.base_fields if hasattr(row, name)}

    @property
    def parts(self) -> list[tuple[str | Promise, list[forms.BoundField]]]:
        if not self.layout:
            return [("", list(self.visible_fields()))]
        return [(title, [self[name] for name in names]) for title, names in self.layout]

    def refuse(self, error: DomainError) -> None:
        """Shows a service's refusal beside the field it is about, else above the form."""
        name = self.error_fields.get(error.field or "", error.field)
        self.add_error(name if name in self.fields else None, said(error))

    # --- two people saving at once

    def token(self) -> str:
        """What is shown of the row, signed: sent back with the form."""
        return signing.dumps(self._shown(), salt=_SALT, compress=True)

    def _shown(self) -> dict[str, Any]:
        shown = self.initial_of(self.row) if self.row is not None else {}
        return {name: _text(value) for name, value in shown.items() if name in self.fields}

    def compare(self) -> bool:
        """Whether the row is as the form showed it. If not, `changed` says what somebody else did.

        Fields left alone take the new values; what was typed stays typed. An unreadable token counts as changed.
        """
        now = self._shown()
        try:
            seen = signing.loads(str(self.data.get(SEEN, "")), salt=_SALT)
        except signing.BadSignature:
            seen = {}
        if seen == now:
            return True
        data = self.data.copy()
        for name, value in now.items():
            if seen.get(name) == value:
                continue
            field = self.fields[name]
            typed = field.widget.value_from_datadict(self.data, self.files, self.add_prefix(name))
            touched = name not in seen or _text(typed) != seen[name]
            self.changed.append(
                Changed(
                    label=str(self[name].label),
                    before=self._written(name, seen.get(name, "")),
                    now=self._written(name, value),
                    typed=self._written(name, _text(typed)) if touched and _text(typed) != value else "",
                )
            )
            if not touched:
                _put(data, self.add_prefix(name), value, field)
        self.data = data
        return False

    def _written(self, name: str, value: Any) -> str:
        """A value as the form's own words: a choice by its label."""
        field = self.fields[name]
        if isinstance(field, forms.BooleanField):
            return _("Yes") if value else _("No")
        if isinstance(field, forms.ModelChoiceField | forms.ChoiceField):
            labels = {str(key): str(label) for key, label in field.choices}
            many = value if isinstance(value, list) else [value]
            return ", ".join(labels.get(one, one) for one in many if one) or "–"
        return str(value) or "–"


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    if hasattr(value, "values_list"):  # a many-to-many manager
        return sorted(value.values_list("pk", flat=True))
    return value


def _text(value: Any) -> Any:
    """A value as an input would send it: "" for none, "on" for a tick, lists sorted."""
    if value is None or value is False:
        return ""
    if value is True:
        return "on"
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(str(_plain(one)) for one in value)
    return str(_plain(value)).strip()


def _put(data: Any, key: str, value: Any, field: forms.Field) -> None:
    if isinstance(value, list):
        data.setlist(key, value)
    elif isinstance(field, forms.BooleanField) and not value:
        data.pop(key, None)
    else:
        data[key] = value
