"""Icons as inline SVG, read from the icon package's own archive: no font, no request, prints."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from io import BytesIO
from zipfile import ZipFile

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

_INNER = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


@cache
def _archive() -> ZipFile:
    return ZipFile(BytesIO((files("lucide") / "lucide.zip").read_bytes()))


@cache
def _shapes(name: str) -> SafeString:
    """The drawing inside the icon's <svg>. Raises KeyError for a name the package does not have."""
    found = _INNER.search(_archive().read(f"{name}.svg").decode())
    if found is None:
        raise KeyError(name)
    return mark_safe(re.sub(r"\s+", " ", found.group(1)).strip())  # noqa: S308 - the package's own file


def icon(name: str, extra: str = "", label: str = "") -> SafeString:
    """An icon drawn in the text's colour and size. Without a label it is hidden from screen readers."""
    named = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    return format_html(
        '<svg class="pf-icon {}" viewBox="0 0 24 24" {} focusable="false">{}</svg>', extra, named, _shapes(name)
    )
