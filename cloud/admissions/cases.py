"""Opens cases in the ingest's transaction: what the gates could not settle by themselves, once each.

A case is known by its key, so an upload that comes again opens nothing. What a person decided stays decided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from cloud.admissions.models import Admission, Case, CaseWatch, JournalEntry, SetAside
from cloud.core import business_day
from cloud.entitlements.models import Entitlement
from cloud.sales.models import OrderUnit
from cloud.venues.models import Edge
from paifang.rulesets import RuleSet
from paifang.usage import WHOLE_GROUP
from paifang.v1 import scan_pb2

FLAGGED = {"unticketed": Case.Kind.UNTICKETED, "unknown": Case.Kind.UNKNOWN}  # outcomes a person should look at
_CHUNK = 500  # ids a statement: within SQLite's limit of bound values

Place = tuple[int, int]  # edge, seq of the admitting presentation


@dataclass(frozen=True, slots=True)
class Counter:
    """Whose uses are counted where: by the presentation's own words."""

    owner_id: int
    group_id: int


@dataclass(frozen=True, slots=True)
class Excess:
    """An admission by which a counter went over its limit, and the one before it at another edge."""

    admission: Admission
    other: Admission
    persons: int


def open_flagged(edge: Edge, outcomes: Mapping[int, str]) -> None:
    """A case for each admission of this edge that was settled in a way a person should look at: seq -> outcome."""
    flagged = {seq: FLAGGED[outcome] for seq, outcome in outcomes.items() if outcome in FLAGGED}
    if not flagged:
        return
    rows = list(Admission.objects.filter(venue_id=edge.venue_id, edge=edge, seq__in=flagged))
    prices = _prices([row.entitlement_id for row in rows])
    _open(_case(row, flagged[row.seq], f"{flagged[row.seq]}:{edge.pk}:{row.seq}", row.persons, prices) for row in rows)


def open_set_aside(edge: Edge, kept: Sequence[SetAside]) -> None:
    """A case for each reason among the entries of an upload that were put aside just now; they are linked to it."""
    now = timezone.now()
    for why in sorted({one.why for one in kept}):
        same = [one for one in kept if one.why == why]
        key = f"set_aside:{edge.pk}:{why}:{bytes(same[0].entry_hash).hex()[:16]}"
        case, _made = Case.objects.get_or_create(
            venue_id=edge.venue_id, key=key,
            defaults={"kind": Case.Kind.SET_ASIDE, "edge": edge, "at": now,
                      "business_day": business_day.today(edge.venue, now)},
        )  # fmt: skip
        SetAside.objects.filter(edge=edge, why=why, entry_hash__in=[one.entry_hash for one in same]).update(case=case)


def open_double_uses(edge: Edge, entitlement_ids: Collection[int]) -> None:
    """Cases for tickets just used at this edge that other edges let in too, together more than they allow.

    Edges that are cut off from each other decide by what they hold, so this can happen and cannot be undone. The
    last thing in the ingest's transaction: uploads of a venue take turns here until they commit.
    """
    if not entitlement_ids or not Edge.objects.filter(venue_id=edge.venue_id).exclude(pk=edge.pk).exists():
        return
    CaseWatch.objects.bulk_create([CaseWatch(venue_id=edge.venue_id)], ignore_conflicts=True)
    CaseWatch.objects.select_for_update().get(pk=edge.venue_id)
    elsewhere: set[int] = set()
    wanted = sorted(entitlement_ids)
    for at in range(0, len(wanted), _CHUNK):
        rows = Admission.objects.filter(venue_id=edge.venue_id, entitlement_id__in=wanted[at : at + _CHUNK])
        elsewhere.update(rows.exclude(edge=edge).values_list("entitlement_id", flat=True))
    shared = sorted(elsewhere)
    for at in range(0, len(shared), _CHUNK):
        _look(edge, shared[at : at + _CHUNK])


