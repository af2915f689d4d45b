"""Stations and lanes know their lists: the console reads the beginnings of these for many at once."""

import django.db.models.deletion
from django.db import migrations, models


def named(model: str, field: str, to: str, name: str) -> migrations.AlterField:
    key = models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name=name, to=to)
    return migrations.AlterField(model, field, key)  # type: ignore[arg-type]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0010_products_are_found_by_pinyin")]

    operations = [
        named("StationSale", "station", "venues.station", "sales"),
        named("StationCollect", "station", "venues.station", "collects"),
        named("DeviceProduct", "device", "venues.device", "own_products"),
    ]
