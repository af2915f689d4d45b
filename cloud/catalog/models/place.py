"""Places a product may be at: the points of interest that its form finds by name (T-07)."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.venues.models import Venue


class Place(models.Model):
    """A point of interest (景区POI) of the venue. A product copies what it is given and stays as it is afterwards."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    address_zh = models.CharField(max_length=200, blank=True)
    address_en = models.CharField(max_length=200, blank=True)
    # Degrees in GCJ-02, what maps in China use: up to half a kilometre off from what a GPS says.
    latitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    longitude = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    phone = models.CharField(max_length=40, blank=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "name_zh"], name="place_name")]
        ordering = ["name_zh"]

    def __str__(self) -> str:
        return self.name_zh


class SaleSettings(models.Model):
    """What a venue chose about its lists of products. None: the defaults."""

    venue = models.OneToOneField(Venue, on_delete=models.PROTECT, related_name="sale_settings")
    soon_days = models.PositiveSmallIntegerField(default=7)  # "about to go off sale": within so many days (T-05)

    objects = ScopedManager(venue="venue")
