"""A section as a declaration: what is listed, shown, typed in, done and exported. The views beside this draw it.

Texts are lazy translations. Reads go through `rows`, which starts at a selector and stays within the venue; writes
go through services, which check permissions again and write the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.functional import Promise

from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.import_spec import Import
from cloud.admin.kit.pill import Pill
from cloud.admin.kit.reach import within_reach
from cloud.admin.kit.table import Cell, Table
from cloud.core.actors import Actor
from cloud.staff.permissions import Permission

if TYPE_CHECKING:
    import django_filters

    from cloud.admin.desk import Desk

Text = str | Promise
Shown = str | int | bool | datetime | Pill | Cell | None
EXPORT_ROWS = 50_000  # more is written in the background
EXPORT_MOST = 5_000_000
ACTION_ROWS = 1_000  # more is done in the background
ACTION_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Value:
    """One thing about a row: a column of the list and of an export, a fact of the detail page.

    Attributes:
        key: in addresses ("?sort=-number"); unique in the section.
        read: the row -> what to show. Text is escaped; a datetime is written in the venue's time.
        order: the model fields that sort by it; none: it cannot be sorted by. Have an index for what is long.
        listed: whether the list shows it until somebody chooses other columns.
        plain: the row -> what an export writes, where that is not what `read` says.
        if_any: as a fact only of a row that has it.
    """

    key: str
    title: Text
    read: Callable[[Any], Shown]
    order: tuple[str, ...] = ()
    numeric: bool = False
    main: bool = False
    listed: bool = True
    plain: Callable[[Any], Any] | None = None
    if_any: bool = False


@dataclass(frozen=True, slots=True)
class Related:
    """A list of rows that belong to one, on its page: the first 50, linked to their section where there is one.

    `rows` may say None: then there is nothing to show of this row.
    """

    title: Text
    rows: Callable[[Desk, Any], QuerySet[Any] | Sequence[Any] | None]
    values: tuple[Value, ...]
    empty: Text
    section: str = ""
    permission: Permission | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """Anything else on a row's page: a Table, or a template of the section's own with its context; None: nothing."""

    title: Text
    draw: Callable[[Desk, Any], Table | Mapping[str, Any] | None]
    template: str = ""
    permission: Permission | None = None


@dataclass(frozen=True, slots=True)
class FormSpec:
    """Creating or editing. `run(desk, row, values)` calls one service and returns the row; `row` is None at first.

    Attributes:
        offered: whether it makes sense for a row.
        then: the saved row -> the address that comes next, where that is not the row's own page.
    """

    form: type[SectionForm]
    permission: Permission
    run: Callable[[Desk, Any, dict[str, Any]], Model]
    title: Text
    verb: Text
    done: Text
    offered: Callable[[Any], bool] = lambda row: True
    then: Callable[[Any], str] | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Something done to one row or to many after a confirmation. `run` calls one service for one row.

    Attributes:
        says: what will happen, as lines for the confirmation, from the rows it will be done to.
        fits: whether it makes sense for a row; the others are named as left alone.
        done: what happened, with %(count)d and %(name)s.
        form: asks something more; its values are given to `run`.
        preview: what follows from the form's values, asked about once more before it is done.
        bulk: offered for chosen rows of the list too.
        removes: the rows are gone afterwards, and their pages with them: the list comes next.
        run_all: one service call for all rows instead of `run` for each; all or nothing.
    """

    key: str
    verb: Text
    permission: Permission
    says: Callable[[Desk, Sequence[Any]], Iterable[Text]]
    done: Text
    run: Callable[[Desk, Any, dict[str, Any]], Any] | None = None
    run_all: Callable[[Desk, Sequence[Any], dict[str, Any]], Any] | None = None
    fits: Callable[[Any], bool] = lambda row: True
    form: type[SectionForm] | None = None
    preview: Callable[[Desk, Sequence[Any], dict[str, Any]], Iterable[Text]] | None = None
    icon: str = "play"
    grave: bool = False
    bulk: bool = True
    removes: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A page of the section's own, offered above its list: what is made by more than a form."""

    verb: Text
    url_name: str
    permission: Permission
    icon: str = "plus"
    args: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return reverse(self.url_name, args=self.args)


@dataclass(frozen=True, slots=True)
class Editor:
    """A page where a row is edited, and whose it is."""

    verb: Text
    url: str
    permission: Permission


@dataclass(frozen=True, slots=True)
class Tabs:
    """A list's tabs: one of the section's filters, its choices shown above the list with how many rows each has.

    `counts` is given the rows that the search and the other filters find, and says how many are in each choice; "all"
    for all of them.
    """

    filter: str
    choices: tuple[tuple[str, Text], ...]
    counts: Callable[[QuerySet[Any]], Mapping[str, int]]


