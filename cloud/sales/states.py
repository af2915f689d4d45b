"""Which state of an order and of a refund follows which. What is not here never happens."""

from __future__ import annotations

from cloud.sales.models import Order, RefundCase

_O, _R = Order.State, RefundCase.State

ORDER: dict[str, frozenset[str]] = {
    _O.PLACED: frozenset({_O.ISSUED, _O.LAPSED, _O.CANCELLED}),
    _O.LAPSED: frozenset({_O.ISSUED, _O.CANCELLED}),
    _O.CANCELLED: frozenset(),
    _O.ISSUED: frozenset({_O.PART_REFUNDED, _O.REFUNDED, _O.REVOKED}),
    _O.PART_REFUNDED: frozenset({_O.PART_REFUNDED, _O.REFUNDED, _O.REVOKED}),
    _O.REFUNDED: frozenset(),
    _O.REVOKED: frozenset(),
}
REFUND: dict[str, frozenset[str]] = {
    _R.WAITING: frozenset({_R.AGREED, _R.REJECTED}),
    _R.AGREED: frozenset({_R.DUE, _R.VOID}),
    _R.DUE: frozenset({_R.PAID}),
    _R.REJECTED: frozenset(),
    _R.PAID: frozenset(),
    _R.VOID: frozenset(),
}

UNPAID = frozenset({_O.PLACED, _O.LAPSED})
STANDING = frozenset({_O.ISSUED, _O.PART_REFUNDED})  # paid, and some of its tickets are valid
SOLD = STANDING | {_O.REFUNDED, _O.REVOKED}  # was paid once


def move(order: Order, state: str) -> None:
    """Sets the state of a locked order; not saved here. Raises ValueError where it cannot follow."""
    if state not in ORDER[order.state]:
        raise ValueError(f"an order that is {order.state} never becomes {state}")
    order.state = state


def move_case(case: RefundCase, state: str) -> None:
    """Likewise of a refund case."""
    if state not in REFUND[case.state]:
        raise ValueError(f"a refund that is {case.state} never becomes {state}")
    case.state = state
