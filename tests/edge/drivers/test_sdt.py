from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.base import NS_PER_MS, Online, ReaderEvent, Send, Unreadable
from edge.drivers.frames import xor
from edge.drivers.sdt import FIND, PREAMBLE, READ, SELECT, SdtOptions, SdtReader, number_of, request
from edge.emulators.sdt import Card
from edge.verdict import Credential
from paifang.records import CredentialKind

NUMBER = "11010519491231002X"


def frame(body: str) -> bytes:
    return PREAMBLE + bytes.fromhex(body)


# The published frames.
FOUND, NONE = frame("0008 00009F 00000000 97"), frame("0004 000080 84")
SELECTED, NOT_SELECTED = frame("000C 000090 0000000000000000 9C"), frame("0004 000081 85")
STATUS_OK, READ_FAILED = frame("0004 000090 94"), frame("0004 000041 45")


def card_frame(card: Card, photo: bytes = bytes(1024)) -> bytes:
    body = bytes.fromhex("0508 000090 0100 0400") + card.text() + photo
    return PREAMBLE + body + bytes((xor(body),))


def credentials(events: list[ReaderEvent]) -> list[bytes]:
    return [event.data for event in events if isinstance(event, Credential)]


def searching(at_ms: int = 0, **options: int | bool) -> SdtReader:
    reader = SdtReader(SdtOptions(**options))  # type: ignore[arg-type]
    assert reader.connected(at_ms * NS_PER_MS) == [Send(FIND)]
    return reader


def present(reader: SdtReader, at_ms: int, answer: bytes) -> list[ReaderEvent]:
    """A card from found to read; the reader has just sent FIND."""
    now = at_ms * NS_PER_MS
    assert reader.feed(FOUND, now)[-1] == Send(SELECT)
    assert reader.feed(SELECTED, now) == [Send(READ)]
    return reader.feed(answer, now)


@pytest.mark.parametrize(
    ("command", "parameter", "body"),
    [(0x11, 0xFF, "000311FFED"), (0x20, 0x01, "0003200122"), (0x20, 0x02, "0003200221"), (0x30, 0x01, "0003300132")],
)
def test_requests_are_the_published_frames(command: int, parameter: int, body: str) -> None:
    assert request(command, parameter) == frame(body)


def test_a_card_is_found_selected_and_read() -> None:
    reader = searching()
    answer = card_frame(Card(NUMBER, "张三"))
    assert len(answer) == 1295
    assert reader.feed(FOUND, 5) == [Online(True), Send(SELECT)]
    assert reader.feed(SELECTED, 6) == [Send(READ)]
    assert reader.feed(answer, 7) == [Credential(CredentialKind.ID_NUMBER, NUMBER.encode(), 7)]


def test_nothing_of_a_card_but_the_number_comes_out() -> None:
    reader = searching()
    events = present(reader, 1, card_frame(Card(NUMBER, "张三"), photo=b"PHOTO" * 204 + b"PHOT"))
    assert repr(events).count("PHOTO") == 0
    assert "张三".encode("utf-16-le") not in b"".join(credentials(events))
    assert b"PHOTO" not in reader._frames._buffer


def test_searches_no_more_often_than_every_300_ms() -> None:
    reader = searching()
    assert reader.feed(NONE, 20 * NS_PER_MS) == [Online(True)]
    assert reader.tick(299 * NS_PER_MS) == []
    assert reader.tick(300 * NS_PER_MS) == [Send(FIND)]
    with pytest.raises(ValueError, match="at least 300"):
        SdtOptions(poll_ms=299)


def test_a_card_must_be_lifted_before_it_counts_again() -> None:
    reader = searching()
    answer = card_frame(Card(NUMBER, "张三"))
    assert credentials(present(reader, 1, answer)) == [NUMBER.encode()]
    assert reader.tick(300 * NS_PER_MS) == [Send(FIND)]
    assert present(reader, 310, answer) == []  # it still lies there
    reader.tick(600 * NS_PER_MS)
    assert reader.feed(NONE, 610 * NS_PER_MS) == []  # lifted
    reader.tick(900 * NS_PER_MS)
    assert credentials(present(reader, 910, answer)) == [NUMBER.encode()]


