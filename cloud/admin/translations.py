"""The console's texts: found in code and templates, compiled for gettext without its tools.

English texts are the keys; cloud/locale/zh_Hans/LC_MESSAGES/django.po has the Chinese.
`python -m cloud.admin.translations` brings that file up to date with the code and says what lacks a translation.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract, extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

CLOUD = Path(__file__).resolve().parent.parent
LOCALES = CLOUD / "locale"
CHINESE = LOCALES / "zh_Hans" / "LC_MESSAGES" / "django.po"
# _() marks texts everywhere; the longer names are what templates compile into.
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
_SKIPPED = {"migrations", "locale", "static", "__pycache__"}
Key = tuple[str, str | None]  # a text (its singular where it has a plural) and its context


def compile_catalogs() -> list[Path]:
    """Compiles every django.po under cloud/locale that is newer than its .mo. Returns the .mo files.

    Safe beside running processes: a reader sees the old file or the whole new one.
    """
    compiled = []
    for source in sorted(LOCALES.glob("*/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            _write_whole(target, _compiled(read_catalog(source)))
        compiled.append(target)
    return compiled


def read_catalog(source: Path = CHINESE) -> Catalog:
    with source.open("rb") as file:
        return read_po(file, locale=source.parent.parent.name)


def used() -> Catalog:
    """Every text marked for translation in cloud's code and templates, with the places where it is."""
    catalog = Catalog(
        locale="zh_Hans",
        project="Paifang",
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        charset="utf-8",
        fuzzy=False,
        header_comment="# Chinese texts of the console. Brought up to date by: python -m cloud.admin.translations",
    )
    for path in _files():
        name = path.relative_to(CLOUD.parent).as_posix()
        for line, text, comments, context in _texts(path):
            catalog.add(text, locations=[(name, line)], auto_comments=comments, context=context)
    return catalog


def key(message: Any) -> Key:
    return (message.id[0] if isinstance(message.id, tuple) else message.id, message.context)


def lacking(catalog: Catalog) -> list[str]:
    """Texts of a catalogue without a translation."""
    return [key(message)[0] for message in catalog if message.id and not translated(message)]


def translated(message: Any) -> bool:
    forms = (message.string,) if isinstance(message.string, str) else message.string or ("",)
    return all(forms)


def update_catalogue() -> list[str]:
    """Writes the Chinese catalogue anew: translations kept, new texts added, unused ones gone. Returns the lacking."""
    old = {key(message): message for message in read_catalog()} if CHINESE.exists() else {}
    fresh = used()
    for message in fresh:
        known = old.get(key(message))
        if message.id and known is not None and isinstance(known.string, str) == isinstance(message.id, str):
            message.string = known.string
    output = BytesIO()
    write_po(output, fresh, width=120, sort_output=True, omit_header=False, no_location=True)
    CHINESE.parent.mkdir(parents=True, exist_ok=True)
    CHINESE.write_bytes(_without_dates(output.getvalue()))
    return lacking(fresh)


def _files() -> Iterator[Path]:
    for path in sorted(CLOUD.rglob("*")):
        if path.suffix in (".py", ".html") and not _SKIPPED & set(path.relative_to(CLOUD).parts):
            yield path


def _texts(path: Path) -> Iterator[tuple[int, Any, list[str], str | None]]:
    source = path.read_bytes()
    if path.suffix == ".html":
        # Django turns a template into something with gettext calls in it; brackets make it one expression.
        source = f"(\n{templatize(source.decode(), origin=str(path))}\n)".encode()
    yield from extract(extract_python, BytesIO(source), keywords=KEYWORDS, options={"encoding": "utf-8"})


def _compiled(catalog: Catalog) -> bytes:
    output = BytesIO()
    write_mo(output, catalog)
    return output.getvalue()


def _write_whole(target: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).chmod(0o644)
    Path(name).replace(target)


def _without_dates(content: bytes) -> bytes:
    """The header's dates and tool version would change with every run."""
    lines = content.splitlines(keepends=True)
    return b"".join(
        line for line in lines if not line.startswith((b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By'))
    )


if __name__ == "__main__":
    missing = update_catalogue()
    compile_catalogs()
    for text in missing:
        print(f"not translated: {text}")
    sys.exit(1 if missing else 0)
