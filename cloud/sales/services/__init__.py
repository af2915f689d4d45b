"""The use-cases of a sale, one a file."""

from cloud.sales.services.activate import activate_unit
from cloud.sales.services.issue import issue_order
from cloud.sales.services.lapse import cancel_unpaid, lapse_due
from cloud.sales.services.pay import pay_order
from cloud.sales.services.place import place_order
from cloud.sales.services.reissue import reissue_unit
from cloud.sales.services.reveal import reveal_visitor
from cloud.sales.services.revoke import revoke_order

__all__ = [
    "activate_unit",
    "cancel_unpaid",
    "issue_order",
    "lapse_due",
    "pay_order",
    "place_order",
    "reissue_unit",
    "reveal_visitor",
    "revoke_order",
]