@dataclass(frozen=True)
class Section:
    """A kind of row and everything the console does with it.

    Attributes:
        key: the address, "/<key>"; unique in the console.
        rows: the desk -> the rows of its venue, with all that `values` read fetched along.
        search: lookups tried with what was typed ("name__icontains"); those that end in "__exact" on numbers
            are tried with digits only. A function makes the condition itself, or says None.
        label: how a row is called in titles and messages, plain text.
        filters: name in the address -> a django_filters.Filter. Choices that are rows of the venue take
            `queryset=lambda request: ...`.
        order: model fields; the primary key is added, so that pages never overlap.
        personal: the rows are about people: an export's audit says what was searched by, not the text.
        pages: further pages of the section, as url names, for marking the menu.
        station: the lookup from a row to its station, where its model leaves that open (kit/reach.py). `rows` are
            narrowed to the stations that whoever asks is authorised for.
        imports: rows made and changed from a table.
        links: pages of its own that are offered above the list.
        by: the field that names a row in addresses: digits, unique.
        trail: the rows whose audit is a row's history; itself unless more belong to it.
        live: seconds after which the newest page of the list is asked for again; 0: it stays as it is.
        single: there is just one row: the menu leads to its page, and nothing is listed.
        tabs: a filter as tabs above the list.
        editor: a row -> the page of the section's own where it is edited, for what takes more than `edit`.
        badge: how many rows wait for somebody, for the menu; 0 shows nothing.
    """

    key: str
    group: str
    icon: str
    title: Text
    one: Text
    view: Permission
    rows: Callable[[Desk], QuerySet[Any]]
    label: Callable[[Any], str]
    values: tuple[Value, ...]
    order: tuple[str, ...]
    search: tuple[str | Callable[[str], Q | None], ...] = ()
    search_hint: Text = ""
    filters: Mapping[str, django_filters.Filter] = field(default_factory=dict)
    facts: tuple[Value, ...] = ()
    related: tuple[Related, ...] = ()
    panels: tuple[Panel, ...] = ()
    state: Callable[[Any], Pill] | None = None
    imports: Import | None = None
    create: FormSpec | None = None
    edit: FormSpec | None = None
    actions: tuple[Action, ...] = ()
    history: bool = True
    export: Permission | None = None
    personal: bool = False
    empty: Text = ""
    place: int = 100
    pages: tuple[str, ...] = ()
    station: str | None = None
    links: tuple[Link, ...] = ()
    by: str = "pk"
    trail: Callable[[Any], Sequence[Model]] = lambda row: [row]
    live: float = 0
    badge: Callable[[Desk], int] | None = None
    single: bool = False
    tabs: Tabs | None = None
    editor: Callable[[Any], Editor] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", within_reach(self.rows, self.view, self.station))
        for name, keys in (
            ("value", [value.key for value in self.values]),
            ("action", [action.key for action in self.actions]),
        ):
            if len(set(keys)) != len(keys):
                raise ValueError(f"section {self.key}: two with one {name} key among {keys}")
        if sum(value.main for value in self.values) != 1:
            raise ValueError(f"section {self.key}: exactly one value is the main one")

    @property
    def list_url(self) -> str:
        return reverse("console:section-list", args=[self.key])

    def url(self, row: Model) -> str:
        return reverse("console:section-detail", args=[self.key, getattr(row, self.by)])

    def action(self, key: str) -> Action | None:
        return next((action for action in self.actions if action.key == key), None)

    @property
    def export_permission(self) -> Permission:
        return self.export or self.view

    @cached_property
    def fact_values(self) -> tuple[Value, ...]:
        """The detail page's facts: those declared, else every value but the one in the heading."""
        return self.facts or tuple(value for value in self.values if not value.main)

    def searched(self, rows: QuerySet[Any], text: str) -> QuerySet[Any]:
        """The rows that what was typed finds. Looked up apart, so that joins make no row twice."""
        if not text or not self.search:
            return rows
        wanted = Q()
        for lookup in self.search:
            if not isinstance(lookup, str):
                wanted |= lookup(text) or Q()
            elif not lookup.endswith("__exact"):
                wanted |= Q(**{lookup: text})
            elif text.isascii() and text.isdigit() and len(text) < 10:
                wanted |= Q(**{lookup: int(text)})
        if not wanted:
            return rows.none()
        return rows.filter(pk__in=rows.model._default_manager.filter(wanted).values("pk"))


def actor_of(desk: Desk) -> dict[str, Any]:
    """What every service asks for: `service(**actor_of(desk), station=...)`."""
    actor: Actor = desk.actor
    return {"actor": actor, "venue": desk.venue}
