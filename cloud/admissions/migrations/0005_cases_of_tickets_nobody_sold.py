"""Admissions of tickets that nobody sold, or that had ended, are cases."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("admissions", "0004_leaving_and_flags")]

    operations = [
        migrations.AlterField(
            model_name="case",
            name="kind",
            field=models.CharField(
                choices=[
                    ("unticketed", "Unticketed"),
                    ("double_use", "Double Use"),
                    ("unknown", "Unknown"),
                    ("unsold", "Unsold"),
                    ("ended", "Ended"),
                    ("set_aside", "Set Aside"),
                ],
                max_length=10,
            ),
        ),
    ]
