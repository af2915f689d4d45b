"""Edits as the page sends them, and as its form without a script does -> values of the catalogue.

The page keeps what is not saved as a list of edits in JSON:
{"set": {"first", "last", "weekdays", "type", "slots"}, "change": {"price_fen", "stock", "closed"}}: a part of `change`
that is not there stays as it is; and {"put": [[day, slot, price_fen, stock, closed], ...]} for what was pasted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from cloud.catalog.calendar_edits import KEEP, Change, Chosen, DayType, Edit, Own, PutCells, SetCells
from cloud.core.errors import DomainError

MOST_BYTES = 2_000_000
MOST_EDITS = 500


def edits_of(text: str) -> list[Edit]:
    """Raises DomainError "calendar.edits" on anything else."""
    try:
        if len(text) > MOST_BYTES:
            raise ValueError("too long")
        rows = json.loads(text or "[]")
        if not isinstance(rows, list) or len(rows) > MOST_EDITS:
            raise ValueError("not a list of edits")
        return [_edit(row) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DomainError(
            "calendar.edits",
            "提交的修改无法识别，请刷新页面后重试。",
            "What was sent cannot be read. Reload the page and try again.",
        ) from None


def _edit(row: Mapping[str, Any]) -> Edit:
    if "put" in row:
        return PutCells({
            (date.fromisoformat(day), _number(slot)): Own(_or_none(price), _or_none(stock), bool(closed))
            for day, slot, price, stock, closed in row["put"]
        })  # fmt: skip
    chosen, change = row["set"], row["change"]
    return SetCells(
        Chosen(
            date.fromisoformat(chosen["first"]),
            date.fromisoformat(chosen["last"]),
            tuple(sorted({_weekday(day) for day in chosen.get("weekdays", ())})),
            DayType(chosen.get("type", "all")),
            tuple(_number(slot) for slot in chosen.get("slots", (-1,))),
        ),
        Change(
            _or_none(change["price_fen"]) if "price_fen" in change else KEEP,
            _or_none(change["stock"]) if "stock" in change else KEEP,
            bool(change["closed"]) if "closed" in change else KEEP,
        ),
    )


def _number(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value


def _or_none(value: Any) -> int | None:
    return None if value is None else _number(value)


def _weekday(value: Any) -> int:
    if _number(value) not in range(7):
        raise ValueError(value)
    return int(value)


_PRICE = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?")
_BACK = ("-", "–", "－")  # what takes back a price or a stock of its own


def price_typed(text: str) -> int | None:
    """Fen of "80", "80.5" or "80.50"; None of "-". Raises DomainError "calendar.price"."""
    typed = text.strip().replace(",", "").replace("，", "").lstrip("¥￥").strip()
    if typed in _BACK:
        return None
    found = _PRICE.fullmatch(typed)
    if found is None:
        raise DomainError(
            "calendar.price",
            f"“{text[:40]}”不是价格，请填 80 或 80.50。",
            f"“{text[:40]}” is no price: enter 80 or 80.50.",
            "price",
        )
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def stock_typed(text: str) -> int | None:
    """A whole number; None of "-". Raises DomainError "calendar.stock"."""
    typed = text.strip().replace(",", "").replace("，", "")
    if typed in _BACK:
        return None
    if not re.fullmatch(r"\d{1,9}", typed):
        raise DomainError(
            "calendar.stock",
            f"“{text[:40]}”不是数量，请填整数。",
            f"“{text[:40]}” is no number of tickets: enter a whole number.",
            "stock",
        )
    return int(typed)
