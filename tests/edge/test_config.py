"""The configuration file: what it becomes, and where each error points."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import toml_lines
from edge.config import ClaimsConfig, EdgeConfig, LaneConfig, PortConfig, load, parse
from edge.errors import ConfigError

GOOD = """\
[edge]
name = "south-gate"
state = "state"

[cloud]
enrol = "cloud.example.cn:8443"

[[lane]]
device = "G01"
name = "South 1"
open_seconds = 6

[[lane.reader]]
driver = "line"
port = "/dev/ttyS1"
baud = 9600
options = { terminator = "cr", max_length = 200 }

[[lane.reader]]
driver = "sdt"
port = "/dev/ttyS2"
baud = 115200

[lane.barrier]
driver = "ds205a"
port = "/dev/ttyS3"
baud = 19200
[lane.barrier.options]
address = 1

[[lane]]
device = "G02"
passage = "none"
reader = [{ driver = "line", port = "/dev/ttyS4", baud = 9600 }]
barrier = { driver = "ds205a", port = "/dev/ttyS5", baud = 19200 }
"""


def error(text: str) -> tuple[int, str]:
    """Line and expectation of the error a text gives."""
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("/etc/paifang/edge.toml"))
    assert str(caught.value).startswith(f"/etc/paifang/edge.toml:{caught.value.line}: ")
    return caught.value.line, caught.value.expected


def changed(line: int, new: str) -> str:
    """GOOD with one line (from 1) in another's place."""
    lines = GOOD.splitlines()
    lines[line - 1] = new
    return "\n".join(lines)


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(GOOD)
    assert load(path) == EdgeConfig(
        name="south-gate",
        state=tmp_path / "state",
        map_size_mb=1024,
        verifier="compiled",
        allow_twin=False,
        http="127.0.0.1:8470",
        enrol="cloud.example.cn:8443",
        gates=None,
        lanes=(
            LaneConfig(
                device="G01",
                name="South 1",
                readers=(
                    PortConfig("line", "/dev/ttyS1", 9600, {"terminator": "cr", "max_length": 200}),
                    PortConfig("sdt", "/dev/ttyS2", 115200),
                ),
                barrier=PortConfig("ds205a", "/dev/ttyS3", 19200, {"address": 1}),
                open_seconds=6.0,
                debounce_seconds=3.0,
                passage="counter",
                poll_ms=100,
            ),
            LaneConfig(
                device="G02",
                name="G02",
                readers=(PortConfig("line", "/dev/ttyS4", 9600),),
                barrier=PortConfig("ds205a", "/dev/ttyS5", 19200),
                passage="none",
            ),
        ),
    )


def test_http_can_be_switched_off() -> None:
    assert parse(changed(3, 'state = "x"\nhttp = ""'), Path("x")).http is None


def test_the_drivers_usual_speed() -> None:
    assert (
        parse(changed(26, 'port = "/dev/ttyS3"').replace("baud = 19200\n", ""), Path("x")).lanes[0].barrier.baud
        == 19200
    )


def test_windows_line_ends_are_read() -> None:
    assert parse(GOOD.replace("\n", "\r\n"), Path("x")).name == "south-gate"


