"""The rules of the gate once more, as plainly as they can be said: the reference the verifiers are held against.

Written from the catalogue and the design's list of checks, not from either verifier. It has its own types, knows
dates and times as people do, and counts nothing: it keeps every admission and looks through all of them each time.
Only the names of the reasons are shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from paifang.reasons import Reason

LIVE_CODE_LASTS = timedelta(seconds=15)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Product:
    """What was sold. Limits of None do not limit; they count people, for a ticket of several so many times more."""

    name: int
    uses_at_a_group: int | None = 1
    uses_in_all: int | None = None
    uses_a_month: int | None = None
    uses_a_day: int | None = None
    at_once: int | None = None
    together: bool = False
    media: frozenset[str] = frozenset({"pass", "live", "id"})
    activate_first: bool = False
    collect_first: bool = False
    book_first: bool = False
    real_name: bool = False
    early: timedelta = timedelta()
    late: timedelta = timedelta()
    weekdays: frozenset[int] | None = None  # 0 is Monday; None: any day, holidays too
    on_holidays: bool = False  # asked only where weekdays are given
    hours: tuple[tuple[int, int], ...] = ()  # from and until, minutes after the midnight the day is named after
    dates: tuple[tuple[date, date], ...] = ()
    not_on: tuple[tuple[date, date], ...] = ()
    lasts: timedelta | None = None  # from the first use
    lasts_days: int | None = None
    pause: timedelta | None = None
    no_passback: bool = False
    pooled: bool = False  # sold with cards that share their uses

    @property
    def counts_everywhere(self) -> bool:
        """Whether its uses are counted over the whole venue: one of its rules, or a pool's, may look at them all."""
        limits = (self.uses_in_all, self.uses_a_month, self.uses_a_day, self.lasts, self.lasts_days, self.pause)
        return self.pooled or self.no_passback or any(limit is not None for limit in limits)


@dataclass(frozen=True)
class Ticket:
    number: int
    product: Product
    valid_from: datetime
    valid_until: datetime  # its last second
    persons: int = 1
    slot: tuple[datetime, datetime] | None = None
    standing: Reason = Reason.OK
    activated: bool = False
    collected: bool = False
    booked: bool = False
    live_code_only: bool = False
    card: int | None = None  # the card whose pool it draws on
    holder: str = ""  # ID number

    @property
    def purse(self) -> int:
        """Whose uses are counted."""
        return self.card or self.number

    @property
    def starts(self) -> datetime:
        return max(self.valid_from, self.slot[0] - self.product.early) if self.slot else self.valid_from

    @property
    def ends(self) -> datetime:
        return min(self.valid_until, self.slot[1] + self.product.late) if self.slot else self.valid_until


@dataclass(frozen=True)
class Gate:
    """One lane's station: stations of one group share a use; an inner one is no way into the venue."""

    station: int
    lane: int
    group: int
    accepts: frozenset[int]
    lane_accepts: frozenset[int] | None = None  # of those the station does; None: all of them
    station_on: bool = True
    lane_on: bool = True
    is_exit: bool = False
    inner: bool = False


@dataclass(frozen=True)
class Entry:
    """People let in (or, at an exit, out)."""

    purse: int
    gate: Gate
    at: datetime
    day: date
    persons: int
    marks_presence: bool


@dataclass(frozen=True)
class Shown:
    """What a visitor presents: a pass or live code of one ticket, or an ID card."""

    medium: str
    ticket: int = 0
    holder: str = ""
    code_of: datetime | None = None  # when the phone showed the live code
    id_read_before: str = ""


@dataclass(frozen=True)
class Answer:
    admit: bool
    reason: Reason
    ticket: int = 0
    persons: int = 0
    left: int | None = 0  # after it; None: as many as they like


