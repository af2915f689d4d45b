"""A product changed while its tickets are sold and used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, TypedDict, Unpack

from django.db import transaction

from cloud.catalog import booking as bookings
from cloud.catalog import pinyin, sale_rules
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

_COLUMNS = ("name_zh", "name_en", "validity", "valid_days", "persons", "uses", "keep_on_timeout")


class Terms(TypedDict, total=False):
    """What of a product is changed; what is not given stays as it is."""

    name_zh: str
    name_en: str
    validity: str
    valid_days: int
    valid_until: date | None
    persons: int
    uses: int
    keep_on_timeout: bool
    rules: ProductRules | None  # none: as they are
    sale_rules: sale_rules.SaleRules
    booking_rules: bookings.BookingRules
    price_fen: int | None  # its first spec's


@transaction.atomic
def edit_product(
    *,
    actor: Actor,
    venue: Venue,
    product: TicketProduct,
    stations: Iterable[Station] | None = None,
    **terms: Unpack[Terms],
) -> TicketProduct:
    """Everything but code, class and kind. Tickets already sold keep name, price, window, persons and rule set.

    The stations hold for them too: gates hear of these at once, as in set_product_stations.

    Raises:
        DomainError: "product.validity", "station.exit_products", "permission.denied", "row.gone",
            "rules.*", "sale_rules.*", "booking_rules.*", "input.*".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    lock_row(Venue, venue.pk)
    where = list(product.stations.all() if stations is None else stations)
    product, change = change_stations(product, where)
    values = _checked(product, terms)
    changed: dict[str, list[Any]] = {
        name: [getattr(product, name), value] for name, value in values.items() if getattr(product, name) != value
    }
    if changed:
        for name in changed:
            setattr(product, name, values[name])
        product.revision += 1
        product.pinyin = pinyin.of_names([product.name_zh, *product.specs.values_list("name_zh", flat=True)])
        product.save(update_fields=[*changed, "pinyin", "revision", "updated_at"])
    if "price_fen" in terms:
        _set_price(product, checked_price(terms["price_fen"]), changed)
    if changed and live.IN_VENUE & {*product.rules, *changed.get("rules", [{}])[0]}:
        live.publish_venue(venue)
    for name in ("rules", "sale_rules", "booking_rules"):
        if name in changed:
            changed[name] = _difference(*changed[name])
    if "valid_until" in changed:
        changed["valid_until"] = [day.isoformat() if day else None for day in changed["valid_until"]]
    if change.after != change.before:
        live.publish_stations(venue, change.touched)
        changed["stations"] = [numbers(change.before), numbers(change.after)]
    if changed:
        audit.write(actor, "product.edit", product, venue, code=product.code, **changed)
    return product


def _checked(product: TicketProduct, terms: Terms) -> dict[str, Any]:
    given: dict[str, Any] = {name: terms.get(name, getattr(product, name)) for name in _COLUMNS}
    values = checked_terms(**given, rules=terms.get("rules") or rules_of(product))
    values["valid_until"] = terms.get("valid_until", product.valid_until)
    if values["validity"] != TicketProduct.Validity.OPEN:
        values["valid_until"] = None
    if "sale_rules" in terms:
        values["sale_rules"] = sale_rules.checked(terms["sale_rules"]).to_json()
    if "booking_rules" in terms:
        values["booking_rules"] = bookings.checked(terms["booking_rules"]).to_json()
    return values


def _set_price(product: TicketProduct, price: int | None, changed: dict[str, list[Any]]) -> None:
    spec = product.specs.first()
    if spec is not None and spec.price_fen != price:
        changed["price_fen"] = [spec.price_fen, price]
        spec.price_fen = price
        spec.save(update_fields=["price_fen"])


def _difference(before: dict[str, Any], after: dict[str, Any]) -> list[Any]:
    """The rules that changed, as they were and as they are; one that is at its default is not there."""
    names = [name for name in sorted(before.keys() | after.keys()) if before.get(name) != after.get(name)]
    return [{name: rules[name] for name in names if name in rules} for rules in (before, after)]
