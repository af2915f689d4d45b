"""A product changed while its tickets are sold and used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction

from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.rules import ProductRules
from cloud.catalog.services import checked_price, checked_terms
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.locks import lock_row
from cloud.entitlements import live
from cloud.entitlements.live_services.products import change_stations, numbers
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue


@transaction.atomic
def edit_product(
    *,
    actor: Actor,
    venue: Venue,
    product: TicketProduct,
    name_zh: str,
    price_fen: int | None,
    stations: Iterable[Station],
    name_en: str = "",
    validity: str = TicketProduct.Validity.DATED,
    valid_days: int = 1,
    persons: int = 1,
    uses: int = 1,
    keep_on_timeout: bool = False,
    rules: ProductRules | None = None,
) -> TicketProduct:
    """Everything but the code and the class. Tickets already sold keep name, price, window, persons and rule set.

    The price is its first spec's. The stations hold for them too: gates hear of these at once, as in
    set_product_stations. `rules` None: as they are.

    Raises:
        DomainError: "product.validity", "station.exit_products", "permission.denied", "row.gone", "rules.*",
            "input.*".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    terms = checked_terms(
        name_zh=name_zh, name_en=name_en, validity=validity, valid_days=valid_days,
        persons=persons, uses=uses, keep_on_timeout=keep_on_timeout,
        rules=rules if rules is not None else rules_of(product),
    )  # fmt: skip
    price = checked_price(price_fen)
    lock_row(Venue, venue.pk)
    product, change = change_stations(product, stations)
    changed: dict[str, list[Any]] = {
        name: [getattr(product, name), value] for name, value in terms.items() if getattr(product, name) != value
    }
    if changed:
        for name in changed:
            setattr(product, name, terms[name])
        product.revision += 1
        product.save(update_fields=[*changed, "revision", "updated_at"])
    spec = product.specs.first()
    if spec is not None and spec.price_fen != price:
        changed["price_fen"] = [spec.price_fen, price]
        spec.price_fen = price
        spec.save(update_fields=["price_fen"])
    if changed and "signed_only" in {*product.rules, *changed.get("rules", [{}])[0]}:
        live.publish_venue(venue)
    if "rules" in changed:
        changed["rules"] = _difference(*changed["rules"])
    if change.after != change.before:
        live.publish_stations(venue, change.touched)
        changed["stations"] = [numbers(change.before), numbers(change.after)]
    if changed:
        audit.write(actor, "product.edit", product, venue, code=product.code, **changed)
    return product


def _difference(before: dict[str, Any], after: dict[str, Any]) -> list[Any]:
    """The rules that changed, as they were and as they are; one that is at its default is not there."""
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return [{name: rules[name] for name in names if name in rules} for rules in (before, after)]
