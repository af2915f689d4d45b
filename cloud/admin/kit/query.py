"""What a list's address asks for: search, filters, order, columns, page. The list, exports and actions share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from cloud.admin.kit.filters import SectionFilters
from cloud.admin.kit.section import Section, Value
from cloud.admin.kit.table import Page, page_of

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

QUERY_LENGTH = 60
VIEW = "view"  # the saved filter that the address comes from
TAKEN = frozenset({"q", "sort", "page", "columns", VIEW})


@dataclass(frozen=True)
class Query:
    """An address's query, read against a section. What it does not understand it leaves out or says so."""

    section: Section
    desk: Desk
    request: HttpRequest
    data: QueryDict

    @classmethod
    def of(cls, section: Section, desk: Desk, address: str) -> Query:
        """A query kept as an address, read where nobody asks for a page. It must name its columns."""
        request = HttpRequest()
        request.user, request.session, request.GET = desk.employee, {}, QueryDict(address.lstrip("?"))  # type: ignore[assignment]
        return cls(section, desk, request, request.GET)

    @cached_property
    def text(self) -> str:
        return self.data.get("q", "").replace("\0", "").strip()[:QUERY_LENGTH]

    @cached_property
    def filters(self) -> SectionFilters:
        if TAKEN & set(self.section.filters):
            raise ValueError(f"section {self.section.key}: a filter has a name the kit uses")
        kind = type("Filters", (SectionFilters,), dict(self.section.filters))
        rows = self.section.searched(self.section.rows(self.desk), self.text)
        found = kind(self.data, queryset=rows, request=self.request)
        found.reach = self.desk.reach(self.section.view)
        return found

    @cached_property
    def set_filters(self) -> dict[str, str]:
        """The filters in use, as the address has them."""
        names = [name for name in self.section.filters if self.data.get(name)]
        return {name: ",".join(self.data.getlist(name))[:200] for name in names}

    @cached_property
    def described(self) -> list[tuple[str, str]]:
        """What narrows the list down, in the reader's words: titles and values."""
        lines = [(_("Search"), self.text)] if self.text else []
        for name in self.set_filters:
            field = self.filters.form.fields[name]
            labels = {str(key): str(label) for key, label in getattr(field, "choices", ())}
            values = [labels.get(value, value) for value in self.data.getlist(name) if value]
            lines.append((str(field.label), ", ".join(values)))
        return lines

    @cached_property
    def rows(self) -> QuerySet[Any]:
        """The rows that are meant, in order. None while a filter makes no sense: the form says which."""
        if not self.filters.is_valid():
            return self.section.rows(self.desk).none()
        value, descending = self.sorting
        names = value.order if value else self.section.order
        order: list[Any] = []
        for name in names:
            down = name.startswith("-") != descending
            field = name.lstrip("-")
            # "Nulls last" keeps PostgreSQL from reading a descending index: only where there may be nulls.
            last = True if _may_be_null(self.section.rows(self.desk).model, field) else None
            order.append(F(field).desc(nulls_last=last) if down else F(field).asc(nulls_last=last))
        first_down = self.section.order[0].startswith("-")
        order.append("-pk" if descending or first_down else "pk")
        return self.filters.qs.order_by(*order)

    @cached_property
    def sorting(self) -> tuple[Value | None, bool]:
        wanted = self.data.get("sort", "")
        found = next((value for value in self.section.values if value.key == wanted.lstrip("-") and value.order), None)
        return found, bool(found and wanted.startswith("-"))

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """The columns: those the address names, else those chosen before, else the usual. The main one always."""
        session = self.request.session
        kept = f"columns.{self.section.key}"
        known = {value.key for value in self.section.values}
        if "columns" in self.data:
            chosen = [key for key in self.data.getlist("columns") if key in known]
            if chosen:
                session[kept] = chosen
            else:
                session.pop(kept, None)
        else:
            chosen = [key for key in session.get(kept, ()) if key in known]
        if not chosen:
            return tuple(value for value in self.section.values if value.listed or value.main)
        return tuple(value for value in self.section.values if value.key in chosen or value.main)

    @cached_property
    def page(self) -> Page[Any]:
        return page_of(self.rows, self.data.get("page", ""))

    @cached_property
    def misfits(self) -> list[str]:
        """What the address asks for and this list does not have, or no longer: titles where there are any."""
        self.filters.is_valid()
        form = self.filters.form
        wrong = [str(form.fields[name].label) for name in self.section.filters if name in form.errors]
        wrong += [name for name in self.data if name not in TAKEN and name not in self.section.filters]
        known = {value.key for value in self.section.values}
        wrong += [key for key in self.data.getlist("columns") if key and key not in known]
        wanted = self.data.get("sort", "").lstrip("-")
        return wrong + ([wanted] if wanted and self.sorting[0] is None else [])

    @property
    def narrowed(self) -> bool:
        return bool(self.text or self.set_filters)

    def address(self, **changes: str | None) -> str:
        """The query string with some of it changed; None takes a name out. Turning pages is of the old query."""
        data = self.data.copy()
        if "page" not in changes:
            data.pop("page", None)
        for name, value in changes.items():
            data.pop(name, None)
            if value is not None:
                data[name] = value
        for name in [name for name in data if not any(data.getlist(name))]:
            data.pop(name)
        return f"?{data.urlencode()}"

    def whole_address(self) -> str:
        """As `address`, with the columns named: to be read again with `of`."""
        data = QueryDict(self.address().lstrip("?"), mutable=True)
        data.setlist("columns", [value.key for value in self.values])
        return f"?{data.urlencode()}"


def _may_be_null(model: Any, path: str) -> bool:
    """Whether a value to order by may be missing: a nullable field, or one of a row that need not be there."""
    for name in path.split("__"):
        try:
            field = model._meta.get_field("id" if name == "pk" else name)
        except FieldDoesNotExist:  # an annotation
            return True
        if not field.concrete or field.null:
            return True
        model = field.related_model
    return False
