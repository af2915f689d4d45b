"""Products and the rule sets they compile into. Writes rows only: cloud.entitlements.live_services tells the gates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from cloud.catalog import pinyin
from cloud.catalog.classes import next_class
from cloud.catalog.compile import compile_rules
from cloud.catalog.models import ProductStation, RuleSnapshot, Spec, TicketProduct
from cloud.catalog.readiness import require_ready
from cloud.catalog.rules import ProductRules, checked
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text, within
from cloud.core.locks import lock_row, lock_rows
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Station, Venue
from paifang import passes
from paifang.rulesets import RuleSet

MAX_PRICE_FEN = 100_000_000  # a million yuan: more is a slip of the finger
MAX_DAYS = 3660
MAX_PERSONS = passes.LIMITS[6]
MAX_USES = 10_000


@transaction.atomic
def create_product(
    *,
    actor: Actor,
    venue: Venue,
    code: str,
    name_zh: str,
    price_fen: int | None,
    name_en: str = "",
    kind: str = TicketProduct.Kind.TICKET,
    validity: str = TicketProduct.Validity.DATED,
    valid_days: int = 1,
    persons: int = 1,
    uses: int = 1,
    keep_on_timeout: bool = False,
    rules: ProductRules | None = None,
    stations: Iterable[Station] = (),
    on_sale: bool | None = True,
) -> TicketProduct:
    """A new product with one spec of the same code, and the next product class of the venue. Its stations bring
    their whole groups (S-13). Without a price it is sold on no day that has none of its own.
    `on_sale` None: it waits in the warehouse.

    Raises:
        DomainError: "product.code" (taken), "product.validity", "product.class" (65535 products),
            "station.exit_products", "row.gone", "rules.*", "input.*".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    terms = checked_terms(
        name_zh=name_zh, name_en=name_en, validity=validity, valid_days=valid_days,
        persons=persons, uses=uses, keep_on_timeout=keep_on_timeout, rules=rules or ProductRules(),
    )  # fmt: skip
    price = checked_price(price_fen)
    lock_row(Venue, venue.pk)  # one class for each of two that are made at once
    where = lock_groups(stations)
    number = next_class(venue)
    product = TicketProduct(
        venue=venue,
        kind=kind,
        product_class=number,
        code=required_text(code, "code", 32),
        pinyin=pinyin.of_names([terms["name_zh"]]),
        **terms,
    )
    spec = Spec(venue=venue, product=product, code=product.code, price_fen=price, **_sale(on_sale))
    try:
        with transaction.atomic():
            product.save(force_insert=True)
            spec.save(force_insert=True)
    except IntegrityError:
        raise DomainError("product.code", f"代码 {code} 已被使用。", f"The code {code} is taken.", "code") from None
    ProductStation.objects.bulk_create(ProductStation(product=product, station=station) for station in where)
    audit.write(
        actor, "product.create", product, venue,
        code=product.code, price_fen=price_fen, stations=[station.number for station in where],
    )  # fmt: skip
    return product


def checked_terms(
    *,
    name_zh: str,
    name_en: str,
    validity: str,
    valid_days: int,
    persons: int,
    uses: int,
    keep_on_timeout: bool,
    rules: ProductRules,
) -> dict[str, Any]:
    """What somebody typed of a product, as its fields. Pure.

    Raises:
        DomainError: "product.validity", "rules.*", "input.*".
    """
    if validity not in TicketProduct.Validity.values:
        raise DomainError("product.validity", "没有这种有效期类型。", "There is no such kind of validity.", "validity")
    return {
        "name_zh": required_text(name_zh, "name_zh", 80),
        "name_en": optional_text(name_en, "name_en", 80),
        "validity": validity,
        "valid_days": within(valid_days, "valid_days", 1, MAX_DAYS),
        "persons": within(persons, "persons", 1, MAX_PERSONS),
        "uses": within(uses, "uses", 0, MAX_USES),
        "keep_on_timeout": keep_on_timeout,
        "rules": checked(rules).to_json(),
    }


def checked_price(price_fen: int | None) -> int | None:
    """Integer fen, or none. Raises DomainError "input.range"."""
    if price_fen is None:
        return None
    if type(price_fen) is not int:
        raise TypeError("a price is an integer number of fen")
    return within(price_fen, "price_fen", 0, MAX_PRICE_FEN)


@transaction.atomic
def set_on_sale(*, actor: Actor, venue: Venue, product: TicketProduct, on_sale: bool) -> TicketProduct:
    """Puts all specs of a product on or off sale, whatever was timed. What is sold stays valid.

    Raises:
        DomainError: "product.incomplete" with what it lacks to be sold; "permission.denied", "row.gone".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    product = lock_row(TicketProduct, product.pk)
    if on_sale:
        require_ready(product)
    wanted = _sale(on_sale)
    others = product.specs.exclude(status=wanted["status"])
    if others.update(**wanted):
        audit.write(actor, "product.on_sale", product, venue, on_sale=on_sale)
    return product


def _sale(on_sale: bool | None) -> dict[str, Any]:
    """What a spec is that goes on sale now, or comes off it; None: one that was never on."""
    if on_sale is None:
        return {"status": Spec.Status.WAREHOUSE}
    if not on_sale:
        return {"status": Spec.Status.OFF}
    plain = {"listing": Spec.Listing.NOW, "delisting": Spec.Delisting.NEVER, "on_at": None, "off_at": None}
    return {"status": Spec.Status.ON, "published_at": timezone.now(), **plain}


def lock_groups(stations: Iterable[Station]) -> list[Station]:
    """Locks the stations and all same-type ones of theirs: those that must verify the same products.

    The caller holds the venue's lock, so no group changes its members between the two reads.

    Raises:
        DomainError: "station.exit_products": an exit station verifies nothing (S-06, S-18). "row.gone".
    """
    wanted = {station.pk for station in stations}
    groups = set(Station.objects.filter(pk__in=wanted).values_list("group_id", flat=True))
    members = set(Station.objects.filter(group_id__in=groups).values_list("pk", flat=True))
    locked = lock_rows(Station, wanted | members)
    for station in locked:
        if station.nature == Station.Nature.EXIT:
            raise DomainError(
                "station.exit_products",
                f"出园站点“{station.name_zh}”只计数，不能有可验产品。",
                f"{station.name_en or station.name_zh} is an exit: it counts and verifies no products.",
                "stations",
            )
    return locked


def snapshot_rules(product: TicketProduct) -> RuleSnapshot:
    """The immutable rule set of the product as it is now; the same rules give the same row. Inside a transaction."""
    return snapshot(product.venue_id, compile_rules(product))


def snapshot(venue_id: int, rules: RuleSet) -> RuleSnapshot:
    """The immutable row of a rule set. Inside a transaction."""
    compiled = rules.pack()
    content = hashlib.sha256(compiled).hexdigest()
    row, _ = RuleSnapshot.objects.get_or_create(
        venue_id=venue_id, content_hash=content, defaults={"compiled": compiled}
    )
    return row
