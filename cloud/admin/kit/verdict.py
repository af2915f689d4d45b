"""How the gates' numbers are shown: verdicts, reasons, lane states, settlements, as pills with words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.text import chinese
from paifang.reasons import TABLE, Reason
from paifang.v1 import scan_pb2


def reason_label(code: int) -> str:
    """A reason's name. A code this version does not know (an edge may be newer) is shown as a number."""
    try:
        label = TABLE[Reason(code)].label
    except (ValueError, KeyError):
        return _("Reason %(code)s") % {"code": code}
    return label.zh if chinese() else label.en


def reason_advice(code: int, **names: str) -> str:
    """What staff do about it, with `station`, `time`, `start`, `end` where known; empty for an unknown code."""
    try:
        return TABLE[Reason(code)].staff.fill("zh" if chinese() else "en", **names)
    except (ValueError, KeyError):
        return ""


def verdict(decision: int, reason: int) -> Pill:
    """A verdict by its reason: green when the visitor may walk."""
    if decision == scan_pb2.DECISION_ADMIT:
        return Pill(reason_label(reason), Tone.GOOD, "circle-check")
    if decision == scan_pb2.DECISION_GO_AHEAD:
        return Pill(reason_label(reason), Tone.BUSY, "circle-check")
    return Pill(reason_label(reason), Tone.BAD, "circle-x")


def lane_state(state: int, *, enabled: bool, online: bool) -> Pill:
    """`enabled`: device and station are both switched on in the cloud; the gate may not have heard yet."""
    if not online:
        return Pill(_("No contact"), Tone.WARN, "wifi-off")
    if state == scan_pb2.LANE_STATE_OUT_OF_SERVICE:
        return Pill(_("Back in a moment") if enabled else _("Out of service"), Tone.IDLE, "circle-pause")
    if not enabled:
        return Pill(_("Closing"), Tone.IDLE, "circle-pause")
    if state == scan_pb2.LANE_STATE_READY:
        return Pill(_("Ready"), Tone.GOOD, "circle-check")
    if state == scan_pb2.LANE_STATE_DECIDING:
        return Pill(_("Checking"), Tone.BUSY, "scan-line")
    if state == scan_pb2.LANE_STATE_OPEN:
        return Pill(_("Open"), Tone.BUSY, "door-open")
    if state == scan_pb2.LANE_STATE_FAULT:
        return Pill(_("Fault"), Tone.BAD, "triangle-alert")
    return Pill(_("Unknown"), Tone.WARN, "circle-alert")


def connected(*, here: bool, known: bool) -> Pill:
    """Whether a lane's reader or barrier answers its edge; `known`: the edge itself is heard of."""
    if not known:
        return Pill(_("Not known"), Tone.IDLE, "circle-dashed")
    return Pill(_("Connected"), Tone.GOOD, "plug") if here else Pill(_("Not connected"), Tone.BAD, "unplug")


def contact(*, online: bool, heard: bool) -> Pill:
    """Whether an edge is in contact with the cloud; `heard`: it has reported at least once."""
    if not heard:
        return Pill(_("Not connected yet"), Tone.IDLE, "circle-dashed")
    return Pill(_("Connected"), Tone.GOOD, "wifi") if online else Pill(_("No contact"), Tone.WARN, "wifi-off")


def clock_state(state: int) -> tuple[str, str]:
    """What an edge says of its clock, and the tone."""
    return {
        scan_pb2.CLOCK_STATE_CONFIRMED: (_("confirmed"), ""),
        scan_pb2.CLOCK_STATE_UNCONFIRMED: (_("not confirmed lately"), "warn"),
        scan_pb2.CLOCK_STATE_BEHIND: (_("behind"), "bad"),
        scan_pb2.CLOCK_STATE_JUMPED: (_("jumped"), "bad"),
    }.get(state, ("–", ""))


def verifier(name: str) -> str:
    """The edge's verifier: compiled, or its twin by name."""
    return _("compiled") if name == "compiled" else name or "–"


def outcome(name: str) -> Pill:
    """What became of an admission: cloud.admissions' outcome codes."""
    table = {
        "open": Pill(_("Not settled yet"), Tone.BUSY, "hourglass"),
        "passed": Pill(_("Walked through"), Tone.GOOD, "footprints"),
        "returned": Pill(_("Nobody walked; use given back"), Tone.IDLE, "undo-2"),
        "partly": Pill(_("Some walked; the rest given back"), Tone.WARN, "footprints"),
        "kept": Pill(_("Nobody seen; use stays spent"), Tone.WARN, "circle-alert"),
        "unknown": Pill(_("Not known after a restart; use stays spent"), Tone.WARN, "circle-alert"),
        "late": Pill(_("Walked late; use taken again"), Tone.GOOD, "footprints"),
        "unticketed": Pill(_("Walked without a use left"), Tone.BAD, "triangle-alert"),
    }
    return table.get(name, Pill(name, Tone.IDLE, "circle-alert"))


def remark(*, flag: str, signed_only: bool) -> Pill | None:
    """What is out of the ordinary about an admission: cloud.admissions' flags, and one on the signature alone."""
    if flag == "unknown":
        return Pill(_("No such ticket here"), Tone.BAD, "triangle-alert")
    if flag == "ended":
        return Pill(_("Had been revoked or refunded"), Tone.BAD, "triangle-alert")
    return Pill(_("On its signature alone"), Tone.BUSY, "pen-line") if signed_only else None
