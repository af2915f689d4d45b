"""The sections there are. `cloud/admin/sections/<app>.py` registers its own; addresses and menu come from here."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from cloud.admin.kit.section import Section

_SECTIONS: dict[str, Section] = {}


def register(section: Section) -> Section:
    """Adds a section. Raises ValueError for a key that another one has."""
    if section.key in _SECTIONS:
        raise ValueError(f"there is a section {section.key} already")
    _SECTIONS[section.key] = section
    return section


def unregister(key: str) -> None:
    """Takes a section out again: for tests that bring their own."""
    del _SECTIONS[key]


def find(key: str) -> Section | None:
    return _SECTIONS.get(key)


def sections() -> tuple[Section, ...]:
    """All of them, in the order of their places in the menu."""
    return tuple(sorted(_SECTIONS.values(), key=lambda section: (section.place, section.key)))


def discover() -> None:
    """Imports every module of cloud.admin.sections, so that what they declare is here."""
    package = import_module("cloud.admin.sections")
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
