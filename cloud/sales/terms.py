"""What a sale promises: texts, risk notice, agreement, refund rules, as the product has them that moment (T-10)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud.catalog.card_rules import CardRules
from cloud.catalog.models import TermsSnapshot, TicketProduct
from cloud.catalog.refund_rules import RefundRules
from cloud.catalog.sale_rules import SaleRules


@dataclass(frozen=True, slots=True)
class Terms:
    """A snapshot, read. `parts`: product id -> the refund rules of a package's tickets. `card`: an annual card's rules.

    `group_*` as in SaleRules; `pay_methods` none: any.
    """

    texts: Mapping[str, Any]
    notice: Mapping[str, str]
    agreement: Mapping[str, str]
    policy: Mapping[str, str]
    refund: RefundRules
    parts: Mapping[int, RefundRules]
    group_min: int
    group_refund: str
    group_single_fen: int
    pay_methods: tuple[str, ...]
    pay_minutes: int
    card: CardRules


def freeze(product: TicketProduct, sale: SaleRules, tickets: Sequence[TicketProduct]) -> TermsSnapshot:
    """The snapshot of the product's terms as they are now; the same terms are one row. Inside a transaction."""
    terms = {
        "texts": product.texts,
        "notice": _both(sale.notice_zh, sale.notice_en),
        "agreement": _both(sale.agreement_zh, sale.agreement_en),
        "policy": _both(sale.policy_zh, sale.policy_en),
        "refund": product.refund_rules,
        "parts": {str(ticket.pk): ticket.refund_rules for ticket in tickets},
        "group": [sale.group_min, sale.group_refund, sale.group_single_fen],
        "pay": [list(sale.pay_methods), sale.pay_minutes],
        "card": product.card_rules,
    }
    form = json.dumps(terms, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    snapshot, _ = TermsSnapshot.objects.get_or_create(
        venue_id=product.venue_id, content_hash=hashlib.sha256(form.encode()).hexdigest(), defaults={"terms": terms}
    )
    return snapshot


def read(snapshot: TermsSnapshot) -> Terms:
    stored = snapshot.terms
    group_min, group_refund, group_single_fen = stored["group"]
    methods, minutes = stored["pay"]
    return Terms(
        texts=stored["texts"],
        notice=stored["notice"],
        agreement=stored["agreement"],
        policy=stored["policy"],
        refund=RefundRules.from_json(stored["refund"]),
        parts={int(product): RefundRules.from_json(rules) for product, rules in stored["parts"].items()},
        group_min=group_min,
        group_refund=group_refund,
        group_single_fen=group_single_fen,
        pay_methods=tuple(methods),
        pay_minutes=minutes,
        card=CardRules.from_json(stored.get("card", {})),
    )


def _both(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en} if zh else {}
