"""Inline rows: a part of a form that is a list of small forms, to add to, take from and put in order.

In what a browser sends, "parts" repeats, once for each row in their order, with the row's number; the fields of row 3
are "parts-3-name". Numbers are names only: they may have gaps. Buttons that add, remove and move send "_rows", so
that all works without a script; rows.js does the same in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.datastructures import MultiValueDict
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from cloud.admin.kit.desk_form import DeskForm, plain_text

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

REARRANGE = "_rows"  # what the buttons send: "parts.add", "parts.remove.3", "parts.up.3", "parts.down.3"
BLANK = "__n__"  # the number of the row that a script copies
MOST = 1000


class RowForm(DeskForm):
    """One row. A hidden field (`id`, say) tells rows that were there before from new ones.

    A row in which nothing is filled in does not count.
    """

    def __init__(self, desk: Desk, **kwargs: Any) -> None:
        super().__init__(desk, None, empty_permitted=True, use_required_attribute=False, **kwargs)

    @property
    def number(self) -> str:
        return str(self.prefix).rpartition("-")[2]

    @property
    def counts(self) -> bool:
        return not self.is_bound or self.has_changed()


class RowsWidget(forms.Widget):
    """Draws nothing: kit/rows.html does. Reads the rows' numbers, in order."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        sent = data.getlist(name) if isinstance(data, MultiValueDict) else data.get(name) or []
        numbers = [one for one in sent if isinstance(one, str) and one.isascii() and one.isdigit() and len(one) < 6]
        return list(dict.fromkeys(numbers))[:MOST]


class Rows(forms.Field):
    """A form's field whose value is a list of rows: `[{"name": ..., "count": ...}, ...]`, in order.

    Args:
        form: what a row is made of.
        read: the row being edited -> its rows at first, as objects or dicts; without it the attribute of that name.
        min_rows, max_rows: how many there must and may be.
        ordered: whether people put them in order.
        distinct: a field in which no two rows may say the same.
        fixed: the rows that are there are filled in; none is added, removed or moved.
        one: what a row is called: "Visitor". add: the button's words.
    """

    widget = RowsWidget
    default_error_messages = {
        "min_rows": ngettext_lazy("At least %(limit)d is needed.", "At least %(limit)d are needed.", "limit"),
        "max_rows": ngettext_lazy("At most %(limit)d are possible.", "At most %(limit)d are possible.", "limit"),
        "same": gettext_lazy("The same as in row %(row)d."),
    }

    def __init__(
        self, form: type[RowForm], *, label: str | Promise, one: str | Promise, add: str | Promise,
        read: Callable[[Any], Iterable[Any]] | None = None, min_rows: int = 0, max_rows: int = 50,
        ordered: bool = False, distinct: str = "", fixed: bool = False, help_text: str | Promise = "",
    ) -> None:  # fmt: skip
        super().__init__(label=label, help_text=help_text, required=min_rows > 0)
        self.form, self.one, self.add, self.read = form, one, add, read
        self.min_rows, self.max_rows, self.ordered, self.distinct = min_rows, max_rows, ordered, distinct
        self.fixed = fixed

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> BoundRows:
        return BoundRows(form, self, field_name)

    def initial_of(self, row: Any, name: str) -> list[dict[str, Any]]:
        """What the rows show at first."""
        if self.read is not None:
            found: Any = self.read(row)
        else:
            found = getattr(row, name, ())
            found = found.all() if hasattr(found, "all") else found
        return [dict(one) if isinstance(one, Mapping) else self.form.initial_of(one) for one in found]

    def clean(self, value: Any) -> list[dict[str, Any]]:
        """`value`: the bound rows that count. Each row shows its own errors; the field says which rows have some."""
        if len(value) < self.min_rows:
            raise self._error("min_rows", self.min_rows)
        if len(value) > self.max_rows:
            raise self._error("max_rows", self.max_rows)
        if self.distinct:
            self._compare(value)
        wrong = [number for number, one in enumerate(value, 1) if not one.is_valid()]
        if wrong:
            text = ngettext("Look at row %(rows)s.", "Look at rows %(rows)s.", len(wrong))
            raise forms.ValidationError(text % {"rows": ", ".join(map(str, wrong))}, code="rows")
        return [one.cleaned_data for one in value]

    def _compare(self, value: list[RowForm]) -> None:
        first: dict[str, int] = {}
        for number, one in enumerate(value, 1):
            said = str(one.typed()[self.distinct])
            if said and first.setdefault(said, number) != number:
                one.add_error(self.distinct, str(self.error_messages["same"]) % {"row": first[said]})

    def _error(self, code: str, limit: int) -> forms.ValidationError:
        return forms.ValidationError(self.error_messages[code], code=code, params={"limit": limit})


