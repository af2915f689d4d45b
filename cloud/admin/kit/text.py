"""How values are written: money from fen, names in the reader's language, times of the venue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language


def chinese() -> bool:
    return (get_language() or "zh").startswith("zh")


def money(fen: int | None) -> str:
    """ "¥1,280.50" from 128050; nothing where there is no amount."""
    if fen is None:
        return ""
    sign = "-" if fen < 0 else ""
    yuan, rest = divmod(abs(fen), 100)
    return f"{sign}¥{yuan:,}.{rest:02d}"


def named(thing: Any, field: str = "name") -> str:
    """`name_zh` or `name_en` of a row, whichever the reader's language asks for and is there."""
    zh, en = str(getattr(thing, f"{field}_zh")), str(getattr(thing, f"{field}_en"))
    return (zh or en) if chinese() else (en or zh)


def either(zh: str | None, en: str | None) -> str:
    """Of a name in two languages the reader's, else the other; "–" for none."""
    return ((zh or en) if chinese() else (en or zh)) or "–"


def clock(moment: datetime | None) -> str:
    """ "09:14:03" in the time zone in force (the venue's inside a console page); "–" for none."""
    return timezone.localtime(moment).strftime("%H:%M:%S") if moment else "–"


def stamp(moment: datetime | None) -> str:
    """ "09:14:03" of today, "2026-11-21 09:14" of another day."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    return local.strftime("%H:%M:%S" if local.date() == timezone.localdate() else "%Y-%m-%d %H:%M")


def minute(moment: datetime) -> str:
    """ "2026-11-21 09:14" in the time zone in force."""
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M")
