"""Takes an edge's journal in: idempotent, in order, nothing dropped. One transaction a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

from django.db import transaction
from django.utils import timezone

from cloud.admissions import cases, edge_alarms
from cloud.admissions.bulk import insert_new, update_rows
from cloud.admissions.chain import Aside, Chain, judge, positions
from cloud.admissions.decode import MAX_SMALL, Decoded, decode
from cloud.admissions.double_use import open_double_uses
from cloud.admissions.edge_alarms import Heard
from cloud.admissions.models import Admission, EdgeChain, JournalEntry, SetAside
from cloud.admissions.services.flags import flag
from cloud.admissions.services.occupancy import count
from cloud.admissions.settle import Passage
from cloud.core.alarms import raise_alarm
from cloud.core.business_day import Calendar, calendar_of
from cloud.entitlements import usage
from cloud.venues.models import Edge
from paifang.usage import WHOLE_GROUP
from paifang.v1 import scan_pb2

_JOURNAL = (
    "venue_id", "edge_id", "epoch", "seq", "entry_hash", "raw", "kind", "at", "business_day", "received_at",
    "device_id", "station_id", "decision", "reason", "entitlement_id",
)  # fmt: skip
_ADMISSION = (
    "venue_id", "edge_id", "seq", "entitlement_id", "product_class", "station_id", "device_id", "credential_kind",
    "at", "business_day", "persons", "leaving", "signed_only", "flag",
    "passed", "returned", "outcome", "settled_at", "recovered",
)  # fmt: skip
_HEAD = _ADMISSION[:-5]
_SETTLED = ("id", "passed", "returned", "outcome", "settled_at", "recovered")


@transaction.atomic
def ingest(edge: Edge, entries: Sequence[bytes]) -> int:
    """Stores a batch of journal entries, oldest first, as the edge holds them; within the venue's scope.

    Returns the sequence up to which everything is durable here once the transaction is committed: that of the
    batch's last entry, whatever had to be kept aside (never more than was sent: an edge that starts again lower
    must not trim what it has yet to write). An empty batch acks nothing: 0.
    """
    if not entries:
        return 0
    items = [decode(bytes(raw)) for raw in entries]
    row = _locked_chain(edge)
    chain = Chain(bytes(row.epoch), row.seq, bytes(row.last_hash))
    seqs = positions(items, _expected(edge, items, chain))
    judged = judge(items, seqs, edge.pk, chain, _known(edge, items, seqs, chain))
    EdgeChain.objects.filter(pk=edge.pk).update(epoch=chain.epoch, seq=chain.seq, last_hash=chain.last_hash)
    if judged.aside:
        _keep_aside(edge, judged.aside)
    if judged.taken:
        _take(edge, judged.taken)
    return seqs[-1]


def _locked_chain(edge: Edge) -> EdgeChain:
    """The row lock makes uploads of one edge take turns."""
    fresh = EdgeChain(edge=edge, venue_id=edge.venue_id, epoch=b"", seq=0, last_hash=Chain().last_hash)
    EdgeChain.objects.bulk_create([fresh], ignore_conflicts=True)
    return EdgeChain.objects.select_for_update().get(pk=edge.pk)


def _expected(edge: Edge, items: Sequence[Decoded], chain: Chain) -> int:
    """Where the batch begins if nothing in it can be read: where it was put when it came before, else next."""
    if all(item.entry is None for item in items):
        before = SetAside.objects.filter(edge=edge, entry_hash=items[0].entry_hash, seq__isnull=False).first()
        if before is not None and before.seq is not None:
            return before.seq
    return chain.seq + 1


def _known(edge: Edge, items: Sequence[Decoded], seqs: Sequence[int], chain: Chain) -> dict[tuple[bytes, int], bytes]:
    if seqs[0] > chain.seq:
        return {}
    epochs = {item.entry.epoch for item in items if item.entry is not None}
    rows = JournalEntry.objects.filter(
        venue_id=edge.venue_id, edge=edge, epoch__in=epochs, seq__gte=seqs[0], seq__lte=seqs[-1]
    ).values_list("epoch", "seq", "entry_hash")
    return {(bytes(epoch), seq): bytes(entry_hash) for epoch, seq, entry_hash in rows}


def _keep_aside(edge: Edge, aside: Sequence[Aside]) -> None:
    """Verbatim, once each; one alarm a batch and kind, for those not kept before."""
    hashes = [kept.item.entry_hash for kept in aside]
    before = {
        (bytes(entry_hash), why)
        for entry_hash, why in SetAside.objects.filter(edge=edge, entry_hash__in=hashes).values_list(
            "entry_hash", "why"
        )
    }
    fresh = {(kept.item.entry_hash, kept.why): kept for kept in aside}
    fresh = {key: kept for key, kept in fresh.items() if key not in before}
    rows = SetAside.objects.bulk_create(
        SetAside(
            venue_id=edge.venue_id,
            edge=edge,
            why=kept.why,
            raw=kept.item.raw,
            entry_hash=kept.item.entry_hash,
            seq=kept.seq,
            detail=kept.detail[:200],
        )
        for kept in fresh.values()
    )
    cases.open_set_aside(edge, rows)
    for why in sorted({kept.why for kept in fresh.values()}):
        same = [kept for kept in fresh.values() if kept.why == why]
        raise_alarm(
            "journal.set_aside", edge, edge.venue,
            why=why, entries=len(same), first_seq=same[0].seq, last_seq=same[-1].seq, detail=same[0].detail,
        )  # fmt: skip


class _Days:
    """Business days of instants, most of which are on the same day as the one before."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._from_ms = self._until_ms = 0
        self._day = date.min

    def of(self, at_ms: int) -> date:
        if not self._from_ms <= at_ms < self._until_ms:
            self._day = self._calendar.day(datetime.fromtimestamp(at_ms / 1000, UTC))
            self._from_ms = int(self._calendar.start(self._day).timestamp() * 1000)
            self._until_ms = int(self._calendar.end(self._day).timestamp() * 1000)
        return self._day


