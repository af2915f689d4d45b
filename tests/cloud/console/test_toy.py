"""What the documentation promises of a new section: it is short, and it is the one that is walked."""

from __future__ import annotations

from pathlib import Path

from cloud.admin.kit.section import Section
from tests.cloud.console import toy

DOCS = Path(__file__).parents[3] / "docs" / "console.md"


def declared() -> str:
    """The section as a module of cloud/admin/sections would have it: without the services above it."""
    return Path(toy.__file__).read_text().split("# The section.\n")[1]


def test_a_section_is_short_and_needs_no_template():
    assert isinstance(toy.TOY, Section)
    assert len(Path(toy.__file__).read_text().splitlines()) <= 65  # with its services
    assert len(declared().splitlines()) < 60
    assert ".html" not in declared()


def test_the_documentation_shows_it_as_it_is():
    assert f"```python\n{declared()}```" in DOCS.read_text()
