"""Fields that depend on what others say: shown at all, required, with which choices. The server decides.

A page draws all of them, so that it works without a script; with one, those that do not fit are hidden, and a change
of a field that others depend on has the server draw the form again (form_parts.html).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import Model
from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Depends:
    """How one field follows others.

    The functions get the values of the fields named in `on`, cleaned, None for what makes no sense (yet).

    Attributes:
        field: whose rule it is.
        on: the fields it looks at; a rule about one of them comes earlier in the form's `depends`.
        shown: whether the field applies. What was typed in one that does not is not looked at.
        required: whether it must be filled in; without it as the field is declared.
        choices: the keys (or rows) to choose from, of those the field has; without it all.
        otherwise: the field's value where it does not apply; None: what an empty field gives.
    """

    field: str
    on: tuple[str, ...]
    shown: Callable[..., bool] | None = None
    required: Callable[..., bool] | None = None
    choices: Callable[..., Iterable[Any]] | None = None
    otherwise: Any = None


class DependentFields:
    """What a form with `depends` does about it. Mixed into the kit's forms."""

    depends: tuple[Depends, ...] = ()
    fields: dict[str, forms.Field]
    base_fields: dict[str, forms.Field]
    cleaned_data: dict[str, Any]

    def settle(self) -> None:
        """Applies the rules to what the form now says. Again after its data changed."""
        self.unfit: dict[str, Depends] = {}
        self.fitting: dict[str, set[str]] = {}
        for rule in self.depends:
            said = [self._said(name) for name in rule.on]
            field = self.fields[rule.field]
            if rule.shown is not None and not rule.shown(*said):
                self.unfit[rule.field] = rule
                field.required = False
                continue
            declared = self.base_fields[rule.field].required
            field.required = declared if rule.required is None else rule.required(*said)
            if rule.choices is not None:
                self.fitting[rule.field] = {_key(one) for one in rule.choices(*said)}
                _mark(field.widget, self.fitting[rule.field])

    @property
    def deciding(self) -> frozenset[str]:
        """The fields that others depend on."""
        return frozenset(name for rule in self.depends for name in rule.on)

    def _said(self, name: str) -> Any:
        if name in self.unfit:
            return self._otherwise(name)
        bound = self[name]  # type: ignore[index]
        try:
            return bound.field.clean(bound.value())
        except forms.ValidationError:
            return None

    def _otherwise(self, name: str) -> Any:
        rule = self.unfit[name]
        return self.fields[name].clean(None) if rule.otherwise is None else rule.otherwise

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        for name in self.unfit:
            self._errors.pop(name, None)  # type: ignore[attr-defined]
            self.cleaned_data[name] = self._otherwise(name)
        for name, fitting in self.fitting.items():
            value = self.cleaned_data.get(name)
            chosen = (
                []
                if value in EMPTY_VALUES
                else value
                if isinstance(value, Iterable) and not isinstance(value, str)
                else [value]
            )
            if not {_key(one) for one in chosen} <= fitting:
                self.add_error(name, _("This does not go with what is chosen above."))  # type: ignore[attr-defined]


def _keys(value: Any) -> set[str]:
    """What was chosen: one, many or none."""
    many = isinstance(value, Iterable) and not isinstance(value, str)
    return {_key(one) for one in (value if many else [value]) if one not in EMPTY_VALUES}


def _key(one: Any) -> str:
    return str(one.pk if isinstance(one, Model) else one)


def _mark(widget: Any, fitting: set[str]) -> None:
    """Marks the choices that do not fit now in the page: a script takes them out."""
    draw = type(widget).create_option

    def create_option(name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = draw(widget, name, value, *args, **kwargs)
        if str(value) and str(value) not in fitting:
            option["attrs"]["data-unfit"] = True
        return option

    widget.create_option = create_option
