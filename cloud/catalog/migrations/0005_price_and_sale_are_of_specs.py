from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0004_one_spec_for_each_product")]

    operations = [
        migrations.RemoveConstraint(model_name="ticketproduct", name="product_price"),
        # Undone, the price is 0 until the migration before has put it back.
        migrations.AlterField("ticketproduct", "price_fen", models.BigIntegerField(default=0)),
        migrations.RemoveField(model_name="ticketproduct", name="on_sale"),
        migrations.RemoveField(model_name="ticketproduct", name="price_fen"),
    ]
