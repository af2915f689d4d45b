"""The calendar's page: a month or a week to look at, edits kept in the page, saved all at once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from cloud.admin.desk import Desk
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import page, report, said, show
from cloud.admin.kit.text import money
from cloud.admin.sections.product_calendar.grid import Grid, Layers, month_grid, state_texts, week_grid
from cloud.admin.sections.product_calendar.sent import edits_of, price_typed, stock_typed
from cloud.admin.sections.rule_fields import WEEKDAYS, period
from cloud.capacity.calendars import MAX_DAYS_AHEAD, Saved, edit_calendar
from cloud.capacity.calendars import said as place_text
from cloud.catalog.calendar_edits import CLEAR, KEEP, Change, Chosen, DayType, SetCells
from cloud.catalog.compile import rules_of
from cloud.catalog.dates import DateKind, date_kind
from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.offers import WHOLE_DAY
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission

KINDS = {
    DateKind.SINGLE: gettext_lazy("Calendar ticket for one day"),
    DateKind.MULTI: gettext_lazy("Calendar ticket for several days"),
    DateKind.OPEN: gettext_lazy("Open ticket: by the day of the sale"),
    DateKind.TIMED: gettext_lazy("Timed ticket"),
}
DAY_TYPES = (
    (DayType.ALL.value, gettext_lazy("All days")),
    (DayType.WORK.value, gettext_lazy("Working days")),
    (DayType.REST.value, gettext_lazy("Weekends and public holidays")),
    (DayType.HOLIDAY.value, gettext_lazy("Public holidays")),
)
SALES = (
    ("", gettext_lazy("Unchanged")),
    ("open", gettext_lazy("Sold")),
    ("closed", pgettext_lazy("day", "Closed")),
    ("clear", gettext_lazy("As the spec has it")),
)
_DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
_SAID = 6


class EditForm(SectionForm):
    """Which days and slots, and what becomes of them."""

    first = forms.DateField(label=gettext_lazy("From"), widget=_DAY)
    last = forms.DateField(label=gettext_lazy("To"), widget=_DAY)
    weekdays = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Weekdays"), choices=tuple(enumerate(WEEKDAYS)), coerce=int, required=False,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    day_type = forms.ChoiceField(label=gettext_lazy("Kind of days"), choices=DAY_TYPES, required=False)
    slots = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Slot"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    price = forms.CharField(
        label=gettext_lazy("Price in yuan"), max_length=20, required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    stock = forms.CharField(
        label=gettext_lazy("Stock"), max_length=20, required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip
    sale = forms.ChoiceField(label=gettext_lazy("Sale"), choices=SALES, required=False)
    error_fields = {"price_fen": "price"}

    def prepare(self) -> None:
        spec: Spec = self.row
        slots = rules_of(spec.product).slots
        if slots:
            choices = [(WHOLE_DAY, _("Whole day")), *((slot.start, period(slot)) for slot in slots)]
            self.fields["slots"].choices = choices  # type: ignore[attr-defined]
        else:
            del self.fields["slots"]
        first, last = today(self.desk.venue), today(self.desk.venue) + timedelta(days=MAX_DAYS_AHEAD)
        for name in ("first", "last"):
            self.fields[name].widget.attrs |= {"min": first.isoformat(), "max": last.isoformat()}
        for name in ("price", "stock"):
            self.fields[name].widget.attrs["placeholder"] = _("unchanged")

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        return {}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for name, read in (("price", price_typed), ("stock", stock_typed)):
            typed = values.get(name, "")
            try:
                values[name] = read(typed) if typed else KEEP
            except DomainError as error:
                self.add_error(name, said(error))
        change = self._change(values)
        if not self.errors and change.empty:
            self.add_error(None, _("Say what becomes of these days: a price, a stock, or their sale."))
        values["change"] = change
        return values

    @staticmethod
    def _change(values: dict[str, Any]) -> Change:
        if values.get("sale") == "clear":
            return CLEAR
        closed = {"open": False, "closed": True}.get(values.get("sale", ""), KEEP)
        return Change(values.get("price", KEEP), values.get("stock", KEEP), closed)

    def edit(self) -> SetCells:
        values = self.cleaned_data
        slots = tuple(values.get("slots") or (WHOLE_DAY,))
        chosen = Chosen(
            values["first"], values["last"], tuple(values["weekdays"]), DayType(values["day_type"] or "all"), slots
        )
        return SetCells(chosen, values["change"])


def spec_or_404(desk: Desk, pk: int, wanted: str) -> Spec:
    """The spec that is asked for of a product here, else its first."""
    product = TicketProduct.objects.filter(venue=desk.venue, pk=pk).first() if pk < 2**63 else None
    if product is None:
        raise Http404(pk)
    specs = list(product.specs.order_by("position", "pk"))
    found = next((spec for spec in specs if str(spec.pk) == wanted), specs[0] if specs else None)
    if found is None:
        raise Http404(pk)
    found.product = product
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.ORDER_VIEW)
def calendar(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    spec = spec_or_404(desk, pk, request.GET.get("spec", ""))
    if request.method != "POST":
        return _draw(request, desk, spec)
    if not desk.may(Permission.PRODUCT_MANAGE):
        raise PermissionDenied
    return _set(request, desk, spec) if "first" in request.POST else _save(request, desk, spec)


def _set(request: HttpRequest, desk: Desk, spec: Spec) -> HttpResponse:
    """The form of one edit, as it is sent without a script."""
    form = EditForm(desk, spec, request.POST)
    if form.is_valid():
        try:
            saved = edit_calendar(
                actor=desk.actor, venue=desk.venue, spec=spec, edits=[form.edit()], seen=_seen(request)
            )
            return _done(request, saved)
        except DomainError as error:
            form.refuse(error)
    return _draw(request, desk, spec, form=form, status=422)


def _save(request: HttpRequest, desk: Desk, spec: Spec) -> HttpResponse:
    """What the page has gathered."""
    text = request.POST.get("edits", "")
    try:
        edits = edits_of(text)
        saved = edit_calendar(actor=desk.actor, venue=desk.venue, spec=spec, edits=edits, seen=_seen(request))
    except DomainError as error:
        report(request, error)
        spec.refresh_from_db()
        kept = "" if error.code == "calendar.edits" else text
        return _draw(request, desk, spec, edits=kept, status=409 if error.code == "calendar.changed" else 422)
    return _done(request, saved)


def _seen(request: HttpRequest) -> int:
    """The revision that was shown; of a request that does not say, one that everybody has changed since."""
    text = request.POST.get("seen", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _done(request: HttpRequest, saved: Saved) -> HttpResponse:
    if not saved.changed:
        messages.info(request, _("Nothing is different."))
    else:
        text = ngettext("%(count)s cell is changed.", "%(count)s cells are changed.", saved.changed)
        messages.success(request, text % {"count": f"{saved.changed:,}"})
    if saved.short:
        days = [
            _("%(day)s: %(stock)s, but %(sold)s sold and %(held)s held")
            % {"day": place_text((one.day, one.slot)), "stock": one.stock, "sold": one.sold, "held": one.held}
            for one in saved.short[:_SAID]
        ]
        more = _(" and %(count)s more") % {"count": len(saved.short) - _SAID} if len(saved.short) > _SAID else ""
        text = _("The stock is now below what is taken, and nothing of that is cancelled: %(days)s%(more)s.")
        messages.warning(request, text % {"days": _("; ").join(days), "more": more})
    return redirect(request.get_full_path())


def _draw(
    request: HttpRequest, desk: Desk, spec: Spec, *, form: EditForm | None = None, edits: str = "", status: int = 200
) -> HttpResponse:
    now = today(desk.venue)
    slots = rules_of(spec.product).slots
    week = _asked_day(request, "week") or (None if not slots or "month" in request.GET else now)
    slot = _asked_slot(request, {one.start for one in slots})
    grid = week_grid(spec, week, now) if week is not None and slots else month_grid(
        spec, _asked_day(request, "month") or now, slot, now
    )  # fmt: skip
    may = desk.may(Permission.PRODUCT_MANAGE)
    base = reverse("console:calendar", args=[spec.product_id])
    context: dict[str, Any] = {
        "spec": spec,
        "product": spec.product,
        "base": base,
        "grid": grid,
        "slot": slot,
        "may": may,
        "links": _links(base, spec, grid, slot, now),
        "layers": _layers(base, spec, grid, slot),
        "slots": [[one.start, list(one.days)] for one in slots],
        "first": now,
        "last": now + timedelta(days=MAX_DAYS_AHEAD),
    }
    if request.headers.get("HX-Request") and status == 200:
        return show(request, desk, "console/calendar/grid.html", context)
    context |= {
        "texts": _script_texts(),
        "form": form or EditForm(desk, spec, initial=dict.fromkeys(("first", "last"), max(grid.first, now))),
        "edits": edits,
        "specs": [
            (one, f"{base}?{urlencode({'spec': one.pk, **_shown(grid, slot)})}")
            for one in spec.product.specs.order_by("position", "pk")
        ],
        "kind": KINDS[date_kind(spec.product)],
        "standing": _standing(spec, bool(slots)),
    }
    return show(request, desk, "console/calendar/page.html", context, status)


def _script_texts() -> dict[str, str]:
    """What the page's script says, by name; it fills in the figures."""
    return state_texts("%(count)s") | {
        "left": _("%(left)s of %(stock)s left"),
        "unlimited": _("no limit"),
        "chosen": _("%(count)s days, %(first)s to %(last)s"),
        "one": _("Chosen: %(first)s"),
        "unsaved": _("Changes not saved yet: %(count)s"),
        "none": _("Nothing to save"),
        "copied": _("Copied: %(count)s cells"),
        "pasted": _("Pasted: %(count)s cells"),
        "empty": _("Nothing is copied yet"),
        "price": _("Enter a price such as 80 or 80.50, or - for the spec's own"),
        "stock": _("Enter a whole number, or - for the spec's own"),
        "what": _("Enter a price, a stock, or choose what becomes of the sale"),
        "undone": _("Taken back"),
        "uncopied": _("It could not be copied. Try again."),
        "days": _("No day is chosen that can still be changed"),
    }


