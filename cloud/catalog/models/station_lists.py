"""Which products a station sells and hands out, and which of its station's a lane verifies."""

from __future__ import annotations

from django.db import models

from cloud.catalog.models.product import TicketProduct
from cloud.venues.models import Device, Station


class StationSale(models.Model):
    """A station that does not sell everything sells this (S-07)."""

    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="sales")
    product = models.ForeignKey(TicketProduct, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["station", "product"], name="station_sale")]


class StationCollect(models.Model):
    """A station that does not hand out everything hands out this (S-08)."""

    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="collects")
    product = models.ForeignKey(TicketProduct, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["station", "product"], name="station_collect")]


class DeviceProduct(models.Model):
    """A narrowed lane verifies this (S-19). Always one of its station's: services take it away with that one."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="own_products")
    product = models.ForeignKey(TicketProduct, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "product"], name="device_product")]
