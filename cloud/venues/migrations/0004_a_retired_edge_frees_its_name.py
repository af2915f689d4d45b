"""An edge that takes a retired one's place may have its name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("venues", "0003_calendar_and_capacity")]

    operations = [
        migrations.RemoveConstraint(model_name="edge", name="edge_name"),
        migrations.AddConstraint(
            model_name="edge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at", None)), fields=("venue", "name"), name="edge_name"
            ),
        ),
    ]
