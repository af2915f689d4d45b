"""The venue's places (景区POI): a product is filled in from one and stays as it is when the place changes (T-07)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from cloud.catalog.info import ProductInfo, checked_coordinates, checked_info
from cloud.catalog.models import Place
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text, required_text
from cloud.core.locks import lock_row
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue


@transaction.atomic
def create_place(*, actor: Actor, venue: Venue, **values: Any) -> Place:
    """Raises DomainError "place.name" (taken), "info.*", "input.*", "permission.denied"."""
    require(actor, Permission.PRODUCT_MANAGE, venue)
    place = Place(venue=venue, **_checked(**values))
    _save(place)
    audit.write(actor, "place.create", place, venue, name=place.name_zh)
    return place


@transaction.atomic
def edit_place(*, actor: Actor, venue: Venue, place: Place, **values: Any) -> Place:
    """Raises DomainError "place.name" (taken), "info.*", "input.*", "row.gone", "permission.denied"."""
    require(actor, Permission.PRODUCT_MANAGE, venue)
    place = lock_row(Place, place.pk)
    checked = _checked(**values)
    changed = [name for name, value in checked.items() if getattr(place, name) != value]
    if changed:
        for name in changed:
            setattr(place, name, checked[name])
        _save(place)
        audit.write(actor, "place.edit", place, venue, name=place.name_zh, fields=changed)
    return place


@transaction.atomic
def delete_place(*, actor: Actor, venue: Venue, place: Place) -> None:
    """Products filled in from it stay as they are. Raises DomainError "row.gone", "permission.denied"."""
    require(actor, Permission.PRODUCT_MANAGE, venue)
    place = lock_row(Place, place.pk)
    audit.write(actor, "place.delete", place, venue, name=place.name_zh)
    place.delete()


def _checked(
    *,
    name_zh: str,
    name_en: str = "",
    address_zh: str = "",
    address_en: str = "",
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
    phone: str = "",
) -> dict[str, Any]:
    latitude, longitude = checked_coordinates(latitude, longitude)
    info = checked_info(ProductInfo(address_zh=address_zh, address_en=address_en, phone=phone))
    return {
        "name_zh": required_text(name_zh, "name_zh", 80),
        "name_en": optional_text(name_en, "name_en", 80),
        "address_zh": info.address_zh,
        "address_en": info.address_en,
        "latitude": latitude,
        "longitude": longitude,
        "phone": info.phone,
    }


def _save(place: Place) -> None:
    try:
        with transaction.atomic():
            place.save()
    except IntegrityError:
        raise DomainError(
            "place.name", f"“{place.name_zh}”已存在。", f"There is a place {place.name_zh} already.", "name_zh"
        ) from None
