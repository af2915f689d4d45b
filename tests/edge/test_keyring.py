"""Which keys an edge trusts."""

from __future__ import annotations

import pytest
from nacl.signing import SigningKey

from edge.errors import KeySetError
from edge.keyring import CLOCK_SLACK_S, KeyRing, pack_stored, unpack_stored
from paifang.records import KEYSET_TAG, KeySet, PublicKey

ROOT = SigningKey(bytes(32))
FEED = SigningKey(b"f" * 32)
NOW = 1_790_000_000
MESSAGE = b"a batch"


def key(
    key_id: int, signer: SigningKey, *, killed: bool = False, window: tuple[int, int] = (NOW - 10, NOW + 10)
) -> PublicKey:
    return PublicKey(key_id, bytes(signer.verify_key), *window, killed)


def signed(
    version: int, *feed: PublicKey, venue: int = 5, root: SigningKey = ROOT, passes: tuple[PublicKey, ...] = ()
) -> tuple[bytes, bytes]:
    payload = KeySet(version, venue, passes, feed).pack()
    return payload, root.sign(KEYSET_TAG + payload).signature


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing(bytes(ROOT.verify_key), 5)


def good(ring: KeyRing, now_s: int = NOW, *, key_id: int = 1, signer: SigningKey = FEED) -> bool:
    return ring.verify_feed(key_id, MESSAGE, signer.sign(MESSAGE).signature, now_s)


def test_the_version_only_rises(ring: KeyRing) -> None:
    assert ring.version == 0
    assert ring.offer(*signed(3, key(1, FEED)))
    assert not ring.offer(*signed(3, key(1, FEED)))
    with pytest.raises(KeySetError, match="version 2 is older than 3"):
        ring.offer(*signed(2, key(1, FEED)))
    assert ring.offer(*signed(4, key(2, FEED)))
    assert ring.version == 4
    assert good(ring, key_id=2)
    assert not good(ring, key_id=1)


def test_another_root_another_venue_a_changed_byte(ring: KeyRing) -> None:
    with pytest.raises(KeySetError, match="not signed by this venue's root key"):
        ring.offer(*signed(1, key(1, FEED), root=FEED))
    with pytest.raises(KeySetError, match="of venue 6, this edge belongs to 5"):
        ring.offer(*signed(1, key(1, FEED), venue=6))
    payload, signature = signed(1, key(1, FEED))
    with pytest.raises(KeySetError, match="not signed"):
        ring.offer(payload[:-1] + b"\x7f", signature)
    with pytest.raises(KeySetError, match="not signed"):
        ring.offer(payload, signature[:-1])
    assert ring.version == 0


@pytest.mark.parametrize(
    "payload", [b"", b"\xc1", b"\x94\x01\x05\x90", KeySet(1, 5, (), (PublicKey(1, b"short", 0, 1),)).pack()]
)
def test_an_unreadable_set_of_the_root_key_itself(ring: KeyRing, payload: bytes) -> None:
    with pytest.raises(KeySetError, match="cannot be read"):
        ring.offer(payload, ROOT.sign(KEYSET_TAG + payload).signature)
    assert ring.version == 0


def test_a_feed_key_counts_in_its_time(ring: KeyRing) -> None:
    ring.offer(*signed(1, key(1, FEED)))
    first, last = NOW - 10 - CLOCK_SLACK_S, NOW + 10 + CLOCK_SLACK_S
    assert [good(ring, now) for now in (first - 1, first, NOW, last, last + 1)] == [False, True, True, True, False]


def test_a_killed_key_is_out_at_once(ring: KeyRing) -> None:
    ring.offer(*signed(1, key(1, FEED)))
    assert good(ring)
    ring.offer(*signed(2, key(1, FEED, killed=True)))
    assert not good(ring)


def test_a_signature_of_another_key_or_message(ring: KeyRing) -> None:
    ring.offer(*signed(1, key(1, FEED)))
    assert not good(ring, signer=ROOT)
    assert not good(ring, key_id=9)
    assert not ring.verify_feed(1, b"another batch", FEED.sign(MESSAGE).signature, NOW)
    assert not ring.verify_feed(1, MESSAGE, b"short", NOW)


def test_pass_keys_go_to_the_verifier(ring: KeyRing) -> None:
    assert ring.pass_keys() == []
    ring.offer(*signed(1, passes=(key(300, FEED), key(301, ROOT, killed=True))))
    assert ring.pass_keys() == [
        (300, bytes(FEED.verify_key), NOW - 10, NOW + 10, False),
        (301, bytes(ROOT.verify_key), NOW - 10, NOW + 10, True),
    ]


def test_stored_and_read_again(ring: KeyRing) -> None:
    payload, signature = signed(7, key(1, FEED))
    assert ring.offer(*unpack_stored(pack_stored(payload, signature)))
    for data in (b"", b"\xc1", b"\x01"):
        with pytest.raises(KeySetError, match="the stored key set cannot be read"):
            unpack_stored(data)
