"""What every form of the console knows: the desk it is at, the row it is about, and its values as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as _

from cloud.admin.kit.depends import DependentFields

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

_LARGEST = 2**63 - 1


class DeskForm(DependentFields, forms.Form):
    """A form that knows the desk and, when editing, the row.

    Attributes:
        depends: how fields follow others.
        quiet: drawn as it was sent, with nothing checked.
    """

    def __init__(self, desk: Desk, row: Any, *args: Any, **kwargs: Any) -> None:
        self.desk, self.row = desk, row
        self.quiet = False
        super().__init__(*args, **{"auto_id": "id_%s", **kwargs})
        for field in self.fields.values():
            if isinstance(field, forms.ModelChoiceField):
                field.empty_label = "–" if field.empty_label else field.empty_label
                if field.to_field_name is None:
                    _guard_keys(field)
        self.prepare()
        self.settle()

    def prepare(self) -> None:
        """For subclasses: querysets and choices of this desk."""

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        """What the form shows of a row at first: its attributes by the fields' names."""
        shown = {}
        for name, field in cls.base_fields.items():
            if hasattr(field, "initial_of"):  # Rows
                shown[name] = field.initial_of(row, name)
            elif hasattr(row, name):
                shown[name] = _plain(getattr(row, name))
        return shown

    def keep_quiet(self) -> None:
        """Nothing is checked: the form is only drawn again."""
        self.quiet = True
        self._errors, self.cleaned_data = ErrorDict(), {}

    # --- values as text

    def typed(self) -> dict[str, Any]:
        """What was sent, by field, as `plain_text`."""
        return {name: self.typed_in(name) for name in self.fields}

    def typed_in(self, name: str) -> Any:
        bound = self[name]
        if hasattr(bound, "typed"):  # rows
            return bound.typed()
        return plain_text(bound.field.widget.value_from_datadict(self.data, self.files, bound.html_name))

    def written(self, name: str, value: Any) -> str:
        """A plain value as the form's own words: a choice by its label."""
        field = self.fields[name]
        if hasattr(self[name], "written"):  # rows
            return str(self[name].written(value))
        if isinstance(field, forms.BooleanField):
            return _("Yes") if value else _("No")
        if isinstance(field, forms.ModelChoiceField | forms.ChoiceField):
            labels = {str(key): str(label) for key, label in field.choices}
            many = value if isinstance(value, list) else [value]
            return ", ".join(labels.get(one, one) for one in many if one) or "–"
        return str(value) or "–"

    def put(self, data: Any, name: str, value: Any) -> None:
        """Writes a plain value into data as a browser would send it."""
        bound = self[name]
        if hasattr(bound, "put"):  # rows
            bound.put(data, value)
        elif isinstance(value, list):
            data.setlist(bound.html_name, value)
        elif isinstance(bound.field, forms.BooleanField) and not value:
            data.pop(bound.html_name, None)
        else:
            data[bound.html_name] = value


def _guard_keys(field: forms.ModelChoiceField) -> None:
    """Refuses a key that no database can look up, which Django does not for a choice of many."""
    check = field.clean

    def clean(value: Any) -> Any:
        for one in value if isinstance(value, list | tuple) else [value]:
            if _too_large(one):
                message = field.error_messages["invalid_choice"]
                raise forms.ValidationError(message, code="invalid_choice", params={"value": one, "pk": one})
        return check(value)

    field.clean = clean  # type: ignore[method-assign]


def _too_large(key: Any) -> bool:
    try:
        return abs(int(key)) > _LARGEST
    except (TypeError, ValueError):
        return False


def plain_text(value: Any) -> Any:
    """A value as an input would send it: "" for none, "on" for a tick, lists sorted."""
    if value is None or value is False:
        return ""
    if value is True:
        return "on"
    if isinstance(value, list | tuple | set | frozenset):
        return sorted(str(_plain(one)) for one in value)
    return str(_plain(value)).strip()


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.pk
    if hasattr(value, "values_list"):  # a many-to-many manager
        return sorted(value.values_list("pk", flat=True))
    return value
