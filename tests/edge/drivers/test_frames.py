from __future__ import annotations

from functools import reduce
from operator import xor as xor_of

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.frames import FrameBuffer, complement_sum, id_number_valid, xor


@given(st.binary(max_size=1400))
def test_xor_is_the_bytes_xored(data: bytes) -> None:
    assert xor(data) == reduce(xor_of, data, 0)


def test_the_published_check_byte_of_the_gate_board() -> None:
    assert complement_sum(bytes.fromhex("7E000180010000")) == 0xFF


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("11010519491231002X", True),
        ("110105194912310021", False),
        ("11010519491231002x", False),
        ("1101051949123100２X", False),
        ("440524188001010014", True),
        ("", False),
        ("A1010519491231002X", False),
    ],
)
def test_id_numbers_by_gb_11643(number: str, valid: bool) -> None:
    assert id_number_valid(number) is valid


def _buffer() -> FrameBuffer:
    """Frames: 'S', length byte of the whole, data, xor of all."""

    def measure(buffer: bytes, at: int) -> int | None:
        if len(buffer) < at + 2:
            return None
        return buffer[at + 1] if 3 <= buffer[at + 1] <= 20 else 0

    return FrameBuffer(b"S", measure, lambda frame: xor(frame) == 0, limit=20)


def _frame(data: bytes) -> bytes:
    body = b"S" + bytes((len(data) + 3,)) + data
    return body + bytes((xor(body),))


@given(
    st.lists(st.binary(max_size=17), max_size=5),
    st.lists(st.integers(min_value=1, max_value=9), min_size=1, max_size=80),
)
def test_glued_and_torn_frames_come_out_whole(contents: list[bytes], cuts: list[int]) -> None:
    frames = [_frame(data) for data in contents]
    stream, buffer, found = b"".join(frames), _buffer(), []
    for cut in cuts * (len(stream) // len(cuts) + 1):
        found += buffer.feed(stream[:cut])
        stream = stream[cut:]
    assert found == frames
    assert buffer.noise_bytes == 0


@given(st.binary(max_size=200).filter(lambda noise: b"S" not in noise), st.binary(max_size=17))
def test_noise_without_a_start_is_counted_and_skipped(noise: bytes, data: bytes) -> None:
    buffer = _buffer()
    assert buffer.feed(noise + _frame(data)) == [_frame(data)]
    assert buffer.noise_bytes == len(noise)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_leave_only_a_bounded_rest(chunks: list[bytes]) -> None:
    buffer = _buffer()
    for chunk in chunks:
        buffer.feed(chunk)
    # Whatever came before, a frame's length of silence-breaking bytes later a sound frame is found.
    assert _frame(b"again") in buffer.feed(bytes(20) + _frame(b"again"))
