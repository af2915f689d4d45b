"""Forms of sections: drawn field by field, told apart into parts, and able to say what changed meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core import signing
from django.utils.functional import Promise

from cloud.admin.kit.desk_form import DeskForm, plain_text
from cloud.admin.kit.page import said
from cloud.admin.kit.rows import REARRANGE, BoundRows
from cloud.core.errors import DomainError

SEEN = "_seen"  # the hidden input with what the person was shown
REDRAW = "_redraw"  # sent when a field changed that others depend on
AGREED = "_agreed"  # the hidden input with what was asked before saving, and is agreed to by saving again
_SALT = "console.form"


@dataclass(frozen=True, slots=True)
class Changed:
    """A field somebody else changed while this form was open."""

    label: str
    before: str
    now: str
    typed: str  # what this person wants instead; empty where they left the field alone


@dataclass(frozen=True, slots=True)
class Part:
    """Fields under a title."""

    title: str | Promise
    fields: list[forms.BoundField]


class SectionForm(DeskForm):
    """A form of a section: for creating, editing, or what an action asks.

    Attributes:
        question: what follows from saving and is asked about first; empty: nothing, or it is agreed to.
        layout: parts of the form as (title, field names); empty: one part without a title.
        error_fields: fields of services -> fields here, where they have other names. A service names a field of a
            row by its place among those given to it: "visitors.2.name".
    """

    layout: tuple[tuple[str | Promise, tuple[str, ...]], ...] = ()
    error_fields: Mapping[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changed: list[Changed] = []
        self.question: list[str] = []
        self.agreement = ""

    @property
    def layout_parts(self) -> list[Part]:
        if not self.layout:
            return [Part("", list(self.visible_fields()))]
        return [Part(title, [self[name] for name in names]) for title, names in self.layout]

    def refuse(self, error: DomainError) -> None:
        """Shows a service's refusal beside the field it is about, else above the form."""
        name, _, place = (error.field or "").partition(".")
        name = self.error_fields.get(error.field or "", self.error_fields.get(name, name))
        bound = self[name] if name in self.fields else None
        if isinstance(bound, BoundRows):
            number, _, field = place.partition(".")
            rows = bound.counted
            if number.isdigit() and int(number) < len(rows) and field in rows[int(number)].fields:
                rows[int(number)].add_error(field, said(error))
        self.add_error(name if bound is not None else None, said(error))

    # --- asking once more before saving

    def ask(self, about: Any, lines: Iterable[Any]) -> bool:
        """Asks, once the fields make sense, whether what else follows is meant too; for `clean()`.

        Nothing is saved, and the form shows the lines, until just this is sent again: `about` tells questions apart.
        Whether it is asked now.
        """
        self.agreement = hashlib.sha256(repr(about).encode()).hexdigest()
        if self.data.get(AGREED) == self.agreement:
            return False
        self.question = [str(line) for line in lines]
        return True

    def is_valid(self) -> bool:
        return super().is_valid() and not self.question

    def asked_again(self) -> bool:
        """Whether this was sent only to be drawn again, with a row more or less or with other fields shown."""
        command = str(self.data.get(REARRANGE, ""))
        if not command and REDRAW not in self.data:
            return False
        name, _, rest = command.partition(".")
        what, _, number = rest.partition(".")
        bound = self[name] if name in self.fields else None
        if isinstance(bound, BoundRows):
            bound.rearrange(what, number)
        self.keep_quiet()
        return True

    # --- two people saving at once

    def token(self) -> str:
        """What is shown of the row, signed: sent back with the form."""
        return signing.dumps(self.shown(), salt=_SALT, compress=True)

    def shown(self) -> dict[str, Any]:
        """What is shown of the row at first, as plain text."""
        values = self.initial_of(self.row) if self.row is not None else {}
        shown = {}
        for name, value in values.items():
            if name in self.fields:
                bound = self[name]
                shown[name] = bound.shown(value) if isinstance(bound, BoundRows) else plain_text(value)
        return shown

    def compare(self) -> bool:
        """Whether the row is as the form showed it. If not, `changed` says what somebody else did.

        Fields left alone take the new values; what was typed stays typed. An unreadable token counts as changed.
        """
        now = self.shown()
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
            typed = self.typed_in(name)
            touched = name not in seen or typed != seen[name]
            self.changed.append(
                Changed(
                    label=str(self[name].label),
                    before=self.written(name, seen.get(name, "")),
                    now=self.written(name, value),
                    typed=self.written(name, typed) if touched and typed != value else "",
                )
            )
            if not touched:
                self.put(data, name, value)
        self.data = data
        for name in self.fields:
            bound = self[name]
            if isinstance(bound, BoundRows):
                bound.forget()
        self.settle()
        return False
