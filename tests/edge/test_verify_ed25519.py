"""Ed25519 at its edges: what implementations disagree about, ours refuse alike, and no gate admits.

Small-order keys and points (whose signatures anybody can make), S and S + L (two signatures of one message),
encodings of field elements above the prime, zeros. RFC 8032, and "Taming the many EdDSAs" (2020) for the list.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from nacl.signing import SigningKey

from paifang import passes
from paifang.reasons import Reason
from paifang.records import Op, Table, VenueSettings, live_key
from tests.support.gatekit import CLAIMS, KEY_ID, NOW_MS, NOW_S, PASS_KEY, PRODUCT, RULES, SIGNER, Gate, sign

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
# y of the points whose order divides eight: 1 (the neutral one), -1, 0, and those of order eight.
ORDER_EIGHT = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
SMALL_Y = (1, P - 1, 0, ORDER_EIGHT, P - ORDER_EIGHT)
CANONICAL = [(y | sign_bit << 255).to_bytes(32, "little") for y in SMALL_Y for sign_bit in (0, 1)]
ABOVE_P = [(y | sign_bit << 255).to_bytes(32, "little") for y in (P, P + 1, P + 2, 2**255 - 1) for sign_bit in (0, 1)]
MESSAGE = b"a message"
GOOD = SIGNER.sign(MESSAGE).signature
R, S = GOOD[:32], int.from_bytes(GOOD[32:], "little")
PUBLIC = bytes(SIGNER.verify_key)


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "little")


def test_the_points_listed_are_of_small_order() -> None:
    """x and y, doubled three times, are the neutral element."""
    for y in SMALL_Y:
        square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
        x = pow(square, (P + 3) // 8, P)
        x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
        assert x * x % P == square
        for _ in range(3):
            product = D * x * x * y * y % P
            x, y = 2 * x * y * pow(1 + product, -1, P) % P, (y * y + x * x) * pow(1 - product, -1, P) % P
        assert (x, y) == (0, 1)


def test_the_good_one_is_good(core: ModuleType) -> None:
    assert core.verify_ed25519(PUBLIC, MESSAGE, GOOD)


@pytest.mark.parametrize("times", [1, 2, 7, 14])
def test_s_has_one_value_alone(core: ModuleType, times: int) -> None:
    assert not core.verify_ed25519(PUBLIC, MESSAGE, R + scalar(S + times * L))


@pytest.mark.parametrize("s", [0, 1, L - 1, L, L + 1, 2**252, 2**253, 2**255, 2**256 - 1, S | 2**255, S ^ 1])
def test_no_other_s_is_good(core: ModuleType, s: int) -> None:
    assert not core.verify_ed25519(PUBLIC, MESSAGE, R + scalar(s))


@pytest.mark.parametrize("r", CANONICAL + ABOVE_P, ids=bytes.hex)
@pytest.mark.parametrize("s", [0, S, L])
def test_no_r_of_small_order_or_above_the_prime(core: ModuleType, r: bytes, s: int) -> None:
    assert not core.verify_ed25519(PUBLIC, MESSAGE, r + scalar(s))


@pytest.mark.parametrize("public", CANONICAL + ABOVE_P, ids=bytes.hex)
def test_no_key_of_small_order_or_above_the_prime(core: ModuleType, public: bytes) -> None:
    """Under a key of small order R = A or the neutral point with S = 0 fits the plain equation for many messages."""
    for r in (*CANONICAL, *ABOVE_P, R):
        for number in range(8):
            message = MESSAGE + bytes((number,))
            assert not core.verify_ed25519(public, message, r + scalar(0))
    assert not core.verify_ed25519(public, MESSAGE, GOOD)


def test_zeros_are_nothing(core: ModuleType) -> None:
    assert not core.verify_ed25519(bytes(32), b"", bytes(64))
    assert not core.verify_ed25519(PUBLIC, b"", bytes(64))
    assert not core.verify_ed25519(bytes(32), MESSAGE, GOOD)
    assert not core.verify_ed25519(b"\xff" * 32, MESSAGE, b"\xff" * 64)


def test_the_other_root_of_the_key_is_another_key(core: ModuleType) -> None:
    mirrored = PUBLIC[:31] + bytes((PUBLIC[31] ^ 0x80,))
    assert not core.verify_ed25519(mirrored, MESSAGE, GOOD)


@pytest.mark.parametrize("public", [*CANONICAL, *ABOVE_P, bytes(32)], ids=bytes.hex)
def test_a_gate_that_was_given_such_a_key_admits_nobody_by_it(core: ModuleType, tmp_path: Path, public: bytes) -> None:
    """A venue's cloud would have to go wrong for that: the gate holds all the same."""
    gate = signing_gate(core, tmp_path, public)
    for entitlement_id in range(5, 9):
        claims = replace(CLAIMS, entitlement_id=entitlement_id, issued_at=NOW_S)
        for r in (public, CANONICAL[0]):
            raw = passes.assemble(KEY_ID, claims, r + bytes(32))
            assert gate.present(passes.line(raw)).reason == Reason.FORGED
    gate.close()


def test_a_pass_with_its_s_made_over_is_forged(core: ModuleType, tmp_path: Path) -> None:
    gate = signing_gate(core, tmp_path, PASS_KEY.public)
    raw = sign(replace(CLAIMS, entitlement_id=5, issued_at=NOW_S))
    over = raw[:-32] + scalar(int.from_bytes(raw[-32:], "little") + L)
    assert gate.present(passes.line(over)).reason == Reason.FORGED
    assert gate.present(passes.line(raw)).admit
    gate.close()


def signing_gate(core: ModuleType, path: Path, public: bytes) -> Gate:
    """A gate that admits passes it has never seen."""
    gate = Gate(core, path / "store")
    venue = VenueSettings("Asia/Shanghai", 0, {}, signed_only={PRODUCT: (RULES, 9)})
    gate.apply([Op(Table.VENUE, live_key(1), venue.pack())])
    gate.verifier.reload_live()
    gate.verifier.current_to_ms, gate.verifier.signed_room = NOW_MS - 60_000, 9
    gate.set_keys(replace(PASS_KEY, public=public))
    return gate


def test_a_key_of_another_seed_is_another_key(core: ModuleType) -> None:
    assert not core.verify_ed25519(bytes(SigningKey(bytes(32)).verify_key), MESSAGE, GOOD)
