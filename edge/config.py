"""The edge's configuration: a TOML file -> frozen dataclasses. An error names the line and what is expected there.

[edge]                                   [[lane]]
name = "south-gate"                      device = "G01"            # the identifier the console knows it by
state = "var/edge"                       name = "South 1"
[cloud]                                  [[lane.reader]]           # one or more
enrol = "cloud.example.cn:8443"          driver = "line"
                                         port = "/dev/ttyS1"
                                         baud = 9600
                                         options = { terminator = "cr" }
[claims]                                 [lane.barrier]
endpoints = ["10.0.0.11:2379", ...]      driver = "ds205a" ...
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge import toml_lines
from edge.drivers import registry
from edge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PortConfig:
    """A device at the end of a serial line. `baud`: where the file names none, the driver's usual one.

    `options` are the driver's own: terminator, address, strict ... `typed`: a reader people type codes on.
    """

    driver: str
    port: str
    baud: int
    options: dict[str, Any] = field(default_factory=dict)
    typed: bool = False


@dataclass(frozen=True, slots=True)
class LaneConfig:
    """One lane. `passage`: "counter" when the barrier counts bodies, "none" when it only opens."""

    device: str
    name: str
    readers: tuple[PortConfig, ...]
    barrier: PortConfig
    open_seconds: float = 8.0
    debounce_seconds: float = 3.0
    passage: str = "counter"
    poll_ms: int = 100
    identity_seconds: float = 20.0  # how long a pass waits for its holder's ID card


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsConfig:
    """The site's etcd members, the nearest first. Files that are None: as the edge was enrolled.

    `timeout_ms`: an answer that takes longer is none.
    """

    endpoints: tuple[str, ...]
    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    timeout_ms: int = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig:
    """One edge. `state` holds `store/` and `identity/`; a relative one is taken from the file's folder."""

    name: str
    state: Path
    map_size_mb: int = 1024
    verifier: str = "compiled"  # or "twin", which also needs allow_twin
    allow_twin: bool = False
    http: str | None = "127.0.0.1:8470"  # health and metrics; None: not served
    enrol: str  # host:port of the cloud's enrol port
    gates: str | None = None  # host:port of the gates' port; None: as the cloud said at enrolment
    log: str = "text"  # or "json"
    journal_keep_hours: float = 48.0  # acked entries stay so long, for a cloud that comes back from a backup
    max_age_hours: float = 0.0  # revocations must be known up to so long ago, or nobody is admitted; 0: however old
    claims: ClaimsConfig | None = None  # None: no other edge of the site admits what this one does
    lanes: tuple[LaneConfig, ...]


def load(path: Path | str) -> EdgeConfig:
    """Reads and checks a file. Raises ConfigError."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as problem:
        raise ConfigError(path, 1, f"a readable file is expected here: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        line = path.read_bytes()[: problem.start].count(b"\n") + 1
        raise ConfigError(path, line, "UTF-8 text is expected") from None
    return parse(text, path)


def parse(text: str, path: Path) -> EdgeConfig:
    """Checks a file's text. Raises ConfigError."""
    text = text.replace("\r\n", "\n")
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", str(problem))
        line = int(at[1]) if at and at[1] else text.rstrip("\n").count("\n") + 1
        what = str(problem)[: at.start()] if at else str(problem)
        raise ConfigError(path, line, f"TOML is expected, and this is not: {what}") from None
    return _Reader(path, toml_lines.lines_of(text)).edge(raw)


_ADDRESS = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")
_KINDS = {str: "text in quotes", bool: "true or false", int: "a whole number", float: "a number", dict: "a table"}


