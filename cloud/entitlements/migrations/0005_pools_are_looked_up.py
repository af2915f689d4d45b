"""Which tickets share a pool is asked at every upload."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("entitlements", "0004_feed_restores")]

    operations = [
        migrations.AddIndex(
            model_name="entitlement",
            index=models.Index(
                condition=models.Q(("owner_id__gt", 0)), fields=["venue", "owner_id"], name="entitlement_pool"
            ),
        ),
    ]
