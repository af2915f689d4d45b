"""Claims: "this use is taken here, now", across the entrances of a site.

An admission of somebody who could be admitted at another edge too is claimed after it was reserved here and before it
is recorded. Whoever loses is given what the winner has, and decides again on it. Where one edge serves all, or a
product is verified at one edge only, nothing is claimed: `Local`, the embedded default, is that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol, TypeVar

from edge.claim_record import Groups, Rows
from edge.claim_works import Learned, owner_key
from paifang.records import Device, Station, Table
from paifang.rulesets import RuleFlag
from paifang.usage import WHOLE_GROUP

if TYPE_CHECKING:
    from edge._verify import Environment, Verdict

Row = TypeVar("Row")

WHOLE = int(RuleFlag.WHOLE)
_ALL = 1 << 20
DAY_S = 86_400
KEEP_DAYS = 8  # after a ticket's end: it may be extended, and clocks differ


class State(Enum):
    """How claims stand. The numbers are EdgeStatus.claims."""

    LOCAL = 0  # no other edge to agree with
    QUORUM = 1
    NO_QUORUM = 2


class Outcome(Enum):
    WON = "won"
    LOST = "lost"
    NO_QUORUM = "no quorum"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a claim.

    Attributes:
        learned: of a lost one: what the store has to take over before the credential is decided on again.
        asked: of one without quorum: etcd may have taken it all the same.
    """

    outcome: Outcome
    learned: Learned | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Sight:
    """What the store holds of a counter owner.

    Attributes:
        own: this edge's records, by group, what is reserved and not yet stored included.
        seen: the siblings' records.
    """

    owner_id: int
    own: Groups
    seen: Rows


@dataclass(frozen=True, slots=True)
class Claim:
    """A verdict's uses, and what it was made from at least.

    Attributes:
        event: names the reservation; never 0.
        sight: read before the verdict was made, so that it counted all of it.
        after: this edge's records that it changes.
        until_day: days since 1970 until which etcd keeps the owner's key.
    """

    event: int
    sight: Sight
    persons: int
    after: Groups
    until_day: int

    @property
    def owner_id(self) -> int:
        return self.sight.owner_id


class Claims(Protocol):
    """Belongs to the trio thread."""

    @property
    def state(self) -> State: ...

    def shares(self, verdict: Verdict) -> bool:
        """Whether the owner of an admitting verdict's uses can be admitted at another edge."""

    def take(self, claim: Claim, done: Callable[[Answer], None]) -> None:
        """Claims. `done` comes exactly once, within the time claims may take; at once while there is no quorum."""

    def over(self, claim: Claim) -> None:
        """A claim that was won is recorded as admission, or withdrawn."""

    def tell(self) -> None:
        """The store has something that etcd is to be told of."""


class Local:
    """One edge alone: its own reservations and its committer are the claim."""

    state = State.LOCAL

    def shares(self, verdict: Verdict) -> bool:
        return False

    def take(self, claim: Claim, done: Callable[[Answer], None]) -> None:
        done(Answer(Outcome.WON))

    def over(self, claim: Claim) -> None:
        pass

    def tell(self) -> None:
        pass


LOCAL = Local()


def look(environment: Environment, inflight: dict[bytes, bytes], owner_id: int) -> Sight:
    """What the next verdict on an owner counts at least."""
    owner = owner_key(owner_id)
    reserved = [row for row in inflight.items() if row[0].startswith(owner)]
    own = {
        int.from_bytes(key[8:12], "big"): usage for key, usage in (*_rows(environment, Table.USAGE, owner), *reserved)
    }
    seen = {
        (int.from_bytes(key[8:12], "big"), int.from_bytes(key[12:16], "big")): usage
        for key, usage in _rows(environment, Table.OTHERS, owner)
    }
    return Sight(owner_id, own, seen)


def _rows(environment: Environment, table: Table, owner: bytes) -> Iterator[tuple[bytes, bytes]]:
    """An owner's rows. A scan may see a commit before the verifier does, `get` reads what the verifier does."""
    for key, _ in environment.scan(table, owner, _ALL, prefix=owner):
        usage = environment.get(table, key)
        if usage is not None:
            yield key, usage


def make(verdict: Verdict, sight: Sight) -> Claim:
    """The claim of an admitting verdict on the owner in sight."""
    after = {verdict.group_id: verdict.usage_after} if verdict.usage_after else {}
    if verdict.whole_after:
        after[WHOLE_GROUP] = verdict.whole_after
    until_day = verdict.valid_until // DAY_S + KEEP_DAYS
    return Claim(new_event(), sight, verdict.persons, after, until_day)


def new_event() -> int:
    """A name of a reservation: random, not 0, of 63 bits."""
    return int.from_bytes(os.urandom(8), "big") >> 1 | 1


class Reach:
    """Which products can be used at which exclusion groups of other edges, by the venue's live records."""

    def __init__(self, lanes: Iterable[str]) -> None:
        """`lanes`: the identifiers of this edge's own devices."""
        self._lanes = frozenset(lane.casefold() for lane in lanes)
        self._groups: frozenset[tuple[int, int]] = frozenset()
        self._products: frozenset[int] = frozenset()

    def look(self, environment: Environment) -> None:
        """Reads the live records anew."""
        rows = environment.scan(Table.DEVICE, b"", _ALL, _ALL)
        devices = [device for _, value in rows if (device := _known(Device.unpack, value)) is not None]
        elsewhere = {device.station_id for device in devices if device.identifier.casefold() not in self._lanes}
        found: set[tuple[int, int]] = set()
        for key, value in environment.scan(Table.STATION, b"", _ALL, _ALL):
            station = _known(Station.unpack, value)
            if station is not None and int.from_bytes(key, "big") in elsewhere:
                found.update((station.group_id, product) for product in station.products)
        self._groups = frozenset(found)
        self._products = frozenset(product for _, product in found)

    def shares(self, verdict: Verdict) -> bool:
        """A pool's owner is behind several products, so any other edge that verifies may spend of it."""
        if verdict.owner_id != verdict.entitlement_id:
            return bool(self._products)
        if verdict.rule_flags & WHOLE:
            return verdict.product_class in self._products
        return (verdict.group_id, verdict.product_class) in self._groups


def _known(unpack: Callable[[bytes], Row], value: bytes) -> Row | None:
    """A live record, unless its layout is not known here: nobody can be admitted by it then."""
    try:
        return unpack(value)
    except ValueError:
        return None