@dataclass
class Venue:
    """All there is to know, and what each edge knows of it: its own entries, and the others' as last told."""

    zone: ZoneInfo
    day_starts: timedelta
    calendar: dict[date, str] = field(default_factory=dict)  # "holiday" or "workday"
    tickets: dict[int, Ticket] = field(default_factory=dict)
    entries: dict[int, list[Entry]] = field(default_factory=dict)
    told: dict[tuple[int, int], list[Entry]] = field(default_factory=dict)

    # --- days ---------------------------------------------------------------------------------------------------------

    def wall(self, at: datetime) -> datetime:
        return at.astimezone(self.zone).replace(tzinfo=None)

    def day(self, at: datetime) -> date:
        return (self.wall(at) - self.day_starts).date()

    # --- what an edge knows -------------------------------------------------------------------------------------------

    def tell(self, edge: int, other: int) -> None:
        """The edge learns of all the other has let in so far."""
        self.told[edge, other] = list(self.entries.get(other, []))

    def known(self, edge: int, purse: int) -> list[Entry]:
        """In the order of time."""
        every = [*self.entries.get(edge, [])]
        for (to, _), entries in self.told.items():
            if to == edge:
                every += entries
        return sorted((entry for entry in every if entry.purse == purse), key=lambda entry: entry.at)

    # --- presenting ---------------------------------------------------------------------------------------------------

    def present(self, edge: int, gate: Gate, shown: Shown, now: datetime, room: int | None = None) -> Answer:
        """The answer. Nothing is counted until `enter`."""
        tickets = list(self.behind(shown))
        if gate.is_exit:
            return self.let_out(edge, tickets)
        answers = [self.judge(edge, gate, ticket, shown, now, room) for ticket in tickets]
        if not answers:
            return Answer(False, Reason.UNKNOWN)
        admitting = [answer for answer in answers if answer.admit]
        if admitting:
            return min(admitting, key=lambda answer: (self.tickets[answer.ticket].ends, answer.ticket))
        return max(answers, key=lambda answer: (answer.reason, -answer.ticket))

    def behind(self, shown: Shown) -> Iterator[Ticket]:
        for number in sorted(self.tickets):
            ticket = self.tickets[number]
            if number == shown.ticket or (shown.medium == "id" and ticket.holder and ticket.holder == shown.holder):
                yield ticket

    def let_out(self, edge: int, tickets: list[Ticket]) -> Answer:
        if len(tickets) == 1:
            return Answer(True, Reason.LEAVING, tickets[0].number, tickets[0].persons)
        for ticket in tickets:
            if ticket.product.no_passback and self.is_inside(self.known(edge, ticket.purse)):
                return Answer(True, Reason.LEAVING, ticket.number, ticket.persons)
        return Answer(True, Reason.LEAVING, 0, 1)

    def judge(self, edge: int, gate: Gate, ticket: Ticket, shown: Shown, now: datetime, room: int | None) -> Answer:
        known = self.known(edge, ticket.purse)
        for miss in (
            self.live_code(ticket, gate, shown, now, known),
            self.standing(ticket),
            self.place(ticket, gate),
            self.medium(ticket, shown),
            self.time(ticket, now),
            self.duration(ticket, now, known),
            self.uses(ticket, gate, now, known),
            self.presence(ticket, gate, now, known),
        ):
            if miss is not None:
                return Answer(False, miss, ticket.number)
        persons = self.how_many(ticket, gate, now, known)
        if room is not None and not gate.inner and persons > room:
            return Answer(False, Reason.VENUE_FULL, ticket.number)
        lefts = [left for left in self.lefts(ticket, gate, now, known).values() if left is not None]
        return Answer(True, Reason.OK, ticket.number, persons, min(lefts) - persons if lefts else None)

    def enter(self, edge: int, gate: Gate, answer: Answer, now: datetime, persons: int) -> None:
        """So many of those admitted walked through."""
        ticket = self.tickets[answer.ticket]
        if gate.is_exit:
            marks = ticket.product.no_passback and self.is_inside(self.known(edge, ticket.purse))
        else:
            marks = ticket.product.no_passback and not gate.inner
        if persons and (marks or not gate.is_exit):
            entry = Entry(ticket.purse, gate, now, self.day(now), 0 if gate.is_exit else persons, marks)
            self.entries.setdefault(edge, []).append(entry)

    # --- the rules ----------------------------------------------------------------------------------------------------

    def live_code(self, ticket: Ticket, gate: Gate, shown: Shown, now: datetime, known: list[Entry]) -> Reason | None:
        if shown.medium == "pass" and ticket.live_code_only:
            return Reason.LIVE_CODE_NEEDED
        if shown.code_of is None:
            return None
        code, current = ((at - EPOCH) // LIVE_CODE_LASTS for at in (shown.code_of, now))
        if not current - 1 <= code <= current:
            return Reason.STALE_CODE
        used = self.uses_of(known)
        if not ticket.product.counts_everywhere:
            used = [entry for entry in used if entry.gate.group == gate.group]
        if used and used[-1].gate.lane != gate.lane and (used[-1].at - EPOCH) // LIVE_CODE_LASTS >= code:
            return Reason.REPLAYED
        return None

    def standing(self, ticket: Ticket) -> Reason | None:
        if ticket.standing != Reason.OK:
            return ticket.standing
        return Reason.NOT_ACTIVATED if ticket.product.activate_first and not ticket.activated else None

    def place(self, ticket: Ticket, gate: Gate) -> Reason | None:
        if not gate.station_on:
            return Reason.STATION_CLOSED
        if not gate.lane_on:
            return Reason.LANE_CLOSED
        if ticket.product.name not in gate.accepts:
            return Reason.WRONG_STATION
        narrowed = gate.lane_accepts is not None and ticket.product.name not in gate.lane_accepts
        return Reason.WRONG_LANE if narrowed else None

    def medium(self, ticket: Ticket, shown: Shown) -> Reason | None:
        if shown.medium not in ticket.product.media:
            return Reason.MEDIUM_NOT_ALLOWED
        if ticket.product.collect_first and not ticket.collected:
            return Reason.NOT_COLLECTED
        if ticket.product.real_name and shown.medium != "id":
            if not shown.id_read_before:
                return Reason.IDENTITY_NEEDED
            if shown.id_read_before != ticket.holder:
                return Reason.IDENTITY_OTHER
        return None

    def time(self, ticket: Ticket, now: datetime) -> Reason | None:
        product, day, second = ticket.product, self.day(now), now.replace(microsecond=0)
        if second < ticket.starts:
            return Reason.TOO_EARLY
        if second > ticket.valid_until:
            return Reason.EXPIRED
        if product.book_first and not ticket.booked:
            return Reason.NOT_BOOKED
        if second > ticket.ends:
            return Reason.SLOT_OVER
        if product.dates and not any(first <= day <= last for first, last in product.dates):
            return Reason.WRONG_DATE
        if any(first <= day <= last for first, last in product.not_on):
            return Reason.WRONG_DATE
        if product.weekdays is not None:
            miss = self.weekday(product, day)
            if miss is not None:
                return miss
        wall, midnight = self.wall(now), datetime.combine(day, time())
        if product.hours and not any(
            midnight + timedelta(minutes=start) <= wall < midnight + timedelta(minutes=end)
            for start, end in product.hours
        ):
            return Reason.OUTSIDE_HOURS
        return None

    def weekday(self, product: Product, day: date) -> Reason | None:
        weekdays = product.weekdays or frozenset()
        if self.calendar.get(day) == "holiday":
            return None if product.on_holidays else Reason.HOLIDAY
        if self.calendar.get(day) == "workday":
            return None if weekdays & {0, 1, 2, 3, 4} else Reason.WRONG_DAY
        return None if day.weekday() in weekdays else Reason.WRONG_DAY

    def duration(self, ticket: Ticket, now: datetime, known: list[Entry]) -> Reason | None:
        used = self.uses_of(known)
        if not used:
            return None
        product, first = ticket.product, used[0]
        if product.lasts is not None and now >= first.at + product.lasts:
            return Reason.DURATION_OVER
        if product.lasts_days is not None and self.day(now) >= first.day + timedelta(days=product.lasts_days):
            return Reason.DURATION_OVER
        return None

    def uses(self, ticket: Ticket, gate: Gate, now: datetime, known: list[Entry]) -> Reason | None:
        wanted = ticket.persons if ticket.product.together else 1
        lefts = self.lefts(ticket, gate, now, known)
        for name, miss in (
            ("all", Reason.USED_UP),
            ("month", Reason.MONTH_LIMIT),
            ("day", Reason.DAY_LIMIT),
            ("group", Reason.USED_UP),
        ):
            left = lefts[name]
            if left is not None and left < wanted:
                if name == "group" and self.in_group(known, gate)[-1].gate.station != gate.station:
                    return Reason.USED_AT_SIBLING
                return miss
        return None

    def presence(self, ticket: Ticket, gate: Gate, now: datetime, known: list[Entry]) -> Reason | None:
        if ticket.product.no_passback and not gate.inner and self.is_inside(known):
            return Reason.ALREADY_INSIDE
        used = self.uses_of(known)
        if ticket.product.pause is not None and used and now < used[-1].at + ticket.product.pause:
            return Reason.TOO_SOON
        return None

    # --- counting -----------------------------------------------------------------------------------------------------

    def uses_of(self, known: list[Entry]) -> list[Entry]:
        return [entry for entry in known if not entry.gate.is_exit]

    def in_group(self, known: list[Entry], gate: Gate) -> list[Entry]:
        return [entry for entry in self.uses_of(known) if entry.gate.group == gate.group]

    def is_inside(self, known: list[Entry]) -> bool:
        visits = [entry for entry in known if entry.marks_presence]
        return bool(visits) and not visits[-1].gate.is_exit

    def lefts(self, ticket: Ticket, gate: Gate, now: datetime, known: list[Entry]) -> dict[str, int | None]:
        """What each limit leaves."""

        def left(limit: int | None, entries: Iterable[Entry]) -> int | None:
            return None if limit is None else limit * ticket.persons - sum(entry.persons for entry in entries)

        product, used, day = ticket.product, self.uses_of(known), self.day(now)
        this_month = [entry for entry in used if (entry.day.year, entry.day.month) == (day.year, day.month)]
        return {
            "all": left(product.uses_in_all, used),
            "month": left(product.uses_a_month, this_month),
            "day": left(product.uses_a_day, [entry for entry in used if entry.day == day]),
            "group": left(product.uses_at_a_group, self.in_group(known, gate)),
        }

    def how_many(self, ticket: Ticket, gate: Gate, now: datetime, known: list[Entry]) -> int:
        every = [left for left in self.lefts(ticket, gate, now, known).values() if left is not None]
        if ticket.product.at_once is not None and not ticket.product.together:
            every.append(ticket.product.at_once)
        return min([ticket.persons, *every])
