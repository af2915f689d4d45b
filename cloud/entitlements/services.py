"""Issues rights to enter, takes them back, replaces their passes, and tells the gates: the only place that does.

Called inside the caller's transaction and scope. The caller has checked the permission and writes the audit row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from cloud.catalog.models import RuleSnapshot, TicketProduct
from cloud.core.errors import DomainError
from cloud.core.ids import random_id63
from cloud.core.locks import lock_rows
from cloud.entitlements import compile as compiled
from cloud.entitlements import id_entries, keys, publish
from cloud.entitlements.credentials import CredentialHasher, card_entry, short_entry
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.venues.models import Venue
from paifang import passes
from paifang.records import Op


@dataclass(frozen=True, slots=True)
class Grant:
    """What to issue.

    Attributes:
        not_after: the last second it is valid in.
        id_number_hash: binds an ID card.
        slot_from, slot_to: the booked slot's first and last second; None: not booked.
        uses: at each group of stations, for each person, instead of what the rules say; 0: as they say.
        owner_id: the counter owner whose uses it spends, the first ticket of a shared pool; 0: its own.
        pool: those of one call with the same name spend the uses of the first of them.
        rotating: presented by a code that changes all the time.
        activated, collected: done already at the sale.
        short_code: a code to be typed by hand is made.
        product_class: of a package's or a card's part; 0: the product's.
        term_months, term_days: it is valid for so long from its activation on, and until then may be activated
            within its window.
        member_code: an annual card's, which all its rides are found by.
    """

    product: TicketProduct
    rules: RuleSnapshot
    not_before: datetime
    not_after: datetime
    persons: int
    id_number_hash: bytes | None = None
    slot_from: datetime | None = None
    slot_to: datetime | None = None
    uses: int = 0
    owner_id: int = 0
    pool: str = ""
    rotating: bool = False
    activated: bool = False
    collected: bool = False
    short_code: bool = False
    product_class: int = 0
    term_months: int = 0
    term_days: int = 0
    member_code: str = ""


def issue(venue: Venue, grant: Grant) -> Entitlement:
    """One entitlement with its signed pass: see issue_all."""
    return issue_all(venue, [grant])[0]


def issue_all(venue: Venue, grants: Sequence[Grant]) -> list[Entitlement]:
    """Entitlements with their signed passes, in the grants' order, and one bulk change for the gates.

    ID numbers of tickets that are not valid soon follow later: cloud.entitlements.id_entries.
    A rule set the gates have not been told yet goes ahead of the records that name it.
    """
    now = timezone.now()
    signer = keys.pass_signer(venue)
    hasher = CredentialHasher(venue) if any(grant.short_code or grant.member_code for grant in grants) else None
    issued, credentials = [], []
    owners: dict[str, int] = {}
    for grant in grants:
        number = random_id63()
        first = owners.setdefault(grant.pool, number) if grant.pool else number
        entitlement = Entitlement(
            id=number,
            venue=venue,
            product=grant.product,
            rules=grant.rules,
            not_before=grant.not_before,
            not_after=grant.not_after,
            persons=grant.persons,
            owner_id=grant.owner_id or (first if first != number else 0),
            uses=grant.uses,
            slot_from=grant.slot_from,
            slot_to=grant.slot_to,
            rotating=grant.rotating,
            activated_at=now if grant.activated else None,
            collected_at=now if grant.collected else None,
            product_class=grant.product_class or None,
            term_months=grant.term_months,
            term_days=grant.term_days,
        )
        _sign(entitlement, grant.product_class or grant.product.product_class, int(now.timestamp()), signer)
        issued.append(entitlement)
        if grant.id_number_hash is not None:
            credentials.append(id_entries.entry(entitlement, grant.id_number_hash, now))
        if grant.short_code and hasher is not None:
            credentials.append(short_entry(entitlement, hasher))
        if grant.member_code and hasher is not None:
            credentials.append(card_entry(entitlement, grant.member_code, hasher))
    Entitlement.objects.bulk_create(issued)
    EntitlementCredential.objects.bulk_create(credentials)
    rules = {grant.rules.pk: grant.rules for grant in grants}
    soon = [credential for credential in credentials if credential.published]
    ops = [*_rules_to_tell(rules.values()), *record_ops(issued, soon)]
    publish.bulk(venue, ops)
    return issued


def revoke(venue: Venue, entitlements: Iterable[Entitlement], state: Entitlement.State) -> list[Entitlement]:
    """Ends entitlements: at the gates urgently. Those already ended stay as they are. Returns the changed ones."""
    if state not in (Entitlement.State.REVOKED, Entitlement.State.REFUNDED):
        raise ValueError(f"{state!r} does not end an entitlement")
    changed, now = [], timezone.now()
    for entitlement in lock_rows(Entitlement, (each.pk for each in entitlements)):
        if entitlement.state not in ENDED:
            entitlement.state = state
            entitlement.ended_at = now
            entitlement.revision += 1
            changed.append(entitlement)
    Entitlement.objects.bulk_update(changed, ["state", "ended_at", "revision"])
    publish.urgent(venue, record_ops(changed))
    return changed


def reissue(venue: Venue, entitlement: Entitlement) -> Entitlement:
    """A new pass for the same right; from then on gates refuse the old one as replaced.

    Raises:
        DomainError: "entitlement.ended": revoked or refunded. "row.gone".
    """
    current = lock_rows(Entitlement, [entitlement.pk])[0]
    require_standing(current)
    # Ed25519 signs the same claims to the same bytes, so a second pass within a second takes the next one.
    before = passes.parse(bytes(current.pass_raw)).claims.issued_at
    now = max(int(timezone.now().timestamp()), before + 1)
    _sign(current, current.product_class or current.product.product_class, now, keys.pass_signer(venue))
    current.revision += 1
    current.save(update_fields=["pass_raw", "pass_digest", "pass_key_id", "revision"])
    publish.bulk(venue, record_ops([current]))
    return current


ENDED = frozenset({Entitlement.State.REVOKED, Entitlement.State.REFUNDED})


def require_standing(entitlement: Entitlement) -> None:
    """Raises DomainError "entitlement.ended"."""
    if entitlement.state in ENDED:
        raise DomainError(
            "entitlement.ended",
            "此票已作废或退款，不能再更改。请重新出票。",
            "The ticket was revoked or refunded and cannot be changed: issue a new one.",
        )


def _sign(entitlement: Entitlement, product_class: int, issued_at: int, signer: keys.Signer) -> None:
    claims = passes.Claims(
        entitlement_id=entitlement.pk,
        product_class=product_class,
        issued_at=issued_at,
        not_before=compiled.seconds(entitlement.not_before),
        not_after=compiled.seconds(entitlement.not_after),
        zones=0,
        persons=entitlement.persons,
        flags=0,
    )
    entitlement.pass_raw = keys.sign_pass(signer, claims)
    entitlement.pass_digest = passes.digest(entitlement.pass_raw)
    entitlement.pass_key_id = signer.key_id


def record_ops(entitlements: Sequence[Entitlement], credentials: Iterable[EntitlementCredential] = ()) -> list[Op]:
    """Each record followed by its index entries."""
    indexed: dict[int, list[EntitlementCredential]] = defaultdict(list)
    for credential in credentials:
        indexed[credential.entitlement_id].append(credential)
    ids = {entitlement.product_id for entitlement in entitlements}
    classes = dict(TicketProduct.objects.filter(pk__in=ids).values_list("pk", "product_class"))
    ops = []
    for entitlement in entitlements:
        ops.append(compiled.entitlement_op(entitlement, classes[entitlement.product_id]))
        ops += (compiled.index_op(credential, entitlement.revision) for credential in indexed[entitlement.pk])
    return ops


def _rules_to_tell(rules: Iterable[RuleSnapshot]) -> list[Op]:
    """The rule sets not published before. Two first sales at once: one waits here for the other's commit."""
    ops = []
    for snapshot in sorted(rules, key=lambda each: each.pk):
        fresh = not snapshot.published and RuleSnapshot.objects.filter(pk=snapshot.pk, published=False).update(
            published=True
        )
        if fresh:
            ops.append(compiled.ruleset_op(snapshot))
    return ops
