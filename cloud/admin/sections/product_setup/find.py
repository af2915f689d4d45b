"""The section these pages belong to, asked for when it is declared."""

from __future__ import annotations

from cloud.admin.kit import registry
from cloud.admin.kit.section import Section


def product_section() -> Section:
    found = registry.find("products")
    assert found is not None
    return found
