"""Putting specs on sale, now or at a time, and taking them off (T-12, T-49). No job does it: the clock decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from cloud.catalog.models import Spec, TicketProduct
from cloud.catalog.product_services._edit import locked, touched
from cloud.catalog.readiness import require_ready
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.venues.models import Venue

_Status, _Listing, _Delisting = Spec.Status, Spec.Listing, Spec.Delisting
SELLING = (_Status.ON, _Status.TIMED)


@dataclass(frozen=True, slots=True)
class Publishing:
    """When a spec is on sale: `on_at` and `off_at` are instants, where its listing and delisting have one."""

    status: str = _Status.WAREHOUSE
    listing: str = _Listing.NOW
    on_at: datetime | None = None
    delisting: str = _Delisting.NEVER
    off_at: datetime | None = None

    @classmethod
    def of(cls, spec: Spec) -> Publishing:
        return cls(spec.status, spec.listing, spec.on_at, spec.delisting, spec.off_at)


@transaction.atomic
def set_publishing(
    *,
    actor: Actor,
    venue: Venue,
    product: TicketProduct,
    wanted: Mapping[int, Publishing],
    revision: int | None = None,
) -> TicketProduct:
    """When each of these specs, by id, is on sale. Those not named stay as they are; what is sold stays valid.

    Raises:
        DomainError: "product.incomplete" where one would be sold of a product that lacks something; "publish.*", its
            field the place among `wanted` ("specs.0.on_at"); "product.revision", "permission.denied", "row.gone".
    """
    product = locked(actor, venue, product, revision)
    specs = {spec.pk: spec for spec in product.specs.all()}
    if not wanted.keys() <= specs.keys():
        raise DomainError("row.gone", "规格已不存在，请刷新页面。", "A spec is no longer there. Reload the page.")
    now = timezone.now()
    changes: dict[str, Any] = {}
    for place, (pk, publishing) in enumerate(wanted.items()):
        spec = specs[pk]
        after = _checked(publishing, place)
        if after != Publishing.of(spec):
            changes[spec.code] = {"status": [spec.status, after.status], **_times(after)}
            _write(spec, after, now)
    if any(specs[pk].status in SELLING for pk in wanted):
        require_ready(product)
    if changes:
        touched(product)
        audit.write(actor, "product.publish", product, venue, code=product.code, specs=changes)
    return product


@transaction.atomic
def publish(*, actor: Actor, venue: Venue, spec: Spec, publishing: Publishing) -> Spec:
    """One spec: as set_publishing."""
    set_publishing(actor=actor, venue=venue, product=spec.product, wanted={spec.pk: publishing})
    return lock_row(Spec, spec.pk)


def _checked(one: Publishing, place: int) -> Publishing:
    """Without the times that have no meaning."""

    def bad(field: str, zh: str, en: str) -> DomainError:
        return DomainError(f"publish.{field}", zh, en, f"specs.{place}.{field}")

    for field, choices in (("status", _Status), ("listing", _Listing), ("delisting", _Delisting)):
        if getattr(one, field) not in choices.values:
            raise bad(field, "没有这个选项。", "There is no such choice.")
    if one.status not in SELLING:
        return Publishing(one.status)
    listing = one.listing if one.status == _Status.TIMED else _Listing.NOW
    on_at = one.on_at if listing != _Listing.NOW else None
    off_at = one.off_at if one.delisting != _Delisting.NEVER else None
    if listing == _Listing.AT and on_at is None:
        raise bad("on_at", "请填写上架时间。", "Enter when it goes on sale.")
    if one.delisting == _Delisting.AT and off_at is None:
        raise bad("off_at", "请填写下架时间。", "Enter when it goes off sale.")
    if on_at is not None and off_at is not None and off_at <= on_at:
        raise bad("off_at", "下架时间须晚于上架时间。", "It would go off sale before it is on.")
    return Publishing(one.status, listing, on_at, one.delisting, off_at)


def _write(spec: Spec, after: Publishing, now: datetime) -> None:
    if after.status in SELLING:
        spec.published_at = after.on_at or now
    for name in ("status", "listing", "on_at", "delisting", "off_at"):
        setattr(spec, name, getattr(after, name))
    spec.save(update_fields=["status", "listing", "on_at", "delisting", "off_at", "published_at"])


def _times(one: Publishing) -> dict[str, str]:
    times = {"on_at": one.on_at, "off_at": one.off_at}
    return {name: moment.isoformat() for name, moment in times.items() if moment is not None}
