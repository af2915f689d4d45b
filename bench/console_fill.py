"""A venue that has been running for a year, written by the database itself: orders, tickets, visitors, admissions.

Nothing here goes through the services: five million admissions would take them a day. What the lists read is as the
services write it; passes and journal entries hold noise of the right length.
"""

from __future__ import annotations

from django.db import connection
from django_scopes import scope

from cloud.entitlements import live_services
from cloud.venues.models import Venue
from cloud.venues.services import create_edge
from tests.support import venue as make

PRODUCTS, STATIONS, LANES, EDGES = 40, 8, 40, 4
SECONDS = 30  # between two orders: a million of them are a year
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀兰霞平刚桂英华建国文玉"


def make_place(code: str) -> Venue:
    """The venue, its stations, lanes and products, as an administrator would make them."""
    venue = make.make_venue(code)
    with scope(venue=venue):
        stations = [make.make_station(venue, f"{code} 站点 {n}") for n in range(STATIONS)]
        edges = [create_edge(actor=make.SYSTEM, venue=venue, name=f"{code} {n}") for n in range(EDGES)]
        for n in range(LANES):
            make.make_gate(venue, stations[n % STATIONS], f"{code}-{n:02d}", edges[n % EDGES])
        for n in range(PRODUCTS):
            live_services.create_product(
                actor=make.SYSTEM, venue=venue, code=f"p{n}", name_zh=f"门票{n:02d}号", name_en=f"Ticket {n}",
                price_fen=8000 + n, stations=stations,
            )  # fmt: skip
    return venue


def fill(venue: Venue, orders: int, admissions: int) -> None:
    """Orders of one ticket and one visitor each, audited, and admissions of them with one refusal to every ten."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table whose rows are still to be checked is not altered
        cursor.execute(_EMPTY)
        cursor.execute("SET session_replication_role = replica")  # what it refers to is there: no need to look it up
        cursor.execute("SELECT coalesce(max(id), 0) FROM sales_order")
        first = cursor.fetchone()[0]
        values = {
            "venue": venue.pk, "first": first, "orders": orders, "rows": admissions + admissions // 10,
            "seconds": SECONDS, "surnames": SURNAMES, "given": GIVEN,
        }  # fmt: skip
        for statement in (_PLACES, _ENTITLEMENTS, _ORDERS, _VISITORS, _UNITS, _AUDIT, _JOURNAL, _ADMISSIONS):
            cursor.execute(statement, values)
        for table in ("sales_order", "sales_visitor", "sales_orderunit"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        cursor.execute("SET session_replication_role = DEFAULT")


# Columns that are not written here and must not be null are empty: the services know them, the lists do not.
_EMPTY = """
DO $$ DECLARE one record; BEGIN
    FOR one IN SELECT table_name, column_name, CASE data_type WHEN 'boolean' THEN 'false' WHEN 'jsonb' THEN '''{}'''
            WHEN 'timestamp with time zone' THEN 'now()' WHEN 'date' THEN 'CURRENT_DATE' WHEN 'bytea' THEN '''\\x'''
            WHEN 'character varying' THEN '''''' WHEN 'text' THEN '''''' ELSE '0' END AS empty
        FROM information_schema.columns
        WHERE is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' AND table_schema = 'public'
            AND table_name IN ('entitlements_entitlement', 'sales_order', 'sales_visitor', 'sales_orderunit',
                'core_auditrow', 'admissions_journalentry', 'admissions_admission')
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I SET DEFAULT ', one.table_name, one.column_name) || one.empty;
    END LOOP;
END $$;
"""
# A product is the rarer the higher its number: p39 is hardly sold.
_PLACES = """
CREATE TEMP TABLE IF NOT EXISTS places (kind text, n int, id bigint, more bigint);
TRUNCATE places;
INSERT INTO places SELECT 'product', row_number() OVER (ORDER BY product_class) - 1, id, product_class
    FROM catalog_ticketproduct WHERE venue_id = %(venue)s;
INSERT INTO places SELECT 'device', row_number() OVER (ORDER BY id) - 1, id, station_id
    FROM venues_device WHERE venue_id = %(venue)s;
INSERT INTO places SELECT 'edge', row_number() OVER (ORDER BY id) - 1, id, 0
    FROM venues_edge WHERE venue_id = %(venue)s;
"""
_ENTITLEMENTS = """
INSERT INTO entitlements_entitlement (id, venue_id, product_id, rules_id, state, revision, not_before, not_after,
    persons, owner_id, uses, rotating, term_months, term_days, pass_raw, pass_digest, pass_key_id, created_at)
SELECT 4000000000000000000 + %(first)s + g, %(venue)s, p.id, 1, 0, 1, t.at, t.at + interval '1 day', 1, 0, 0, false,
    0, 0, decode(repeat(md5(g::text), 3), 'hex'), decode(md5(g::text), 'hex'), 1, t.at
