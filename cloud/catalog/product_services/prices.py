"""Many products at once: prices by an amount or a percentage, and the category of their specs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from cloud.catalog.models import CalendarCell, Category, Spec, TicketProduct
from cloud.catalog.product_services._edit import locked, touched
from cloud.catalog.services import MAX_PRICE_FEN
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row, lock_rows
from cloud.venues.models import Venue


@dataclass(frozen=True, slots=True)
class Change:
    """Added to each price: `fen`, or `hundredths` of a percent of it (-1000: a tenth off). One of the two."""

    fen: int = 0
    hundredths: int = 0

    def of(self, price_fen: int) -> int:
        """The new price, to the fen; half a fen goes up. Raises DomainError "price.range"."""
        new = price_fen + self.fen + (price_fen * self.hundredths + 5000) // 10_000
        if not 0 <= new <= MAX_PRICE_FEN:
            raise DomainError(
                "price.range",
                f"{_yuan(price_fen)} 会变成 {_yuan(new)}，超出范围。",
                f"{_yuan(price_fen)} would become {_yuan(new)}: that is no price.",
            )
        return new


@transaction.atomic
def change_prices(
    *, actor: Actor, venue: Venue, product: TicketProduct, change: Change, calendars: bool = False
) -> TicketProduct:
    """Of all specs of the product; `calendars`: also days to come that have a price of their own. Sold ones keep
    what was paid.

    Raises:
        DomainError: "price.range", "price.change", "permission.denied", "row.gone".
    """
    if bool(change.fen) == bool(change.hundredths):
        raise DomainError("price.change", "请填写金额或百分比之一。", "Enter an amount or a percentage.", "amount")
    product = locked(actor, venue, product)
    prices = {}
    for spec in lock_rows(Spec, product.specs.values_list("pk", flat=True)):  # whoever edits a calendar locks them too
        if spec.price_fen is not None and (new := change.of(spec.price_fen)) != spec.price_fen:
            prices[spec.code] = [spec.price_fen, new]
            spec.price_fen = new
            spec.save(update_fields=["price_fen"])
    days = _change_days(product, change) if calendars else 0
    if prices or days:
        touched(product)
        audit.write(actor, "product.prices", product, venue, code=product.code, prices=prices, days=days)
    return product


def _change_days(product: TicketProduct, change: Change) -> int:
    """Prices of days and slots to come, as an edit of each spec's calendar. Returns how many."""
    cells = list(
        CalendarCell.objects.select_for_update(no_key=True)
        .filter(spec__product=product, day__gte=today(product.venue), price_fen__isnull=False)
        .order_by("pk")
    )
    revisions = {}
    for spec in product.specs.all():
        if any(cell.spec_id == spec.pk for cell in cells):
            spec.calendar_revision += 1
            spec.save(update_fields=["calendar_revision"])
            revisions[spec.pk] = spec.calendar_revision
    for cell in cells:
        if cell.price_fen is not None:
            cell.price_fen, cell.revision = change.of(cell.price_fen), revisions[cell.spec_id]
    return CalendarCell.objects.bulk_update(cells, ["price_fen", "revision"], batch_size=500)


@transaction.atomic
def set_category(*, actor: Actor, venue: Venue, product: TicketProduct, category: Category) -> TicketProduct:
    """Of all its specs. Raises DomainError "permission.denied", "row.gone"."""
    product = locked(actor, venue, product)
    category = lock_row(Category, category.pk)  # nobody deletes it meanwhile
    if product.specs.exclude(category=category).exists() or product.specs.filter(category=None).exists():
        product.specs.update(category=category)
        touched(product)
        audit.write(actor, "product.category", product, venue, code=product.code, category=category.name_zh)
    return product


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