def _asked_day(request: HttpRequest, name: str) -> date | None:
    text = request.GET.get(name, "")
    try:
        day = date.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


def _asked_slot(request: HttpRequest, known: set[int]) -> int:
    text = request.GET.get("slot", "")
    return int(text) if text.isdecimal() and len(text) < 6 and int(text) in known else WHOLE_DAY


def _shown(grid: Grid, slot: int) -> dict[str, Any]:
    """The query that shows the same."""
    if grid.weekly:
        return {"week": grid.first.isoformat()}
    return {"month": f"{grid.first:%Y-%m}"} | ({"slot": slot} if slot != WHOLE_DAY else {})


def _links(base: str, spec: Spec, grid: Grid, slot: int, now: date) -> dict[str, str]:
    def to(day: date) -> str:
        query: dict[str, Any] = {"spec": spec.pk}
        query |= {"week": day.isoformat()} if grid.weekly else {"month": f"{day:%Y-%m}"}
        if not grid.weekly and slot != WHOLE_DAY:
            query["slot"] = slot
        return f"{base}?{urlencode(query)}"

    day = timedelta(days=1)
    return {"before": to(grid.first - day), "after": to(grid.last + day), "now": to(now)}


def _layers(base: str, spec: Spec, grid: Grid, slot: int) -> list[tuple[str, str, bool]]:
    """What else can be looked at of a slotted product: (title, address, whether it is this)."""
    slots = rules_of(spec.product).slots
    if not slots:
        return []
    month, week = f"{grid.first:%Y-%m}", grid.first.isoformat()
    found = [(_("Week, all slots"), {"week": week}, grid.weekly)]
    found.append((_("Month, whole day"), {"month": month}, not grid.weekly and slot == WHOLE_DAY))
    found += [
        (_("Month, %(slot)s") % {"slot": period(one)}, {"month": month, "slot": one.start},
         not grid.weekly and slot == one.start)
        for one in slots
    ]  # fmt: skip
    return [(title, f"{base}?{urlencode({'spec': spec.pk, **query})}", here) for title, query, here in found]


