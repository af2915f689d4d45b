"""Which products a station sells and hands out, and which a lane verifies."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models


def relation(name: str, of: str, to: str, constraint: str) -> migrations.CreateModel:
    def key(target: str) -> Any:
        return models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=target)

    return migrations.CreateModel(
        name=name,
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            (of, key(to)),
            ("product", key("catalog.ticketproduct")),
        ],
        options={"constraints": [models.UniqueConstraint(fields=(of, "product"), name=constraint)]},
    )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0006_parts_have_classes"), ("venues", "0005_what_stations_sell_and_lanes_verify")]

    operations = [
        relation("StationSale", "station", "venues.station", "station_sale"),
        relation("StationCollect", "station", "venues.station", "station_collect"),
        relation("DeviceProduct", "device", "venues.device", "device_product"),
    ]
