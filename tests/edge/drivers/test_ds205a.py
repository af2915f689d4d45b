from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.base import NS_PER_MS, BarrierEvent, Closed, Online, Opened, OpenFailed, Send, Status
from edge.drivers.ds205a import Command, Ds205aBarrier, Ds205aOptions, command
from edge.drivers.frames import complement_sum

STATUS = command(1, Command.STATUS)
OPEN_1 = bytes.fromhex("7E000180010000FF")  # the published vector
CLOSE = command(1, Command.CLOSE)


def reply(left: int = 0, right: int = 0, *, executed: int = 0x55, fault: int = 0, address: int = 1) -> bytes:
    body = (
        bytes((0x7F, 1, address, fault, 0, 0)) + left.to_bytes(3, "big") + right.to_bytes(3, "big")
        + bytes((0, executed, 120, 0, 0))
    )  # fmt: skip
    return body + bytes((complement_sum(body),))


def online(left: int = 100, poll_ms: int = 100, **options: object) -> Ds205aBarrier:
    """A driver that has had its first answer at 0 ms."""
    driver = Ds205aBarrier(Ds205aOptions(**options), poll_ms)  # type: ignore[arg-type]
    assert [type(event) for event in driver.connected(0)] == [Send]
    assert driver.feed(reply(left, left), 0) == [Online(True), Status(left)]
    return driver


def ticked(driver: Ds205aBarrier, start_ms: int, end_ms: int) -> list[BarrierEvent]:
    return [event for at_ms in range(start_ms, end_ms, 10) for event in driver.tick(at_ms * NS_PER_MS)]


def test_the_published_open_command() -> None:
    assert command(1, Command.OPEN_LEFT, 1) == OPEN_1
    driver = online()
    assert driver.open(1, 0) == [Send(OPEN_1)]


@pytest.mark.parametrize(
    ("direction", "code", "counter"), [("left", Command.OPEN_LEFT, 7), ("right", Command.OPEN_RIGHT, 9)]
)
def test_the_direction_picks_command_and_counter(direction: str, code: Command, counter: int) -> None:
    driver = online(direction=direction)
    assert driver.open(3, 1) == [Send(command(1, code, 3))]
    assert driver.feed(reply(7, 9), 2) == [Opened(counter, True), Status(counter)]


def test_polls_at_its_interval_and_only_when_answered() -> None:
    driver = online()
    assert driver.tick(99 * NS_PER_MS) == []
    assert driver.tick(100 * NS_PER_MS) == [Send(STATUS)]
    assert driver.tick(170 * NS_PER_MS) == []
    assert driver.feed(reply(101, fault=2), 171 * NS_PER_MS) == [Status(101, fault=2)]


def test_an_open_waits_for_the_answer_on_the_half_duplex_line() -> None:
    driver = online()
    driver.tick(100 * NS_PER_MS)
    assert driver.open(1, 101 * NS_PER_MS) == []
    assert driver.feed(reply(100), 110 * NS_PER_MS) == [Status(100), Send(OPEN_1)]
    assert driver.feed(reply(100), 120 * NS_PER_MS) == [Opened(100, True), Status(100)]


def test_an_unanswered_open_is_asked_about_and_sent_again() -> None:
    driver = online()
    driver.open(1, 0)
    assert ticked(driver, 10, 90) == [Send(STATUS)]
    assert driver.feed(reply(100), 90 * NS_PER_MS) == [Status(100), Send(OPEN_1)]
    assert driver.feed(reply(100), 95 * NS_PER_MS) == [Opened(100, False), Status(100)]


def test_a_moved_counter_says_the_open_was_taken() -> None:
    driver = online()
    driver.open(1, 0)
    assert ticked(driver, 10, 90) == [Send(STATUS)]
    assert driver.feed(reply(101), 90 * NS_PER_MS) == [Opened(101, False), Status(101)]


def test_an_open_never_answered_fails_or_the_board_is_lost() -> None:
    patient = online(missed=100)
    patient.open(1, 0)
    assert OpenFailed("the board did not answer") in ticked(patient, 10, 1200)
    short = online(missed=3)
    short.open(1, 0)
    events = ticked(short, 10, 1200)
    assert Online(False) in events
    assert not any(isinstance(event, OpenFailed) for event in events)
    assert Send(OPEN_1) not in events[events.index(Online(False)) :]  # never sent late
    assert short.open(1, 1200 * NS_PER_MS) == [OpenFailed("the board is offline")]
    assert short.feed(reply(5), 1200 * NS_PER_MS)[:2] == [Online(True), Status(5)]


def test_a_board_that_refuses_is_tried_again_and_then_failed() -> None:
    driver = online()
    driver.open(1, 0)
    refused = reply(100, executed=0xAA)
    assert driver.feed(refused, NS_PER_MS) == [Status(100)]
    events: list[BarrierEvent] = []
    for at_ms in range(10, 1300, 10):
        step = driver.tick(at_ms * NS_PER_MS)
        events += step
        if any(isinstance(event, Send) for event in step):
            driver.feed(refused, at_ms * NS_PER_MS)
    assert OpenFailed("the board refused") in events
    assert events.count(Send(OPEN_1)) > 5


def test_close_replaces_an_open_on_its_way() -> None:
    driver = online()
    driver.tick(100 * NS_PER_MS)
    driver.open(1, 101 * NS_PER_MS)
    assert driver.close(102 * NS_PER_MS) == []
    assert driver.feed(reply(100), 110 * NS_PER_MS) == [Status(100), Send(CLOSE)]
    assert driver.feed(reply(100), 120 * NS_PER_MS) == [Closed(), Status(100)]


def test_strict_and_lenient_checks() -> None:
    wrong = reply(101)[:-1] + b"\0"
    strict = online()
    strict.tick(100 * NS_PER_MS)
    assert strict.feed(wrong, 110 * NS_PER_MS) == []
    lenient = online(strict=False)
    lenient.tick(100 * NS_PER_MS)
    assert lenient.feed(wrong, 110 * NS_PER_MS) == [Status(101)]


def test_another_boards_answers_are_not_ours() -> None:
    driver = online()
    driver.tick(100 * NS_PER_MS)
    assert driver.feed(reply(5, address=2) + reply(101), 110 * NS_PER_MS) == [Status(101)]


@given(
    st.binary(max_size=40).filter(lambda noise: b"\x7f" not in noise),
    st.lists(st.integers(min_value=1, max_value=17), min_size=1, max_size=10),
)
def test_torn_answers_behind_noise(noise: bytes, cuts: list[int]) -> None:
    driver = online()
    driver.tick(100 * NS_PER_MS)
    stream, events = noise + reply(4000, 9), []
    for cut in cuts * (len(stream) // len(cuts) + 1):
        events += driver.feed(stream[:cut], 110 * NS_PER_MS)
        stream = stream[cut:]
    assert events == [Status(4000)]
    assert driver.counts()["noise_bytes"] == len(noise)


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(reply(100)), st.just(b"\x7f" * 20)), max_size=30))
def test_no_bytes_make_it_raise(chunks: list[bytes]) -> None:
    driver = online()
    for step, chunk in enumerate(chunks):
        now = step * 30 * NS_PER_MS
        driver.feed(chunk, now)
        driver.tick(now)
        if step == 5:
            driver.open(1, now)
    assert len(driver._frames._buffer) <= 18
