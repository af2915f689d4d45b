"""Folders, ports and the files the demo's processes read."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cloud.demo import site
from cloud.demo.layout import DemoError, Layout, Ports
from edge import config


def test_the_edge_reads_the_configuration_written_for_it(tmp_path: Path) -> None:
    layout = Layout(tmp_path, Ports(1, 2, 3, 4), open_seconds=2.5)
    layout.prepare()
    read = config.load(layout.edge_config)
    assert (read.name, read.enrol, read.gates, read.http) == (
        "entrance-1",
        "127.0.0.1:2",
        "127.0.0.1:3",
        "127.0.0.1:4",
    )
    assert read.state == tmp_path / "edge"
    assert [lane.device for lane in read.lanes] == [plan.device for plan in site.LANES]
    assert {lane.open_seconds for lane in read.lanes} == {2.5}
    west = read.lanes[0]
    assert [(port.driver, port.port) for port in west.readers] == [
        ("line", str(tmp_path / "demo/dev/west-1-qr")),
        ("sdt", str(tmp_path / "demo/dev/west-1-id")),
    ]
    assert (west.barrier.driver, west.barrier.baud) == ("ds205a", 19200)


def test_a_taken_port_is_named_with_the_option_that_changes_it() -> None:
    ports = Ports.free()
    ports.check()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports.gates))
        other.listen()
        with pytest.raises(DemoError, match=rf"port {ports.gates} \(gates\) is taken .* --gates-port"):
            ports.check()


def test_a_folder_too_deep_for_sockets_is_refused_before_anything_starts(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100)
    with pytest.raises(DemoError, match="PAIFANG_VAR at a shorter folder"):
        Layout(deep, Ports()).prepare()
    assert not deep.exists()


def test_a_lane_is_found_in_any_case_and_others_are_listed() -> None:
    assert site.lane("west-1").station == "west"
    with pytest.raises(KeyError, match=r"there is no lane G9; there are WEST-1, .*CABLE-1, OUT-1"):
        site.lane("G9")


def test_one_folder_has_one_demo(tmp_path: Path) -> None:
    layout = Layout(tmp_path, Ports())
    with layout.lock(), pytest.raises(DemoError, match="a demo is running in"):
        layout.lock()
    layout.lock().close()
