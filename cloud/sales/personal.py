"""Personal data of visitors: sealed to be read by the few, hashed to be found by."""

from __future__ import annotations

from cloud.core import idnumber, sealing
from cloud.core.errors import DomainError
from cloud.sales.models import Visitor

PURPOSE = "visitor/id-number"


def search_hash(number: str) -> bytes:
    """What a visitor's ID number is found by (O-04): keyed here, not with the pepper gates hold."""
    return sealing.lookup_hash(PURPOSE, number.encode("ascii"))


def search_hash_of(text: str) -> bytes | None:
    """Of what somebody typed into a search; None where it is no ID number."""
    try:
        return search_hash(idnumber.normalise(text))
    except DomainError:
        return None


def put_id_number(visitor: Visitor, number: str) -> None:
    """Sealed, hashed and its last four characters; not saved here."""
    visitor.sealed_id_number = sealing.seal(PURPOSE, number.encode("ascii"))
    visitor.id_number_hash = search_hash(number)
    visitor.id_number_last4 = number[-4:]


def id_number(visitor: Visitor) -> str | None:
    """The whole number. Raises SealError."""
    if visitor.sealed_id_number is None:
        return None
    return sealing.unseal(PURPOSE, bytes(visitor.sealed_id_number)).decode("ascii")


def masked_name(name: str) -> str:
    """ "王**" of 王小明, "J***" of John: the first character and one star for each other, at most three."""
    name = name.strip()
    return name[:1] + "*" * min(max(len(name) - 1, 1), 3) if name else ""
