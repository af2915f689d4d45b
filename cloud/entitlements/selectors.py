"""Reads of entitlements for people and pages."""

from __future__ import annotations

from cloud.entitlements.models import Entitlement
from paifang import passes


def pass_line(entitlement: Entitlement) -> str:
    """The text of its QR code now: "PF1:..."."""
    return passes.line(bytes(entitlement.pass_raw)).decode("ascii")
