"""Finds what edges that could not hear of each other let in beyond what a ticket allows.

Counted as the gates count: for the owner, which several tickets share in a pool, and in the exclusion group; uses
carried from a group that a station left or that became part of another count there too (cloud/entitlements/carried).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from cloud.admissions.cases import case_of, open_all, prices_of
from cloud.admissions.models import Admission, Case, CaseWatch, JournalEntry
from cloud.entitlements.models import CarriedGroup, Entitlement
from cloud.venues.models import Edge, Station
from paifang.rulesets import RuleSet
from paifang.usage import WHOLE_GROUP
from paifang.v1 import scan_pb2

_CHUNK = 500  # ids a statement: within SQLite's limit of bound values

Place = tuple[int, int]  # edge, seq of the admitting presentation
Links = Mapping[tuple[int, int], datetime]  # (from group, to group) -> until when its uses count there


@dataclass(frozen=True, slots=True)
class Ticket:
    """An entitlement as its uses are counted. `owner_id`: of the pool's counter, or itself."""

    owner_id: int
    persons: int
    uses: int
    rules: RuleSet

    def at_group(self) -> int:
        """Persons it lets in at one group; 0: no limit."""
        return (self.uses or self.rules.uses_per_group) * self.persons


@dataclass(frozen=True, slots=True)
class Use:
    """One admission in a counter. `limit`: what its own ticket allows there, 0 for no limit.

    `carried`: made in another group. It counts, and cannot be the one too many: it was none of this group.
    """

    admission: Admission
    limit: int
    carried: bool = False


@dataclass(frozen=True, slots=True)
class Excess:
    """An admission by which a counter went over its limit, and the one before it that the gate did not know of."""

    admission: Admission
    other: Admission
    persons: int


def open_double_uses(edge: Edge, entitlement_ids: Collection[int]) -> None:
    """Cases for tickets just used at this edge that were let in elsewhere too, together more than they allow.

    Edges that are cut off from each other decide by what they hold, so this can happen and cannot be undone. The
    last thing in the ingest's transaction: uploads of a venue take turns here until they commit.
    """
    if not entitlement_ids:
        return
    links = {
        (link.from_group_id, link.to_group_id): link.until
        for link in CarriedGroup.objects.filter(venue_id=edge.venue_id)
    }
    if not links and not Edge.objects.filter(venue_id=edge.venue_id).exclude(pk=edge.pk).exists():
        return
    CaseWatch.objects.bulk_create([CaseWatch(venue_id=edge.venue_id)], ignore_conflicts=True)
    CaseWatch.objects.select_for_update().get(pk=edge.venue_id)
    wanted = sorted(entitlement_ids)
    for at in range(0, len(wanted), _CHUNK):
        pools = _pools(edge, wanted[at : at + _CHUNK])
        suspects = _suspects(edge, pools, anywhere=bool(links))
        for start in range(0, len(suspects), _CHUNK):
            _look(edge, suspects[start : start + _CHUNK], links)


def _pools(edge: Edge, ids: Sequence[int]) -> dict[int, int]:
    """Entitlement -> owner, for these and all that share a counter with one of them."""
    rows = Entitlement.objects.filter(venue_id=edge.venue_id)
    found = dict(rows.filter(pk__in=ids).values_list("pk", "owner_id"))
    owners = {owner or pk for pk, owner in found.items()}
    found |= dict(rows.filter(owner_id__gt=0, owner_id__in=owners).values_list("pk", "owner_id"))
    return {pk: owner or pk for pk, owner in found.items()} | {owner: owner for owner in owners}


def _suspects(edge: Edge, pools: Mapping[int, int], *, anywhere: bool) -> list[int]:
    """Those whose counter another edge used of; with `anywhere` also those used more than once."""
    edges: defaultdict[int, set[int]] = defaultdict(set)
    times: defaultdict[int, int] = defaultdict(int)
    ids = sorted(pools)
    for at in range(0, len(ids), _CHUNK):
        rows = Admission.objects.filter(venue_id=edge.venue_id, entitlement_id__in=ids[at : at + _CHUNK])
        for pk, edge_id, count in rows.order_by().values_list("entitlement_id", "edge_id").annotate(n=Count("pk")):
            edges[pools[pk]].add(edge_id)
            times[pools[pk]] += count
    owners = {owner for owner, of in edges.items() if of - {edge.pk} or (anywhere and times[owner] > 1)}
    return [pk for pk in ids if pools[pk] in owners]


