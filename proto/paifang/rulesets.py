"""Rule sets: what a product's rules compile into. Immutable, numbered; interpreted by the verifier alone.

Days are proleptic ordinals of the venue's business days. Minutes are those of the wall clock counted from the
midnight the business day is named after: where a day starts at 04:00, half past one at night is minute 1530.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag


class RuleFlag(IntFlag):
    KEEP_ON_TIMEOUT = 1  # a use nobody walked through stays spent (default: given back)
    SIGNED_ONLY = 2  # passes the cache has never seen may be admitted on their signature
    IDENTITY = 8  # the holder's ID card must be read, alone or after the pass
    COLLECT_FIRST = 16  # refused until the ticket was collected
    ANTI_PASSBACK = 32  # refused while inside
    WHOLE = 64  # counts over all groups, in the record of group 0; the compiler sets it where a rule needs it
    TOGETHER = 128  # the persons of one pass go at once or not at all
    BOOK_FIRST = 256  # refused until a day or slot is booked


class Activation(IntEnum):
    """What must have happened before the first use."""

    NONE = 0
    HOLDER = 1  # the holder activates it: name, ID, photo
    DESK = 2  # the front desk does


HOLIDAY_BIT = 1 << 7


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` until before `end`, in minutes, on the days of the mask: as RuleSet.days, 0 is every day."""

    start: int
    end: int
    days: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """Business days from `first` to `last`, both included."""

    first: int
    last: int


RULESET_VERSION = 2
# version days flags media at_once uses_per_group uses_total uses_month uses_day reentry_gap_s early_s late_s
# after_first_s first_days activation hours dates blackout (counts), then the rows
_RULESET = struct.Struct("<BBHHHIIIIIIIIHBBBB")
_HOURS = struct.Struct("<HHBx")
_SPAN = struct.Struct("<II")
MAX_ROWS = 64  # of each kind


@dataclass(frozen=True, slots=True)
class RuleSet:
    """An immutable, numbered snapshot of a product's rules. Limits of 0 mean unlimited.

    Limits count uses; a pass of several persons has as many times more. `uses_per_group` is counted in the
    exclusion group's record, the other limits in that of group 0.

    Attributes:
        media: bit n: CredentialKind n may be used.
        at_once: persons admitted by one presentation at most; 0: all that are left.
        early_s, late_s: a booked slot's tolerance before and after.
        reentry_gap_s: refused for so long after the last use.
        after_first_s: refused from so long after the first use on.
        first_days: business days it is valid from its first use on; 0: no such rule.
        days: bit 0 Monday .. bit 6 Sunday, bit 7 public holidays; 0: every day. On a public holiday bit 7 alone
            decides; a working day moved to a weekend counts as allowed where any of Monday to Friday is.
        hours: when it may be used; none: at any time.
        dates: the only days it may be used on, if there are any.
        blackout: days it may not be used on.
    """

    uses_per_group: int = 1
    flags: RuleFlag = RuleFlag(0)  # noqa: RUF009 - a flag is immutable
    media: int = 0xFFFF
    uses_total: int = 0
    uses_month: int = 0
    uses_day: int = 0
    reentry_gap_s: int = 0
    at_once: int = 0
    early_s: int = 0
    late_s: int = 0
    after_first_s: int = 0
    first_days: int = 0
    activation: Activation = Activation.NONE
    days: int = 0
    hours: tuple[Hours, ...] = ()
    dates: tuple[Span, ...] = ()
    blackout: tuple[Span, ...] = ()

    def pack(self) -> bytes:
        """Raises ValueError on more than MAX_ROWS of a kind."""
        if max(len(self.hours), len(self.dates), len(self.blackout)) > MAX_ROWS:
            raise ValueError(f"a rule set has at most {MAX_ROWS} rows of each kind")
        head = _RULESET.pack(
            RULESET_VERSION, self.days, self.flags, self.media, self.at_once, self.uses_per_group, self.uses_total,
            self.uses_month, self.uses_day, self.reentry_gap_s, self.early_s, self.late_s, self.after_first_s,
            self.first_days, self.activation, len(self.hours), len(self.dates), len(self.blackout),
        )  # fmt: skip
        rows = [_HOURS.pack(hours.start, hours.end, hours.days) for hours in self.hours]
        rows += [_SPAN.pack(span.first, span.last) for span in (*self.dates, *self.blackout)]
        return head + b"".join(rows)

    @classmethod
    def unpack(cls, data: bytes) -> RuleSet:
        """Raises ValueError on another version or length, too many rows, or an activation not known to this version."""
        if len(data) < _RULESET.size or data[0] != RULESET_VERSION:
            raise ValueError("not a rule set of this version")
        (_, days, flags, media, at_once, per_group, total, month, day, gap, early, late, after_first,
         first_days, activation, hours, dates, blackout) = _RULESET.unpack_from(data)  # fmt: skip
        if len(data) != _RULESET.size + hours * _HOURS.size + (dates + blackout) * _SPAN.size:
            raise ValueError("a rule set's rows have another length")
        if max(hours, dates, blackout) > MAX_ROWS:
            raise ValueError(f"a rule set has at most {MAX_ROWS} rows of each kind")
        at = _RULESET.size + hours * _HOURS.size
        spans = [Span(*_SPAN.unpack_from(data, at + n * _SPAN.size)) for n in range(dates + blackout)]
        return cls(
            per_group, RuleFlag(flags), media, total, month, day, gap, at_once, early, late, after_first,
            first_days, Activation(activation), days,
            tuple(Hours(*_HOURS.unpack_from(data, _RULESET.size + n * _HOURS.size)) for n in range(hours)),
            tuple(spans[:dates]), tuple(spans[dates:]),
        )  # fmt: skip


RULESET_BYTES = _RULESET.size  # of the head
HOURS_BYTES = _HOURS.size
SPAN_BYTES = _SPAN.size
