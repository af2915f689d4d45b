"""RFC 9285: its own vectors, what it forbids, and that text and bytes are one to one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import verifier
from paifang import base45

DECODERS = [base45.decode, *(verifier.load(name).base45_decode for name in verifier.MODULES)]
IDS = ["paifang", *verifier.MODULES]

decoders = pytest.mark.parametrize("decode", DECODERS, ids=IDS)

# RFC 9285, sections 4.3 and 4.4.
VECTORS = [(b"AB", b"BB8"), (b"Hello!!", b"%69 VD92EX0"), (b"base-45", b"UJCLQE7W581"), (b"ietf!", b"QED8WEX0")]


@decoders
@pytest.mark.parametrize(
    ("data", "text"), [*VECTORS, (b"", b""), (b"\0", b"00"), (b"\xff", b"U5"), (b"\xff\xff", b"FGW"), (b"\0\0", b"000")]
)
def test_known_texts(decode: object, data: bytes, text: bytes) -> None:
    assert base45.encode(data) == text
    assert decode(text) == data  # type: ignore[operator]


@decoders
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"A", "dangling"), (b"BB8A", "dangling"), (b"GGW", "group above 65535"), (b":::", "group above 65535"),
        (b"::", "pair above 255"), (b"V5", "pair above 255"), (b"BB8::", "pair above 255"), (b"bb8", "0x62"),
        (b"B\x008", "0x0"), (b"BB\xff", "0xff"), (b"BB8!0", "0x21"), (b"BB8\n", "dangling"),
    ],
)  # fmt: skip
def test_forbidden_texts(decode: object, text: bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        decode(text)  # type: ignore[operator]


@given(st.binary(max_size=200))
def test_bytes_come_back(data: bytes) -> None:
    assert [decode(base45.encode(data)) for decode in DECODERS] == [data] * 3


@given(st.lists(st.sampled_from(base45.ALPHABET), max_size=60).map(bytes))
def test_a_text_that_decodes_is_the_one_text_of_its_bytes(text: bytes) -> None:
    for decode in DECODERS:
        try:
            data = decode(text)
        except ValueError:
            continue
        assert base45.encode(data) == text


def test_the_alphabet_fits_a_qr_codes_alphanumeric_mode() -> None:
    assert len(base45.ALPHABET) == len(set(base45.ALPHABET)) == 45
    assert bytes(sorted(base45.ALPHABET)) == b" $%*+-./0123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZ"
