"""Block 6: what a refund returns."""

from __future__ import annotations

from django.db import transaction

from cloud.catalog import refund_rules
from cloud.catalog.models import TicketProduct
from cloud.catalog.product_services._edit import locked, save
from cloud.catalog.refund_rules import RefundRules
from cloud.core.actors import Actor
from cloud.venues.models import Venue


@transaction.atomic
def set_refund_rules(
    *, actor: Actor, venue: Venue, product: TicketProduct, rules: RefundRules, revision: int | None = None
) -> TicketProduct:
    """For tickets sold from now on: those sold keep the rules they were sold under.

    Raises:
        DomainError: "refund_rules.*", "input.*", "product.revision", "permission.denied", "row.gone".
    """
    product = locked(actor, venue, product, revision)
    kept = refund_rules.checked(rules, product.kind).to_json()
    save(actor, product, "product.refund_rules", {"refund_rules": kept}, **_said(product.refund_rules, kept))
    return product


def _said(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    """The rules that changed, as they were and as they are; one that is at its default is not there."""
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return {"rules": [{name: rules[name] for name in names if name in rules} for rules in (before, after)]}
