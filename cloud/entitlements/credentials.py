"""Ways to present an entitlement other than its pass, as keyed hashes under the venue's pepper."""

from __future__ import annotations

from cloud.core import sealing
from cloud.entitlements import keys
from cloud.entitlements.models import Entitlement, EntitlementCredential
from cloud.venues.models import Venue
from paifang import short_codes
from paifang.records import CredentialKind, credential_hash

SHORT_CODE = "credential/short-code"  # the purposes they are sealed for
CARD_CODE = "credential/card-code"
MEMBER_PREFIX = "PM1:"  # tells a scanned member's or card's code from others


class CredentialHasher:
    """Hashes credentials of one venue: the pepper is unsealed once."""

    def __init__(self, venue: Venue) -> None:
        _, self._pepper = keys.pepper(venue)

    def hashed(self, kind: CredentialKind, value: bytes) -> bytes:
        """Of a value in its one form: 16 bytes, as in the gates' index."""
        return credential_hash(self._pepper, kind, value)

    def id_number(self, number: str) -> bytes:
        """Of a normalised ID number (cloud.core.idnumber)."""
        return self.hashed(CredentialKind.ID_NUMBER, number.encode("ascii"))


def id_number_hash(venue: Venue, number: str) -> bytes:
    return CredentialHasher(venue).id_number(number)


def entry(
    entitlement: Entitlement, kind: CredentialKind, value: bytes, hasher: CredentialHasher
) -> EntitlementCredential:
    """A new credential that gates are told of at once, not saved yet. `value` is in its one form."""
    return EntitlementCredential(
        venue_id=entitlement.venue_id,
        entitlement=entitlement,
        kind=kind,
        hashed=hasher.hashed(kind, value),
        hint=value.decode("utf-8")[-4:],
        published=True,
        turns_at=entitlement.not_after,
    )


def short_entry(entitlement: Entitlement, hasher: CredentialHasher) -> EntitlementCredential:
    """A new short code for it: 55 random bits, sealed beside its hash, for staff read it out."""
    code = short_codes.make().encode("ascii")
    made = entry(entitlement, CredentialKind.SHORT, code, hasher)
    made.hint = ""
    made.sealed_value = sealing.seal(SHORT_CODE, code)
    return made


def card_entry(entitlement: Entitlement, code: str, hasher: CredentialHasher) -> EntitlementCredential:
    """An annual card's code, which all its rides are found by; sealed beside its hash, for it is shown as a QR code."""
    value = code.encode("ascii")
    made = entry(entitlement, CredentialKind.MEMBER, value, hasher)
    made.sealed_value = sealing.seal(CARD_CODE, value)
    return made


def card_code_of(credential: EntitlementCredential) -> str:
    """Raises SealError."""
    return sealing.unseal(CARD_CODE, bytes(credential.sealed_value or b"")).decode("ascii")


def short_code_of(credential: EntitlementCredential) -> str:
    """As it is printed: "K3M7-9QTX-2B5R". Raises SealError."""
    code = sealing.unseal(SHORT_CODE, bytes(credential.sealed_value or b"")).decode("ascii")
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))
