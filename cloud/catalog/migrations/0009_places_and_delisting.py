import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0008_calendars_and_booking"), ("venues", "0003_calendar_and_capacity")]

    operations = [
        migrations.AddField(
            model_name="spec",
            name="delisting",
            field=models.CharField(
                choices=[("never", "Never"), ("booking", "Booking"), ("at", "At")], default="never", max_length=8
            ),
        ),
        migrations.CreateModel(
            name="Place",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name_zh", models.CharField(max_length=80)),
                ("name_en", models.CharField(blank=True, max_length=80)),
                ("address_zh", models.CharField(blank=True, max_length=200)),
                ("address_en", models.CharField(blank=True, max_length=200)),
                ("latitude", models.DecimalField(decimal_places=6, max_digits=9, null=True)),
                ("longitude", models.DecimalField(decimal_places=6, max_digits=9, null=True)),
                ("phone", models.CharField(blank=True, max_length=40)),
                ("venue", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="venues.venue")),
            ],
            options={"ordering": ["name_zh"]},
        ),
        migrations.AddConstraint(
            model_name="place",
            constraint=models.UniqueConstraint(fields=("venue", "name_zh"), name="place_name"),
        ),
        migrations.CreateModel(
            name="SaleSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("soon_days", models.PositiveSmallIntegerField(default=7)),
                (
                    "venue",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sale_settings",
                        to="venues.venue",
                    ),
                ),
            ],
        ),
    ]