class _Reader:
    """Walks tomllib's result; every complaint carries the line of the key it is about."""

    def __init__(self, path: Path, lines: dict[toml_lines.Path, int]) -> None:
        self.path = path
        self.lines = lines

    def fail(self, at: toml_lines.Path, expected: str) -> ConfigError:
        return ConfigError(self.path, toml_lines.line_of(self.lines, at), expected)

    def known(self, table: Any, at: toml_lines.Path, keys: tuple[str, ...]) -> dict[str, Any]:
        """The table itself, once it is one and has no key but these."""
        where = f"[{'.'.join(str(part) for part in at if isinstance(part, str))}]" if at else "the file"
        if not isinstance(table, dict):
            raise self.fail(at, f"{where} is expected to be a table")
        for key in table:
            if key not in keys:
                raise self.fail((*at, key), f'unknown key "{key}" in {where}; expected one of: {", ".join(keys)}')
        return table

    def get(self, table: dict[str, Any], at: toml_lines.Path, key: str, kind: type, default: Any = ...) -> Any:
        """A value of that type, or the default; without one the key is required."""
        if key not in table:
            if default is ...:
                where = ".".join(str(part) for part in at if isinstance(part, str))
                raise self.fail(at, f'[{where}] needs the key "{key}", {_KINDS[kind]}')
            return default
        value = table[key]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind or (kind is str and key in ("name", "device", "driver", "port") and not value):
            raise self.fail((*at, key), f'"{key}" is expected to be {_KINDS[kind]}, not {_shown(value)}')
        return value

    def within(
        self, table: dict[str, Any], at: toml_lines.Path, key: str, low: float, high: float, default: Any
    ) -> Any:
        value = self.get(table, at, key, type(default), default)
        if not low <= value <= high:
            raise self.fail((*at, key), f'"{key}" is expected within {low}..{high}, not {value}')
        return value

    def one_of(self, table: dict[str, Any], at: toml_lines.Path, key: str, choices: tuple[str, ...]) -> str:
        value: str = self.get(table, at, key, str, choices[0])
        if value not in choices:
            raise self.fail((*at, key), f'"{key}" is expected to be one of: {", ".join(choices)}; not "{value}"')
        return value

    def address(self, table: dict[str, Any], at: toml_lines.Path, key: str, default: Any = ...) -> str | None:
        value: str | None = self.get(table, at, key, str, default)
        if value is None or (not value and default is not ...):
            return None
        match = _ADDRESS.fullmatch(value)
        if not match or not 0 < int(match[1]) < 65536:
            raise self.fail((*at, key), f'"{key}" is expected to be host:port, not "{value}"')
        return value

    def edge(self, raw: dict[str, Any]) -> EdgeConfig:
        self.known(raw, (), ("edge", "cloud", "claims", "lane"))
        for part in ("edge", "cloud"):
            if part not in raw:
                raise self.fail((), f"the table [{part}] is expected and missing")
        edge, at = raw["edge"], ("edge",)
        self.known(
            edge,
            at,
            (
                "name",
                "state",
                "map_size_mb",
                "verifier",
                "allow_twin",
                "http",
                "journal_keep_hours",
                "log",
                "max_age_hours",
            ),
        )
        cloud = self.known(raw["cloud"], ("cloud",), ("enrol", "gates"))
        verifier = self.one_of(edge, at, "verifier", ("compiled", "twin"))
        allow_twin = self.get(edge, at, "allow_twin", bool, False)
        if verifier == "twin" and not allow_twin:
            raise self.fail((*at, "verifier"), 'verifier = "twin" is expected only together with allow_twin = true')
        enrol = self.address(cloud, ("cloud",), "enrol")
        assert enrol is not None
        return EdgeConfig(
            name=self.get(edge, at, "name", str),
            state=(self.path.absolute().parent / self.get(edge, at, "state", str)),
            map_size_mb=self.within(edge, at, "map_size_mb", 8, 1024 * 1024, 1024),
            verifier=verifier,
            allow_twin=allow_twin,
            http=self.address(edge, at, "http", "127.0.0.1:8470"),
            enrol=enrol,
            gates=self.address(cloud, ("cloud",), "gates", None),
            log=self.one_of(edge, at, "log", ("text", "json")),
            journal_keep_hours=self.within(edge, at, "journal_keep_hours", 0.0, 8760.0, 48.0),
            max_age_hours=self.within(edge, at, "max_age_hours", 0.0, 8760.0, 0.0),
            claims=self.claims(raw["claims"]) if "claims" in raw else None,
            lanes=self.lane_list(raw),
        )

    def claims(self, raw: Any) -> ClaimsConfig:
        at: toml_lines.Path = ("claims",)
        table = self.known(raw, at, ("endpoints", "authority", "certificate", "key", "timeout_ms"))
        endpoints = table.get("endpoints")
        if not isinstance(endpoints, list) or not endpoints:
            raise self.fail(at, '[claims] needs the key "endpoints", a list of host:port, the nearest first')
        for endpoint in endpoints:
            self.address({"endpoints": endpoint}, at, "endpoints")
        if ("certificate" in table) != ("key" in table):
            raise self.fail(at, '"certificate" and "key" are expected together')
        folder = self.path.absolute().parent
        authority, certificate, key = (
            folder / self.get(table, at, name, str) if name in table else None
            for name in ("authority", "certificate", "key")
        )
        return ClaimsConfig(
            endpoints=tuple(endpoints), authority=authority, certificate=certificate, key=key,
            timeout_ms=self.within(table, at, "timeout_ms", 10, 5000, 80),
        )  # fmt: skip

    def lane_list(self, raw: dict[str, Any]) -> tuple[LaneConfig, ...]:
        rows = raw.get("lane", [])
        if not isinstance(rows, list) or not rows:
            raise self.fail(("lane",), "at least one lane, [[lane]], is expected")
        lanes: list[LaneConfig] = []
        devices: dict[str, toml_lines.Path] = {}
        ports: dict[str, toml_lines.Path] = {}
        for n, row in enumerate(rows):
            at: toml_lines.Path = ("lane", n)
            lane = self.lane(row, at)
            self.unique(devices, lane.device, (*at, "device"), "a lane of its own")
            for m, reader in enumerate(lane.readers):
                self.unique(ports, reader.port, (*at, "reader", m, "port"), "a port of its own")
            self.unique(ports, lane.barrier.port, (*at, "barrier", "port"), "a port of its own")
            lanes.append(lane)
        return tuple(lanes)

    def unique(self, seen: dict[str, toml_lines.Path], value: str, at: toml_lines.Path, expected: str) -> None:
        first = seen.setdefault(value, at)
        if first != at:
            line = toml_lines.line_of(self.lines, first)
            raise self.fail(at, f'{expected} is expected: "{value}" is taken on line {line}')

    def lane(self, row: Any, at: toml_lines.Path) -> LaneConfig:
        self.known(
            row, at,
            (
                "device", "name", "reader", "barrier", "open_seconds", "debounce_seconds", "identity_seconds",
                "passage", "poll_ms",
            ),
        )  # fmt: skip
        device = self.get(row, at, "device", str)
        readers = row.get("reader", [])
        if not isinstance(readers, list) or not readers:
            raise self.fail((*at, "reader"), f'lane "{device}" needs at least one [[lane.reader]]')
        if "barrier" not in row:
            raise self.fail(at, f'lane "{device}" needs a [lane.barrier]')
        poll_ms = self.within(row, at, "poll_ms", 10, 5000, 100)
        return LaneConfig(
            device=device,
            name=self.get(row, at, "name", str, device),
            readers=tuple(self.reader(reader, (*at, "reader", n)) for n, reader in enumerate(readers)),
            barrier=self.barrier(row["barrier"], (*at, "barrier"), poll_ms),
            open_seconds=self.within(row, at, "open_seconds", 1.0, 120.0, 8.0),
            debounce_seconds=self.within(row, at, "debounce_seconds", 0.0, 60.0, 3.0),
            passage=self.one_of(row, at, "passage", ("counter", "none")),
            poll_ms=poll_ms,
            identity_seconds=self.within(row, at, "identity_seconds", 1.0, 300.0, 20.0),
        )

    def reader(self, row: Any, at: toml_lines.Path) -> PortConfig:
        port = self.port(row, at, registry.READERS, ("typed",))
        try:
            registry.make_reader(port.driver, port.options)
        except ValueError as problem:
            raise self.fail((*at, "options"), f'"options" of driver "{port.driver}": {problem}') from None
        return port

    def barrier(self, row: Any, at: toml_lines.Path, poll_ms: int) -> PortConfig:
        port = self.port(row, at, registry.BARRIERS)
        try:
            registry.make_barrier(port.driver, port.options, poll_ms)
        except ValueError as problem:
            raise self.fail((*at, "options"), f'"options" of driver "{port.driver}": {problem}') from None
        return port

    def port(self, row: Any, at: toml_lines.Path, drivers: Mapping[str, Any], more: tuple[str, ...] = ()) -> PortConfig:
        self.known(row, at, ("driver", "port", "baud", "options", *more))
        driver = self.get(row, at, "driver", str)
        if driver not in drivers:
            raise self.fail((*at, "driver"), f'"driver" is expected to be one of: {", ".join(drivers)}; not "{driver}"')
        return PortConfig(
            driver=driver,
            port=self.get(row, at, "port", str),
            baud=self.within(row, at, "baud", 300, 4_000_000, registry.default_baud(driver)),
            options=self.get(row, at, "options", dict, {}),
            typed=self.get(row, at, "typed", bool, False),
        )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value!r}"