@pytest.mark.parametrize(
    ("line", "new", "at", "expected"),
    [
        (2, "naam = 1", 2, 'unknown key "naam" in [edge]; expected one of: name, state, map_size_mb,'),
        (2, "name = 7", 2, '"name" is expected to be text in quotes, not 7'),
        (2, 'name = ""', 2, '"name" is expected to be text in quotes, not ""'),
        (2, "", 1, '[edge] needs the key "name", text in quotes'),
        (3, 'state = "s"\nmap_size_mb = "big"', 4, '"map_size_mb" is expected to be a whole number, not "big"'),
        (3, 'state = "s"\nmap_size_mb = true', 4, '"map_size_mb" is expected to be a whole number, not true'),
        (3, 'state = "s"\nmap_size_mb = 1', 4, '"map_size_mb" is expected within 8..1048576, not 1'),
        (3, 'state = "s"\nallow_twin = 1', 4, '"allow_twin" is expected to be true or false, not 1'),
        (3, 'state = "s"\nverifier = "fast"', 4, '"verifier" is expected to be one of: compiled, twin; not "fast"'),
        (3, 'state = "s"\nverifier = "twin"', 4, 'verifier = "twin" is expected only together with allow_twin = true'),
        (3, 'state = "s"\nhttp = "8470"', 4, '"http" is expected to be host:port, not "8470"'),
        (5, "[clout]", 5, 'unknown key "clout" in the file; expected one of: edge, cloud, claims, lane'),
        (6, 'enrol = "cloud:99999"', 6, '"enrol" is expected to be host:port, not "cloud:99999"'),
        (6, "", 5, '[cloud] needs the key "enrol", text in quotes'),
        (9, 'devise = "G01"', 9, 'unknown key "devise" in [lane]; expected one of: device, name, reader, barrier,'),
        (9, "", 8, '[lane] needs the key "device", text in quotes'),
        (11, "open_seconds = 0.1", 11, '"open_seconds" is expected within 1.0..120.0, not 0.1'),
        (11, "open_seconds = nan", 11, '"open_seconds" is expected within 1.0..120.0, not nan'),
        (11, 'passage = "maybe"', 11, '"passage" is expected to be one of: counter, none; not "maybe"'),
        (15, "port = 5", 15, '"port" is expected to be text in quotes, not 5'),
        (16, 'baud = "9600"', 16, '"baud" is expected to be a whole number, not "9600"'),
        (16, "baud = 96", 16, '"baud" is expected within 300..4000000, not 96'),
        (14, 'driver = "ds205a"', 14, '"driver" is expected to be one of: line, sdt; not "ds205a"'),
        (14, "", 13, '[lane.reader] needs the key "driver", text in quotes'),
        (17, "options = { colour = 1 }", 17, '"options" of driver "line": no option \'colour\'; there are terminator,'),
        (29, "address = 1.5", 28, '"options" of driver "ds205a": option address is a whole number, not 1.5'),
        (17, 'options = "cr"', 17, '"options" is expected to be a table, not "cr"'),
        (21, 'port = "/dev/ttyS1"', 21, 'a port of its own is expected: "/dev/ttyS1" is taken on line 15'),
        (26, 'port = "/dev/ttyS2"', 26, 'a port of its own is expected: "/dev/ttyS2" is taken on line 21'),
        (25, 'motor = "ds205a"', 25, 'unknown key "motor" in [lane.barrier]; expected one of: driver, port,'),
        (32, 'device = "G01"', 32, 'a lane of its own is expected: "G01" is taken on line 9'),
        (34, "reader = []", 34, 'lane "G02" needs at least one [[lane.reader]]'),
        (34, "reader = 3", 34, 'lane "G02" needs at least one [[lane.reader]]'),
        (35, "barrier = 3", 35, "[lane.barrier] is expected to be a table"),
        (35, "", 31, 'lane "G02" needs a [lane.barrier]'),
        (2, "name = ", 2, "TOML is expected, and this is not: Invalid value"),
        (2, 'name = "a"\nname = "b"', 3, "TOML is expected, and this is not: Cannot overwrite a value"),
        (35, 'barrier = "', 35, "TOML is expected, and this is not: "),
    ],
)
def test_each_error_names_its_line(line: int, new: str, at: int, expected: str) -> None:
    found = error(changed(line, new))
    assert found[0] == at
    assert found[1].startswith(expected)


def test_a_missing_table() -> None:
    assert error("[edge]\nname = 'x'\n") == (1, "the table [cloud] is expected and missing")
    assert error("") == (1, "the table [edge] is expected and missing")


def test_no_lanes() -> None:
    head = GOOD.split("[[lane]]")[0]
    assert error(head) == (1, "at least one lane, [[lane]], is expected")
    assert error(head + "lane = 3\n")[1] == 'unknown key "lane" in [cloud]; expected one of: enrol, gates'
    assert error("lane = 3\n" + head) == (1, "at least one lane, [[lane]], is expected")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml:1: a readable file is expected here: No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'[edge]\nname = "\xe9"\n')
    with pytest.raises(ConfigError, match=r"latin\.toml:2: UTF-8 text is expected"):
        load(tmp_path / "latin.toml")


