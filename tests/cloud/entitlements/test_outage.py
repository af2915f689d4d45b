"""What each product may do at the gate while the entrances are cut off from each other: in the venue's record."""

from __future__ import annotations

import pytest

from cloud.catalog.models import PackagePart
from cloud.catalog.outage import share, shares
from cloud.catalog.rules import ProductRules
from cloud.entitlements import live_services
from cloud.entitlements.live_services import Part
from cloud.venues.models import Venue
from paifang.records import OUTAGE_PERSONS, Table, VenueSettings
from tests.support import venue as make

pytestmark = pytest.mark.django_db


def told(after: int) -> dict[int, int]:
    """The shares in the venue's record that was published last."""
    ops = [op for row in make.feed_rows(after=after) for op in row.ops if op.table == Table.VENUE]
    return VenueSettings.unpack(ops[-1].value or b"").outage


@pytest.mark.spec("S-11")
def test_only_what_differs_from_the_usual_share_is_told(venue: Venue) -> None:
    usual = make.make_product(venue, "usual")
    mark = make.last_feed_row()
    few = make.make_product(venue, "few", rules=ProductRules(outage_persons=7))
    nobody = make.make_product(venue, "nobody", rules=ProductRules(outage_refused=True))
    assert told(mark) == {few.product_class: 7, nobody.product_class: 0}
    assert usual.product_class not in shares(venue)
    assert share(ProductRules()) == OUTAGE_PERSONS


def test_an_edit_reaches_the_gates_at_once(venue: Venue) -> None:
    product = make.make_product(venue, rules=ProductRules(outage_persons=7))
    mark = make.last_feed_row()
    live_services.edit_product(actor=make.SYSTEM, venue=venue, product=product, rules=ProductRules(outage_refused=True))
    assert told(mark) == {product.product_class: 0}
    mark = make.last_feed_row()
    product.refresh_from_db()
    live_services.edit_product(actor=make.SYSTEM, venue=venue, product=product, rules=ProductRules())
    assert told(mark) == {}


def test_a_part_has_the_smaller_share_of_the_whole_and_the_ticket(venue: Venue) -> None:
    ticket = make.make_product(venue, "ticket", rules=ProductRules(outage_persons=30))
    package = make.make_product(venue, "whole", kind="package", rules=ProductRules(outage_persons=20))
    live_services.set_package_parts(
        actor=make.SYSTEM, venue=venue, package=package, parts=[Part(ticket.specs.get(), 1)]
    )  # fmt: skip
    [part] = PackagePart.objects.filter(package=package)
    assert shares(venue) == {ticket.product_class: 30, package.product_class: 20, part.product_class: 20}
