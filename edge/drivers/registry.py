"""Driver names in configuration -> drivers. A new driver is added here and nowhere else."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from edge.drivers.base import Barrier, Reader
from edge.drivers.ds205a import Ds205aBarrier, Ds205aOptions
from edge.drivers.line import LineOptions, LineReader
from edge.drivers.sdt import SdtOptions, SdtReader

Kind = TypeVar("Kind")
_WORDS = {int: "a whole number", str: "text", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class ReaderKind:
    options: type[Any]
    make: Callable[[Any], Reader]
    baud: int


@dataclass(frozen=True, slots=True)
class BarrierKind:
    """`make` takes the options and how often to poll, in milliseconds."""

    options: type[Any]
    make: Callable[[Any, int], Barrier]
    baud: int


READERS: dict[str, ReaderKind] = {
    "line": ReaderKind(LineOptions, LineReader, 115200),
    "sdt": ReaderKind(SdtOptions, SdtReader, 115200),
}
BARRIERS: dict[str, BarrierKind] = {
    "ds205a": BarrierKind(Ds205aOptions, Ds205aBarrier, 19200),
}


def make_reader(name: str, options: Mapping[str, Any]) -> Reader:
    """Raises ValueError naming the option or driver that is wrong and what is expected."""
    kind = _find(READERS, name, "reader")
    return kind.make(_options(kind.options, options))


def make_barrier(name: str, options: Mapping[str, Any], poll_ms: int) -> Barrier:
    """Raises ValueError, as make_reader does."""
    kind = _find(BARRIERS, name, "barrier")
    return kind.make(_options(kind.options, options), poll_ms)


def default_baud(name: str) -> int:
    """The line speed a device of this driver leaves the factory with. Raises ValueError on an unknown name."""
    return READERS[name].baud if name in READERS else _find(BARRIERS, name, "barrier").baud


def _find(kinds: Mapping[str, Kind], name: str, what: str) -> Kind:
    if name not in kinds:
        raise ValueError(f"no {what} driver {name!r}; there are {', '.join(sorted(kinds))}")
    return kinds[name]


def _options(kind: type[Any], given: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    known = [field.name for field in fields(kind)]
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"no option {name!r}; there are {', '.join(known)}")
        expected = hints[name]
        if type(value) is not expected:
            raise ValueError(f"option {name} is {_WORDS[expected]}, not {value!r}")
    return kind(**given)
