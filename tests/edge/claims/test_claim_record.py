"""What etcd holds of an owner: it comes back as it was put, and each edge says its own part only."""

from __future__ import annotations

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.claim_record import Reservation, SharedUsage, is_news, revision
from paifang.usage import Usage

u32 = st.integers(0, 2**32 - 1)
usages = st.builds(Usage, revision=u32, total=u32).map(Usage.pack)
reservations = st.builds(
    Reservation, event=st.integers(1, 2**63 - 1), edge_id=u32, epoch=st.binary(min_size=8, max_size=8), persons=u32
)
values = st.builds(
    SharedUsage, until_day=st.integers(0, 2**20), rows=st.dictionaries(st.tuples(u32, u32), usages, max_size=4),
    reservations=st.lists(reservations, max_size=3).map(tuple),
)  # fmt: skip


def used(revision: int, total: int = 1) -> bytes:
    return Usage(revision=revision, total=total).pack()


@given(values)
def test_what_is_packed_comes_back(value: SharedUsage) -> None:
    assert SharedUsage.unpack(value.pack()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_one_or_a_value_error(data: bytes) -> None:
    try:
        SharedUsage.unpack(data)
    except ValueError:
        return


@pytest.mark.parametrize(
    "data",
    [
        b"",
        msgpack.packb(7),
        msgpack.packb((2, 0, [], [])),
        msgpack.packb((1, 0, [(1, 1, b"short")], [])),
        msgpack.packb((1, 0, [(1, b"x")], [])),
        msgpack.packb((1, 0, [], [(1, 2, b"e")])),
    ],
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        SharedUsage.unpack(data)


def test_an_edge_says_its_own_part_and_puts_back_the_others() -> None:
    theirs = Reservation(5, 2, bytes(8), 1)
    value = SharedUsage(20, {(3, 1): used(1), (3, 2): used(7)}, (Reservation(4, 1, bytes(8), 1), theirs))
    mine = Reservation(6, 1, b"epoch --", 2)
    told = value.told(1, {3: used(2), 0: used(1)}, [mine], until_day=10)
    assert told.rows == {(3, 1): used(2), (0, 1): used(1), (3, 2): used(7)}
    assert told.reservations == (theirs, mine)
    assert told.until_day == 20  # never earlier than somebody else wanted it
    assert value.told(1, {}, (), until_day=30).until_day == 30


def test_news_is_what_is_said_anew_by_others() -> None:
    value = SharedUsage(0, {(3, 1): used(9), (3, 2): used(2), (0, 2): used(1), (3, 4): used(5)})
    assert value.news(1, {(3, 2): used(2), (0, 2): used(2)}) == {(3, 4): used(5)}
    assert value.news(4, {}) == {(3, 1): used(9), (3, 2): used(2), (0, 2): used(1)}
    assert is_news(used(2, total=0), used(2))  # as late, and says something else
    assert not is_news(used(1), used(2))


def test_ahead_is_what_is_newer_of_ones_own() -> None:
    value = SharedUsage(0, {(3, 1): used(2), (0, 1): used(1), (3, 2): used(9)})
    assert value.ahead(1, {3: used(1), 0: used(1)}) == {3: used(2)}
    assert value.ahead(1, {}) == {3: used(2), 0: used(1)}
    assert revision(None) == 0
