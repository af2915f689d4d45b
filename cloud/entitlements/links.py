"""Addresses of tickets for their holders: a token nobody can guess, that says nothing and ends with its pass.

The token is the ticket and the beginning of its pass's digest, sealed. So a link needs no row of its own, and a
re-issued ticket's old link is as dead as its old code.
"""

from __future__ import annotations

import base64
import binascii
import struct

from django_scopes import scopes_disabled

from cloud.core import sealing
from cloud.core.errors import SealError
from cloud.entitlements.models import Entitlement

_PURPOSE = "ticket/link"
_INSIDE = struct.Struct(">Q8s")
LONGEST = 100


def token_of(entitlement: Entitlement) -> str:
    """Another one each time; all of them work."""
    inside = _INSIDE.pack(entitlement.pk, bytes(entitlement.pass_digest)[:8])
    return base64.urlsafe_b64encode(sealing.seal(_PURPOSE, inside)).decode("ascii").rstrip("=")


def find(token: str) -> Entitlement | None:
    """The ticket of a token, at whatever venue; None where it is none of ours or its pass was replaced."""
    if len(token) > LONGEST:
        return None
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        number, digest = _INSIDE.unpack(sealing.unseal(_PURPOSE, sealed))
    except (binascii.Error, UnicodeEncodeError, ValueError, struct.error, SealError):
        return None
    with scopes_disabled():
        found = Entitlement.objects.select_related("venue", "product", "rules").filter(pk=number).first()
    return found if found is not None and bytes(found.pass_digest)[:8] == digest else None
