"""Pictures and the film of a product (T-08, T-09)."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from cloud.catalog.models import ProductMedia, TicketProduct
from cloud.catalog.product_services._edit import locked, touched
from cloud.core import audit, uploads
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue

_Role = ProductMedia.Role
SIZES = {_Role.COVER: (750, 750), _Role.DETAIL: (750, 375)}
MOST_DETAIL = 6


@transaction.atomic
def add_media(
    *,
    actor: Actor,
    venue: Venue,
    product: TicketProduct,
    role: str,
    file: UploadedFile,
    replace: bool = False,
) -> ProductMedia:
    """Keeps the file, behind the pictures that are there. There is one cover and one film: `replace` agrees to that.

    Raises:
        DomainError: "upload.*"; "media.count": six detail pictures are there; "media.there": a cover or film is, and
            `replace` was not said; "permission.denied", "row.gone".
    """
    require(actor, Permission.PRODUCT_MANAGE, venue)
    if role not in _Role.values:
        raise DomainError("media.role", "没有这种图片。", "There is no such kind of picture.", "role")
    # Read and drawn anew before the lock: it takes a good part of a second.
    upload = uploads.video(file, role) if role == _Role.VIDEO else uploads.image(file, SIZES[_Role(role)], role)
    product = locked(actor, venue, product)
    there = list(product.media.filter(role=role))
    if role == _Role.DETAIL:
        if len(there) >= MOST_DETAIL:
            raise DomainError(
                "media.count",
                f"详情图最多 {MOST_DETAIL} 张，请先删除一张。",
                f"There are at most {MOST_DETAIL} detail pictures: remove one first.",
                role,
            )
    elif there:
        if not replace:
            raise DomainError(
                "media.there", "已有文件，请确认替换。", "There is one already: agree to replace it.", role
            )
        for one in there:
            one.delete()
    media = ProductMedia.objects.create(
        venue=venue,
        product=product,
        role=role,
        position=max((one.position for one in there), default=0) + 1 if role == _Role.DETAIL else 1,
        content_type=upload.content_type,
        size_bytes=len(upload.content),
        width=upload.width,
        height=upload.height,
        content_hash=upload.content_hash,
        path=uploads.keep(upload, f"products/{venue.pk}"),
        name=upload.name,
    )
    touched(product)
    audit.write(actor, "product.media", product, venue, code=product.code, added=role, name=media.name)
    return media


@transaction.atomic
def remove_media(*, actor: Actor, venue: Venue, product: TicketProduct, media_id: int) -> None:
    """Takes a picture or the film off the product. Raises DomainError "row.gone", "permission.denied"."""
    product = locked(actor, venue, product)
    media = product.media.filter(pk=media_id).first()
    if media is None:
        raise DomainError("row.gone", "文件已被删除，请刷新页面。", "It is gone already. Reload the page.")
    audit.write(actor, "product.media", product, venue, code=product.code, removed=media.role, name=media.name)
    media.delete()
    touched(product)


@transaction.atomic
def sort_media(*, actor: Actor, venue: Venue, product: TicketProduct, order: Sequence[int]) -> None:
    """The detail pictures in this order, by id. Raises DomainError "media.order" where they are not just these."""
    product = locked(actor, venue, product)
    there = {one.pk: one for one in product.media.filter(role=_Role.DETAIL)}
    if sorted(order) != sorted(there):
        raise DomainError(
            "media.order",
            "图片已被别人增删，请刷新页面后再排序。",
            "Somebody else added or removed a picture. Reload the page, then sort them.",
        )
    for position, pk in enumerate(order, 1):
        there[pk].position = position
    ProductMedia.objects.bulk_update(there.values(), ["position"])
    touched(product)
    audit.write(actor, "product.media", product, venue, code=product.code, sorted=len(order))
