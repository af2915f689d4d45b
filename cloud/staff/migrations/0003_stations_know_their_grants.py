"""A station's page and list read who is authorised there."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("staff", "0002_logins_second_factor_own_roles_reach")]

    operations = [
        migrations.AlterField(
            "rolegrant", "stations", models.ManyToManyField(blank=True, related_name="grants", to="venues.station")
        ),
    ]
