"""Cards, member codes, channel codes and printed short codes: attached to a ticket, taken away again.

One credential may stand for several tickets; the gate takes the one that admits. Gates hear on the bulk stream
of both, in order: a card taken away and given to another is never found with the first again. A lost card is frozen.
"""

from __future__ import annotations

import re

from django.db import transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.entitlements import compile as compiled
from cloud.entitlements import id_entries, publish
from cloud.entitlements.credentials import CredentialHasher, card_code_of, entry, short_code_of, short_entry
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.entitlements.services import require_standing
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Venue
from paifang import short_codes
from paifang.records import CredentialKind

MAX_CREDENTIALS = 20  # of one ticket
# What people attach, by kind: the form it is stored and hashed in, as a gate reads it.
_FORMS = {
    CredentialKind.CARD_UID: re.compile(r"(?:[0-9A-F]{2}){4,10}"),
    CredentialKind.MEMBER: re.compile(r"[!-~]{4,64}"),
    CredentialKind.CHANNEL: re.compile(r"[A-Za-z0-9-]{6,64}"),
}


@transaction.atomic
def attach(
    *, actor: Actor, venue: Venue, entitlement: Entitlement, kind: CredentialKind, value: str
) -> EntitlementCredential:
    """Lets a card, a member's or a channel's code stand for the ticket, at every gate at once.

    Raises:
        DomainError: "credential.kind", "credential.value" (not in that kind's form), "credential.many",
            "entitlement.ended", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    code = normalise(kind, value)
    row = _locked(entitlement)
    made = entry(row, kind, code, CredentialHasher(venue))
    held = EntitlementCredential.objects.filter(entitlement=row)
    found = held.filter(kind=kind, hashed=made.hashed).first()
    if found is not None:
        return found
    if held.count() >= MAX_CREDENTIALS:
        raise DomainError(
            "credential.many",
            f"一张票最多 {MAX_CREDENTIALS} 个凭证。",
            f"A ticket has at most {MAX_CREDENTIALS} credentials.",
        )
    return _keep(actor, venue, row, made)


@transaction.atomic
def make_short_code(*, actor: Actor, venue: Venue, entitlement: Entitlement) -> EntitlementCredential:
    """The ticket's short code, made if it has none. Raises DomainError "entitlement.ended", "permission.denied"."""
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    row = _locked(entitlement)
    found = EntitlementCredential.objects.filter(entitlement=row, kind=CredentialKind.SHORT).first()
    return found or _keep(actor, venue, row, short_entry(row, CredentialHasher(venue)))


@transaction.atomic
def bind_id_card(*, actor: Actor, venue: Venue, entitlement: Entitlement, number: str) -> EntitlementCredential:
    """The holder's ID card answers for the ticket at the gates, which hold its hash from a few days before on.

    Args:
        number: in its one form (cloud.core.idnumber).

    Raises:
        DomainError: "credential.bound": another card is; "entitlement.ended", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    row = _locked(entitlement)
    made = id_entries.entry(row, CredentialHasher(venue).id_number(number), timezone.now())
    bound = EntitlementCredential.objects.filter(entitlement=row, kind=CredentialKind.ID_NUMBER).first()
    if bound is None:
        return _keep(actor, venue, row, made)
    if bytes(bound.hashed) != made.hashed:
        raise DomainError(
            "credential.bound",
            "此票已绑定另一张身份证。",
            "The ticket is bound to another ID card already.",
            "id_number",
        )
    return bound


@transaction.atomic
def detach(*, actor: Actor, venue: Venue, credential: EntitlementCredential) -> None:
    """The credential no longer stands for its ticket. An ID card stays bound: who visits is part of the sale.

    Raises:
        DomainError: "credential.kind", "row.gone", "permission.denied".
    """
    require(actor, Permission.ENTITLEMENT_MANAGE, venue)
    if credential.kind == CredentialKind.ID_NUMBER:
        raise DomainError(
            "credential.kind", "实名绑定的证件不能解绑。", "A visitor's ID card cannot be taken away.", "kind"
        )
    entitlement = lock_row(Entitlement, credential.entitlement_id)
    credential = lock_row(EntitlementCredential, credential.pk)
    op = compiled.index_delete_op(credential)
    audit.write(actor, "credential.detach", entitlement, venue, kind=_name(credential.kind), hint=credential.hint)
    credential.delete()
    publish.bulk(venue, [op])


def short_code(entitlement: Entitlement) -> str:
    """As it is printed; "" where it has none. Shown only to who may see passes. Raises SealError."""
    found = next((one for one in entitlement.credentials.all() if one.kind == CredentialKind.SHORT), None)
    return short_code_of(found) if found else ""


def card_code(entitlement: Entitlement) -> str:
    """The code of the annual card it is a ride of; "" where it is none. Shown only to who may see passes. Raises
    SealError."""
    kind = CredentialKind.MEMBER
    found = next((one for one in entitlement.credentials.all() if one.kind == kind and one.sealed_value), None)
    return card_code_of(found) if found else ""


def normalise(kind: int, value: str) -> bytes:
    """The one form of what somebody typed. Raises DomainError "credential.kind", "credential.value"."""
    if kind == CredentialKind.SHORT:
        code = short_codes.normalise(value.encode("utf-8"))
        if code is None:
            raise _bad_value()
        return code
    form = _FORMS.get(CredentialKind(kind)) if kind in CredentialKind._value2member_map_ else None
    if form is None:
        raise DomainError(
            "credential.kind", "不能绑定这种凭证。", "That kind of credential cannot be attached.", "kind"
        )
    text = value.strip()
    if kind == CredentialKind.CARD_UID:
        text = text.replace(" ", "").replace(":", "").replace("-", "").upper()
    if not form.fullmatch(text):
        raise _bad_value()
    return text.encode("ascii")


def _bad_value() -> DomainError:
    return DomainError(
        "credential.value", "凭证内容格式不对。", "That is not what such a credential looks like.", "value"
    )


def _keep(actor: Actor, venue: Venue, row: Entitlement, made: EntitlementCredential) -> EntitlementCredential:
    made.save(force_insert=True)
    if made.published:  # else the worker tells the gates in time
        publish.bulk(venue, [compiled.index_op(made, row.revision)])
    audit.write(actor, "credential.attach", row, venue, kind=_name(made.kind), hint=made.hint)
    return made


def _locked(entitlement: Entitlement) -> Entitlement:
    row = lock_row(Entitlement, entitlement.pk)
    require_standing(row)
    return row


def _name(kind: int) -> str:
    return CredentialKind(kind).name.lower()