def _standing(spec: Spec, slotted: bool) -> str:
    """What holds where a day has nothing of its own."""
    price = money(spec.price_fen) if spec.price_fen is not None else _("not sold")
    if spec.stock is None:
        stock = _("no limit")
    else:
        stock = (_("%(count)s for each slot") if slotted else _("%(count)s a day")) % {"count": f"{spec.stock:,}"}
    return _("Where nothing else is set: %(price)s, %(stock)s.") % {"price": price, "stock": stock}


@require_safe
@page(Permission.ORDER_VIEW)
def cells(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """What a range has of its own, for copying days that are not on the screen: [[day, slot, price, stock, closed,
    rests, holiday], ...], also of days with nothing of their own."""
    spec = spec_or_404(desk, pk, request.GET.get("spec", ""))
    first, last = _asked_day(request, "first"), _asked_day(request, "last")
    slots = [int(text) for text in request.GET.getlist("slot") if text.lstrip("-").isdecimal() and len(text) < 6]
    if first is None or last is None or not 0 <= (last - first).days <= MAX_DAYS_AHEAD:
        raise Http404("range")
    layers = Layers(spec, first, last, today(desk.venue))
    rows = []
    for n in range((last - first).days + 1):
        head = layers.head(first + timedelta(days=n))
        for slot in slots or [WHOLE_DAY]:
            own = layers.cell(head.day, slot).own
            rows.append([head.day.isoformat(), slot, own.price_fen, own.stock, own.closed, head.rest,
                         head.kind == "holiday"])  # fmt: skip
    return JsonResponse({"cells": rows})
