"""What is seen beside the form while somebody types: the visitor's page, what the gate does, what a refund returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from cloud.admin.kit.text import money
from cloud.admin.sections import product_words
from cloud.admin.sections.product_setup.detail import TITLES
from cloud.admin.sections.product_setup.order import sale_of
from cloud.admin.sections.product_setup.refund import refund_of
from cloud.catalog.info import TEXTS, ProductInfo, text_of
from cloud.catalog.models import ProductMedia, Spec, TicketProduct
from cloud.catalog.refund_rules import refund_quote
from cloud.core.errors import DomainError

if TYPE_CHECKING:
    from cloud.admin.desk import Desk

LANGUAGES = (("zh", "中文"), ("en", "English"))
_LOCALE = {"zh": "zh-hans", "en": "en"}


@dataclass(frozen=True, slots=True)
class Line:
    """One moment of the simulator, and what a refund asked for then returns."""

    at: datetime
    text: str
    refundable: bool
    asked: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the simulator is told: what was paid, when one goes in, when the refund is asked for."""

    paid_fen: int
    check_in: datetime
    at: datetime


def phone(product: TicketProduct, language: str) -> dict[str, Any]:
    """The visitor's page of the product in a language ("zh" or "en")."""
    with translation.override(_LOCALE[language]):
        info = ProductInfo.from_json(product.info)
        sale = sale_of(product)
        specs = list(product.specs.all())
        media = list(product.media.select_related("venue"))
        return {
            "language": language,
            "lang": "zh-Hans" if language == "zh" else "en",
            "name": _either(product.name_zh, product.name_en, language),
            "area": _either(info.area_zh, info.area_en, language),
            "address": _either(info.address_zh, info.address_en, language),
            "phone": info.phone,
            "cover": next((one for one in media if one.role == ProductMedia.Role.COVER), None),
            "details": [one for one in media if one.role == ProductMedia.Role.DETAIL],
            "video": next((one for one in media if one.role == ProductMedia.Role.VIDEO), None),
            "specs": [_spec(one, product, language) for one in specs],
            "texts": [
                # Cleaned by cloud.core.richtext when it was saved, or just now.
                (str(TITLES[name]), _trusted(text))
                for name in TEXTS
                if (text := text_of(product.texts, name, language))
            ],
            "real_name": sale.real_name,
            "notice": _either(sale.notice_zh, sale.notice_en, language),
            "words": _words(sale.real_name, bool(sale.notice_zh)),
            "refund": _refund_words(product),
        }


def _words(real_name: str, notice: bool) -> list[str]:
    said = {"one": _("One visitor's name is asked"), "all": _("Every visitor's name is asked")}
    return [*([said[real_name]] if real_name in said else []), *([_("A risk notice is confirmed")] if notice else [])]


def _refund_words(product: TicketProduct) -> str:
    return {
        "none": _("Not refundable"),
        "conditional": _("Refundable under a condition"),
        "any": _("Refundable while unused"),
        "parts": _("Refundable with its tickets"),
    }[refund_of(product).kind]


def _spec(spec: Spec, product: TicketProduct, language: str) -> dict[str, str]:
    return {
        "name": _either(spec.name_zh, spec.name_en, language) or _either(product.name_zh, product.name_en, language),
        "description": _either(spec.description_zh, spec.description_en, language),
        "price": money(spec.price_fen) or _("by the day"),
    }


def gate(product: TicketProduct) -> str:
    """What the gate will do, in the reader's language."""
    return product_words.sentence(product)


def asked_of(data: Any, desk: Desk, product: TicketProduct) -> Asked:
    """What was typed into the simulator; at first a ticket at its price for noon of a day in a week."""
    now = timezone.localtime(desk.now).replace(second=0, microsecond=0)
    check_in = (now + timedelta(days=7)).replace(hour=9, minute=0)
    first = next((spec.price_fen for spec in product.specs.all() if spec.price_fen), 10_000)
    paid = str(data.get("sim_paid", "")).strip()
    try:
        fen = round(float(paid) * 100) if paid else first
    except (ValueError, OverflowError):
        fen = first
    return Asked(
        min(max(fen, 0), 100_000_000),
        _moment(data.get("sim_check_in"), check_in),
        _moment(data.get("sim_at"), check_in - timedelta(hours=16)),
    )


def _moment(text: Any, otherwise: datetime) -> datetime:
    try:
        typed = datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise
    return timezone.make_aware(typed) if typed.tzinfo is None else typed


def simulation(product: TicketProduct, asked: Asked) -> list[Line]:
    """What is returned at the moment asked about, and right at and before each boundary of the tiers."""
    rules = refund_of(product)
    moments = {asked.at}
    for tier in rules.tiers:
        if tier.start is not None:
            edge = asked.check_in + timedelta(minutes=tier.start)
            moments |= {edge, edge - timedelta(seconds=1)}
    return [_line(rules, asked, at) for at in sorted(moments)]


def _line(rules: Any, asked: Asked, at: datetime) -> Line:
    quote = refund_quote(rules, asked.paid_fen, at=at, check_in_at=asked.check_in)
    said = quote.zh if (translation.get_language() or "zh").startswith("zh") else quote.en
    return Line(at, said, quote.refundable, at == asked.at)


def day_and_clock(moment: datetime) -> str:
    """ "3 May 2027, 17:00:00" as the reader's language has it."""
    local = timezone.localtime(moment)
    return f"{date_format(local, 'DATE_FORMAT')} {local:%H:%M:%S}"


def context(desk: Desk, product: TicketProduct, data: Any) -> dict[str, Any]:
    """All that is drawn beside the form, of a product as it is or as it would be."""
    language = data.get("look", "")
    if language not in _LOCALE:
        language = "zh" if (translation.get_language() or "zh").startswith("zh") else "en"
    asked = asked_of(data, desk, product)
    return {
        "phone": phone(product, language),
        "languages": LANGUAGES,
        "gate": "".join(_gate_lines(product)),
        "asked": asked,
        "lines": [(day_and_clock(line.at), line) for line in simulation(product, asked)],
    }


def _gate_lines(product: TicketProduct) -> Iterator[str]:
    try:
        yield gate(product)
    except (DomainError, TypeError, ValueError):
        yield ""


def _either(zh: str, en: str, language: str) -> str:
    return (zh or en) if language == "zh" else (en or zh)


def _trusted(html: str) -> SafeString:
    return mark_safe(html)  # noqa: S308 - only what richtext.clean left
