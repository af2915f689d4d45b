from __future__ import annotations

import pytest

from edge.drivers import registry
from edge.drivers.ds205a import Ds205aBarrier
from edge.drivers.line import LineReader


def test_names_and_options_make_drivers() -> None:
    assert isinstance(registry.make_reader("line", {"terminator": "cr", "strip_aim": False}), LineReader)
    assert isinstance(registry.make_barrier("ds205a", {"address": 3}, 100), Ds205aBarrier)
    assert registry.default_baud("ds205a") == 19200


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("lines", {}, "no reader driver 'lines'; there are line, sdt"),
        ("line", {"teminator": "cr"}, "no option 'teminator'; there are terminator, "),
        ("line", {"max_length": "12"}, "option max_length is a whole number, not '12'"),
        ("line", {"max_length": True}, "option max_length is a whole number, not True"),
        ("line", {"strip_aim": 1}, "option strip_aim is true or false, not 1"),
        ("line", {"terminator": "ff"}, "terminator is one of any, cr"),
        ("sdt", {"poll_ms": 100}, "poll_ms is at least 300"),
    ],
)
def test_what_is_wrong_is_said(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("'", "['\"]")):
        registry.make_reader(name, options)


def test_a_reader_is_no_barrier() -> None:
    with pytest.raises(ValueError, match="no barrier driver"):
        registry.make_barrier("line", {}, 100)
