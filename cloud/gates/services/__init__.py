"""What may be done with edges as machines: tokens, enrolment, revocation, retiring, health reports, questions."""

from cloud.gates.authority import ensure_authority
from cloud.gates.services.enrol import Enrolled, enrol
from cloud.gates.services.questions import answer, ask, ask_about, forget_questions, waiting
from cloud.gates.services.report import report
from cloud.gates.services.retire import retire_edge
from cloud.gates.services.revoke import revoke_edge
from cloud.gates.services.silence import alarm_silent_edges, forget_tokens
from cloud.gates.services.tokens import LIFE as TOKEN_LIFE
from cloud.gates.services.tokens import create_token

__all__ = [
    "TOKEN_LIFE",
    "Enrolled",
    "alarm_silent_edges",
    "answer",
    "ask",
    "ask_about",
    "create_token",
    "enrol",
    "ensure_authority",
    "forget_questions",
    "forget_tokens",
    "report",
    "retire_edge",
    "revoke_edge",
    "waiting",
]
