"""The lines of an import: read by the form, tried out and undone, or applied. The same file twice changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models.functions import Lower
from django.utils import translation

from cloud.admin.kit.background import in_both
from cloud.admin.kit.desk_form import plain_text
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.import_file import Line, Sheet
from cloud.admin.kit.import_spec import Import, Words
from cloud.admin.kit.section import Section
from cloud.core.errors import DomainError

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

CREATE, CHANGE, SAME, ERROR = "create", "change", "same", "errors"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a cell (or with the line: no column), in Chinese and English."""

    column: str
    text: tuple[str, str]


@dataclass(slots=True)
class Result:
    """What became, or would become, of a line. `changed`: the titles of the columns that differ, lazy."""

    number: int
    label: str
    what: str
    problems: list[Problem] = field(default_factory=list)
    changed: list[Any] = field(default_factory=list)
    row_id: int | None = None


class Importer:
    """One import of a sheet into a section. Raises DomainError "import.header" for one that does not fit."""

    def __init__(self, desk: Desk, section: Section, sheet: Sheet) -> None:
        assert section.imports is not None
        self.desk, self.section, self.sheet = desk, section, sheet
        self.spec: Import = section.imports
        self.blank = self.spec.form(desk, None)
        self.words = Words(self.blank)
        self.titles = {one.field: str(self.blank.fields[one.field].label) for one in self.spec.columns}
        self.places = self._places()
        self._lines_of: dict[str, int] = {}

    def pieces(self, size: int) -> Iterator[Sequence[Line]]:
        for at in range(0, len(self.sheet.lines), size):
            yield self.sheet.lines[at : at + size]

    def run(self, lines: Sequence[Line]) -> list[Result]:
        """Does what the lines say, each that is right; within the caller's transaction."""
        known = self._existing(lines)
        return [self.run_line(line, known) for line in lines]

    def try_out(self, lines: Sequence[Line]) -> list[Result]:
        """What `run` would do, found by doing it: the services say what they refuse. Nothing of it stays."""
        with transaction.atomic():
            results = self.run(lines)
            transaction.set_rollback(True)
        return results

    def run_line(self, line: Line, known: Mapping[str, Any] | None = None) -> Result:
        cells = {name: line.cells[place] if place < len(line.cells) else "" for name, place in self.places.items()}
        key = cells[self.spec.key]
        result = Result(line.number, key, ERROR)
        typed = self._typed(cells, result)
        earlier = self._lines_of.setdefault(key.casefold(), line.number) if key else line.number
        if earlier != line.number:
            text = (f"与第 {earlier} 行重复。", f"The same as in line {earlier}.")
            result.problems.append(Problem(self.titles[self.spec.key], text))
        if result.problems:
            return result
        row = (self._existing([line]) if known is None else known).get(key.casefold())
        self._save(row, typed, result)
        return result

    # --- the parts

    def _typed(self, cells: Mapping[str, str], result: Result) -> dict[str, Any]:
        typed: dict[str, Any] = {}
        for name, text in cells.items():
            try:
                typed[name] = self.words.value(name, text)
            except DomainError as error:
                result.problems.append(Problem(self.titles[name], (error.zh, error.en)))
        return typed

    def _save(self, row: Any, typed: Mapping[str, Any], result: Result) -> None:
        initial = (
            self.spec.form.initial_of(row)
            if row is not None
            else {name: one.initial for name, one in self.blank.fields.items()}
        )
        before = {name: plain_text(initial.get(name)) for name in self.blank.fields}
        after = before | typed
        differ = {name for name in typed if plain_text(after[name]) != before[name] and name != self.spec.key}
        if row is not None and not differ:
            result.what, result.row_id = SAME, row.pk
            return
        form = self._form(after)
        if not form.is_valid():
            self._refused(form, result)
            return
        try:
            with transaction.atomic():
                if row is None:
                    saved = self.spec.create(self.desk, form.cleaned_data)
                    result.what, result.row_id = CREATE, saved.pk
                    return
                old = self._form(before)
                old.is_valid()
                changed = {name for name in differ if self._cleaned(old, name) != self._cleaned(form, name)}
                result.what, result.row_id = SAME, row.pk
                if changed:
                    self.spec.change(self.desk, row, form.cleaned_data, changed)
                    result.what = CHANGE
                    result.changed = [self.blank.fields[name].label for name in self.places if name in changed]
        except DomainError as error:
            result.what = ERROR
            name = self.spec.form.error_fields.get(error.field or "", error.field or "")
            result.problems.append(Problem(self.titles.get(name, ""), (error.zh, error.en)))

    def _form(self, data: Mapping[str, Any]) -> SectionForm:
        return self.spec.form(self.desk, None, dict(data), {})

    @staticmethod
    def _cleaned(form: SectionForm, name: str) -> Any:
        """A field's value, whatever the form's own cleaning makes of its name."""
        if name in form.errors:
            return None
        value = form.fields[name].clean(form.data.get(name))
        return {row.pk for row in value} if hasattr(value, "model") else value

    def _refused(self, form: SectionForm, result: Result) -> None:
        for name, errors in form.errors.as_data().items():
            for error in errors:
                text = in_both(lambda error=error: " ".join(str(one) for one in error.messages))
                result.problems.append(Problem(self.titles.get(name, ""), text))

    def _existing(self, lines: Sequence[Line]) -> dict[str, Any]:
        place = self.places[self.spec.key]
        keys = {line.cells[place].casefold() for line in lines if place < len(line.cells)}
        rows = self.section.rows(self.desk).annotate(import_key=Lower(self.spec.key)).filter(import_key__in=keys)
        return {str(getattr(row, self.spec.key)).casefold(): row for row in rows}

    def _places(self) -> dict[str, int]:
        """Field -> its column. Titles are known in both languages, with or without the star of what is required."""
        known: dict[str, str] = {}
        for language in ("zh-hans", "en"):
            with translation.override(language):
                known |= {str(self.blank.fields[one.field].label).casefold(): one.field for one in self.spec.columns}
        known |= {one.field.casefold(): one.field for one in self.spec.columns}
        places: dict[str, int] = {}
        for place, title in enumerate(self.sheet.header):
            name = known.get(title.strip(" *＊").casefold())
            if name is None:
                raise _header(
                    f"不认识第 {place + 1} 列“{title[:40]}”。请使用模板的表头。",
                    f"Column {place + 1}, “{title[:40]}”, is not known. Use the template's header.",
                )
            if name in places:
                raise _header(f"“{title[:40]}”列出现了两次。", f"The column “{title[:40]}” is there twice.")
            places[name] = place
        needed = [one.field for one in self.spec.columns if one.field not in places and self._needed(one.field)]
        if needed:
            words = in_both(lambda: ", ".join(str(self.blank.fields[name].label) for name in needed))
            raise _header(f"缺少列：{words[0]}。", f"Columns are missing: {words[1]}.")
        return places

    def _needed(self, name: str) -> bool:
        one = self.blank.fields[name]
        return name == self.spec.key or (one.required and one.initial is None)


def _header(zh: str, en: str) -> DomainError:
    return DomainError("import.header", zh, en, "file")
