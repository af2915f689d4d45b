"""Both verifiers against the plain reference model, over whole histories: two edges, several stations, days of it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from edge import verifier
from paifang import passes, records, rotating
from paifang.business_day import Calendar, month_number
from paifang.passes import Claims
from paifang.reasons import Reason
from paifang.records import (
    CredentialKind,
    DayKind,
    Device,
    Op,
    Record,
    RecordFlag,
    State,
    Station,
    Table,
    VenueSettings,
)
from paifang.rulesets import Activation, Hours, RuleFlag, RuleSet, Span
from paifang.usage import Usage
from tests.support.budget import budget
from tests.support.gatekit import PASS_KEY, PEPPER, fields, index_op, sign
from tests.support.model import Answer, Gate, Product, Shown, Ticket, Venue

CORES = [verifier.load(name) for name in verifier.MODULES]
EDGES = (1, 2)
HOLDERS = ("11010119900307663X", "110101199003077897")
DAY_KEY = bytes(range(32))
STATES = {
    Reason.OK: State.ACTIVE, Reason.REVOKED: State.REVOKED, Reason.REFUNDED: State.REFUNDED,
    Reason.LOCKED: State.LOCKED, Reason.FROZEN: State.FROZEN,
}  # fmt: skip
MEDIA = {"pass": CredentialKind.PASS, "live": CredentialKind.ROTATING, "id": CredentialKind.ID_NUMBER}
# (time zone, a moment to start at: shortly before clocks change, a month or a leap day ends)
SETTINGS = [
    ("Asia/Shanghai", 240, "2023-12-31T22:00"),
    ("Europe/Berlin", 0, "2023-03-25T20:00"),
    ("Europe/Berlin", 240, "2023-10-28T20:00"),
    ("America/Sao_Paulo", 0, "2018-11-03T20:00"),
    ("America/Sao_Paulo", 240, "2018-02-17T18:00"),
    ("Asia/Shanghai", 0, "2024-02-28T20:00"),
]


# --- what is drawn ----------------------------------------------------------------------------------------------------

often = st.integers(0, 5).map(lambda n: n != 5)
seldom = often.map(lambda on: not on)


def seconds(*choices: int) -> st.SearchStrategy[timedelta]:
    return st.sampled_from([timedelta(seconds=choice) for choice in choices])


@st.composite
def products(draw: st.DrawFn, name: int, today: date) -> Product:
    """Each with up to four rules, so that they meet and yet let somebody in."""
    near = st.integers(-1, 2).map(lambda days: today + timedelta(days=days))
    spans = st.lists(st.tuples(near, near), min_size=1, max_size=2).map(tuple)
    minutes = st.sampled_from([0, 240, 600, 1200, 1380, 1440, 1500, 1679])
    rules: dict[str, st.SearchStrategy[Any]] = {
        "uses_at_a_group": st.sampled_from([2, None]), "uses_in_all": st.integers(1, 4),
        "uses_a_month": st.integers(1, 3), "uses_a_day": st.integers(1, 2), "at_once": st.integers(1, 2),
        "together": st.just(True), "media": st.sets(st.sampled_from(list(MEDIA)), min_size=1).map(frozenset),
        "activate_first": st.just(True), "collect_first": st.just(True), "book_first": st.just(True),
        "real_name": st.just(True), "early": seconds(0, 900), "late": seconds(0, 900),
        "weekdays": st.sets(st.integers(0, 6), min_size=3).map(frozenset), "on_holidays": st.just(True),
        "hours": st.lists(st.tuples(minutes, minutes), min_size=1, max_size=2).map(tuple),
        "dates": spans, "not_on": spans, "lasts": seconds(60, 7200, 90_000), "lasts_days": st.integers(1, 2),
        "pause": seconds(10, 600), "no_passback": st.just(True),
    }  # fmt: skip
    counting = ["uses_in_all", "uses_a_month", "uses_a_day", "lasts", "lasts_days", "pause", "no_passback"]
    others = [rule for rule in rules if rule not in counting]
    chosen = draw(st.lists(st.sampled_from(counting), max_size=3, unique=True))
    chosen += draw(st.lists(st.sampled_from(others), max_size=2, unique=True))
    unlimited = {"uses_at_a_group": draw(st.sampled_from([1, None, None])), "pooled": draw(st.booleans())}
    return Product(name, **(unlimited | {rule: draw(rules[rule]) for rule in chosen}))


@st.composite
def presentations(draw: st.DrawFn, tickets: list[Ticket], now: datetime) -> Shown:
    ticket = draw(st.sampled_from(tickets))
    before = draw(st.sampled_from(["", ticket.holder, ticket.holder, *HOLDERS]))
    medium = draw(st.sampled_from(["live" if ticket.live_code_only else "pass", "pass", "live", "id"]))
    if medium == "id":
        return Shown("id", holder=ticket.holder or draw(st.sampled_from(HOLDERS)), id_read_before=before)
    if medium == "pass":
        return Shown("pass", ticket.number, id_read_before=before)
    age = draw(st.sampled_from([0, 0, 0, 5, 16, 40, -16]))
    return Shown("live", ticket.number, code_of=now - timedelta(seconds=age), id_read_before=before)


def rule_set(product: Product) -> RuleSet:
    """What the cloud compiles it into."""
    wanted = {
        RuleFlag.IDENTITY: product.real_name, RuleFlag.COLLECT_FIRST: product.collect_first,
        RuleFlag.ANTI_PASSBACK: product.no_passback, RuleFlag.WHOLE: product.counts_everywhere,
        RuleFlag.TOGETHER: product.together, RuleFlag.BOOK_FIRST: product.book_first,
    }  # fmt: skip
    flags = RuleFlag(sum(flag for flag, on in wanted.items() if on))
    days = sum(1 << day for day in product.weekdays or ()) | (product.on_holidays << 7 if product.weekdays else 0)
    return RuleSet(
        uses_per_group=product.uses_at_a_group or 0, flags=flags, media=sum(1 << MEDIA[name] for name in product.media),
        uses_total=product.uses_in_all or 0, uses_month=product.uses_a_month or 0, uses_day=product.uses_a_day or 0,
        reentry_gap_s=whole_seconds(product.pause), at_once=product.at_once or 0, early_s=whole_seconds(product.early),
        late_s=whole_seconds(product.late), after_first_s=whole_seconds(product.lasts),
        first_days=product.lasts_days or 0, activation=Activation(product.activate_first), days=days,
        hours=tuple(Hours(start, end) for start, end in product.hours), dates=as_spans(product.dates),
        blackout=as_spans(product.not_on),
    )  # fmt: skip


def whole_seconds(span: timedelta | None) -> int:
    return 0 if span is None else int(span.total_seconds())


def as_spans(rows: tuple[tuple[date, date], ...]) -> tuple[Span, ...]:
    return tuple(Span(first.toordinal(), last.toordinal()) for first, last in rows)


def unix(at: datetime) -> int:
    return int(at.timestamp())


def raw_pass(ticket: Ticket) -> bytes:
    return sign(Claims(ticket.number, ticket.product.name, 1, 0, 2**32 - 1, 0, ticket.persons, 0))


def record(ticket: Ticket, revision: int) -> Record:
    flags = {
        RecordFlag.ACTIVATED: ticket.activated, RecordFlag.COLLECTED: ticket.collected,
        RecordFlag.BOOKED: ticket.booked, RecordFlag.ROTATING: ticket.live_code_only,
    }  # fmt: skip
    slot_from, slot_to = (unix(at) for at in ticket.slot) if ticket.slot else (0, 0)
    return Record(
        revision=revision, ruleset_id=ticket.product.name, product_class=ticket.product.name,
        not_before=unix(ticket.valid_from), not_after=unix(ticket.valid_until), digest=passes.digest(raw_pass(ticket)),
        state=STATES[ticket.standing], flags=RecordFlag(sum(flag for flag, on in flags.items() if on)),
        persons=ticket.persons, slot_from=slot_from, slot_to=slot_to, owner_id=ticket.card or 0,
    )  # fmt: skip


# --- the machine ------------------------------------------------------------------------------------------------------


class Histories(RuleBasedStateMachine):
    """Two edges of one venue, each once with the compiled core and once with the twin, and the model."""

    stores: dict[tuple[int, int], Any]  # (edge, implementation) -> its store

    def __init__(self) -> None:
        super().__init__()
        self.verifiers: dict[tuple[int, int], Any] = {}
        for place, store in self.stores.items():
            txn = store.begin()
            for table in Table:
                txn.delete_range(table, b"", b"\xff" * 30, 9999)
            txn.commit()
            checker = CORES[place[1]].Verifier(store, PEPPER)
            checker.set_pass_keys([(PASS_KEY.key_id, PASS_KEY.public, 0, 2**32 - 1, False)])
            self.verifiers[place] = checker
        self.revision = 0

    @initialize(data=st.data(), setting=st.sampled_from(SETTINGS))
    def open(self, data: st.DataObject, setting: tuple[str, int, str]) -> None:
        zone, day_start, starts = setting
        self.calendar = Calendar(zone, day_start)
        self.now = datetime.fromisoformat(starts).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        self.venue = Venue(ZoneInfo(zone), timedelta(minutes=day_start))
        today = self.venue.day(self.now)
        self.products = [data.draw(products(name, today)) for name in (1, 2, 3)]
        every = frozenset({1, 2, 3})
        self.gates = {
            1: Gate(1, 11, 41, every), 2: Gate(2, 12, 41, every), 3: Gate(3, 13, 43, frozenset({1, 2})),
            4: Gate(4, 14, 44, every, inner=True), 5: Gate(5, 15, 45, frozenset(), is_exit=True),
        }  # fmt: skip
        self.apply([
            *(Op(Table.RULESET, records.live_key(p.name), rule_set(p).pack()) for p in self.products),
            *(op for gate in self.gates.values() for op in self.live_ops(gate)),
        ])  # fmt: skip
        self.set_calendar({})
        for _ in range(3):
            self.sell(data)

    # --- what the cloud sends -----------------------------------------------------------------------------------------

    def apply(self, ops: list[Op], edges: tuple[int, ...] = EDGES) -> None:
        for (edge, _), store in self.stores.items():
            if edge in edges:
                txn = store.begin()
                txn.apply(records.pack_ops(ops), 1, edge)
                txn.commit()
        for checker in self.verifiers.values():
            checker.reload_live()

    def live_ops(self, gate: Gate) -> list[Op]:
        station = Station(gate.group, gate.station_on, gate.is_exit, tuple(gate.accepts), gate.inner)
        narrowed = None if gate.lane_accepts is None else tuple(gate.lane_accepts)
        device = Device(gate.station, gate.lane_on, f"lane-{gate.lane}", narrowed)
        return [
            Op(Table.STATION, records.live_key(gate.station), station.pack()),
            Op(Table.DEVICE, records.live_key(gate.lane), device.pack()),
        ]

    def set_calendar(self, days: dict[date, str]) -> None:
        self.venue.calendar = days
        kinds = {"holiday": DayKind.HOLIDAY, "workday": DayKind.WORKDAY}
        rows = {day.toordinal(): (int(kinds[kind]), "节", "holiday") for day, kind in days.items()}
        venue = VenueSettings(self.calendar.time_zone, self.calendar.day_start_minutes, {}, holidays=rows)
        today = self.venue.day(self.now).toordinal()
        keys = [Op(Table.DAYKEY, records.live_key(day), DAY_KEY) for day in range(today - 1, today + 12)]
        self.apply([Op(Table.VENUE, records.live_key(1), venue.pack()), *keys])

    def put_ticket(self, ticket: Ticket) -> None:
        self.revision += 1
        self.venue.tickets[ticket.number] = ticket
        row = record(ticket, self.revision).pack()
        ops = [Op(Table.ENTITLEMENT, records.entitlement_key(ticket.number), row)]
        if ticket.holder:
            ops.append(index_op(CredentialKind.ID_NUMBER, ticket.holder.encode(), ticket.number))
        self.apply(ops)

    @rule(data=st.data())
    def hear_from_the_cloud(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from([self.sell, self.change_ticket, self.switch, self.change_calendar]))(data)

    def sell(self, data: st.DataObject) -> None:
        draw, hour, now = data.draw, timedelta(hours=1), self.now.replace(microsecond=0)
        starts = now + draw(st.sampled_from([-hour, -2 * hour, -hour, -hour, hour / 20]))
        ends = starts + draw(st.sampled_from([80 * hour, 800 * hour, 800 * hour, 4 * hour]))
        slot = draw(st.sampled_from([None, None, None, None, (hour / 20, hour), (-hour, hour / 4), (-hour, 9 * hour)]))
        product = draw(st.sampled_from(self.products))
        card = draw(st.sampled_from([None, 9001, 9002])) if product.pooled else None
        self.put_ticket(Ticket(
            number=len(self.venue.tickets) + 1, product=product, valid_from=starts,
            valid_until=ends, persons=draw(st.sampled_from([1, 1, 2, 4])),
            slot=slot and (now + slot[0], now + slot[1]), activated=draw(often), collected=draw(often),
            booked=draw(often), live_code_only=draw(seldom), card=card,
            holder=draw(st.sampled_from(["", *HOLDERS])),
        ))  # fmt: skip

    def change_ticket(self, data: st.DataObject) -> None:
        standing, done = data.draw(st.sampled_from([Reason.OK, Reason.OK, Reason.OK, *STATES])), data.draw(often)
        ticket = self.venue.tickets[data.draw(st.sampled_from(sorted(self.venue.tickets)))]
        self.put_ticket(replace(ticket, standing=standing, activated=done, collected=done, booked=done))

    def switch(self, data: st.DataObject) -> None:
        number, station_on, lane_on = data.draw(st.tuples(st.integers(1, 5), often, often))
        lane_accepts = data.draw(st.sampled_from([None, None, frozenset({1, 2}), frozenset({3}), frozenset()]))
        self.gates[number] = replace(
            self.gates[number], station_on=station_on, lane_on=lane_on, lane_accepts=lane_accepts
        )
        self.apply(self.live_ops(self.gates[number]))

    def change_calendar(self, data: st.DataObject) -> None:
        kinds = data.draw(st.lists(st.sampled_from(["", "holiday", "workday"]), min_size=3, max_size=3))
        today = self.venue.day(self.now)
        self.set_calendar({today + timedelta(days=n): kind for n, kind in enumerate(kinds) if kind})

    @rule(edge=st.sampled_from(EDGES))
    def tell(self, edge: int) -> None:
        """The other edge's uses arrive."""
        other = EDGES[0] + EDGES[1] - edge
        self.venue.tell(edge, other)
        for number in range(len(CORES)):
            rows = self.stores[other, number].scan(Table.USAGE, b"", 9999)
            ops = [Op(Table.OTHERS, key + other.to_bytes(4, "big"), value) for key, value in rows]
            txn = self.stores[edge, number].begin()
            txn.apply(records.pack_ops(ops), 1, edge)
            txn.commit()

    # --- time and people ----------------------------------------------------------------------------------------------

    @rule(later=st.sampled_from([1, 14, 1800, 3600, 5 * 3600, 86_400]), ms=st.integers(0, 999))
    def wait(self, later: int, ms: int) -> None:
        self.now = self.now.replace(microsecond=ms * 1000) + timedelta(seconds=later)

    @rule(data=st.data(), times=st.integers(3, 12))
    def present(self, data: st.DataObject, times: int) -> None:
        """One or two visitors, several times."""
        tickets = sorted(self.venue.tickets)
        visitors = data.draw(st.lists(st.sampled_from(tickets), min_size=1, max_size=2))
        for _ in range(times):
            self.now += timedelta(milliseconds=data.draw(st.sampled_from([1, 1000, 1000, 4000, 61_000])))
            edge, gate = data.draw(st.sampled_from(EDGES)), self.gates[data.draw(st.sampled_from([1, 1, 2, 3, 4, 5]))]
            shown = data.draw(presentations([self.venue.tickets[number] for number in visitors], self.now))
            room = data.draw(st.sampled_from([None, None, None, None, 3, 1, 0]))
            self.present_one(data, edge, gate, shown, room)
            if data.draw(seldom):
                self.tell(edge)

    def present_one(self, data: st.DataObject, edge: int, gate: Gate, shown: Shown, room: int | None) -> None:
        answer = self.venue.present(edge, gate, shown, self.now, room)
        verdicts = [self.check(edge, number, gate, shown, room) for number in range(len(CORES))]
        assert fields(verdicts[0]) == fields(verdicts[1])
        assert told(verdicts[0]) == answer
        if answer.admit and answer.ticket:
            walked = answer.persons if gate.is_exit else data.draw(st.sampled_from([answer.persons, 0, 1]))
            self.settle(edge, gate, answer, walked, verdicts)

    def credential(self, shown: Shown) -> tuple[CredentialKind, bytes]:
        if shown.medium == "id":
            return CredentialKind.ID_NUMBER, shown.holder.encode()
        raw = raw_pass(self.venue.tickets[shown.ticket])
        if shown.code_of is None:
            return CredentialKind.LINE, passes.line(raw)
        key = rotating.pass_key(DAY_KEY, passes.digest(raw))
        return CredentialKind.LINE, rotating.line(raw, key, round(shown.code_of.timestamp() * 1000))

    def check(self, edge: int, number: int, gate: Gate, shown: Shown, room: int | None) -> Any:
        kind, data = self.credential(shown)
        day = self.calendar.day(self.now)
        self.moment = {
            "station": gate.station, "device": gate.lane, "now_ms": round(self.now.timestamp() * 1000),
            "day": day.toordinal(), "month": month_number(day),
        }  # fmt: skip
        return self.verifiers[edge, number].check(
            int(kind), data, *self.moment.values(), self.calendar.minute(self.now, day),
            shown.id_read_before.encode(), -1 if room is None else room,
        )  # fmt: skip

    def settle(self, edge: int, gate: Gate, answer: Answer, walked: int, verdicts: list[Any]) -> None:
        self.venue.enter(edge, gate, answer, self.now, walked)
        for number, verdict in enumerate(verdicts):
            txn = self.stores[edge, number].begin()
            for key, before, after in (
                (verdict.usage_key, verdict.usage_before, verdict.usage_after),
                (verdict.whole_key, verdict.whole_before, verdict.whole_after),
            ):
                if after:
                    back = answer.persons - walked
                    txn.put(Table.USAGE, key, self.given_back(after, before, back, not walked) if back else after)
            txn.commit()

    def given_back(self, after: bytes, before: bytes | None, persons: int, nobody: bool) -> bytes:
        given = Usage.unpack(after).give_back(
            persons, day=self.moment["day"], month=self.moment["month"], at_ms=self.moment["now_ms"] if nobody else 0,
            before=None if before is None else Usage.unpack(before),
        )  # fmt: skip
        return given.pack()


def told(verdict: Any) -> Answer:
    """A verdict in the model's words."""
    left = None if verdict.remaining == -1 else verdict.remaining
    return Answer(verdict.admit, Reason(verdict.reason), verdict.entitlement_id, verdict.persons, left)


@contextmanager
def opened() -> Iterator[dict[tuple[int, int], Any]]:
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # nobody's power fails here: spare the disk
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        stores = {
            (edge, number): core.Environment(str(Path(folder, f"{edge}-{number}")), 1 << 22)
            for edge in EDGES
            for number, core in enumerate(CORES)
        }
        yield stores
        for store in stores.values():
            store.close()


@pytest.mark.spec("S-11", "T-51", "T-52", "T-53", "T-60")
def test_histories_are_judged_as_the_model_has_it() -> None:
    with opened() as stores:
        machine = type("Histories", (Histories,), {"stores": stores})
        run_state_machine_as_test(
            machine, settings=settings(max_examples=budget(15, 3000), stateful_step_count=40, deadline=None)
        )
