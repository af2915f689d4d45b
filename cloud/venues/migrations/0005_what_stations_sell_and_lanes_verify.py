"""What a station sells and hands out, a lane's own products, devices retired."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("venues", "0004_a_retired_edge_frees_its_name")]

    operations = [
        migrations.AddField("station", "sells_all", models.BooleanField(default=True)),
        migrations.AddField("station", "collects_all", models.BooleanField(default=True)),
        migrations.AddField("device", "narrowed", models.BooleanField(default=False)),
        migrations.AddField("device", "retired_at", models.DateTimeField(blank=True, null=True)),
    ]
