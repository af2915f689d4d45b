"""The use-cases of a sale, one a file."""

from cloud.sales.services.issue import issue_order
from cloud.sales.services.reissue import reissue_unit
from cloud.sales.services.revoke import revoke_order

__all__ = ["issue_order", "reissue_unit", "revoke_order"]
