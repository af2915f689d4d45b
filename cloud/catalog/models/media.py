"""Pictures and the film of a product."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.catalog.models.product import TicketProduct
from cloud.venues.models import Venue


class ProductMedia(models.Model):
    """One file, checked by its content and kept under its hash (T-08, T-09)."""

    class Role(models.TextChoices):
        COVER = "cover"
        DETAIL = "detail"
        VIDEO = "video"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    product = models.ForeignKey(TicketProduct, on_delete=models.CASCADE, related_name="media")
    role = models.CharField(max_length=6, choices=Role)
    position = models.PositiveSmallIntegerField(default=1)
    content_type = models.CharField(max_length=40)
    size_bytes = models.PositiveIntegerField()
    width = models.PositiveIntegerField(default=0)  # pixels; 0 of a video
    height = models.PositiveIntegerField(default=0)
    content_hash = models.CharField(max_length=64)  # SHA-256
    path = models.CharField(max_length=200)  # in the default storage
    name = models.CharField(max_length=200)  # as it was uploaded, for people
    added_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        ordering = ["role", "position", "id"]