def test_another_card_needs_no_pause() -> None:
    reader = searching()
    present(reader, 1, card_frame(Card(NUMBER, "")))
    reader.tick(300 * NS_PER_MS)
    assert credentials(present(reader, 310, card_frame(Card("440524188001010014", "")))) == [b"440524188001010014"]


def test_a_failed_select_or_read_begins_anew() -> None:
    reader = searching()
    reader.feed(FOUND, 1)
    assert reader.feed(NOT_SELECTED, 2) == []
    assert reader.tick(300 * NS_PER_MS) == [Send(FIND)]
    assert present(reader, 310, READ_FAILED) == []
    assert reader.tick(600 * NS_PER_MS) == [Send(FIND)]


def test_a_number_that_fails_its_check_is_unreadable() -> None:
    reader = searching()
    events = present(reader, 1, card_frame(Card("110105194912310021", "")))
    assert [type(event) for event in events] == [Unreadable]
    assert reader.counts()["unreadable"] == 1


def test_foreign_documents() -> None:
    assert number_of(Card("CHN110000000001"[:15], "", kind="I").text()) == "CHN110000000001"
    assert number_of(Card("CHN110000000001", "").text()) is None
    resident = Card("810000199408230021", "", kind="J", pass_number="H12345678")
    assert number_of(resident.text()) == "810000199408230021"
    assert number_of(resident.text(), pass_number=True) == "H12345678"
    assert number_of(Card(NUMBER, "", pass_number="H12345678").text(), pass_number=True) == NUMBER


def test_offline_after_three_unanswered_searches_and_back() -> None:
    reader = searching(reply_ms=100)
    reader.feed(NONE, 1)
    events: list[ReaderEvent] = []
    for at_ms in range(0, 1200, 50):
        events += reader.tick(at_ms * NS_PER_MS)
    assert Online(False) in events
    assert reader.tick(1500 * NS_PER_MS) == [Send(FIND)]
    assert reader.feed(NONE, 1510 * NS_PER_MS) == [Online(True)]


def test_an_answer_too_late_is_dropped() -> None:
    reader = searching(reply_ms=100, poll_ms=400)
    assert reader.tick(150 * NS_PER_MS) == []
    assert reader.feed(FOUND, 160 * NS_PER_MS) == []


def test_resynchronises_after_noise_and_a_false_preamble() -> None:
    reader = searching()
    noise = b"\xaa\xaa" + PREAMBLE + b"\x00\x02" + PREAMBLE + b"\x00\x04\x00\x00\x9f\x00" + b"\x96\x69"
    assert reader.feed(noise + b"\xaa" + FOUND, 1) == [Online(True), Send(SELECT)]
    assert reader.counts()["bad_checks"] == 1
    assert reader.counts()["noise_bytes"] == len(noise) + 1


@given(st.lists(st.integers(min_value=1, max_value=400), min_size=1, max_size=20))
def test_a_torn_answer_is_put_together(cuts: list[int]) -> None:
    reader = searching()
    now = NS_PER_MS
    reader.feed(FOUND, now)
    reader.feed(SELECTED, now)
    rest, found = card_frame(Card(NUMBER, "")), []
    for cut in cuts * (len(rest) // len(cuts) + 1):
        found += credentials(reader.feed(rest[:cut], now))
        rest = rest[cut:]
    assert found == [NUMBER.encode()]


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([FOUND, SELECTED, PREAMBLE, NONE])), max_size=30))
def test_no_bytes_make_it_raise_or_invent_a_credential(chunks: list[bytes]) -> None:
    reader = searching()
    for step, chunk in enumerate(chunks):
        now = step * 100 * NS_PER_MS
        assert credentials(reader.feed(chunk, now)) == []
        reader.tick(now)
    assert len(reader._frames._buffer) <= 1407
