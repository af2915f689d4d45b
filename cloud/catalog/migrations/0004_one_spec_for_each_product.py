from django.db import migrations
from django.utils import timezone


def give_specs(apps, schema_editor):
    """What a product cost and whether it was sold becomes its first spec's."""
    Product = apps.get_model("catalog", "TicketProduct")
    Spec = apps.get_model("catalog", "Spec")
    now = timezone.now()
    Spec._base_manager.bulk_create(
        Spec(
            venue_id=product.venue_id,
            product_id=product.pk,
            code=product.code,
            price_fen=product.price_fen,
            status="on" if product.on_sale else "off",
            published_at=now if product.on_sale else None,
        )
        for product in Product._base_manager.filter(specs=None)
    )


def take_back(apps, schema_editor):
    """Products made since have no price of their own: their first spec's, or none at all."""
    Product = apps.get_model("catalog", "TicketProduct")
    for product in Product._base_manager.prefetch_related("specs"):
        specs = sorted(product.specs.all(), key=lambda spec: (spec.position, spec.pk))
        if specs:
            product.price_fen = specs[0].price_fen or 0
            product.on_sale = any(spec.status == "on" for spec in specs)
            product.save(update_fields=["price_fen", "on_sale"])


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_specs_calendars_parts")]

    operations = [migrations.RunPython(give_specs, take_back)]