def _look(edge: Edge, ids: Sequence[int], links: Links) -> None:
    tickets = _tickets(ids)
    groups = _groups(edge, ids)
    admissions = Admission.objects.filter(venue_id=edge.venue_id, entitlement_id__in=ids, leaving=False)
    used = [
        (row, group)
        for row in admissions.order_by("at", "pk")
        if row.persons > row.returned and (group := groups.get((row.edge_id, row.seq))) is not None
    ]
    moved = _present_groups([row for row, _group in used]) if links else {}
    by_owner: defaultdict[int, list[tuple[Admission, int]]] = defaultdict(list)
    for row, group in used:
        if row.entitlement_id in tickets:
            by_owner[tickets[row.entitlement_id].owner_id].append((row, _group_of(row, group, links, moved)))
    found: dict[int, Excess] = {}
    for rows in by_owner.values():
        for excess in _excesses(rows, tickets, links):
            found.setdefault(excess.admission.pk, excess)
    prices = prices_of(ids)
    open_all(
        case_of(
            one.admission, Case.Kind.DOUBLE_USE, f"double_use:{one.admission.edge_id}:{one.admission.seq}",
            one.persons, prices, one.other,
        )
        for one in found.values()
    )  # fmt: skip


def _excesses(rows: Sequence[tuple[Admission, int]], tickets: Mapping[int, Ticket], links: Links) -> Iterator[Excess]:
    """Of one owner's admissions, in order, each with its group: those beyond a limit of any of its counters."""
    for group in sorted({group for _row, group in rows}):
        yield from over(in_group(rows, group, tickets, links))

    def whole(limit: str, part: Iterable[Admission]) -> list[Use]:
        uses = []
        for row in part:
            ticket = tickets[row.entitlement_id]
            uses.append(Use(row, getattr(ticket.rules, limit) * ticket.persons))
        return uses

    every = [row for row, _group in rows]
    yield from over(whole("uses_total", every))
    for month in sorted({(row.business_day.year, row.business_day.month) for row in every}):
        same = [row for row in every if (row.business_day.year, row.business_day.month) == month]
        yield from over(whole("uses_month", same))
    for day in sorted({row.business_day for row in every}):
        yield from over(whole("uses_day", (row for row in every if row.business_day == day)))


def in_group(
    rows: Sequence[tuple[Admission, int]], group: int, tickets: Mapping[int, Ticket], links: Links
) -> list[Use]:
    """The uses that count in a group, in the order in which they did: carried ones from the instant of the change."""
    placed = []
    for row, at in rows:
        until = links.get((at, group))
        if at == group:
            placed.append((row.at, 0, Use(row, tickets[row.entitlement_id].at_group())))
        elif until is not None and row.at <= until:
            placed.append((until, 1, Use(row, 0, carried=True)))
    return [use for _at, _rank, use in sorted(placed, key=lambda one: one[:2])]


def over(uses: Sequence[Use]) -> Iterator[Excess]:
    """Those by which the persons let in, in order, went beyond a limit that others had used of: another edge, or
    this one in another group. Pure."""
    total = 0
    for at, use in enumerate(uses):
        row = use.admission
        net = row.persons - row.returned
        total += net
        if use.carried or not use.limit or total <= use.limit:
            continue
        before = next(
            (one.admission for one in reversed(uses[:at]) if one.carried or one.admission.edge_id != row.edge_id), None
        )
        if before is not None:
            yield Excess(row, before, min(net, total - use.limit))


def _tickets(ids: Sequence[int]) -> dict[int, Ticket]:
    rows = Entitlement.objects.filter(pk__in=ids).select_related("rules")
    rules: dict[int, RuleSet] = {}
    return {
        row.pk: Ticket(
            owner_id=row.owner_id or row.pk,
            persons=row.persons,
            uses=row.uses,
            rules=rules.setdefault(row.rules_id, RuleSet.unpack(bytes(row.rules.compiled))),
        )
        for row in rows
    }


def _groups(edge: Edge, ids: Sequence[int]) -> dict[Place, int]:
    """The exclusion group of each admission by the presentation's own words. None of WHOLE_GROUP."""
    rows = JournalEntry.objects.filter(
        venue_id=edge.venue_id, entitlement_id__in=ids, kind=JournalEntry.Kind.PRESENTATION,
        decision=scan_pb2.DECISION_ADMIT,
    ).values_list("edge_id", "seq", "raw")  # fmt: skip
    found = ((edge_id, seq, scan_pb2.Entry.FromString(bytes(raw)).presentation) for edge_id, seq, raw in rows)
    return {(edge_id, seq): body.group_id for edge_id, seq, body in found if body.group_id != WHOLE_GROUP}


def _present_groups(rows: Iterable[Admission]) -> dict[int, int]:
    """Station -> its group now."""
    stations = Station.objects.filter(pk__in={row.station_id for row in rows})
    return dict(stations.values_list("pk", "group_id"))


def _group_of(row: Admission, group: int, links: Links, now_in: Mapping[int, int]) -> int:
    """The group an admission belongs to: where its edge had not heard yet that the station had gone to another, that
    one."""
    present = now_in.get(row.station_id, group)
    until = links.get((group, present))
    return present if until is not None and row.at > until else group
