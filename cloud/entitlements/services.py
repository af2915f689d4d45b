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
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.venues.models import Venue
from paifang import passes
from paifang.records import Op


@dataclass(frozen=True, slots=True)
class Grant:
    """What to issue. `not_after` is the last second it is valid in; `id_number_hash` binds an ID card."""

    product: TicketProduct
    rules: RuleSnapshot
    not_before: datetime
    not_after: datetime
    persons: int
    id_number_hash: bytes | None = None


def issue(
    venue: Venue,
    product: TicketProduct,
    rules: RuleSnapshot,
    not_before: datetime,
    not_after: datetime,
    persons: int,
    id_number_hash: bytes | None = None,
) -> Entitlement:
    """One entitlement with its signed pass: see issue_all."""
    return issue_all(venue, [Grant(product, rules, not_before, not_after, persons, id_number_hash)])[0]


def issue_all(venue: Venue, grants: Sequence[Grant]) -> list[Entitlement]:
    """Entitlements with their signed passes, in the grants' order, and one bulk change for the gates.

    ID numbers of tickets that are not valid soon follow later: cloud.entitlements.id_entries.
    A rule set the gates have not been told yet goes ahead of the records that name it.
    """
    now = timezone.now()
    signer = keys.pass_signer(venue)
    issued, credentials = [], []
    for grant in grants:
        entitlement = Entitlement(
            id=random_id63(),
            venue=venue,
            product=grant.product,
            rules=grant.rules,
            not_before=grant.not_before,
            not_after=grant.not_after,
            persons=grant.persons,
        )
        _sign(entitlement, grant.product.product_class, int(now.timestamp()), signer)
        issued.append(entitlement)
        if grant.id_number_hash is not None:
            credentials.append(id_entries.entry(entitlement, grant.id_number_hash, now))
    Entitlement.objects.bulk_create(issued)
    EntitlementCredential.objects.bulk_create(credentials)
    rules = {grant.rules.pk: grant.rules for grant in grants}
    soon = [credential for credential in credentials if credential.published]
    ops = [*_rules_to_tell(rules.values()), *_ops(issued, soon)]
    publish.bulk(venue, ops)
    return issued


def revoke(venue: Venue, entitlements: Iterable[Entitlement], state: Entitlement.State) -> list[Entitlement]:
    """Ends entitlements: at the gates urgently. Those already ended stay as they are. Returns the changed ones."""
    if state not in (Entitlement.State.REVOKED, Entitlement.State.REFUNDED):
        raise ValueError(f"{state!r} does not end an entitlement")
    changed = []
    for entitlement in lock_rows(Entitlement, (each.pk for each in entitlements)):
        if entitlement.state not in ENDED:
            entitlement.state = state
            entitlement.revision += 1
            changed.append(entitlement)
    Entitlement.objects.bulk_update(changed, ["state", "revision"])
    publish.urgent(venue, _ops(changed, ()))
    return changed


def reissue(venue: Venue, entitlement: Entitlement) -> Entitlement:
    """A new pass for the same right; from then on gates refuse the old one as replaced.

    Raises:
        DomainError: "entitlement.ended": revoked or refunded. "row.gone".
    """
    current = lock_rows(Entitlement, [entitlement.pk])[0]
    if current.state in ENDED:
        raise DomainError(
            "entitlement.ended",
            "此票已作废或退款，不能换码。请重新出票。",
            "The ticket was revoked or refunded: issue a new one.",
        )
    # Ed25519 signs the same claims to the same bytes, so a second pass within a second takes the next one.
    before = passes.parse(bytes(current.pass_raw)).claims.issued_at
    now = max(int(timezone.now().timestamp()), before + 1)
    _sign(current, current.product.product_class, now, keys.pass_signer(venue))
    current.revision += 1
    current.save(update_fields=["pass_raw", "pass_digest", "pass_key_id", "revision"])
    publish.bulk(venue, _ops([current], ()))
    return current


ENDED = frozenset({Entitlement.State.REVOKED, Entitlement.State.REFUNDED})


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


def _ops(entitlements: Sequence[Entitlement], credentials: Iterable[EntitlementCredential]) -> list[Op]:
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
