"""The use-cases of a sale, one a file."""

from cloud.sales.services.activate import activate_unit
from cloud.sales.services.expire import expire_due
from cloud.sales.services.issue import issue_order
from cloud.sales.services.lapse import cancel_unpaid, lapse_due
from cloud.sales.services.pay import pay_order
from cloud.sales.services.place import place_order
from cloud.sales.services.refund import apply_refund, quote_refund
from cloud.sales.services.refund_review import agree_refund, pay_back, reject_refund
from cloud.sales.services.refund_settle import settle_due
from cloud.sales.services.reissue import reissue_unit
from cloud.sales.services.reveal import reveal_visitor
from cloud.sales.services.revoke import revoke_order

__all__ = [
    "activate_unit",
    "agree_refund",
    "apply_refund",
    "cancel_unpaid",
    "expire_due",
    "issue_order",
    "lapse_due",
    "pay_back",
    "pay_order",
    "place_order",
    "quote_refund",
    "reissue_unit",
    "reject_refund",
    "reveal_visitor",
    "revoke_order",
    "settle_due",
]
