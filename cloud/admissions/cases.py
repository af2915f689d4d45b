"""Opens cases in the ingest's transaction: what the gates could not settle by themselves, once each.

A case is known by its key, so an upload that comes again opens nothing. What a person decided stays decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.utils import timezone

from cloud.admissions.models import Admission, Case, SetAside
from cloud.catalog.models import Spec
from cloud.core import business_day
from cloud.sales.models import OrderUnit
from cloud.venues.models import Edge

FLAGGED = {"unticketed": Case.Kind.UNTICKETED, "unknown": Case.Kind.UNKNOWN}  # outcomes a person should look at
TICKETLESS = {Admission.Flag.UNKNOWN: Case.Kind.UNSOLD, Admission.Flag.ENDED: Case.Kind.ENDED}


def open_flagged(edge: Edge, outcomes: Mapping[int, str]) -> None:
    """A case for each admission of this edge that was settled in a way a person should look at: seq -> outcome."""
    flagged = {seq: FLAGGED[outcome] for seq, outcome in outcomes.items() if outcome in FLAGGED}
    if not flagged:
        return
    rows = list(Admission.objects.filter(venue_id=edge.venue_id, edge=edge, seq__in=flagged))
    prices = prices_of([row.entitlement_id for row in rows])
    open_all(
        case_of(row, flagged[row.seq], f"{flagged[row.seq]}:{edge.pk}:{row.seq}", row.persons, prices) for row in rows
    )


def open_ticketless(edge: Edge, admissions: Iterable[Admission]) -> None:
    """A case for each admission of a ticket that nobody sold, or that had ended before; of rows as they are stored.

    What nobody sold is worth what the product it claims to be costs at most.
    """
    seqs = {row.seq: TICKETLESS[Admission.Flag(row.flag)] for row in admissions if row.flag}
    if not seqs:
        return
    rows = list(Admission.objects.filter(venue_id=edge.venue_id, edge=edge, seq__in=seqs))
    prices = prices_of([row.entitlement_id for row in rows])
    classes = _prices_of_classes({row.product_class for row in rows if row.flag == Admission.Flag.UNKNOWN})
    open_all(
        case_of(
            row, seqs[row.seq], f"{seqs[row.seq]}:{edge.pk}:{row.seq}", row.persons,
            {row.entitlement_id: classes.get(row.product_class, (0, 1))} | prices,
        )
        for row in rows
    )  # fmt: skip


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


def prices_of(ids: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Entitlement -> what its ticket was sold for, in fen, and the persons it is for."""
    units = OrderUnit.objects.filter(entitlement_id__in=set(ids))
    return {
        pk: (fen, persons)
        for pk, fen, persons in units.values_list("entitlement_id", "price_fen", "entitlement__persons")
    }


def _prices_of_classes(classes: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Product class -> the highest price of its product in fen, and the persons that is for."""
    rows = Spec.objects.filter(product__product_class__in=set(classes), price_fen__isnull=False).order_by("price_fen")
    return {
        product_class: (fen, persons)
        for product_class, fen, persons in rows.values_list("product__product_class", "price_fen", "product__persons")
    }


def case_of(
    row: Admission, kind: str, key: str, persons: int, prices: Mapping[int, tuple[int, int]],
    other: Admission | None = None,
) -> Case:  # fmt: skip
    fen, of = prices.get(row.entitlement_id, (0, 1))
    return Case(
        venue_id=row.venue_id, key=key, kind=kind, at=row.at, business_day=row.business_day, edge_id=row.edge_id,
        station_id=row.station_id, device_id=row.device_id, entitlement_id=row.entitlement_id, admission=row,
        other=other, persons=persons, value_fen=fen * persons // max(of, 1),
    )  # fmt: skip


def open_all(cases: Iterable[Case]) -> None:
    Case.objects.bulk_create(cases, ignore_conflicts=True)
