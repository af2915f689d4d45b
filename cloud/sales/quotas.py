"""Limits that count over several orders (T-24): raised and lowered under the locks of their counters."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Sum

from cloud.catalog.sale_rules import SaleRules
from cloud.core import sealing
from cloud.core.errors import DomainError
from cloud.core.locks import lock_rows
from cloud.sales.asked import Line
from cloud.sales.models import Order, OrderLine, Quota, QuotaEntry
from cloud.sales.models.quotas import EVER
from cloud.sales.values import Buyer

_Key = tuple[int, str, str, bytes, date]  # product, per, span, who, day
_WORDS = {"member": ("每会员", "member"), "phone": ("每手机号", "phone number"), "id": ("每证件号", "ID number")}
_SPANS = {"sale_day": ("每天", " a day"), "visit_day": ("每游览日", " for each day of a visit"), "ever": ("", "")}


@dataclass(frozen=True, slots=True)
class _Wish:
    """So many of a line's bundle count against a limit of `most`."""

    key: _Key
    most: int
    bundle: int
    quantity: int


def hashed(per: str, text: str) -> bytes:
    """Whom a counter counts, keyed: it says nothing about the phone, member or ID number."""
    return sealing.lookup_hash(f"quota/{per}", "".join(text.split()).upper().encode())


def take(order: Order, lines: Sequence[tuple[OrderLine, Line]], buyer: Buyer) -> None:
    """Counts the order's lines, all or none. Inside its transaction; `lines` as written and as asked.

    Raises:
        DomainError: "order.limit".
    """
    wanted = {row.pk: list(_wishes(order, line, buyer)) for row, line in lines}
    wishes = [wish for of_line in wanted.values() for wish in of_line]
    if not wishes:
        return
    counters = _locked(order, {wish.key for wish in wishes})
    names = {line.product.pk: line.product for _row, line in lines}
    total = Counter[_Key]()
    most: dict[_Key, int] = {}
    for wish in wishes:
        total[wish.key] += wish.quantity
        most[wish.key] = wish.most
    for key in sorted(total):
        counter = counters[key]
        if counter.taken + total[key] > most[key]:
            product = names[key[0]]
            (zh, en), (span_zh, span_en) = _WORDS[key[1]], _SPANS[key[2]]
            left = max(most[key] - counter.taken, 0)
            raise DomainError(
                "order.limit",
                f"“{product.name_zh}”{zh}{span_zh}限购 {most[key]} 张，还可购 {left} 张。",
                f"{product.name_en or product.name_zh}: at most {most[key]} for each {en}{span_en}; {left} left.",
                "quantity",
            )
        counter.taken += total[key]
    Quota.objects.bulk_update(counters.values(), ["taken"])
    QuotaEntry.objects.bulk_create(
        QuotaEntry(
            venue_id=order.venue_id, quota=counters[wish.key], line_id=line, bundle=wish.bundle, quantity=wish.quantity
        )
        for line, of_line in wanted.items()
        for wish in of_line
    )


def take_again(order: Order) -> None:
    """Counts anew what `give_back` freed of an order that is paid late after all.

    Raises:
        DomainError: "order.limit": somebody used it up meanwhile.
    """
    freed = (
        QuotaEntry.objects.filter(line__order=order, quantity__lt=0)
        .values_list("quota_id", "line_id", "bundle")
        .annotate(count=Sum("quantity"))
        .order_by()
    )
    rows = list(freed)
    if not rows:
        return
    counters = {one.pk: one for one in lock_rows(Quota, {row[0] for row in rows})}
    limits = {
        (line.product_id, limit.per, limit.span): limit.most
        for line in order.lines.select_related("product")
        for limit in SaleRules.from_json(line.product.sale_rules).limits
    }
    for quota_id, _line, _bundle, count in rows:
        counter = counters[quota_id]
        counter.taken -= count
        most = limits.get((counter.product_id, counter.per, counter.span))
        if most is not None and counter.taken > most:
            raise DomainError("order.limit", "限购数量已用完。", "The limit has been used up.", "quantity")
    Quota.objects.bulk_update(counters.values(), ["taken"])
    QuotaEntry.objects.bulk_create(
        QuotaEntry(venue_id=order.venue_id, quota_id=quota_id, line_id=line, bundle=bundle, quantity=-count)
        for quota_id, line, bundle, count in rows
    )


def give_back(order: Order, bundles: Iterable[tuple[int, int]] | None = None) -> None:
    """Frees what an order's lines counted, or some (line id, bundle) of them. Doing it again frees nothing more."""
    rows = QuotaEntry.objects.filter(line__order=order)
    chosen = None if bundles is None else set(bundles)
    if not rows.exists():
        return
    counters = {one.pk: one for one in lock_rows(Quota, set(rows.values_list("quota_id", flat=True)))}
    entries = []
    kept = rows.values_list("quota_id", "line_id", "bundle").annotate(left=Sum("quantity")).order_by()
    for quota_id, line_id, bundle, left in kept:
        if left > 0 and (chosen is None or (line_id, bundle) in chosen):
            counters[quota_id].taken -= left
            entries.append(
                QuotaEntry(venue_id=order.venue_id, quota_id=quota_id, line_id=line_id, bundle=bundle, quantity=-left)
            )
    Quota.objects.bulk_update(counters.values(), ["taken"])
    QuotaEntry.objects.bulk_create(entries)


def _wishes(order: Order, line: Line, buyer: Buyer) -> Iterable[_Wish]:
    """A code for several tickets is one bundle. An ID number counts the tickets of its person; where one person's
    details stand for the order, theirs counts all."""
    together = line.sale.printing == "together"
    bundles = [(1, line.quantity)] if together else [(bundle, 1) for bundle in range(1, line.quantity + 1)]
    for limit in line.sale.limits:
        if limit.per == "order":
            continue
        day = {"sale_day": order.business_day, "visit_day": line.day, "ever": EVER}[limit.span]
        for bundle, quantity in bundles:
            who = _who(limit.per, line, buyer, bundle)
            if who:
                key = (line.product.pk, limit.per, limit.span, hashed(limit.per, who), day)
                yield _Wish(key, limit.most, bundle, quantity)


def _who(per: str, line: Line, buyer: Buyer, bundle: int) -> str:
    if per == "phone":
        return buyer.phone
    if per == "member":
        return buyer.member
    numbers = [visitor.id_number for visitor in line.visitors]
    if line.sale.real_name == "all":
        return numbers[bundle - 1] if bundle <= len(numbers) else ""
    return next((number for number in numbers if number), "")


def _locked(order: Order, keys: set[_Key]) -> dict[_Key, Quota]:
    """The counters, made where there are none yet, locked in the order of their rows."""
    Quota.objects.bulk_create(
        (
            Quota(venue_id=order.venue_id, product_id=product, per=per, span=span, who=who, day=day)
            for product, per, span, who, day in sorted(keys)
        ),
        ignore_conflicts=True,
    )
    by_product: defaultdict[int, set[bytes]] = defaultdict(set)
    for product, _per, _span, who, _day in keys:
        by_product[product].add(who)
    found = [
        pk
        for product, whos in by_product.items()
        for pk, per, span, who, day in Quota.objects.filter(product=product, who__in=whos).values_list(
            "pk", "per", "span", "who", "day"
        )
        if (product, per, span, bytes(who), day) in keys
    ]
    rows = lock_rows(Quota, found)
    return {(row.product_id, row.per, row.span, bytes(row.who), row.day): row for row in rows}