def _look(edge: Edge, ids: Sequence[int]) -> None:
    counters = _counters(edge, ids)
    entitlements = Entitlement.objects.filter(pk__in=ids).select_related("rules").in_bulk()
    used: defaultdict[tuple[int, Counter], list[Admission]] = defaultdict(list)
    admissions = Admission.objects.filter(venue_id=edge.venue_id, entitlement_id__in=ids, leaving=False)
    for row in admissions.order_by("at", "pk"):
        counter = counters.get((row.edge_id, row.seq))
        if counter is not None and row.persons > row.returned:
            used[row.entitlement_id, counter].append(row)
            used[row.entitlement_id, Counter(counter.owner_id, WHOLE_GROUP)].append(row)
    found: dict[int, Excess] = {}
    for (entitlement_id, counter), rows in used.items():
        entitlement = entitlements.get(entitlement_id)
        if entitlement is not None:
            for excess in _excesses(rows, counter, entitlement):
                found.setdefault(excess.admission.pk, excess)
    prices = _prices(ids)
    _open(
        _case(
            one.admission, Case.Kind.DOUBLE_USE, f"double_use:{one.admission.edge_id}:{one.admission.seq}",
            one.persons, prices, one.other,
        )
        for one in found.values()
    )  # fmt: skip


def _excesses(rows: Sequence[Admission], counter: Counter, entitlement: Entitlement) -> Iterable[Excess]:
    """Of one counter's admissions, in order: those beyond a limit the gates count in it. 0 is unlimited."""
    rules = RuleSet.unpack(bytes(entitlement.rules.compiled))
    persons = entitlement.persons
    if counter.group_id != WHOLE_GROUP:
        yield from over(rows, (entitlement.uses or rules.uses_per_group) * persons)
        return
    yield from over(rows, rules.uses_total * persons)
    for month in sorted({(row.business_day.year, row.business_day.month) for row in rows}):
        same = [row for row in rows if (row.business_day.year, row.business_day.month) == month]
        yield from over(same, rules.uses_month * persons)
    for day in sorted({row.business_day for row in rows}):
        yield from over([row for row in rows if row.business_day == day], rules.uses_day * persons)


def over(rows: Sequence[Admission], limit: int) -> Iterable[Excess]:
    """Those by which the persons let in, in order, went beyond a limit that another edge had used of. Pure."""
    total = 0
    for at, row in enumerate(rows):
        net = row.persons - row.returned
        total += net
        before = next((one for one in reversed(rows[:at]) if one.edge_id != row.edge_id), None)
        if limit and total > limit and before is not None:
            yield Excess(row, before, min(net, total - limit))


def _counters(edge: Edge, ids: Sequence[int]) -> dict[Place, Counter]:
    rows = JournalEntry.objects.filter(
        venue_id=edge.venue_id, entitlement_id__in=ids, kind=JournalEntry.Kind.PRESENTATION,
        decision=scan_pb2.DECISION_ADMIT,
    ).values_list("edge_id", "seq", "raw")  # fmt: skip
    bodies = ((edge_id, seq, scan_pb2.Entry.FromString(bytes(raw)).presentation) for edge_id, seq, raw in rows)
    return {(edge_id, seq): Counter(body.owner_id, body.group_id) for edge_id, seq, body in bodies}


def _prices(ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Entitlement -> what its ticket was sold for, in fen, and the persons it is for."""
    units = OrderUnit.objects.filter(entitlement_id__in=set(ids))
    return {
        pk: (fen, persons)
        for pk, fen, persons in units.values_list("entitlement_id", "price_fen", "entitlement__persons")
    }


def _case(
    row: Admission, kind: str, key: str, persons: int, prices: Mapping[int, tuple[int, int]],
    other: Admission | None = None,
) -> Case:  # fmt: skip
    fen, of = prices.get(row.entitlement_id, (0, 1))
    return Case(
        venue_id=row.venue_id, key=key, kind=kind, at=row.at, business_day=row.business_day, edge_id=row.edge_id,
        station_id=row.station_id, device_id=row.device_id, entitlement_id=row.entitlement_id, admission=row,
        other=other, persons=persons, value_fen=fen * persons // max(of, 1),
    )  # fmt: skip


def _open(cases: Iterable[Case]) -> None:
    Case.objects.bulk_create(cases, ignore_conflicts=True)
