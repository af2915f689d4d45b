"""Pictures and films of products. Those of a product on sale are anybody's; a draft's are for who may see it."""

from __future__ import annotations

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe
from django_scopes import scope

from cloud.catalog.models import ProductMedia
from cloud.catalog.selectors import on_sale
from cloud.core.actors import Actor
from cloud.staff.models import Employee
from cloud.staff.permissions import Permission, allowed
from cloud.venues.models import Venue

_YEAR = 365 * 24 * 3600
_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "video/mp4", "video/webm", "video/ogg"})


@require_safe
def product_media(request: HttpRequest, venue_code: str, content_hash: str) -> HttpResponse:
    """A file by its content's hash, so that it can be kept for ever: another content has another address."""
    venue = get_object_or_404(Venue, code=venue_code)
    with scope(venue=venue):
        media = ProductMedia.objects.filter(venue=venue, content_hash=content_hash)
        found = media.first()
        if found is None:
            raise Http404(content_hash)
        public = on_sale(venue).filter(media__content_hash=content_hash).exists()
        if not public and not _may(request, venue):
            raise Http404(content_hash)
    kept = "public" if public else "private"
    headers = {
        "Cache-Control": f"{kept}, max-age={_YEAR if public else 3600}, immutable",
        "ETag": quote_etag(content_hash),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponse(status=304, headers=headers)
    if not default_storage.exists(found.path):
        raise Http404(content_hash)
    return FileResponse(
        default_storage.open(found.path, "rb"), content_type=found.content_type, headers=headers,
        as_attachment=found.content_type not in _TYPES, filename=found.name,
    )  # fmt: skip


def _may(request: HttpRequest, venue: Venue) -> bool:
    return isinstance(request.user, Employee) and allowed(Actor.of(request.user), Permission.ORDER_VIEW, venue)
