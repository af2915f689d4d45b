from django.db import migrations

from cloud.catalog import pinyin


def write(apps, schema_editor):
    """How each product is found by letters. Products made since have it from their services."""
    Product = apps.get_model("catalog", "TicketProduct")
    found = list(Product._base_manager.filter(pinyin="").prefetch_related("specs"))
    for product in found:
        product.pinyin = pinyin.of_names([product.name_zh, *(spec.name_zh for spec in product.specs.all())])
    Product._base_manager.bulk_update(found, ["pinyin"], batch_size=500)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0009_places_and_delisting")]

    operations = [migrations.RunPython(write, migrations.RunPython.noop)]
