"""What a gate may do while the entrances cannot agree on who used what: each product's share of an outage."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from cloud.catalog.compile import rules_of
from cloud.catalog.models import CardPart, PackagePart, TicketProduct
from cloud.catalog.rules import ProductRules
from cloud.venues.models import Venue
from paifang.records import OUTAGE_PERSONS

RULES = ("outage_refused", "outage_persons")


def share(rules: ProductRules) -> int:
    """Persons one gate may admit in one outage; 0: nobody."""
    return 0 if rules.outage_refused else rules.outage_persons or OUTAGE_PERSONS


def shares(venue: Venue) -> dict[int, int]:
    """Product class -> its share, of all that have another than the usual one.

    A part is sold by two products, the whole and the ticket: the smaller share of the two is its own.
    """
    products = TicketProduct.objects.filter(venue=venue, rules__has_any_keys=list(RULES)).order_by("product_class")
    by_product = {product.pk: share(rules_of(product)) for product in products}
    found = {product.product_class: by_product[product.pk] for product in products}
    packages = PackagePart.objects.filter(Q(package__in=by_product) | Q(spec__product__in=by_product))
    rides = CardPart.objects.filter(Q(card__in=by_product) | Q(product__in=by_product))
    for number, whole, ticket in (
        *packages.values_list("product_class", "package_id", "spec__product_id"),
        *rides.values_list("product_class", "card_id", "product_id"),
    ):
        found[number] = min(_of(by_product, whole), _of(by_product, ticket))
    return {number: persons for number, persons in sorted(found.items()) if persons != OUTAGE_PERSONS}


def _of(shares: Mapping[int, int], product: int) -> int:
    return shares.get(product, OUTAGE_PERSONS)
