"""An audit row's detail in words: fields by name, money in yuan, instants in the venue's time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud.admin.kit import registry
from cloud.admin.kit.text import either, money, stamp
from cloud.core.models import AuditRow
from cloud.staff.permissions import BUILT_IN

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_PLAIN = frozenset(
    {"number", "name", "note", "why", "code", "identifier", "username", "detail"}
)  # speak for themselves
_CHANGES = (".edit", ".rename")  # of these a list of two is what it was and what it is
FIELDS: dict[str, str | Promise] = {
    "by": gettext_lazy("Activated by"),
    "capacity": gettext_lazy("People inside at most"),
    "case_kind": gettext_lazy("Kind"),
    "cells": gettext_lazy("Cells"),
    "closed": gettext_lazy("Closed"),
    "columns": gettext_lazy("Columns"),
    "day": gettext_lazy("Business day"),
    "day_start_minutes": gettext_lazy("Start of the day (minutes)"),
    "day_type": gettext_lazy("Kind of days"),
    "default_language": gettext_lazy("Language"),
    "device_kind": gettext_lazy("Type"),
    "edge": gettext_lazy("Edge"),
    "edits": gettext_lazy("Edits"),
    "enabled": gettext_lazy("Enabled"),
    "entitlements": gettext_lazy("Tickets"),
    "entries": gettext_lazy("Records"),
    "error": gettext_lazy("Error"),
    "fields": gettext_lazy("Data"),
    "filters": gettext_lazy("Filters"),
    "first": gettext_lazy("From"),
    "first_admission": gettext_lazy("First record"),
    "first_seq": gettext_lazy("First record"),
    "format": gettext_lazy("Format"),
    "found": gettext_lazy("Found"),
    "keep_on_timeout": gettext_lazy("Stays spent when nobody walks"),
    "hint": gettext_lazy("Ends with"),
    "key_id": gettext_lazy("Key"),
    "kind": gettext_lazy("Kind"),
    "languages": gettext_lazy("Languages offered"),
    "last": gettext_lazy("To"),
    "last_heard": gettext_lazy("Last heard of"),
    "last_seq": gettext_lazy("Last record"),
    "name": gettext_lazy("Name"),
    "name_en": gettext_lazy("Name in English"),
    "name_zh": gettext_lazy("Name in Chinese"),
    "on_sale": gettext_lazy("On sale"),
    "persons": gettext_lazy("Persons"),
    "position": gettext_lazy("Ticket"),
    "price_fen": gettext_lazy("Price"),
    "products": gettext_lazy("Products"),
    "purpose": gettext_lazy("Purpose"),
    "revision": gettext_lazy("Revision"),
    "role": gettext_lazy("Role"),
    "rows": gettext_lazy("Rows"),
    "search": gettext_lazy("Search"),
    "searched": gettext_lazy("Searched"),
    "section": gettext_lazy("List"),
    "short": gettext_lazy("Below what is taken"),
    "slots": gettext_lazy("Slots"),
    "start": gettext_lazy("Slot begins (minutes)"),
    "station": gettext_lazy("Station"),
    "parts": gettext_lazy("Contents"),
    "stations": gettext_lazy("Stations"),
    "stock": gettext_lazy("Stock"),
    "superuser": gettext_lazy("All permissions everywhere"),
    "time_zone": gettext_lazy("Time zone"),
    "times": gettext_lazy("Times"),
    "total_fen": gettext_lazy("Total"),
    "units": gettext_lazy("Tickets"),
    "uses": gettext_lazy("Uses"),
    "valid_days": gettext_lazy("Days valid"),
    "validity": gettext_lazy("Validity"),
    "weekdays": gettext_lazy("Weekdays"),
    "amount_fen": gettext_lazy("Amount"),
    "method": gettext_lazy("Paid by"),
    "order": gettext_lazy("Order"),
    "override": gettext_lazy("Against the rules"),
    "receipt": gettext_lazy("Receipt number"),
    "unreached": gettext_lazy("Gates out of reach, at the venue's risk"),
    "used": gettext_lazy("Used after all"),
    "where": gettext_lazy("Where"),
}
# Codes that are stored, by field.
CODES: dict[str, dict[str, str | Promise]] = {
    "by": {"desk": gettext_lazy("the desk"), "holder": gettext_lazy("its holder")},
    "day_type": {
        "work": gettext_lazy("Working days"),
        "rest": gettext_lazy("Weekends and public holidays"),
        "holiday": gettext_lazy("Public holidays"),
    },
    "device_kind": {
        "gate": gettext_lazy("Gate"),
        "handheld": gettext_lazy("Handheld"),
        "printer": gettext_lazy("Printer"),
        "terminal": gettext_lazy("Terminal"),
    },
    "kind": {
        "card_uid": gettext_lazy("Card"),
        "channel": gettext_lazy("Code of a sales channel"),
        "id_number": gettext_lazy("ID card"),
        "member": gettext_lazy("Member code"),
        "short": gettext_lazy("Short code"),
    },
    "validity": {"dated": gettext_lazy("The booked day"), "open": gettext_lazy("Some days from the sale")},
}


def detail_text(row: AuditRow, longest: int) -> str:
    """The detail in a line, cut to a length."""
    changes = row.action.endswith(_CHANGES)
    parts = []
    for name, value in _named_columns(row.detail).items():
        if changes and isinstance(value, list) and len(value) == 2:
            said = f"{_written(name, value[0])} → {_written(name, value[1])}"
            parts.append(_("%(field)s: %(value)s") % {"field": _field(name), "value": said})
        elif name in _PLAIN and not isinstance(value, list | dict | bool):
            parts.append(_written(name, value))
        else:
            parts.append(_("%(field)s: %(value)s") % {"field": _field(name), "value": _written(name, value)})
    text = " · ".join(parts)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _named_columns(detail: dict[str, Any]) -> dict[str, Any]:
    """Of an export the list and its columns by their titles, while there are such."""
    section = registry.find(str(detail.get("section", "")))
    if section is None:
        return detail
    titles = {value.key: str(value.title) for value in section.values}
    columns = [titles.get(key, key) for key in detail.get("columns", ())]
    return detail | {"section": str(section.title)} | ({"columns": columns} if columns else {})


def _field(name: str) -> str:
    return str(FIELDS.get(name, name))


def _written(name: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, dict):
        return ", ".join(f"{_field(key)}: {_written(key, one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(_written(name, one) for one in value) or "–"
    if name.endswith("_fen") and isinstance(value, int):
        return money(value)
    if name == "role" and value in BUILT_IN:
        return either(*BUILT_IN[value][:2])
    if isinstance(value, str) and value in CODES.get(name, ()):
        return str(CODES[name][value])
    if isinstance(value, str) and _INSTANT.match(value):
        try:
            return stamp(datetime.fromisoformat(value))
        except ValueError:
            return value
    return str(value)
