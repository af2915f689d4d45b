"""The one error a service raises when it refuses: a code for programs, two texts for people."""

from __future__ import annotations


class DomainError(Exception):
    """A service refused and changed nothing: its transaction rolls back.

    Attributes:
        code: stable, dotted: "order.already_revoked". Tests and clients compare this.
        zh, en: what happened and what to do about it.
        field: the input it is about, where a form can show it beside one.
    """

    def __init__(self, code: str, zh: str, en: str, field: str | None = None) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.zh = zh
        self.en = en
        self.field = field

    def text(self, language: str) -> str:
        """The text in the language a person reads ("zh-hans", "en", ...)."""
        return self.zh if language.startswith("zh") else self.en


class SealError(Exception):
    """Sealed bytes did not open: another installation's seal key, another purpose, or damage."""
