"""Money typed in yuan, kept in fen: exactly, or not at all."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class YuanField(forms.DecimalField):
    """ "80", "12.5" or "12.50": cleaned to integer fen. Never a float on the way."""

    default_error_messages = {
        "max_decimal_places": _("At most two digits after the point: nothing is smaller than a fen."),
        "invalid": _("Enter an amount in yuan, such as 80 or 12.50."),
        "min_value": _("An amount is not negative."),
        "max_value": _("That is too much."),
    }

    def __init__(self, *, max_fen: int, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=max_fen // 100, decimal_places=2, **kwargs)

    def clean(self, value: Any) -> int | None:
        amount = super().clean(value)
        return None if amount is None else int(amount.scaleb(2))


def yuan(fen: int) -> str:
    """ "12.50" from 1250: as an input shows it. Not for negative amounts."""
    return f"{fen // 100}.{fen % 100:02d}"
