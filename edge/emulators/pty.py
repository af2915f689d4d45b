"""A pty whose slave a link points to: the cable between an emulated device and a driver."""

from __future__ import annotations

import os
import tty
from collections.abc import Callable
from pathlib import Path

import trio

PATIENCE_S = 2.0  # bytes nobody reads for this long are dropped, as on a real line


class Cable:
    """`on_bytes` gets what the driver wrote. Pulling the cable closes the pty; plugging it makes a new one."""

    def __init__(self, link: Path, on_bytes: Callable[[bytes], None]) -> None:
        self.link = link
        self._on_bytes = on_bytes
        self._master = -1
        self._slave = -1
        self._changed = trio.Event()
        self.dropped_bytes = 0

    @property
    def plugged(self) -> bool:
        return self._master >= 0

    def plug(self) -> None:
        if self.plugged:
            return
        # The slave stays open here too: a pty without an open slave reads as hung up, for ever.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        new = self.link.with_name(f".{self.link.name}.new")
        new.unlink(missing_ok=True)
        self.link.parent.mkdir(parents=True, exist_ok=True)
        new.symlink_to(os.ttyname(self._slave))
        new.replace(self.link)
        self._wake()

    def unplug(self) -> None:
        if not self.plugged:
            return
        self.link.unlink(missing_ok=True)
        trio.lowlevel.notify_closing(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def run(self) -> None:
        """Reads until cancelled."""
        while True:
            if not self.plugged:
                await self._changed.wait()
                continue
            try:
                await trio.lowlevel.wait_readable(self._master)
                data = os.read(self._master, 65536)
            except trio.ClosedResourceError:
                continue
            except BlockingIOError:
                continue
            self._on_bytes(data)

    def write(self, data: bytes) -> None:
        """At once, or not at all: what does not fit is lost."""
        if not self.plugged:
            self.dropped_bytes += len(data)
            return
        try:
            self.dropped_bytes += len(data) - os.write(self._master, data)
        except BlockingIOError:
            self.dropped_bytes += len(data)

    async def send(self, data: bytes) -> bool:
        """All of it, as fast as it is read; False where the cable is out or nobody reads."""
        left = memoryview(data)
        while left:
            if not self.plugged:
                return False
            try:
                left = left[os.write(self._master, left) :]
            except BlockingIOError:
                with trio.move_on_after(PATIENCE_S) as waited:
                    try:
                        await trio.lowlevel.wait_writable(self._master)
                    except trio.ClosedResourceError:
                        return False
                if waited.cancelled_caught:
                    self.dropped_bytes += len(left)
                    return False
        return True
