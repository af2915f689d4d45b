"""Where tickets are sold, how they are paid for, and whom a lower price is for: the names rules are stored under."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Named:
    """Something with a name in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Channel(Named):
    """`connect_zh`, `connect_en`: what must be there before it sells; empty where it is our own (T-18)."""

    connect_zh: str = ""
    connect_en: str = ""


_NOT_CONNECTED = ("尚未与该平台对接，不能选用。", "The venue is not connected to this platform yet.")

CHANNELS: dict[str, Channel] = {
    "desk": Channel("窗口", "Front desk"),
    "shop": Channel("小程序", "Mini-program"),
    "distributor": Channel("分销商", "Distributors", "尚未授权任何分销商。", "No distributor is authorised yet."),
    "ctrip": Channel("携程", "Ctrip", *_NOT_CONNECTED),
    "meituan": Channel("美团", "Meituan", *_NOT_CONNECTED),
    "douyin": Channel("抖音", "Douyin", *_NOT_CONNECTED),
}
PAY_METHODS: dict[str, Named] = {
    "cash": Named("现金", "Cash"),
    "card": Named("银行卡", "Bank card"),
    "wechat": Named("微信支付", "WeChat Pay"),
    "alipay": Named("支付宝", "Alipay"),
    "transfer": Named("对公转账", "Bank transfer"),
}
PREFERENCES: dict[str, Named] = {
    "": Named("无", "None"),
    "age": Named("年龄优惠", "Age group"),
    "student": Named("学生", "Students"),
    "soldier": Named("现役军人、退役军人", "Soldiers and veterans"),
    "disabled": Named("残障人士", "Disabled persons"),
    "resident": Named("本地居民", "Residents"),
}


def why_closed(code: str) -> tuple[str, str] | None:
    """Why a channel cannot be chosen (zh, en); None where it can."""
    channel = CHANNELS[code]
    return (channel.connect_zh, channel.connect_en) if channel.connect_en else None
