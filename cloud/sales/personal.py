"""Personal data of visitors: sealed to be read by the few, hashed to be found by."""

from __future__ import annotations

import re

from cloud.core import idnumber, sealing
from cloud.core.errors import DomainError
from cloud.core.inputs import required_text
from cloud.sales.models import Order, Visitor

PURPOSE = "visitor/id-number"
PHONE = "order/phone"
_PHONE = re.compile(r"\+?[0-9]{5,20}")


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


def put_phone(order: Order, text: str) -> None:
    """The contact's number, sealed, hashed and its last four digits; not saved here.

    Raises:
        DomainError: "order.phone": not a telephone number. "input.*".
    """
    number = "".join(each for each in required_text(text, "phone", 40) if each not in " -()")
    if not _PHONE.fullmatch(number):
        raise DomainError("order.phone", "电话号码无效。", "This is not a telephone number.", "phone")
    order.sealed_phone = sealing.seal(PHONE, number.encode("ascii"))
    order.phone_hash = sealing.lookup_hash(PHONE, number.encode("ascii"))
    order.phone_last4 = number[-4:]


def masked_name(name: str) -> str:
    """ "王**" of 王小明, "J***" of John: the first character and one star for each other, at most three."""
    name = name.strip()
    return name[:1] + "*" * min(max(len(name) - 1, 1), 3) if name else ""
