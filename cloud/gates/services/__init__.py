"""What may be done with edges as machines: tokens, enrolment, revocation, health reports."""

from cloud.gates.authority import ensure_authority
from cloud.gates.services.enrol import Enrolled, enrol
from cloud.gates.services.report import report
from cloud.gates.services.revoke import revoke_edge
from cloud.gates.services.tokens import create_token

__all__ = ["Enrolled", "create_token", "enrol", "ensure_authority", "report", "revoke_edge"]