class BoundRows(BoundField):
    """The rows of a form, as they were sent or as they are at first."""

    form: DeskForm
    field: Rows

    @cached_property
    def forms(self) -> list[RowForm]:
        """All that are shown, also those that do not count."""
        if self.form.is_bound:
            data, files = self.form.data, self.form.files
            made = [self._row(number, data=data, files=files) for number in self._numbers(data)]
            for one in made if self.form.quiet else ():
                one.keep_quiet()
            return made
        at_first = [one for one in self.initial or () if isinstance(one, Mapping)]
        missing = max(self.field.min_rows - len(at_first), 0)
        return [self._row(str(n), initial=one) for n, one in enumerate([*at_first, *({} for _ in range(missing))])]

    @cached_property
    def counted(self) -> list[RowForm]:
        return [one for one in self.forms if one.counts]

    @property
    def blank(self) -> RowForm:
        """The row that a script copies."""
        return self._row(BLANK)

    @property
    def full(self) -> bool:
        return len(self.forms) >= self.field.max_rows

    @property
    def data(self) -> list[RowForm]:
        """What the field cleans."""
        return self.counted

    @property
    def id_for_label(self) -> str:
        return str(self.auto_id)

    def _row(self, number: str, **kwargs: Any) -> RowForm:
        row = self.field.form(self.form.desk, prefix=f"{self.html_name}-{number}", **kwargs)
        for field in row.fields.values() if self.field.disabled else ():
            field.disabled = True
        return row

    def _numbers(self, data: Any) -> list[str]:
        return RowsWidget().value_from_datadict(data, None, self.html_name)

    # --- as plain values, for comparing what two people saved

    def typed(self) -> list[dict[str, Any]]:
        return [one.typed() for one in self.counted]

    def shown(self, value: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """`value`: what `initial_of` gives."""
        names = self.field.form.base_fields
        return [{name: plain_text(one.get(name)) for name in names} for one in value]

    def written(self, value: Any) -> str:
        """Rows in words: "Zhang San · 3; Li Si · 1"."""
        if not isinstance(value, list):
            return "–"
        blank = self.blank
        rows = [
            " · ".join(blank.written(bound.name, one.get(bound.name, "")) for bound in blank.visible_fields())
            for one in value
        ]
        return "; ".join(rows) or "–"

    def put(self, data: Any, value: list[dict[str, Any]]) -> None:
        """Writes rows into a form's data instead of those that are there."""
        for key in [key for key in data if key == self.html_name or key.startswith(f"{self.html_name}-")]:
            del data[key]
        data.setlist(self.html_name, [str(n) for n in range(len(value))])
        for n, one in enumerate(value):
            row = self._row(str(n))
            for name, text in one.items():
                row.put(data, name, text)

    def rearrange(self, what: str, number: str) -> None:
        """Adds, removes or moves a row in the form's data."""
        numbers = self._numbers(self.form.data)
        if what == "add":
            if len(numbers) < self.field.max_rows:
                numbers.append(str(max(map(int, numbers), default=-1) + 1))
        elif number in numbers:
            at = numbers.index(number)
            numbers.pop(at)
            if what in ("up", "down") and self.field.ordered:
                numbers.insert(max(at - 1, 0) if what == "up" else at + 1, number)
        self.form.data = self.form.data.copy()
        self.form.data.setlist(self.html_name, numbers)
        self.forget()

    def forget(self) -> None:
        """The form's data changed: the rows are read anew."""
        self.__dict__.pop("forms", None)
        self.__dict__.pop("counted", None)


def row_errors(bound: BoundRows) -> list[tuple[str, BoundField, list[str]]]:
    """Each wrong field of each row, named with its row: for the summary above the form."""
    found = []
    for number, one in enumerate(bound.counted, 1):
        for field in one.visible_fields():
            if field.errors:
                label = _("Row %(row)d, %(field)s") % {"row": number, "field": field.label}
                found.append((label, field, list(field.errors)))
    return found
