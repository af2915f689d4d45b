"""The use-cases of a sale, one a file."""

from cloud.sales.services.activate import activate_unit
from cloud.sales.services.issue import issue_order
from cloud.sales.services.reissue import reissue_unit
from cloud.sales.services.reveal import reveal_visitor
from cloud.sales.services.revoke import revoke_order

__all__ = ["activate_unit", "issue_order", "reissue_unit", "reveal_visitor", "revoke_order"]
