"""The keys an edge trusts: one set of rising version, signed by the venue root key pinned at enrolment.

Pass keys serve the signature path of the verifier; feed keys sign what the cloud tells the gates. A killed
key is out at once, whatever its dates.
"""

from __future__ import annotations

import msgpack
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from edge.errors import KeySetError
from paifang.records import KEYSET_TAG, KeySet, PublicKey

CLOCK_SLACK_S = 300  # an edge's clock may be off by this much at a key's first and last second


class KeyRing:
    """Belongs to the trio thread; `verify_feed` may be called from any, it reads one reference."""

    def __init__(self, root_key: bytes, venue_id: int) -> None:
        self._root = VerifyKey(root_key)
        self.venue_id = venue_id
        self._feed_keys: dict[int, tuple[PublicKey, VerifyKey]] = {}
        self._set = KeySet(0, venue_id, (), ())

    @property
    def version(self) -> int:
        """0 before the first set."""
        return self._set.version

    def offer(self, payload: bytes, signature: bytes) -> bool:
        """Takes a key set. True when it is newer than the one held, False when it is the same.

        Raises:
            KeySetError: not signed by the venue's root key, of another venue, older, or unreadable.
        """
        try:
            self._root.verify(KEYSET_TAG + payload, signature)
        except (BadSignatureError, ValueError):
            raise KeySetError("the key set is not signed by this venue's root key") from None
        try:
            offered = KeySet.unpack(payload)
            feed_keys = {key.key_id: (key, VerifyKey(key.public)) for key in offered.feed_keys}
        except (ValueError, TypeError, msgpack.UnpackException) as problem:
            raise KeySetError(f"the key set cannot be read: {problem}") from None
        if offered.venue_id != self.venue_id:
            raise KeySetError(f"the key set is of venue {offered.venue_id}, this edge belongs to {self.venue_id}")
        if offered.version < self.version:
            raise KeySetError(f"key set version {offered.version} is older than {self.version}, which is held")
        if offered.version == self.version:
            return False
        self._set, self._feed_keys = offered, feed_keys
        return True

    def pass_keys(self) -> list[tuple[int, bytes, int, int, bool]]:
        """What `Verifier.set_pass_keys` takes."""
        return [(k.key_id, k.public, k.not_before, k.not_after, k.killed) for k in self._set.pass_keys]

    def verify_feed(self, key_id: int, signed: bytes, signature: bytes, now_s: int) -> bool:
        """Whether a feed key that is valid now made the signature."""
        held = self._feed_keys.get(key_id)
        if held is None:
            return False
        key, verify_key = held
        if key.killed or not key.not_before - CLOCK_SLACK_S <= now_s <= key.not_after + CLOCK_SLACK_S:
            return False
        try:
            verify_key.verify(signed, signature)
        except (BadSignatureError, ValueError):
            return False
        return True


def pack_stored(payload: bytes, signature: bytes) -> bytes:
    """A key set as META keeps it; it is verified again when read."""
    packed: bytes = msgpack.packb((payload, signature))
    return packed


def unpack_stored(data: bytes) -> tuple[bytes, bytes]:
    """Raises KeySetError."""
    try:
        payload, signature = msgpack.unpackb(data)
    except (ValueError, TypeError, msgpack.UnpackException):
        raise KeySetError("the stored key set cannot be read") from None
    return payload, signature
