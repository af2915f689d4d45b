"""What lists and pages show of products and their specs."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.section import Value
from cloud.admin.kit.table import Cell
from cloud.admin.kit.text import chinese, minute, money, named
from cloud.admin.kit.yuan import yuan
from cloud.admin.sections.product_import import KINDS
from cloud.catalog import listing
from cloud.catalog.models import Spec, TicketProduct

_PILLS = {
    listing.ON: (_("On sale"), Tone.GOOD, "circle-check"),
    listing.OFF: (_("Off sale"), Tone.IDLE, "circle-slash"),
    listing.WAREHOUSE: (_("In the warehouse"), Tone.BUSY, "warehouse"),
}
NAMED = 3


def _pill(state: str) -> Pill:
    text, tone, icon = _PILLS[state]
    return Pill(str(text), tone, icon)


def sale(product: TicketProduct) -> Pill:
    return _pill(listing.state_of(product))


def kind(product: TicketProduct) -> str:
    return str(dict(KINDS)[product.kind])


def specs(product: TicketProduct) -> Cell:
    """The first names, or nothing where there is just one without a name."""
    names = [named(spec) for spec in product.specs.all() if named(spec)]
    return Cell(_brief(names) or "–")


def categories(product: TicketProduct) -> str:
    found = {spec.category_id: named(spec.category) for spec in product.specs.all() if spec.category is not None}
    return _brief(list(found.values()))


def price(product: TicketProduct) -> str:
    """ "¥80.00", "¥40.00 – ¥80.00", "by the day"."""
    prices = _prices(product)
    if not prices:
        return gettext("by the day")
    return money(prices[0]) if prices[0] == prices[-1] else f"{money(prices[0])} – {money(prices[-1])}"


def plain_price(product: TicketProduct) -> str:
    prices = _prices(product)
    return yuan(prices[0]) if prices else ""


def stations(product: TicketProduct) -> str:
    return _brief([named(station) for station in product.stations.all()], 1_000)


def _prices(product: TicketProduct) -> list[int]:
    return sorted(spec.price_fen for spec in product.specs.all() if spec.price_fen is not None)


def _brief(names: list[str], most: int = NAMED) -> str:
    between = "、" if chinese() else ", "
    rest = len(names) - most
    return between.join(names[:most]) + (f" +{rest}" if rest > 0 else "")


def _spec_sale(spec: Spec) -> Pill:
    return _pill(listing.spec_state(spec))


def times(spec: Spec) -> str:
    """ "from 2026-12-01 10:00, until 2027-03-01 00:00" of one that is timed."""
    now = timezone.now()
    said = []
    if spec.on_at is not None and spec.on_at > now:
        said.append(gettext("from %(time)s") % {"time": minute(spec.on_at)})
    if spec.off_at is not None:
        text = gettext("until %(time)s") if spec.off_at > now else gettext("since %(time)s")
        said.append(text % {"time": minute(spec.off_at)})
    return (gettext(", ")).join(said)


def _stock(spec: Spec) -> Any:
    return spec.stock if spec.stock is not None else gettext("no limit")


def calendar(spec: Spec) -> Cell:
    """Where its days and slots have prices and stock of their own."""
    url = f"{reverse('console:calendar', args=[spec.product_id])}?spec={spec.pk}"
    return Cell(gettext("Prices and stock"), url=url)


SPECS = (
    Value("name", _("Spec"), lambda one: named(one) or named(one.product), main=True),
    Value("code", _("Code"), lambda one: one.code),
    Value("category", _("Category"), lambda one: named(one.category) if one.category else ""),
    Value("price", _("Price"), lambda one: money(one.price_fen) or gettext("by the day"), numeric=True),
    Value("stock", _("Stock a day"), _stock, numeric=True),
    Value("sale", _("On sale"), _spec_sale),
    Value("times", _("Times"), times),
    Value("calendar", _("Calendar"), calendar),
)
