"""Block 3: the ways a product is sold, each with its price, stock and category (T-11)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from cloud.catalog.models import Category, Spec, TicketProduct
from cloud.catalog.product_services._edit import locked, touched
from cloud.catalog.services import checked_price
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, within
from cloud.core.locks import lock_rows
from cloud.venues.models import Venue

MAX_SPECS = 100
MAX_STOCK = 10_000_000
_CODE = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True)
class SpecInput:
    """`pk` none: a new one. `code` empty: it is given one. `price_fen` and `stock` as of the model."""

    pk: int | None = None
    code: str = ""
    name_zh: str = ""
    name_en: str = ""
    description_zh: str = ""
    description_en: str = ""
    category: Category | None = None
    price_fen: int | None = None
    stock: int | None = None


_FIELDS = tuple(one.name for one in fields(SpecInput) if one.name != "pk")


@transaction.atomic
def set_specs(
    *, actor: Actor, venue: Venue, product: TicketProduct, specs: Sequence[SpecInput], revision: int | None = None
) -> TicketProduct:
    """The specs of a product, in their order; ones that are not named go. A new one waits in the warehouse.

    One that was sold, or is part of a package, cannot go: it can be taken off sale.

    Raises:
        DomainError: "spec.*", "input.*", its field the place of the spec in `specs` ("specs.2.code");
            "product.revision", "permission.denied", "row.gone".
    """
    product = locked(actor, venue, product, revision)
    lock_rows(Category, {one.category.pk for one in specs if one.category})  # nobody deletes them meanwhile
    before = {spec.pk: spec for spec in product.specs.all()}
    if not 1 <= len(specs) <= MAX_SPECS:
        raise DomainError(
            "spec.count", f"须有 1 到 {MAX_SPECS} 个规格。", f"There are 1 to {MAX_SPECS} specs.", "specs"
        )
    if any(one.pk is not None and one.pk not in before for one in specs):
        raise DomainError("row.gone", "规格已不存在，请刷新页面。", "A spec is no longer there. Reload the page.")
    wanted = [_checked(one, place, len(specs)) for place, one in enumerate(specs)]
    _distinct(wanted)
    removed = [spec for pk, spec in before.items() if pk not in {one.pk for one in specs}]
    changes: dict[str, Any] = {}
    for spec in removed:
        _remove(spec)
        changes[spec.code] = "removed"
    codes = {one["code"] for one in wanted if one["code"]}
    for place, (one, values) in enumerate(zip(specs, wanted, strict=True)):
        spec = before.get(one.pk or 0) or Spec(venue=venue, product=product)
        values["code"] = values["code"] or spec.code or free_spec_code(product, codes)
        codes.add(values["code"])
        changed = _write(spec, {**values, "position": place + 1}, place)
        if changed:
            changes[spec.code] = changed
    if changes:
        touched(product)
        audit.write(actor, "product.specs", product, venue, code=product.code, specs=changes)
    return product


def _checked(one: SpecInput, place: int, of: int) -> dict[str, Any]:
    try:
        if one.code and not _CODE.fullmatch(one.code):
            raise DomainError("spec.code", "只能用字母、数字、- 和 _。", "Letters, digits, - and _ only.", "code")
        if one.price_fen is not None:
            checked_price(one.price_fen)
        if one.stock is not None:
            within(one.stock, "stock", 0, MAX_STOCK)
        values = {
            "code": one.code,
            "name_zh": optional_text(one.name_zh, "name_zh", 40),
            "name_en": optional_text(one.name_en, "name_en", 40),
            "description_zh": optional_text(one.description_zh, "description_zh", 200),
            "description_en": optional_text(one.description_en, "description_en", 200),
            "category_id": one.category.pk if one.category else None,
            "price_fen": one.price_fen,
            "stock": one.stock,
        }
        if of > 1 and not values["name_zh"]:
            raise DomainError(
                "spec.name", "有多个规格时，每个都要有名称。", "With several specs each needs a name.", "name_zh"
            )
    except DomainError as error:
        error.field = _at(place, error.field)
        raise
    return values


def _distinct(wanted: Sequence[dict[str, Any]]) -> None:
    for name, zh, en in (
        ("code", "条码重复。", "Two specs have this code."),
        ("name_zh", "规格名称重复。", "Two specs have this name."),
    ):
        seen: set[str] = set()
        for place, values in enumerate(wanted):
            value = values[name].casefold()
            if value and value in seen:
                raise DomainError(f"spec.{name}", zh, en, _at(place, name))
            seen.add(value)


def _write(spec: Spec, values: dict[str, Any], place: int) -> dict[str, Any] | str:
    """What changed, for the audit: "new", or the fields as they were and as they are."""
    changed = {name: [getattr(spec, name), value] for name, value in values.items() if getattr(spec, name) != value}
    for name, (_before, after) in changed.items():
        setattr(spec, name, after)
    new = spec.pk is None
    if not (changed or new):
        return {}
    try:
        with transaction.atomic():
            spec.save() if new else spec.save(update_fields=[*changed])
    except IntegrityError:
        raise DomainError(
            "spec.code", f"条码 {spec.code} 已被使用。", f"The code {spec.code} is taken.", _at(place, "code")
        ) from None
    return "new" if new else changed


def _remove(spec: Spec) -> None:
    try:
        with transaction.atomic():
            spec.delete()
    except ProtectedError:
        name = spec.name_zh or spec.code
        raise DomainError(
            "spec.used",
            f"规格“{name}”已售出或被套票使用，不能删除；可以下架。",
            f"The spec {spec.name_en or name} was sold or is part of a package: take it off sale instead.",
            "specs",
        ) from None


def free_spec_code(product: TicketProduct, codes: set[str]) -> str:
    taken = codes | set(Spec.objects.filter(code__startswith=product.code).values_list("code", flat=True))
    number = 2
    while (code := f"{product.code[:28]}-{number}") in taken:
        number += 1
    return code


def _at(place: int, field: str | None) -> str:
    return f"specs.{place}.{field}"
