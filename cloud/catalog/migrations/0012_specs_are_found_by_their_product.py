from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0011_stations_and_lanes_know_their_lists")]

    operations = [
        migrations.AddIndex(model_name="spec", index=models.Index(fields=["venue", "product"], name="spec_of_product")),
    ]
