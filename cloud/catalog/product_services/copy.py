"""A product like another one: all its blocks, in the warehouse, to be changed where it differs."""

from __future__ import annotations

from django.db import transaction

from cloud.catalog import services
from cloud.catalog.classes import next_class
from cloud.catalog.compile import rules_of
from cloud.catalog.models import CalendarCell, CardPart, PackagePart, Spec, TicketProduct
from cloud.catalog.product_services._edit import locked, touched
from cloud.catalog.product_services.draft import free_code
from cloud.catalog.product_services.specs import free_spec_code
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.core.locks import lock_row
from cloud.venues.models import Venue

_BLOCKS = ("info", "texts", "sale_rules", "booking_rules", "refund_rules", "card_rules", "valid_until")


@transaction.atomic
def copy_product(
    *,
    actor: Actor,
    venue: Venue,
    product: TicketProduct,
    name_zh: str,
    name_en: str = "",
    code: str = "",
    calendars: bool = False,
) -> TicketProduct:
    """A draft with the blocks, specs, parts, stations and pictures of the product; `calendars`: days to come too.

    Raises:
        DomainError: "product.code", "product.class", "input.*", "permission.denied", "row.gone".
    """
    lock_row(Venue, venue.pk)
    product = locked(actor, venue, product)
    made = services.create_product(
        actor=actor, venue=venue, code=code.strip() or free_code(product.kind), name_zh=name_zh, name_en=name_en,
        price_fen=None, kind=product.kind, validity=product.validity, valid_days=product.valid_days,
        persons=product.persons, uses=product.uses, keep_on_timeout=product.keep_on_timeout,
        rules=rules_of(product), stations=product.stations.all(), on_sale=None,
    )  # fmt: skip
    blocks = [name for name in _BLOCKS if hasattr(product, name)]
    for name in blocks:
        setattr(made, name, getattr(product, name))
    _copy_specs(product, made, calendars)
    _copy_parts(product, made)
    for media in product.media.all():
        media.pk, media.product = None, made
        media.save(force_insert=True)
    touched(made, *blocks)
    audit.write(actor, "product.copy", made, venue, code=made.code, of=product.code, calendars=calendars)
    return made


def _copy_specs(product: TicketProduct, made: TicketProduct, calendars: bool) -> None:
    first = made.specs.get()
    codes = {first.code}
    for spec in product.specs.all():
        new = Spec(
            pk=first.pk if spec == product.specs.first() else None,
            venue_id=made.venue_id, product=made, position=spec.position,
            code=first.code if spec == product.specs.first() else free_spec_code(made, codes),
            name_zh=spec.name_zh, name_en=spec.name_en, description_zh=spec.description_zh,
            description_en=spec.description_en, category=spec.category, price_fen=spec.price_fen, stock=spec.stock,
        )  # fmt: skip
        codes.add(new.code)
        new.save()
        if calendars:
            _copy_calendar(spec, new)


def _copy_calendar(spec: Spec, new: Spec) -> None:
    cells = list(CalendarCell.objects.filter(spec=spec, day__gte=today(spec.venue)))
    for cell in cells:
        cell.pk, cell.spec = None, new
    CalendarCell.objects.bulk_create(cells, batch_size=500)


def _copy_parts(product: TicketProduct, made: TicketProduct) -> None:
    """Parts of the copy have classes of their own: stations name them apart."""
    for part in PackagePart.objects.filter(package=product, current=True):
        part.pk, part.package, part.product_class = None, made, next_class(made.venue)
        part.save(force_insert=True)
    for ride in CardPart.objects.filter(card=product, current=True):
        ride.pk, ride.card, ride.product_class = None, made, next_class(made.venue)
        ride.save(force_insert=True)
