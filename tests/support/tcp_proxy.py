"""A TCP proxy that can freeze: connections stay up and nothing moves, as behind a dead router or a stopped machine.

And cut: after so many bytes more, in either direction, every connection is gone.
"""

from __future__ import annotations

import socket
import threading


class Proxy:
    """Forwards 127.0.0.1:<port> to an address until `frozen`; what came meanwhile is lost when it is closed."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: list[socket.socket] = []
        self._left: int | None = None  # bytes until the cut
        self.cuts = 0
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        """New connections are served again; those that were frozen stay so: their peer has forgotten them."""
        for old in self._sockets:
            old.close()
        self._sockets.clear()
        self._flowing.set()

    def cut_after(self, count: int) -> None:
        """Once. Connections made afterwards work."""
        self._left = count

    def _cut_here(self, data: bytes) -> bytes:
        """What of it still gets through; after the last of that the connections are closed."""
        if self._left is None:
            return data
        through, self._left = data[: self._left], max(0, self._left - len(data))
        return through

    def _cut(self) -> None:
        self._left = None
        self.cuts += 1
        for old in self._sockets:
            try:
                old.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._sockets.clear()

    def close(self) -> None:
        self._listener.close()
        self.thaw()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                self._flowing.wait()
                far = socket.create_connection(self._target)
            except OSError:
                if self._listener.fileno() < 0:
                    return
                continue
            self._sockets += (near, far)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                self._flowing.wait()
                other.sendall(self._cut_here(data))
                if self._left == 0:
                    self._cut()
            other.shutdown(socket.SHUT_WR)
        except OSError:
            return
