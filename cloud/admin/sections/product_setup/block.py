"""A block of the guided form as a value: its form, the service that saves it, and what it shows beside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.functional import Promise

from cloud.admin.kit.forms import SectionForm
from cloud.catalog.models import TicketProduct

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

Text = str | Promise
EVERY_KIND = ("ticket", "package", "annual")


@dataclass(frozen=True, slots=True)
class Block:
    """One page of the form.

    Attributes:
        key: in addresses, and what cloud.catalog.readiness names it.
        save: calls one service with the form's values.
        draft: writes the values into the product that was given, unsaved: for the preview while somebody types.
        keeps: what an edit does not change for tickets already sold; changes: what holds for them too, at once.
        above: a template drawn above the form, with what `context` says.
        kinds: the kinds of product that have it.
    """

    key: str
    title: Text
    icon: str
    form: type[SectionForm]
    save: Callable[[Desk, TicketProduct, dict[str, Any]], TicketProduct]
    draft: Callable[[TicketProduct, dict[str, Any]], None]
    keeps: tuple[Text, ...] = ()
    changes: tuple[Text, ...] = ()
    above: str = ""
    below: str = ""
    context: Callable[[Desk, TicketProduct], Mapping[str, Any]] = lambda desk, product: {}
    kinds: tuple[str, ...] = EVERY_KIND
    titles: Mapping[str, Text] | None = None  # by kind, where it is called otherwise

    def called(self, kind: str) -> Text:
        return (self.titles or {}).get(kind, self.title)
