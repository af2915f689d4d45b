"""Issuing tickets: what is sold, how many, the day, whom they are for, on which terms, and how it is paid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from cloud.admin.desk import Desk
from cloud.admin.kit.page import page, show
from cloud.admin.kit.table import Empty
from cloud.admin.kit.text import either, named, stamp
from cloud.admin.sections.issue_form import IssueForm
from cloud.admin.sections.order_view import order_url
from cloud.capacity.selectors import Available, WhyNot, availability
from cloud.catalog.dates import bought_by_day
from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.sale_rules import SaleRules
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission


@dataclass(frozen=True, slots=True)
class Choice:
    """A product in the picker."""

    code: str
    name: str
    price_fen: int | None
    validity: str
    note: str
    checked: bool
    left: str


@page(Permission.ORDER_ISSUE)
def issue(request: HttpRequest, desk: Desk) -> HttpResponse:
    if request.method != "POST":
        return _show(request, desk, IssueForm(desk, None, initial={"idempotency_key": uuid4().hex, "visitors": [{}]}))
    data = request.POST.copy()
    data["product"] = data.get("product", "").replace("\0", "")  # PostgreSQL takes no such character
    form = IssueForm(desk, None, data)
    if form.take_pasted():
        return _show(request, desk, form, 422 if form.errors else 200)
    if form.asked_again():
        return _show(request, desk, form)
    if not form.is_valid():
        return _show(request, desk, form, 422)
    try:
        order = form.sell()
    except DomainError as error:
        if error.code == "order.key_reused":
            # An order already sent, brought back with the browser's "back" and changed: it is a new one now.
            form.data["idempotency_key"] = uuid4().hex
        form.refuse(error)
        return _show(request, desk, form, 422)
    if order.pay_by is not None:
        messages.success(
            request, gettext("Held until %(time)s: take the payment by then.") % {"time": stamp(order.pay_by)}
        )
        return redirect(order_url(order.number))
    count = order.units.count()
    text = ngettext("Issued %(count)d ticket.", "Issued %(count)d tickets.", count)
    messages.success(request, text % {"count": count})
    return redirect(order_url(order.number))


def _show(request: HttpRequest, desk: Desk, form: IssueForm, status: int = 200) -> HttpResponse:
    wanted = str(form["product"].value() or "")
    days = _day_of(form)
    choices = [_choice(form, spec, spec.code == wanted or len(form.specs) == 1, days) for spec in form.specs]
    empty = Empty(
        gettext("Nothing is on sale"),
        gettext("Products are created by a product manager and put on sale first."),
        "ticket",
    )
    chosen = next((spec for spec in form.specs if spec.code == wanted), None)
    template = "issue_parts" if request.headers.get("HX-Request") else "issue"
    context = {"form": form, "products": choices, "no_products": empty, "texts": _texts(chosen)}
    return show(request, desk, f"console/orders/{template}.html", context, status)


def _day_of(form: IssueForm) -> dict[int, list[Available]]:
    """What can be bought: of each spec on the day chosen, or today where it is for any day."""
    typed = str(form["visit_date"].value() or "")
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        day = form.today
    found: dict[int, list[Available]] = defaultdict(list)
    for_day = [spec for spec in form.specs if not bought_by_day(spec.product)]
    at_hand = [spec for spec in form.specs if bought_by_day(spec.product)]
    now = timezone.now()
    for specs, asked in ((for_day, day), (at_hand, form.today)):
        for row in availability(form.desk.venue, specs, [asked], now):
            found[row.spec_id].append(row)
    return found


def _texts(spec: Spec | None) -> list[tuple[str, str]]:
    """What the buyer is asked to confirm, to be read out or shown."""
    if spec is None:
        return []
    rules = SaleRules.from_json(spec.product.sale_rules)
    texts = (
        (gettext("Risk notice"), either(rules.notice_zh, rules.notice_en), rules.notice),
        (gettext("Purchase agreement"), either(rules.agreement_zh, rules.agreement_en), rules.agreement),
        (gettext("Lower price"), either(rules.policy_zh, rules.policy_en), bool(rules.preference and rules.policy_zh)),
    )
    return [(title, text) for title, text, there in texts if there]


def _choice(form: IssueForm, spec: Spec, checked: bool, found: dict[int, list[Available]]) -> Choice:
    product = spec.product
    if not bought_by_day(product):
        when = gettext("on the day chosen")
    else:
        when = ngettext("%(days)d day from today", "%(days)d days from today", product.valid_days)
        when %= {"days": product.valid_days}
    who = ngettext("%(persons)d person", "%(persons)d persons", product.persons) % {"persons": product.persons}
    rows = found.get(spec.pk, [])
    open_ones = [row for row in rows if row.why is None]
    price = next((row.price_fen for row in open_ones or rows if row.price_fen is not None), spec.price_fen)
    kind = "" if product.kind == TicketProduct.Kind.ANNUAL else f" · {when}"
    name = f"{named(product)} · {named(spec)}" if spec.name_zh else named(product)
    return Choice(spec.code, name, price, product.validity, f"{who}{kind}", checked, _left(rows, open_ones))


def _left(rows: list[Available], open_ones: list[Available]) -> str:
    """How many there are on the day; nothing where there is no limit."""
    if rows and not open_ones:
        sold_out = all(row.why == WhyNot.SOLD_OUT for row in rows)
        return gettext("sold out") if sold_out else gettext("not sold on this day")
    counts = [row.left for row in open_ones if row.left is not None]
    return gettext("%(count)d left") % {"count": sum(counts)} if counts and len(counts) == len(open_ones) else ""
