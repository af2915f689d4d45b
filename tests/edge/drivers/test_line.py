from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.base import NS_PER_MS, Online
from edge.drivers.line import LineOptions, LineReader
from edge.verdict import Credential
from paifang.records import CredentialKind

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


def lines(reader: LineReader, data: bytes, at_ms: int = 10_000) -> list[bytes]:
    return [event.data for event in reader.feed(data, at_ms * NS_PER_MS) if isinstance(event, Credential)]


@pytest.mark.parametrize(
    ("terminator", "stream", "expected"),
    [
        ("any", b"PF1:A\rPF1:B\nPF1:C\r\n", [b"PF1:A", b"PF1:B", b"PF1:C"]),
        ("cr", b"PF1:A\rPF1:B\r\n", [b"PF1:A", b"PF1:B"]),
        ("lf", b"PF1:A\nPF1:B\r\n", [b"PF1:A", b"PF1:B"]),
        ("crlf", b"PF1:A\r\nPF1:B\r\n", [b"PF1:A", b"PF1:B"]),
        ("tab", b"PF1:A\tPF1:B\t", [b"PF1:A", b"PF1:B"]),
        ("stx_etx", b"\x02PF1:A\x03noise\x02PF1:B\x03", [b"PF1:A", b"PF1:B"]),
    ],
)
def test_each_terminator_whole_and_byte_by_byte(terminator: str, stream: bytes, expected: list[bytes]) -> None:
    reader = LineReader(LineOptions(terminator=terminator))
    assert lines(reader, stream) == expected
    single = LineReader(LineOptions(terminator=terminator))
    assert [line for byte in stream for line in lines(single, bytes((byte,)))] == expected


def test_silence_ends_a_line_where_nothing_else_does() -> None:
    reader = LineReader(LineOptions(terminator="gap", gap_ms=50))
    assert reader.due_ns(0) == 25 * NS_PER_MS
    assert reader.feed(b"PF1:", 1000 * NS_PER_MS) == []
    assert reader.feed(b"AB", 1030 * NS_PER_MS) == []
    assert reader.tick(1079 * NS_PER_MS) == []
    assert reader.tick(1080 * NS_PER_MS) == [Credential(CredentialKind.LINE, b"PF1:AB", 1030 * NS_PER_MS)]
    assert reader.tick(1200 * NS_PER_MS) == []


def test_prefix_suffix_and_aim_identifier_are_taken_off() -> None:
    reader = LineReader(LineOptions(prefix="<<", suffix=">>"))
    assert lines(reader, b"<<]Q1PF1:A>>\r<<PF1:B>>\rPF1:C\r") == [b"PF1:A", b"PF1:B", b"PF1:C"]
    assert lines(LineReader(LineOptions(strip_aim=False)), b"]Q1PF1:A\r") == [b"]Q1PF1:A"]


def test_blanks_belong_to_base45_and_stay() -> None:
    assert lines(LineReader(LineOptions()), b"PF1: A B \r") == [b"PF1: A B "]


@pytest.mark.parametrize("terminator", ["any", "crlf", "stx_etx"])
def test_a_megabyte_of_line_costs_neither_memory_nor_the_next_line(terminator: str) -> None:
    reader = LineReader(LineOptions(terminator=terminator))
    end = {"any": b"\r", "crlf": b"\r\n", "stx_etx": b"\x03"}[terminator]
    start = b"\x02" if terminator == "stx_etx" else b""
    chunk = b"A" * 1024
    reader.feed(start + chunk, 0)
    tracemalloc.start()
    for _ in range(1023):
        assert reader.feed(chunk, 0) == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000
    assert lines(reader, end + start + b"PF1:A" + end, 1) == [b"PF1:A"]
    assert reader.counts() == {"over_long": 1, "torn": 0, "duplicates": 0}


@pytest.mark.parametrize("pieces", [[b"A" * 600 + b"\r"], [b"A" * 600, b"A\r"], [b"A" * 600, b"A", b"\r"]])
def test_an_over_long_line_whose_end_comes_in_two(pieces: list[bytes]) -> None:
    reader = LineReader(LineOptions(terminator="crlf"))
    for piece in pieces:
        assert reader.feed(piece, 0) == []
    assert lines(reader, b"\nPF1:A\r\n", 1) == [b"PF1:A"]
    assert reader.over_long == 1


def test_the_longest_line_passes_and_one_more_byte_does_not() -> None:
    reader = LineReader(LineOptions(max_length=10))
    assert lines(reader, b"A" * 10 + b"\r" + b"B" * 11 + b"\r") == [b"A" * 10]
    assert reader.over_long == 1


def test_a_half_line_left_by_a_pulled_cable_does_not_spoil_the_next() -> None:
    reader = LineReader(LineOptions())
    assert lines(reader, b"PF1:HAL", 1000) == []
    assert lines(reader, b"PF1:A\r", 2001) == [b"PF1:A"]
    assert reader.torn == 1
    assert lines(reader, b"PF1:HAL", 3000) == []
    reader.disconnected()
    assert reader.connected(0) == [Online(True)]
    assert lines(reader, b"PF1:B\r", 3001) == [b"PF1:B"]


def test_a_double_fire_is_one_scan() -> None:
    reader = LineReader(LineOptions(duplicate_ms=300))
    assert lines(reader, b"PF1:A\rPF1:A\r", 1000) == [b"PF1:A"]
    assert lines(reader, b"PF1:A\r", 1299) == []
    assert lines(reader, b"PF1:B\rPF1:A\r", 1299) == [b"PF1:B", b"PF1:A"]
    assert lines(reader, b"PF1:A\r", 1599) == [b"PF1:A"]
    assert reader.duplicates == 2


@given(
    st.lists(st.text(BASE45, min_size=1, max_size=170), max_size=6, unique=True),
    st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=30),
    st.sampled_from(["cr", "crlf", "stx_etx"]),
)
def test_lines_survive_any_cutting(contents: list[str], cuts: list[int], terminator: str) -> None:
    reader = LineReader(LineOptions(terminator=terminator, duplicate_ms=0))
    before, after = {"cr": ("", "\r"), "crlf": ("", "\r\n"), "stx_etx": ("\x02", "\x03")}[terminator]
    stream = "".join(before + line + after for line in contents).encode()
    found = []
    for cut in cuts * (len(stream) // len(cuts) + 1):
        found += lines(reader, stream[:cut])
        stream = stream[cut:]
    assert found == [line.encode() for line in contents]


@given(st.lists(st.binary(max_size=80), max_size=12), st.sampled_from(["any", "cr", "crlf", "tab", "stx_etx"]))
def test_no_bytes_make_it_raise_or_hoard(chunks: list[bytes], terminator: str) -> None:
    reader = LineReader(LineOptions(terminator=terminator, max_length=50))
    for chunk in chunks:
        for line in lines(reader, chunk):
            assert 0 < len(line) <= 50
    assert len(reader._part) <= 54


@pytest.mark.parametrize("wrong", [{"terminator": "ff"}, {"max_length": 0}, {"gap_ms": 0}])
def test_wrong_options_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LineOptions(**wrong)  # type: ignore[arg-type]
