"""A product edited while its tickets are sold and used."""

from __future__ import annotations

import pytest

from cloud.catalog.models import ProductStation
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import live_services
from cloud.entitlements.models import Entitlement
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from paifang.records import Station, Table
from paifang.rulesets import RuleFlag, RuleSet
from tests.support import venue as make


def sell(venue, product, key):
    order = issue_order(
        actor=make.SYSTEM, venue=venue, lines=[OrderLine(product, 1, today(venue))], idempotency_key=key
    )  # fmt: skip
    return order.units.get().entitlement


def terms(product, **fields):
    names = ("name_zh", "name_en", "validity", "valid_days", "persons", "uses", "keep_on_timeout")
    others = {"price_fen": product.specs.get().price_fen, "stations": product.stations.all()}
    return {name: getattr(product, name) for name in names} | others | fields


@pytest.mark.spec("T-28")
def test_sold_tickets_keep_their_rules_while_the_stations_change_at_once(venue, west, east, adult, actor):
    sold = sell(venue, adult, "before")
    mark = make.last_feed_row()
    live_services.edit_product(
        actor=actor, venue=venue, product=adult,
        **terms(adult, price_fen=9000, persons=4, uses=3, keep_on_timeout=True, stations=[west]),
    )  # fmt: skip
    ops = [op for row in make.feed_rows(after=mark) for op in row.ops]
    assert [(op.table, int.from_bytes(op.key, "big")) for op in ops] == [(Table.STATION, east.pk)]
    assert Station.unpack(ops[0].value) == Station(east.group_id, True, False, ())
    kept = Entitlement.objects.get(pk=sold.pk)
    assert (kept.rules_id, kept.persons, kept.revision) == (sold.rules_id, 1, sold.revision)
    assert RuleSet.unpack(bytes(kept.rules.compiled)) == RuleSet(uses_per_group=1, flags=RuleFlag(0))
    adult.refresh_from_db()
    later = sell(venue, adult, "after")
    assert (adult.specs.get().price_fen, later.persons, adult.revision) == (9000, 4, 2)
    assert RuleSet.unpack(bytes(later.rules.compiled)) == RuleSet(uses_per_group=3, flags=RuleFlag.KEEP_ON_TIMEOUT)


def test_the_audit_has_what_changed_before_and_after(venue, west, adult, actor):
    fields = terms(adult, name_en="Grown-up", price_fen=8050, stations=[west])
    for _ in range(2):
        live_services.edit_product(actor=actor, venue=venue, product=adult, **fields)
    assert AuditRow.objects.get(action="product.edit").detail == {
        "code": "adult", "name_en": ["Adult", "Grown-up"], "price_fen": [8000, 8050], "stations": [[1, 2], [1]],
    }  # fmt: skip


def test_rules_alone_tell_the_gates_nothing(venue, adult, actor):
    mark = make.last_feed_row()
    live_services.edit_product(actor=actor, venue=venue, product=adult, **terms(adult, uses=2))
    assert make.last_feed_row() == mark


@pytest.mark.spec("S-13")
def test_a_station_brings_its_same_type_stations(venue, west, east, actor):
    live_services.join_groups(actor=actor, venue=venue, station=west, others=[east])
    bare = make.make_product(venue, "bare")
    live_services.edit_product(actor=actor, venue=venue, product=bare, **terms(bare, stations=[west]))
    assert set(ProductStation.objects.filter(product=bare).values_list("station_id", flat=True)) == {west.pk, east.pk}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name_zh": " "}, "input.required"),
        ({"price_fen": -1}, "input.range"),
        ({"price_fen": 100_000_001}, "input.range"),
        ({"persons": 128}, "input.range"),
        ({"uses": -1}, "input.range"),
        ({"validity": "for ever"}, "product.validity"),
    ],
)
def test_bad_edits_are_refused_and_change_nothing(venue, adult, actor, fields, code):
    before, mark = terms(adult, stations=[]), make.last_feed_row()
    with pytest.raises(DomainError) as refused:
        live_services.edit_product(actor=actor, venue=venue, product=adult, **terms(adult, **fields))
    adult.refresh_from_db()
    assert (refused.value.code, terms(adult, stations=[]), make.last_feed_row()) == (code, before, mark)


def test_an_exit_verifies_nothing(venue, way_out, adult, actor):
    with pytest.raises(DomainError) as refused:
        live_services.edit_product(actor=actor, venue=venue, product=adult, **terms(adult, stations=[way_out]))
    assert refused.value.code == "station.exit_products"