FROM generate_series(1, %(orders)s::bigint) g
CROSS JOIN LATERAL (SELECT now() - (%(orders)s - g) * %(seconds)s * interval '1 second' AS at) t
JOIN places p ON p.kind = 'product' AND p.n = floor(40 * power((g * 7919 %% 10007) / 10007.0, 3))
"""
_ORDERS = """
INSERT INTO sales_order (id, venue_id, number, state, idempotency_key, request_hash, total_fen, created_at,
    revoked_at, revoked_why, business_day, channel, contact_name, phone_last4, pay_method, paid_at)
SELECT %(first)s + g, %(venue)s, '2611' || lpad(((%(first)s + g) * 48271 %% 1000000000000)::text, 12, '0'),
    CASE WHEN g %% 997 = 0 THEN 'revoked' ELSE 'issued' END, g::text, md5(g::text), 8000, t.at,
    CASE WHEN g %% 997 = 0 THEN t.at END, '', (t.at AT TIME ZONE 'Asia/Shanghai')::date,
    'desk', '', '', 'cash', t.at
FROM generate_series(1, %(orders)s::bigint) g
CROSS JOIN LATERAL (SELECT now() - (%(orders)s - g) * %(seconds)s * interval '1 second' AS at) t
"""
_VISITORS = """
INSERT INTO sales_visitor (id, venue_id, order_id, name, sealed_id_number, id_number_hash, id_number_last4)
SELECT %(first)s + g, %(venue)s, %(first)s + g,
    substr(%(surnames)s, 1 + floor(20 * power((g * 6151 %% 9973) / 9973.0, 2))::int, 1)
    || substr(%(given)s, 1 + (g * 31 %% 29)::int, 1) || substr(%(given)s, 1 + ((g * 17 %% 31) %% 29)::int, 1),
    decode(repeat(md5(g::text), 2), 'hex'), decode(md5('id' || g), 'hex'), '1234'
FROM generate_series(1, %(orders)s::bigint) g
"""
_UNITS = """
INSERT INTO sales_orderunit (id, venue_id, order_id, position, product_id, product_name_zh, product_name_en,
    price_fen, visitor_id, entitlement_id, bundle, tickets)
SELECT %(first)s + g, %(venue)s, %(first)s + g, 1, e.product_id, p.name_zh, p.name_en, 8000, %(first)s + g, e.id, 1, 1
FROM generate_series(1, %(orders)s::bigint) g
JOIN entitlements_entitlement e ON e.id = 4000000000000000000 + %(first)s + g
JOIN catalog_ticketproduct p ON p.id = e.product_id
"""
_AUDIT = """
INSERT INTO core_auditrow (venue_id, at, actor_name, action, target, detail)
SELECT %(venue)s, now() - (%(orders)s - g) * %(seconds)s * interval '1 second', 'till ' || g %% 20, 'order.issue',
    'sales.order:' || %(first)s + g, '{"units": 1}'
FROM generate_series(1, %(orders)s::bigint) g
"""
_JOURNAL = """
INSERT INTO admissions_journalentry (venue_id, edge_id, epoch, seq, entry_hash, raw, kind, at, business_day,
    received_at, device_id, station_id, decision, reason, entitlement_id)
SELECT %(venue)s, e.id, '\\x0102030405060708', g, decode(md5(g::text) || md5(g::text || 'h'), 'hex'),
    decode(repeat(md5(g::text), 5), 'hex'), 'presentation', t.at, (t.at AT TIME ZONE 'Asia/Shanghai')::date, t.at,
    d.id, d.more, CASE WHEN g %% 11 = 0 THEN 3 ELSE 1 END, CASE WHEN g %% 11 = 0 THEN 10 + g %% 30 ELSE 0 END,
    4000000000000000000 + %(first)s + 1 + (g * %(orders)s / %(rows)s) %% %(orders)s
FROM generate_series(1, %(rows)s::bigint) g
CROSS JOIN LATERAL (
    SELECT now() - (%(rows)s - g) * (%(orders)s * %(seconds)s / %(rows)s::float) * interval '1 second' AS at
) t
JOIN places d ON d.kind = 'device' AND d.n = floor(40 * power((g * 7919 %% 10007) / 10007.0, 2))
JOIN places e ON e.kind = 'edge' AND e.n = g %% 4
"""
_ADMISSIONS = """
INSERT INTO admissions_admission (venue_id, edge_id, seq, entitlement_id, product_class, station_id, device_id,
    credential_kind, at, business_day, persons, passed, returned, outcome, settled_at, recovered, leaving,
    signed_only, flag)
SELECT venue_id, edge_id, seq, entitlement_id, 1, station_id, device_id, 1, at, business_day, 1, 1, 0,
    CASE WHEN seq %% 10007 = 0 THEN 'unticketed' WHEN seq %% 50 = 0 THEN 'returned' ELSE 'passed' END,
    at + interval '2 seconds', false, false, false, ''
FROM admissions_journalentry WHERE venue_id = %(venue)s AND decision = 1
"""
