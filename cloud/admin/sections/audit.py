"""The audit: who did what at the venue, when, to what. Nothing here can be changed."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit import filters, registry
from cloud.admin.kit.audit_detail import detail_text
from cloud.admin.kit.audit_names import NAMES, action_name
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Section, Value
from cloud.admin.kit.table import Cell
from cloud.admin.sections.order_view import order_url
from cloud.core.models import AuditRow
from cloud.core.trail import ALARM, trail_at
from cloud.staff.permissions import Permission

LIST_LENGTH, WHOLE_LENGTH = 160, 10_000
# The kinds of rows that the audit names: in words, and the section that shows one.
TARGETS: dict[str, tuple[str | Promise, str]] = {
    "catalog.ticketproduct": (_("Product"), "products"),
    "sales.order": (_("Order"), ""),
    "sales.orderunit": (_("Ticket"), ""),
    "staff.employee": (_("Employee"), ""),
    "venues.device": (_("Device"), "devices"),
    "venues.edge": (_("Edge"), "edges"),
    "venues.station": (_("Station"), "stations"),
    "venues.exclusiongroup": (_("Exclusion group"), "groups"),
    "venues.venue": (_("Venue"), "settings"),
    "admissions.case": (_("Conflict"), "conflicts"),
    "entitlements.signingkey": (_("Signing key"), "keys"),
}


def _target(row: AuditRow) -> Cell:
    """In words and linked where there are any, else as it is stored."""
    kind, colon, pk = row.target.partition(":")
    if kind not in TARGETS or not colon:
        return Cell(row.target)
    name, key = TARGETS[kind]
    number = row.detail.get("number")
    if kind.startswith("sales.") and isinstance(number, str) and number:
        return Cell(f"{name} {number}", url=order_url(number))
    section = registry.find(key) if key and pk.isdigit() else None
    return Cell(f"{name} {pk}", url=f"{section.list_url}/{pk}" if section else "")


class _KindFilter(django_filters.ChoiceFilter):
    def filter(self, qs: QuerySet[AuditRow], value: str) -> QuerySet[AuditRow]:
        if value == "alarms":
            return qs.filter(action__startswith=ALARM)
        return qs.exclude(action__startswith=ALARM) if value == "changes" else qs


def _actions() -> list[tuple[str, str]]:
    return sorted(((code, str(name)) for code, name in NAMES.items()), key=lambda choice: choice[1])


AUDIT = register(
    Section(
        key="audit",
        group="system",
        icon="scroll-text",
        title=_("Audit"),
        one=_("Audit entry"),
        view=Permission.AUDIT_VIEW,
        rows=lambda desk: trail_at(desk.venue),
        label=lambda row: row.actor_name,
        values=(
            Value("at", _("When"), lambda row: row.at, order=("at",)),
            Value("who", _("Who"), lambda row: row.actor_name, main=True),
            Value("what", _("What"), lambda row: action_name(row.action)),
            Value("target", _("To what"), _target),
            Value(
                "detail", _("Details"), lambda row: detail_text(row, LIST_LENGTH),
                plain=lambda row: detail_text(row, WHOLE_LENGTH),
            ),
            Value("code", _("Action code"), lambda row: row.action, listed=False),
        ),
        facts=(
            Value("at", _("When"), lambda row: row.at),
            Value("what", _("What"), lambda row: action_name(row.action)),
            Value("target", _("To what"), _target),
            Value("detail", _("Details"), lambda row: detail_text(row, WHOLE_LENGTH)),
            Value("code", _("Action code"), lambda row: row.action),
        ),
        order=("-at",),
        search=("actor_name__startswith",),
        search_hint=_("Who did it: the beginning of the name"),
        filters={
            "kind": _KindFilter(
                label=_("Kind"), empty_label=_("All"),
                choices=(("alarms", _("Alarms")), ("changes", _("What people did"))),
            ),
            "action": filters.choice(_("What"), "action", _actions),
            "since": filters.since(_("From day"), "at"),
            "until": filters.until(_("To day"), "at"),
        },
        history=False,
        empty=_("Every change at the venue is listed here."),
        place=90,
    )
)  # fmt: skip
