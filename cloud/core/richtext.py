"""Text with headings, lists and links, as people write it into a form: only what is harmless stays."""

from __future__ import annotations

import re

import nh3

TAGS = {"p", "br", "b", "strong", "i", "em", "u", "h3", "h4", "ul", "ol", "li", "a", "blockquote"}
_LINKS = {"https", "http", "tel", "mailto"}
_RENAMED = ((re.compile(r"<(/?)div\b[^>]*>", re.I), r"<\1p>"),)
_EMPTY = re.compile(r"(?:<p>(?:\s|<br>|&nbsp;)*</p>|<br>|\s|&nbsp;)+")
_BLOCK = re.compile(r"<(?:p|h3|h4|ul|ol|blockquote)\b", re.I)


def clean(html: str) -> str:
    """The text without scripts, styles, pictures, classes or addresses that run something. "" where nothing is left.

    Plain text becomes paragraphs, a line each.
    """
    text = html.replace("\r\n", "\n").strip()
    for pattern, instead in _RENAMED:
        text = pattern.sub(instead, text)
    if not _BLOCK.search(text) and "\n" in text:
        text = "".join(f"<p>{line.strip()}</p>" for line in text.split("\n") if line.strip())
    kept = nh3.clean(
        text, tags=TAGS, attributes={"a": {"href"}}, url_schemes=_LINKS, link_rel="noopener noreferrer nofollow"
    ).strip()
    return "" if _EMPTY.fullmatch(kept) else kept


def plain(html: str) -> str:
    """The text alone."""
    return nh3.clean(html, tags=set()).strip()
