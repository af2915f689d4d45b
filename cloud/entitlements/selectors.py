"""Reads of entitlements for people and pages."""

from __future__ import annotations

from django.utils import timezone

from cloud.entitlements.models import Entitlement
from cloud.entitlements.rotating import key_for_today
from paifang import passes, rotating


def pass_line(entitlement: Entitlement) -> str:
    """The text of its QR code now: "PF1:..."."""
    return passes.line(bytes(entitlement.pass_raw)).decode("ascii")


def shown_line(entitlement: Entitlement) -> str:
    """What its holder would show a scanner this moment: the live code of a rotating pass, else the pass."""
    if not entitlement.rotating:
        return pass_line(entitlement)
    now = timezone.now()
    key = key_for_today(entitlement, now).key
    return rotating.line(bytes(entitlement.pass_raw), key, int(now.timestamp() * 1000)).decode("ascii")
