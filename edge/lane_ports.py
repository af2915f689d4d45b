"""The serial lines of a lane: each with its driver, opened anew as often as it is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from edge.config import PortConfig
from edge.drivers import registry
from edge.drivers.base import Reader, ReaderEvent
from edge.drivers.serial import SerialPort
from edge.verdict import Credential


class ReaderPort:
    """One reader.

    Args:
        on_data, on_open, on_lost: called with this reader first.

    Attributes:
        up: whether it answers.
    """

    __slots__ = ("_typed", "driver", "name", "port", "up")

    def __init__(
        self,
        config: PortConfig,
        on_data: Callable[[ReaderPort, bytes], None],
        on_open: Callable[[ReaderPort], None],
        on_lost: Callable[[ReaderPort, str], None],
    ) -> None:
        self.driver: Reader = registry.make_reader(config.driver, config.options)
        self.name = config.port
        self.up = False
        self._typed = config.typed
        self.port = open_port(config, partial(on_data, self), partial(on_open, self), partial(on_lost, self))

    def marked(self, event: ReaderEvent) -> ReaderEvent:
        """The event; a credential with whether somebody types on this reader."""
        return replace(event, typed=True) if self._typed and isinstance(event, Credential) else event


def open_port(
    config: PortConfig, on_data: Callable[[bytes], None], on_up: Callable[[], None], on_down: Callable[[str], None]
) -> SerialPort:
    return SerialPort(config.port, config.baud, on_data=on_data, on_up=on_up, on_down=on_down)
