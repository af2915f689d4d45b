"""Pictures and film of a product, one by one: added, put in order, removed."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from cloud.admin.desk import Desk
from cloud.admin.kit.page import page, report
from cloud.admin.kit.routed import row_or_404
from cloud.admin.kit.section import actor_of
from cloud.admin.sections.product_setup.find import product_section
from cloud.catalog import product_services
from cloud.catalog.models import ProductMedia
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission


@require_POST
@page(Permission.PRODUCT_MANAGE)
def add(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Files of one role, each by itself: one that is refused does not keep the others out."""
    product = row_or_404(desk, product_section(), pk)
    role = request.POST.get("role", "")
    files = request.FILES.getlist("file")
    if not files:
        messages.warning(request, _("Choose a file first."))
    for file in files:
        try:
            product_services.add_media(
                **actor_of(desk), product=product, role=role, file=file, replace=bool(request.POST.get("replace"))
            )
        except DomainError as error:
            report(request, error)
        else:
            messages.success(request, _("“%(name)s” is added.") % {"name": file.name})
    return _back(pk)


@require_POST
@page(Permission.PRODUCT_MANAGE)
def change(request: HttpRequest, desk: Desk, pk: int) -> HttpResponse:
    """Removes one ("remove"), moves one ("up", "down": ids), or takes a whole order ("order": ids)."""
    product = row_or_404(desk, product_section(), pk)
    sent = request.POST
    try:
        if sent.get("remove", "").isdigit():
            product_services.remove_media(**actor_of(desk), product=product, media_id=int(sent["remove"]))
        elif order := _order(product.media.filter(role=ProductMedia.Role.DETAIL), sent):
            product_services.sort_media(**actor_of(desk), product=product, order=order)
    except DomainError as error:
        report(request, error)
    return _back(pk)


def _order(details: object, sent: object) -> list[int]:
    if ids := [int(one) for one in sent.getlist("order") if one.isdigit()]:  # type: ignore[attr-defined]
        return ids
    there = [one.pk for one in details]  # type: ignore[attr-defined]
    for what, by in (("up", -1), ("down", 1)):
        moved = sent.get(what, "")  # type: ignore[attr-defined]
        if moved.isdigit() and int(moved) in there:
            at = there.index(int(moved))
            to = min(max(at + by, 0), len(there) - 1)
            there.insert(to, there.pop(at))
            return there
    return []


def _back(pk: int) -> HttpResponse:
    response = redirect("console:product-setup", pk, "detail")
    response["Location"] += "#media"
    return response
