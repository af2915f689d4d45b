"""The pages of the guided form: one block each, saved by itself, with what is missing and what it will look like."""

from __future__ import annotations

import copy
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cloud.admin.desk import Desk
from cloud.admin.kit.form_view import last_change, save_seen
from cloud.admin.kit.forms import SEEN, SectionForm
from cloud.admin.kit.page import page, show
from cloud.admin.kit.routed import row_or_404
from cloud.admin.kit.section import FormSpec
from cloud.admin.kit.text import named
from cloud.admin.sections.product_setup import look
from cloud.admin.sections.product_setup.block import Block
from cloud.admin.sections.product_setup.blocks import blocks_of, steps_of
from cloud.admin.sections.product_setup.find import product_section
from cloud.catalog.models import TicketProduct
from cloud.catalog.readiness import missing
from cloud.core.errors import DomainError
from cloud.entitlements.selectors import sold_of
from cloud.staff.permissions import Permission

NEXT = "_next"  # the button that saves and goes on to the next block


@page(Permission.PRODUCT_MANAGE)
def start(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Where to go on: the first block that lacks something, else the last."""
    product: TicketProduct = row_or_404(desk, product_section(), pk)
    steps = steps_of(product, missing(product))
    first = next((step for step in steps if step.lacking), steps[-1])
    return redirect("console:product-setup", pk, first.block.key)


@page(Permission.PRODUCT_MANAGE)
def setup(request: HttpRequest, desk: Desk, pk: int, block: str) -> HttpResponse:
    section = product_section()
    product: TicketProduct = row_or_404(desk, section, pk)
    found = _block(product, block)
    spec = _spec(found)
    if request.method != "POST":
        return _show(request, desk, product, found, found.form(desk, product, initial=found.form.initial_of(product)))
    form = found.form(desk, product, request.POST, request.FILES)
    if form.asked_again():
        if request.headers.get("HX-Request"):
            return show(request, desk, "console/kit/form_parts.html", {"form": form})
        return _show(request, desk, product, found, form, seen=request.POST.get(SEEN, ""))
    form, saved, same = save_seen(request, desk, section, spec, pk)
    if not same:
        return _show(request, desk, form.row, found, form, 409)
    if saved is None:
        return _show(request, desk, form.row, found, form, 422)
    messages.success(request, _("“%(block)s” is saved.") % {"block": found.called(product.kind)})
    return redirect("console:product-setup", pk, _after(found, product) if NEXT in request.POST else found.key)


@require_POST
@page(Permission.PRODUCT_MANAGE)
def looked_at(request: HttpRequest, desk: Desk, pk: int, block: str) -> HttpResponse:
    """What is beside the form, of what is typed: nothing is saved. While it makes no sense, of what is saved."""
    product: TicketProduct = row_or_404(desk, product_section(), pk)
    found = _block(product, block)
    form = found.form(desk, product, request.POST)
    draft = copy.copy(product)
    draft._prefetched_objects_cache = {}
    fits = form.is_valid()
    if fits:
        try:
            found.draft(draft, form.cleaned_data)
        except DomainError:
            draft, fits = product, False
    context = {"product": draft, "part": found, "fits": fits, **look.context(desk, draft, request.POST)}
    return show(request, desk, "console/products/look.html", context)


def _block(product: TicketProduct, key: str) -> Block:
    found = next((one for one in blocks_of(product.kind) if one.key == key), None)
    if found is None:
        raise Http404(key)
    return found


def _spec(block: Block) -> FormSpec:
    return FormSpec(
        block.form, Permission.PRODUCT_MANAGE,
        lambda desk, row, values: block.save(desk, row, values), "", "", "",
    )  # fmt: skip


def _after(block: Block, product: TicketProduct) -> str:
    keys = [one.key for one in blocks_of(product.kind)]
    return keys[min(keys.index(block.key) + 1, len(keys) - 1)]


def _show(
    request: HttpRequest,
    desk: Desk,
    product: TicketProduct,
    block: Block,
    form: SectionForm,
    status: int = 200,
    seen: str | None = None,
) -> HttpResponse:
    steps = steps_of(product, missing(product), block.key)
    sold = sold_of(product)
    context: dict[str, Any] = {
        "section": product_section(),
        "product": product,
        "part": block,
        "title": block.called(product.kind),
        "name": named(product),
        "back": product_section().url(product),
        "form": form,
        "steps": steps,
        "ready": all(step.done for step in steps),
        "last": steps[-1].current,
        "sold": sold,
        "last_change": last_change(product) if status == 409 else None,
        "seen_name": SEEN,
        "seen": form.token() if seen is None else seen,
        "fits": True,
        **block.context(desk, product),
        **look.context(desk, product, request.POST),
    }
    return show(request, desk, "console/products/setup.html", context, status)
