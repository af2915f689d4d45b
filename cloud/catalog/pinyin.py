"""How Chinese names are found by typing letters: the initials and the syllables of each, in every usual reading."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice, product

from pypinyin import Style, lazy_pinyin, pinyin

MOST = 600  # TicketProduct.pinyin
_READINGS = 8  # of a name with characters of several readings: 乐 is le and yue


def of_names(names: Iterable[str]) -> str:
    """ "crp chengrenpiao" of 成人票: what a search for either finds. Letters and digits in a name stay as they are."""
    words: dict[str, None] = {}
    for name in names:
        for word in _readings(name):
            words.setdefault(word)
    return " ".join(words)[:MOST]


def _readings(name: str) -> Iterable[str]:
    usual = lazy_pinyin(name, style=Style.NORMAL)
    yield "".join(part[0] for part in usual if part.strip()).lower().replace(" ", "")
    yield _joined(usual)
    # Each character read otherwise than in this word: people type what they know it by.
    readings = pinyin(name, style=Style.NORMAL, heteronym=True)
    for other in islice(product(*readings), 1, _READINGS):
        yield "".join(part[0] for part in other if part.strip()).lower()
        yield _joined(other)


def _joined(parts: Iterable[str]) -> str:
    return "".join("".join(parts).lower().split())


def typed(text: str) -> str:
    """A search as `of_names` writes names: "cheng ren" is "chengren"."""
    return "".join(text.lower().split())
