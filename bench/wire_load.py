"""The load of `wire_to_wire`, a process of its own: the far end of every scanner and every gate of an entrance.

Makes the ptys, answers the gates' commands, and once told to go sends scans at a fixed rate whatever comes back.
A scan is timed from when it was meant to be sent, so a stall counts against who stalls. Each open command names
its scan by its number of persons. Ends with a line of JSON.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
import tty
from pathlib import Path

from hdrh.histogram import HdrHistogram

PERSONS = 100  # a lane's scans carry 1 .. 100 persons in turn
COMMAND_BYTES = 8
OPEN_LEFT = 0x80
NEVER_US = 10_000_000  # what a scan counts as that opened nothing
_SETTLE_S = 1.0  # after the last scan, for the last answers
_GO, _OVER = "go", 0.0


class Far:
    """The far ends of one lane."""

    __slots__ = ("due", "gate", "scanner", "sent", "turn")

    def __init__(self, folder: Path, number: int) -> None:
        self.scanner = _pty(folder / f"scanner{number}")
        self.gate = _pty(folder / f"gate{number}")
        self.due: dict[int, int] = {}  # persons -> when its scan was meant to be sent, ns
        self.turn = 0
        self.sent = 0


class Load:
    """Scans of `lanes` lanes, `rate` a second each, for `seconds`; the first `warm` seconds are not counted."""

    def __init__(self, folder: Path, lines: list[list[bytes]], rate: int, warm: float, seconds: float) -> None:
        self.lines = lines
        self.lanes = [Far(folder, number) for number in range(len(lines))]
        self.by_gate = {lane.gate: lane for lane in self.lanes}
        self.gap_ns = int(1e9 / (rate * len(lines)))
        self.warm_scans = int(warm * rate * len(lines))
        self.scans = self.warm_scans + int(seconds * rate * len(lines))
        self.latencies: list[int] = []
        self.epoll = select.epoll()
        for lane in self.lanes:
            self.epoll.register(lane.gate, select.EPOLLIN)
        self.reply = _status_reply()

    def answer_until_go(self) -> None:
        self.epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        while True:
            for descriptor, _ in self.epoll.poll():
                if descriptor == sys.stdin.fileno():
                    assert sys.stdin.readline().strip() == _GO
                    self.epoll.unregister(descriptor)
                    return
                self.answer(descriptor)

    def run(self) -> None:
        start = time.monotonic_ns() + 10_000_000
        sent = 0
        over = start + self.scans * self.gap_ns + int(_SETTLE_S * 1e9)
        while True:
            now = time.monotonic_ns()
            while sent < self.scans and (meant := start + sent * self.gap_ns) <= now:
                self.send(sent, meant)
                sent += 1
            if sent == self.scans and now > over:
                return
            wake = start + sent * self.gap_ns if sent < self.scans else over
            # epoll's own timeout counts in milliseconds, select's in microseconds.
            if select.select([self.epoll], [], [], max(_OVER, (wake - time.monotonic_ns()) / 1e9))[0]:
                for descriptor, _ in self.epoll.poll(0):
                    self.answer(descriptor)

    def send(self, number: int, meant: int) -> None:
        lane_number = number % len(self.lanes)
        lane = self.lanes[lane_number]
        persons = lane.turn % PERSONS + 1
        lane.turn += 1
        if number >= self.warm_scans:
            lane.due[persons] = meant
            lane.sent += 1
        os.write(lane.scanner, self.lines[lane_number][persons - 1] + b"\r")

    def answer(self, gate: int) -> None:
        data = os.read(gate, 4096)
        now = time.monotonic_ns()
        lane = self.by_gate[gate]
        for at in range(0, len(data), COMMAND_BYTES):
            if data[at + 3] == OPEN_LEFT:
                meant = lane.due.pop(data[at + 4], None)
                if meant is not None:
                    self.latencies.append(now - meant)
            os.write(gate, self.reply)

    def report(self) -> dict[str, float]:
        histogram = HdrHistogram(1, 60_000_000, 3)
        for latency in self.latencies:
            histogram.record_value(max(1, latency // 1000))
        sent = sum(lane.sent for lane in self.lanes)
        for _ in range(sent - len(self.latencies)):
            histogram.record_value(NEVER_US)
        return {
            "sent": sent,
            "opened": len(self.latencies),
            "p50_ms": histogram.get_value_at_percentile(50) / 1000,
            "p99_ms": histogram.get_value_at_percentile(99) / 1000,
            "p999_ms": histogram.get_value_at_percentile(99.9) / 1000,
            "max_ms": histogram.get_max_value() / 1000,
        }


def _pty(link: Path) -> int:
    master, slave = os.openpty()
    tty.setraw(slave)
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(slave))
    return master


def _status_reply() -> bytes:
    body = bytes((0x7F, 1, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0x55, 120, 0, 0))
    return body + bytes((~sum(body) & 0xFF,))


def main() -> None:
    folder, rate, warm, seconds = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    lanes = [[line.encode("ascii") for line in lane] for lane in json.loads((folder / "lines.json").read_text())]
    load = Load(folder, lanes, rate, warm, seconds)
    print("ready", flush=True)
    load.answer_until_go()
    load.run()
    print(json.dumps(load.report()), flush=True)


if __name__ == "__main__":
    main()
