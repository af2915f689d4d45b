"""What a lane asks for: the outputs of the state machine in `edge.lane`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from edge.passages import Settle
from edge.verdict import Credential, OpenUse
from paifang.reasons import Reason

if TYPE_CHECKING:
    from edge._verify import Verdict
    from edge.admission import Presented

STARTING, BACK = "starting", "back"  # causes of Changed that are no fault


@dataclass(frozen=True, slots=True)
class Present:
    """Decide on this; answer through `presented`. `counter`: the board's, before anything opens.

    `companion`: the ID card read at the lane after it.
    """

    credential: Credential
    counter: int | None
    companion: Credential | None = None


@dataclass(frozen=True, slots=True)
class TurnAway:
    """The lane itself cannot serve this credential: nobody decides on it, but that it came is recorded."""

    credential: Credential
    reason: Reason


@dataclass(frozen=True, slots=True)
class Open:
    persons: int


@dataclass(frozen=True, slots=True)
class Close:
    pass


@dataclass(frozen=True, slots=True)
class Late:
    """`persons` walked through after their use was settled as not walked on; `returned`: it came back then."""

    use: OpenUse
    persons: int
    returned: bool = True


@dataclass(frozen=True, slots=True)
class WalkedOut:
    """`persons` left by an exit, and nobody had presented anything for them."""

    persons: int


@dataclass(frozen=True, slots=True)
class GoAhead:
    """The credential of `presented` came again while its barrier stands open."""

    presented: Presented


@dataclass(frozen=True, slots=True)
class Show:
    """For the lane's display. `persons`: how many may walk now; `verdict`: what the text may tell of."""

    reason: Reason
    admit: bool
    persons: int
    verdict: Verdict | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Changed:
    """The lane's state (paifang.v1 LaneState). `cause` is "" in the ordinary course of a scan."""

    state: int
    cause: str


@dataclass(frozen=True, slots=True)
class Alarm:
    code: str
    detail: str


Action = Present | TurnAway | Open | Close | Settle | Late | WalkedOut | GoAhead | Show | Changed | Alarm
