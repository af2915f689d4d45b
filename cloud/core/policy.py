"""What every page of ours tells the browser: everything comes from this address, scripts and styles from files."""

from __future__ import annotations

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