def test_lines_are_found_past_strings_arrays_and_comments() -> None:
    text = '''\
# [edge]
a = """
b = 1
"""  # c = 2
d = [
  "]", # e = 3
  { f = 1 },
]
"quoted.key" = 'x # y'
g.h = 1
[t."u v"]
w = { x = 1, y = { z = [1, 2] } }
'''
    lines = toml_lines.lines_of(text)
    assert lines == {
        (): 1, ("a",): 2, ("d",): 5, ("quoted.key",): 9, ("g", "h"): 10, ("t", "u v"): 11, ("t", "u v", "w"): 12,
        ("t", "u v", "w", "x"): 12, ("t", "u v", "w", "y"): 12, ("t", "u v", "w", "y", "z"): 12,
    }  # fmt: skip
    assert toml_lines.line_of(lines, ("d", 1, "f")) == 5


def test_an_id_card_is_waited_for_and_typed_codes_are_marked() -> None:
    text = GOOD.replace("open_seconds = 6", "open_seconds = 6\nidentity_seconds = 30").replace(
        'port = "/dev/ttyS2"', 'port = "/dev/ttyS2"\ntyped = true'
    )
    first, second = parse(text, Path("/etc/paifang/edge.toml")).lanes
    assert (first.identity_seconds, second.identity_seconds) == (30.0, 20.0)
    assert [reader.typed for reader in first.readers] == [False, True]
    assert error(GOOD.replace("open_seconds = 6", "identity_seconds = 0")) == (
        11,
        '"identity_seconds" is expected within 1.0..300.0, not 0.0',
    )
    assert "unknown key" in error(GOOD.replace("[lane.barrier]\n", "[lane.barrier]\ntyped = true\n"))[1]


CLAIMS = '[claims]\nendpoints = ["10.0.0.11:2379", "10.0.0.12:2379"]\n'


def test_claims_are_local_unless_members_are_named() -> None:
    assert parse(GOOD, Path("/etc/paifang/edge.toml")).claims is None
    found = parse(GOOD + CLAIMS, Path("/etc/paifang/edge.toml")).claims
    assert found == ClaimsConfig(endpoints=("10.0.0.11:2379", "10.0.0.12:2379"), timeout_ms=80)
    files = 'authority = "site.pem"\ncertificate = "/a/edge.pem"\nkey = "edge.key"\ntimeout_ms = 40\n'
    found = parse(GOOD + CLAIMS + files, Path("/etc/paifang/edge.toml")).claims
    assert found == ClaimsConfig(
        endpoints=("10.0.0.11:2379", "10.0.0.12:2379"), authority=Path("/etc/paifang/site.pem"),
        certificate=Path("/a/edge.pem"), key=Path("/etc/paifang/edge.key"), timeout_ms=40,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[claims]\n", '[claims] needs the key "endpoints", a list of host:port, the nearest first'),
        (
            "[claims]\nendpoints = []\n",
            '[claims] needs the key "endpoints", a list of host:port, the nearest first',
        ),
        ('[claims]\nendpoints = ["10.0.0.11"]\n', '"endpoints" is expected to be host:port, not "10.0.0.11"'),
        ("[claims]\nendpoints = [1]\n", '"endpoints" is expected to be text in quotes, not 1'),
        (CLAIMS + 'key = "edge.key"\n', '"certificate" and "key" are expected together'),
        (CLAIMS + "timeout_ms = 5\n", '"timeout_ms" is expected within 10..5000, not 5'),
        (CLAIMS + "quorum = 2\n", 'unknown key "quorum" in [claims]; expected one of: endpoints, authority,'),
    ],
)
def test_claims_that_cannot_be(text: str, expected: str) -> None:
    line, found = error(GOOD + text)
    assert line > len(GOOD.splitlines())
    assert found.startswith(expected)
