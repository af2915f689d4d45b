"""Product classes: the numbers passes, records and stations name what was sold by. Each is given once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Max

from cloud.catalog.models import CardPart, PackagePart, TicketProduct
from cloud.core.errors import DomainError
from cloud.venues.models import Venue
from paifang import passes

MAX_CLASS = passes.LIMITS[1]


@dataclass(frozen=True, slots=True)
class NamedClass:
    """A class, and the products a station must verify to verify it: a part's are the ticket and the whole (T-43)."""

    number: int
    needs: frozenset[int]


def next_class(venue: Venue) -> int:
    """A number nothing of the venue has had. The caller holds the venue's lock.

    Raises:
        DomainError: "product.class": 65535 are taken.
    """
    highest = 0
    for model in (TicketProduct, PackagePart, CardPart):
        highest = max(highest, model.objects.filter(venue=venue).aggregate(top=Max("product_class"))["top"] or 0)
    if highest >= MAX_CLASS:
        raise DomainError("product.class", "产品数量已达上限。", f"A venue has at most {MAX_CLASS} products.")
    return highest + 1


def classes_of(products: Collection[int]) -> list[NamedClass]:
    """The classes of these products, and of the parts, ones taken out too, that need none but these."""
    own = TicketProduct.objects.filter(pk__in=products).values_list("product_class", "pk")
    found = [NamedClass(number, frozenset((pk,))) for number, pk in own]
    parts = PackagePart.objects.filter(package__in=products, spec__product__in=products)
    found += [
        NamedClass(number, frozenset((package, ticket)))
        for number, package, ticket in parts.values_list("product_class", "package_id", "spec__product_id")
    ]
    rides = CardPart.objects.filter(card__in=products, product__in=products)
    found += [
        NamedClass(number, frozenset((card, ticket)))
        for number, card, ticket in rides.values_list("product_class", "card_id", "product_id")
    ]
    return found
