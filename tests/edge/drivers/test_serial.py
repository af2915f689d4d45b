"""The port's shell over real ptys."""

from __future__ import annotations

import errno
import os
import select
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from edge.drivers.serial import STUCK_BYTES, SerialPort
from tests.support.lanes import eventually


class Pair:
    """A pty with a link to its slave."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.master, slave = os.openpty()
        tty.setraw(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        self._slave = slave

    def pull(self) -> None:
        self.link.unlink()
        os.close(self._slave)
        os.close(self.master)

    def read(self) -> bytes:
        readable, _, _ = select.select([self.master], [], [], 5)
        assert readable
        return os.read(self.master, 4096)


class Owner:
    """Opens the port and writes down what it is told."""

    def __init__(self, path: Path) -> None:
        self.data = b""
        self.ups = 0
        self.downs: list[str] = []
        self.broken = False
        self.port = SerialPort(str(path), 115200, on_data=self.got, on_up=self.up, on_down=self.downs.append)

    def got(self, data: bytes) -> None:
        if self.broken:
            raise RuntimeError("a driver's bug")
        self.data += data

    def up(self) -> None:
        self.ups += 1


@asynccontextmanager
async def running(owner: Owner) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(owner.port.run)
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "tty"


async def test_bytes_go_both_ways(link: Path) -> None:
    pair, owner = Pair(link), Owner(link)
    async with running(owner):
        await eventually(lambda: owner.port.is_open)
        os.write(pair.master, b"\x00\x03\x11\r\n\xff")
        await eventually(lambda: owner.data == b"\x00\x03\x11\r\n\xff")
        owner.port.write(b"\x7e\x00\n\r\x04")
        assert pair.read() == b"\x7e\x00\n\r\x04"
    assert not owner.port.is_open
    assert owner.downs == []


async def test_a_missing_device_is_told_once_and_opened_when_it_comes(link: Path) -> None:
    owner = Owner(link)
    async with running(owner):
        await eventually(lambda: owner.downs)
        pair = Pair(link)
        await eventually(lambda: owner.ups)
        assert owner.downs == [os.strerror(errno.ENOENT).lower()]
        pair.pull()
        await eventually(lambda: len(owner.downs) == 2)
        owner.port.write(b"into the air")
        again = Pair(link)
        await eventually(lambda: owner.ups == 2)
        owner.port.write(b"x")
        assert again.read() == b"x"
        assert owner.port.lost == 1


async def test_a_device_that_takes_nothing_is_lost_and_gets_nothing_late(link: Path) -> None:
    pair, owner = Pair(link), Owner(link)
    async with running(owner):
        await eventually(lambda: owner.port.is_open)
        for _ in range(1024):
            owner.port.write(b"\x7e" * 64)
        await eventually(lambda: owner.downs)
        assert owner.downs == ["the device takes no bytes"]
        taken = 0
        while select.select([pair.master], [], [], 0)[0]:
            taken += len(os.read(pair.master, 4096))
        assert taken <= 65_536 - STUCK_BYTES  # what was still to be sent was thrown away
        await eventually(lambda: owner.ups == 2)


async def test_a_callbacks_bug_ends_the_run_with_it(link: Path) -> None:
    pair, owner = Pair(link), Owner(link)
    owner.broken = True

    async def write_when_open() -> None:
        await eventually(lambda: owner.port.is_open)
        os.write(pair.master, b"x")

    async def both() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(owner.port.run)
            nursery.start_soon(write_when_open)

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    assert caught.group_contains(RuntimeError, match="a driver's bug")
    assert not owner.port.is_open


async def test_one_port_has_one_owner(link: Path) -> None:
    Pair(link)
    first, second = Owner(link), Owner(link)
    async with running(first):
        await eventually(lambda: first.port.is_open)
        async with running(second):
            await eventually(lambda: second.downs)
            assert not second.port.is_open
            assert first.port.is_open
