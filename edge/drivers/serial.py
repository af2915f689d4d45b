"""Serial ports: the only user of pyserial-asyncio, which runs under trio-asyncio.

A port is opened, watched and opened again after a loss. Bytes are handed over inside the event loop's callback,
without a task switch; writing goes straight to the device while it takes the bytes. Each port has an
asyncio loop of its own, so nothing that breaks in one reaches another.
"""

from __future__ import annotations

import asyncio
import logging
import os
import termios
from collections.abc import Callable
from typing import Any

import serial
import serial_asyncio
import trio
import trio_asyncio

log = logging.getLogger("paifang.serial")

FIRST_WAIT, LONGEST_WAIT = 0.1, 1.0  # seconds between attempts to open
STEADY = 2.0  # a port that held this long was no flapping one
STUCK_BYTES = 512  # not taken by the device: nobody listens there, and commands must not come out late
_READ_BYTES = 4096


class _Device(serial.Serial):  # type: ignore[misc]
    """pyserial's port with non-blocking reads and writes of one system call each.

    pyserial's own read selects twice a call, its write spins on a full buffer and its flush waits for a
    device that may be gone: any of them would hold up every lane.
    """

    def read(self, size: int = _READ_BYTES) -> bytes:
        try:
            data = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError as problem:
            raise serial.SerialException(f"read: {problem.strerror}") from problem
        if not data:
            raise serial.SerialException("read: the device hung up")
        return data

    def write(self, data: bytes) -> int:
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0
        except OSError as problem:
            raise serial.SerialException(f"write: {problem.strerror}") from problem

    def flush(self) -> None:
        termios.tcflush(self.fd, termios.TCOFLUSH)


class _Transport(serial_asyncio.SerialTransport):  # type: ignore[misc]
    """pyserial-asyncio's transport, but for how it waits for bytes.

    trio-asyncio's add_reader passes its own queue twice after each read; waiting in a trio task of the port
    costs a third of that, and with forty lanes that is half a core.
    """

    _has_reader: bool
    _waiting: trio.CancelScope | None = None

    def _ensure_reader(self) -> None:
        if not self._has_reader and not self._closing:
            self._has_reader = True
            self._loop.run_trio_task(self._read_while_open)

    def _remove_reader(self) -> None:
        self._has_reader = False
        if self._waiting is not None:
            self._waiting.cancel()

    async def _read_while_open(self) -> None:
        with trio.CancelScope() as self._waiting:
            while self._has_reader:
                await trio.lowlevel.wait_readable(self._serial.fileno())
                self._read_ready()


class SerialPort:
    """One port, kept open for as long as `run` runs.

    Args:
        path: a device or a link to one.
        on_data: the bytes just read; called in the trio thread, must not block.
        on_up: the port is open.
        on_down: it is not, and why. Called once at each loss and once when it cannot be opened at first.

    An exception out of a callback ends `run` with it: whoever supervises the lane decides.
    """

    def __init__(
        self,
        path: str,
        baud: int,
        *,
        on_data: Callable[[bytes], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        self.path = path
        self._baud = baud
        self._on_data = on_data
        self._on_up = on_up
        self._on_down = on_down
        self._transport: Any = None
        self._device: _Device | None = None
        self._gave_up = ""  # why this side closed the port
        self.lost = 0

    @property
    def is_open(self) -> bool:
        return self._device is not None

    async def run(self) -> None:
        """Opens the port and, after each loss, opens it again; waits 0.1 s and at most 1 s between attempts."""
        wait = FIRST_WAIT
        told = False
        while True:
            try:
                device = await trio.to_thread.run_sync(self._open, abandon_on_cancel=True)
            except (OSError, ValueError, termios.error) as problem:
                if not told:
                    self._on_down(_plain(problem))
                    told = True
            else:
                opened = trio.current_time()
                told = True
                self._on_down(await self._serve(device))
                self.lost += 1
                if trio.current_time() - opened > STEADY:
                    wait = FIRST_WAIT
            await trio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    def write(self, data: bytes) -> None:
        """Sends now. A device that takes nothing is treated as lost; a port that is not open drops the bytes."""
        device, transport = self._device, self._transport
        if device is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() == 0:
            try:
                taken = device.write(data)
            except serial.SerialException as problem:
                self._give_up(_plain(problem))
                return
            if taken == len(data):
                return
            data = data[taken:]
        if transport.get_write_buffer_size() + len(data) > STUCK_BYTES:
            self._give_up("the device takes no bytes")
            return
        transport.write(data)

    def _give_up(self, why: str) -> None:
        self._gave_up = why
        self._transport.abort()

    def _open(self) -> _Device:
        """May block for a moment on odd hardware, so it runs in a thread."""
        return _Device(self.path, self._baud, timeout=0, write_timeout=0, exclusive=True)

    async def _serve(self, device: _Device) -> str:
        """Until the port is lost: why."""
        protocol = _Protocol(self._on_data)
        self._gave_up = ""
        try:
            async with trio_asyncio.open_loop() as loop:
                loop.set_exception_handler(protocol.loop_problem)
                transport = _Transport(loop, protocol, device)
                self._device, self._transport = device, transport
                try:
                    self._on_up()
                    await protocol.lost.wait()
                finally:
                    self._device = self._transport = None
                    if not transport.is_closing():
                        transport.abort()
        finally:
            device.close()  # a transport that was still flushing has not done it
        if protocol.failure is not None:
            raise protocol.failure
        return self._gave_up or protocol.cause


class _Protocol(asyncio.Protocol):
    def __init__(self, on_data: Callable[[bytes], None]) -> None:
        self.data_received = on_data  # type: ignore[assignment,method-assign]
        self.lost = trio.Event()
        self.cause = "closed"
        self.failure: Exception | None = None

    def connection_lost(self, problem: Exception | None) -> None:
        if problem is not None:
            self.cause = _plain(problem)
        self.lost.set()

    def loop_problem(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What trio-asyncio would raise into the nursery of every lane: a lost port, or a callback's bug."""
        problem = context.get("exception")
        if isinstance(problem, OSError):
            self.cause = _plain(problem)
        elif isinstance(problem, Exception):
            self.failure = problem
        else:
            log.warning("asyncio: %s", context.get("message"))
        self.lost.set()


def _plain(problem: Exception) -> str:
    """One short line; pyserial's own messages repeat the path and the error number."""
    cause = problem.__cause__ if isinstance(problem.__cause__, OSError) else problem
    if isinstance(cause, OSError) and cause.strerror and cause.errno:
        return os.strerror(cause.errno).lower()
    return str(problem)
