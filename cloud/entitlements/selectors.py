"""Reads of entitlements for people and pages."""

from __future__ import annotations

from django.db.models import Q
from django.utils import timezone

from cloud.catalog.models import TicketProduct
from cloud.entitlements.attach import card_code
from cloud.entitlements.credentials import MEMBER_PREFIX
from cloud.entitlements.models import Entitlement
from cloud.entitlements.rotating import key_for_today
from paifang import passes, rotating

SOLD_COUNTED = 10_000


def pass_line(entitlement: Entitlement) -> str:
    """The text of its QR code now: "PF1:..."."""
    return passes.line(bytes(entitlement.pass_raw)).decode("ascii")


def shown_line(entitlement: Entitlement) -> str:
    """What its holder would show a scanner this moment: the live code of a rotating pass, the code of the annual card
    it is a ride of, else the pass."""
    if not entitlement.rotating:
        code = card_code(entitlement)
        return f"{MEMBER_PREFIX}{code}" if code else pass_line(entitlement)
    now = timezone.now()
    key = key_for_today(entitlement, now).key
    return rotating.line(bytes(entitlement.pass_raw), key, int(now.timestamp() * 1000)).decode("ascii")


def sold_of(product: TicketProduct) -> int:
    """How many tickets of a product are sold and not over yet, those of a package's or card's parts too; counted up
    to SOLD_COUNTED."""
    parts = [
        *product.parts.values_list("product_class", flat=True),
        *product.card_parts.values_list("product_class", flat=True),
    ]
    of_it = Q(product=product, product_class=None) | Q(product_class__in=[product.product_class, *parts])
    running = Entitlement.objects.filter(of_it, venue_id=product.venue_id, not_after__gte=timezone.now())
    return running[:SOLD_COUNTED].count()
