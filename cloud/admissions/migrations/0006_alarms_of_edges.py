"""What edges complain of, with their own words, from when to when."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("admissions", "0005_cases_of_tickets_nobody_sold"),
        ("venues", "0005_what_stations_sell_and_lanes_verify"),
    ]

    operations = [
        migrations.CreateModel(
            name="EdgeAlarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40)),
                ("device_id", models.BigIntegerField(default=0)),
                ("text", models.CharField(blank=True, max_length=300)),
                ("times", models.PositiveIntegerField(default=1)),
                ("began_at", models.DateTimeField()),
                ("last_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "edge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="alarms", to="venues.edge"
                    ),
                ),
                ("venue", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="venues.venue")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["venue", "edge", "-began_at"], name="edge_alarm_list"),
                    models.Index(condition=models.Q(("ended_at", None)), fields=["edge"], name="edge_alarm_open"),
                ],
            },
        ),
    ]
