"""What a product says about itself: where it is (T-07) and the five texts a buyer reads (T-10). Data, as its rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from cloud.core import richtext
from cloud.core.errors import DomainError
from cloud.core.inputs import optional_text

# In the manual's order: 产品介绍、票务包含、预订规则、退改规则、安全须知.
TEXTS = ("introduction", "includes", "booking", "refund", "safety")
LANGUAGES = ("zh", "en")
MAX_TEXT = 20_000  # characters, with its marks
SYSTEM = "GCJ-02"  # the coordinates of all maps in China
PHONE = re.compile(r"[0-9+()\-\s#,;转、，/]*\Z")


@dataclass(frozen=True, slots=True)
class ProductInfo:
    """The scenic area, its address and phone. Coordinates in degrees, GCJ-02; both or neither."""

    poi: str = ""  # the place it was filled in from, by name
    area_zh: str = ""
    area_en: str = ""
    address_zh: str = ""
    address_en: str = ""
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    phone: str = ""

    def to_json(self) -> dict[str, Any]:
        """Only what is there; coordinates as text, exact, with their system named."""
        stored: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if value not in ("", None):
                stored[one.name] = str(value)
        if "latitude" in stored:
            stored["system"] = SYSTEM
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ProductInfo:
        """What `to_json` wrote. Raises TypeError or ArithmeticError on anything else."""
        values = {name: value for name, value in stored.items() if name != "system"}
        for name in ("latitude", "longitude"):
            if name in values:
                values[name] = Decimal(values[name])
        return cls(**values)


def checked_info(info: ProductInfo) -> ProductInfo:
    """Raises DomainError "info.phone", "info.coordinates", "input.*", its field the value's name."""
    limits = {"poi": 80, "area_zh": 80, "area_en": 80, "address_zh": 200, "address_en": 200, "phone": 40}
    texts = {name: optional_text(getattr(info, name), name, most) for name, most in limits.items()}
    if not PHONE.fullmatch(texts["phone"]):
        raise DomainError("info.phone", "电话只能含数字和 + - ( ) 转。", "A phone number has digits, + - ( ).", "phone")
    latitude, longitude = checked_coordinates(info.latitude, info.longitude)
    return ProductInfo(**texts, latitude=latitude, longitude=longitude)


def checked_coordinates(latitude: Decimal | None, longitude: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """To six digits, a tenth of a metre. Raises DomainError "info.coordinates"."""
    if (latitude is None) != (longitude is None):
        field = "latitude" if latitude is None else "longitude"
        raise DomainError(
            "info.coordinates", "经纬度须同时填写，或都不填。", "Enter both coordinates, or neither.", field
        )
    if latitude is None or longitude is None:
        return None, None
    for value, most, field in ((latitude, 90, "latitude"), (longitude, 180, "longitude")):
        if not value.is_finite() or abs(value) > most:
            raise DomainError(
                "info.coordinates", f"应在 -{most} 到 {most} 之间。", f"Must be within -{most} to {most}.", field
            )
    digits = Decimal("0.000001")
    return latitude.quantize(digits), longitude.quantize(digits)


def checked_texts(texts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """Text -> language -> cleaned HTML, without what is empty.

    Raises:
        DomainError: "input.too_long", its field as "introduction_zh".
    """
    kept: dict[str, dict[str, str]] = {}
    for name in TEXTS:
        for language in LANGUAGES:
            field = f"{name}_{language}"
            text = richtext.clean(optional_text(texts.get(name, {}).get(language, ""), field, MAX_TEXT))
            if text:
                kept.setdefault(name, {})[language] = text
    return kept


def text_of(texts: Mapping[str, Mapping[str, str]], name: str, language: str) -> str:
    """A text in a language ("zh" or "en"), else in the other one."""
    both = texts.get(name, {})
    return both.get(language) or both.get("en" if language == "zh" else "zh") or ""
