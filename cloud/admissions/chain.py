"""Which entries of a batch continue an edge's journal, which are known, which are kept aside. Pure; no database.

An edge uploads consecutive entries of its store, oldest first. So each entry has a *position* whatever its bytes
say: an unreadable one sits between its neighbours, and the acknowledgement goes past it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cloud.admissions.decode import Decoded

GENESIS = bytes(32)  # prev_hash of the first entry


@dataclass(slots=True)
class Chain:
    """Where an edge's journal stands. Moves on with every entry that is put behind it, taken or kept aside."""

    epoch: bytes = b""
    seq: int = 0
    last_hash: bytes = GENESIS

    def advance(self, item: Decoded, seq: int) -> None:
        self.seq = seq
        self.last_hash = item.entry_hash
        if item.entry is not None:
            self.epoch = item.entry.epoch


@dataclass(frozen=True, slots=True)
class Aside:
    """An entry to keep verbatim. `why` is SetAside.Why's value."""

    item: Decoded
    seq: int
    why: str
    detail: str


@dataclass(frozen=True, slots=True)
class Judged:
    taken: list[Decoded]  # new and in order; each has an entry
    aside: list[Aside]


def positions(items: Sequence[Decoded], expected: int) -> list[int]:
    """The sequence of each item. Most readable entries agree on where the batch begins; they decide.

    `expected` is where it begins when nothing in it can be read, and wins a tie.
    """
    votes = Counter(item.entry.seq - at for at, item in enumerate(items) if item.entry is not None)
    start = max(votes, key=lambda begin: (votes[begin], -abs(begin - expected)), default=expected)
    return [max(1, start) + at for at in range(len(items))]


def judge(
    items: Sequence[Decoded],
    seqs: Sequence[int],
    edge_id: int,
    chain: Chain,
    known: Mapping[tuple[bytes, int], bytes],
) -> Judged:
    """Sorts a batch and moves `chain` past it.

    `known` holds the hashes stored already under (epoch, seq), for at least the positions up to chain.seq.
    """
    judged = Judged([], [])
    for item, seq in zip(items, seqs, strict=True):
        entry = item.entry
        if entry is not None and known.get((entry.epoch, entry.seq)) == item.entry_hash:
            continue
        why, detail = _fault(item, seq, edge_id, chain, known)
        if why:
            judged.aside.append(Aside(item, seq, why, detail))
        else:
            if seq > chain.seq + 1:
                # The edge no longer has them (it trims what was acked), so waiting would stop the queue for ever.
                missing = f"entries {chain.seq + 1}..{seq - 1} never came"
                judged.aside.append(Aside(item, seq, "gap", missing))
            judged.taken.append(item)
        if seq > chain.seq:
            chain.advance(item, seq)
    return judged


def _fault(
    item: Decoded, seq: int, edge_id: int, chain: Chain, known: Mapping[tuple[bytes, int], bytes]
) -> tuple[str, str]:
    entry = item.entry
    if entry is None:
        return "unreadable", item.problem
    if entry.edge_id != edge_id:
        return "foreign", f"names edge {entry.edge_id}"
    if (entry.epoch, entry.seq) in known:
        return "conflict", f"entry {entry.seq} is stored with another hash"
    if entry.seq != seq:
        return "gap", f"says {entry.seq} where {seq} is due"
    if seq <= chain.seq:
        return "chain", f"begins again at {seq} though {chain.seq} is stored: a cloned or restored store"
    if seq == chain.seq + 1 and entry.prev_hash != chain.last_hash:
        return "chain", "does not follow the entry before it"
    return "", ""