def _take(edge: Edge, taken: Sequence[Decoded]) -> None:
    days = _Days(calendar_of(edge.venue))
    now = timezone.now()
    journal: list[tuple[object, ...]] = []
    heads: dict[int, Admission] = {}  # admissions of this batch, without what settles them
    passages: dict[int, Passage] = {}
    settlements: list[tuple[scan_pb2.Settlement, datetime]] = []
    usages: dict[tuple[int, int], bytes] = {}
    alarms: list[Heard] = []

    for item in taken:
        entry = item.entry
        assert entry is not None  # judge takes readable entries only
        at = datetime.fromtimestamp(entry.at_ms / 1000, UTC)
        day = days.of(entry.at_ms)
        device = station = decision = reason = entitlement = None
        if item.kind == "presentation":
            body = entry.presentation
            device, station, decision, reason = body.device_id, body.station_id, body.decision, body.reason
            entitlement = body.entitlement_id or None
            if decision == scan_pb2.DECISION_ADMIT:
                heads[entry.seq] = Admission(
                    venue_id=edge.venue_id, edge_id=edge.pk, seq=entry.seq, entitlement_id=body.entitlement_id,
                    product_class=body.product_class, station_id=station, device_id=device,
                    credential_kind=body.credential_kind, at=at, business_day=day, persons=body.persons,
                    leaving=body.leaving, signed_only=body.signed_only,
                )  # fmt: skip
                passages[entry.seq] = Passage(day, station, body.persons, leaving=body.leaving)
                if body.usage:
                    usages[body.owner_id, body.group_id] = body.usage
                if body.whole_usage:
                    usages[body.owner_id, WHOLE_GROUP] = body.whole_usage
        elif item.kind == "settlement":
            settled = entry.settlement
            device, entitlement = settled.device_id, settled.entitlement_id or None
            if settled.admission_seq in passages:
                passages[settled.admission_seq].settle(settled, at)
            else:
                settlements.append((settled, at))
            if settled.usage:
                usages[settled.owner_id, settled.group_id] = settled.usage
            if settled.whole_usage:
                usages[settled.owner_id, WHOLE_GROUP] = settled.whole_usage
        elif item.kind == "alarm":
            alarms.append(Heard(entry.alarm.code, entry.alarm.device_id, entry.alarm.detail, at))
        journal.append(
            (
                edge.venue_id, edge.pk, entry.epoch, entry.seq, item.entry_hash, item.raw, item.kind, at, day, now,
                device, station, decision, reason, entitlement,
            )
        )  # fmt: skip

    insert_new(JournalEntry, _JOURNAL, journal)
    flag(edge, heads.values())
    insert_new(
        Admission,
        _ADMISSION,
        [(*(getattr(heads[seq], name) for name in _HEAD), *_changing(passage)) for seq, passage in passages.items()],
    )
    counted = list(passages.items())
    if settlements:
        counted += _settle_stored(edge, settlements).items()
    usage.relay_all(edge, [usage.Reported(owner, group, record) for (owner, group), record in usages.items()])
    for code, times in Counter(one.code for one in alarms).items():
        raise_alarm("edge." + code, edge, edge.venue, times=times)
    edge_alarms.heard(edge, alarms)
    cases.open_ticketless(edge, heads.values())
    cases.open_flagged(edge, {seq: passage.outcome for seq, passage in counted})
    # Last: other edges wait for these rows until the commit, those of the station, then all of the venue.
    count(edge, (passage for _seq, passage in counted))
    open_double_uses(edge, {head.entitlement_id for head in heads.values() if head.entitlement_id})


def _changing(passage: Passage) -> tuple[object, ...]:
    return (
        min(passage.passed, MAX_SMALL), min(passage.returned, MAX_SMALL), passage.outcome,
        passage.settled_at, passage.recovered,
    )  # fmt: skip


def _settle_stored(edge: Edge, settlements: Sequence[tuple[scan_pb2.Settlement, datetime]]) -> dict[int, Passage]:
    """Settles admissions of earlier batches, by seq. One that is not here (its entry was kept aside) is alarmed."""
    wanted = {body.admission_seq for body, _ in settlements}
    rows = Admission.objects.filter(venue_id=edge.venue_id, edge=edge, seq__in=wanted).values_list(
        "seq", "id", "business_day", "station_id", "persons", "passed", "returned", "outcome", "settled_at",
        "recovered", "leaving",
    )  # fmt: skip
    stored = {seq: (pk, Passage(*columns)) for seq, pk, *columns in rows}
    for body, at in settlements:
        if body.admission_seq in stored:
            stored[body.admission_seq][1].settle(body, at)
    update_rows(Admission, _SETTLED, [(pk, *_changing(passage)) for pk, passage in stored.values()])
    orphans = sorted(wanted - stored.keys())
    if orphans:
        raise_alarm("journal.orphan_settlement", edge, edge.venue, entries=len(orphans), first_admission=orphans[0])
    return {seq: passage for seq, (_pk, passage) in stored.items()}
