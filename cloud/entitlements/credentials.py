"""Ways to present an entitlement other than its pass, as keyed hashes under the venue's pepper."""

from __future__ import annotations

from cloud.entitlements import keys
from cloud.venues.models import Venue
from paifang.records import CredentialKind, credential_hash


class CredentialHasher:
    """Hashes credentials of one venue: the pepper is unsealed once."""

    def __init__(self, venue: Venue) -> None:
        _, self._pepper = keys.pepper(venue)

    def id_number(self, number: str) -> bytes:
        """Of a normalised ID number (cloud.core.idnumber): 16 bytes, as in the gates' index."""
        return credential_hash(self._pepper, CredentialKind.ID_NUMBER, number.encode("ascii"))


def id_number_hash(venue: Venue, number: str) -> bytes:
    return CredentialHasher(venue).id_number(number)
