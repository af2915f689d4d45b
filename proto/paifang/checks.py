"""The checks of a presentation in their order: number (as in docs/gate.md and in the reasons' codes), name, label.

Names are stable: explanations carry them, and so do the names of what a check looked at (INPUTS).
"""

from __future__ import annotations

from dataclasses import dataclass

from paifang.reasons import Text


@dataclass(frozen=True, slots=True)
class CheckEntry:
    number: int
    name: str
    label: Text


CHECKS: tuple[CheckEntry, ...] = (
    CheckEntry(1, "readable", Text("可识别", "Readable and of a known format")),
    CheckEntry(2, "key", Text("签发密钥属本景区", "Names a key of this venue")),
    CheckEntry(2, "key_live", Text("签发密钥有效", "That key is valid now")),
    CheckEntry(3, "signature", Text("签名正确", "Its signature is right")),
    CheckEntry(3, "digest", Text("与登记的票码一致", "It is the pass on record")),
    CheckEntry(4, "code_fresh", Text("动态码未过时", "Its live code is of now")),
    CheckEntry(4, "code", Text("动态码正确", "Its live code is right")),
    CheckEntry(4, "live_code", Text("已用动态码", "Shown as a live code")),
    CheckEntry(4, "replay", Text("动态码未在别处用过", "Its live code was not used elsewhere")),
    CheckEntry(5, "known", Text("闸机有此票", "Known here")),
    CheckEntry(5, "signed_only", Text("凭签名放行有名额", "Room for one on its signature alone")),
    CheckEntry(6, "standing", Text("票仍有效", "Still stands")),
    CheckEntry(7, "activation", Text("已激活", "Activated")),
    CheckEntry(8, "station", Text("站点启用", "Station switched on")),
    CheckEntry(8, "lane", Text("通道启用", "Lane switched on")),
    CheckEntry(8, "product", Text("本站点可验", "Valid at this station")),
    CheckEntry(8, "lane_product", Text("本通道可验", "Valid at this lane")),
    CheckEntry(9, "medium", Text("凭证类型允许", "Medium allowed")),
    CheckEntry(9, "collected", Text("已取票", "Collected")),
    CheckEntry(10, "identity", Text("身份证相符", "The holder's ID card")),
    CheckEntry(11, "start", Text("已到开始时间", "Has begun")),
    CheckEntry(11, "end", Text("未过有效期", "Has not ended")),
    CheckEntry(11, "booking", Text("已预约", "Booked")),
    CheckEntry(11, "slot", Text("预约时段未过", "Slot is not over")),
    CheckEntry(11, "date", Text("日期可用", "Valid on this date")),
    CheckEntry(11, "day", Text("星期与节假日可用", "Valid on this day of the week")),
    CheckEntry(11, "hours", Text("在可用时段内", "Valid at this hour")),
    CheckEntry(11, "duration", Text("未超使用时长", "Within the time from its first use")),
    CheckEntry(12, "total", Text("总次数有余", "Uses left in all")),
    CheckEntry(12, "month", Text("本月次数有余", "Uses left this month")),
    CheckEntry(12, "daily", Text("今日次数有余", "Uses left today")),
    CheckEntry(12, "group", Text("同类站点次数有余", "Uses left in this group of stations")),
    CheckEntry(13, "sibling", Text("未在同类站点用完", "Not used up at a sibling station")),
    CheckEntry(13, "inside", Text("不在园内", "Not inside")),
    CheckEntry(13, "pause", Text("距上次使用够久", "Long enough since the last use")),
    CheckEntry(14, "room", Text("园内有余位", "The venue has room")),
    CheckEntry(14, "day_room", Text("今日有余位", "Room left today")),
    CheckEntry(15, "claim", Text("确认未在其他入口使用", "Claimed among the entrances")),
)
LABELS: dict[str, Text] = {entry.name: entry.label for entry in CHECKS}

# What a check of an explanation may say it looked at.
INPUTS: dict[str, Text] = {
    "check": Text("检查", "check"),
    "entitlement": Text("权益", "entitlement"),
    "chosen": Text("选用", "chosen"),
    "kind": Text("凭证", "credential"),
    "pass": Text("票码摘要", "pass digest"),
    "key": Text("密钥号", "key"),
    "valid": Text("有效期", "valid"),
    "killed": Text("已停用", "killed"),
    "record": Text("记录", "record"),
    "issued": Text("签发", "issued"),
    "current_to": Text("记录更新至", "records current to"),
    "signed_only": Text("可凭签名放行", "signature alone allowed"),
    "left": Text("剩余", "left"),
    "limit": Text("限额", "limit"),
    "used": Text("已用", "used"),
    "needed": Text("所需", "needed"),
    "step": Text("动态码步", "step"),
    "allowed": Text("允许", "allowed"),
    "keys": Text("日密钥", "keys of the day"),
    "last_step": Text("上次步", "last step"),
    "last_lane": Text("上次通道", "last lane"),
    "last_station": Text("上次站点", "last station"),
    "last": Text("上次", "last use"),
    "lane": Text("通道", "lane"),
    "live_code_only": Text("只认动态码", "live code only"),
    "standing": Text("状态", "standing"),
    "by": Text("方式", "by"),
    "station": Text("站点", "station"),
    "product": Text("产品", "product"),
    "collected": Text("已取票", "collected"),
    "activated": Text("已激活", "activated"),
    "booked": Text("已预约", "booked"),
    "identity": Text("身份证", "ID card"),
    "now": Text("时刻", "now"),
    "from": Text("起", "from"),
    "until": Text("止", "until"),
    "slot": Text("预约时段", "slot"),
    "early": Text("可提前", "may be early"),
    "late": Text("可迟到", "may be late"),
    "day": Text("营业日", "business day"),
    "day_kind": Text("日类型", "kind of day"),
    "dates": Text("限定日期", "dates"),
    "blackout": Text("停用日期", "blackout dates"),
    "days": Text("可用日", "days"),
    "hours": Text("可用时段", "hours"),
    "clock": Text("钟点", "clock"),
    "first": Text("首次使用", "first use"),
    "seconds": Text("秒数", "seconds"),
    "inside": Text("在园内", "inside"),
    "gap": Text("间隔", "pause"),
    "persons": Text("人数", "persons"),
    "room": Text("余位", "room"),
    "exit": Text("出口", "exit"),
    "closes_visit": Text("结束在园", "closes a visit"),
    "inner": Text("园内站点", "inner station"),
    "verifier": Text("闸机判定", "verifier says"),
    "explained": Text("解释判定", "explanation says"),
    "why": Text("原因", "why"),
}

# Words among what a check looked at; everything else is a number, a time or a name.
VALUES: dict[str, Text] = {
    "yes": Text("是", "yes"),
    "no": Text("否", "no"),
    "none": Text("无", "none"),
    "matches": Text("相符", "the holder's"),
    "other": Text("他人", "another person's"),
    "active": Text("有效", "active"),
    "revoked": Text("已作废", "revoked"),
    "refunded": Text("已退款", "refunded"),
    "locked": Text("退款处理中", "refund pending"),
    "frozen": Text("已冻结", "frozen"),
    "holder": Text("持有人", "holder"),
    "desk": Text("前台", "desk"),
    "line": Text("扫码文本", "scanned text"),
    "pass": Text("票码", "pass"),
    "rotating": Text("动态码", "live code"),
    "channel": Text("渠道码", "channel code"),
    "id_number": Text("身份证", "ID card"),
    "card_uid": Text("实体卡", "card"),
    "member": Text("会员码", "member code"),
    "short": Text("短码", "short code"),
    "ordinary": Text("平日", "ordinary"),
    "holiday": Text("节假日", "holiday"),
    "workday": Text("调休上班", "moved working day"),
    "Mon": Text("周一", "Mon"),
    "Tue": Text("周二", "Tue"),
    "Wed": Text("周三", "Wed"),
    "Thu": Text("周四", "Thu"),
    "Fri": Text("周五", "Fri"),
    "Sat": Text("周六", "Sat"),
    "Sun": Text("周日", "Sun"),
    "holidays": Text("节假日", "holidays"),
    "no rule set": Text("无规则", "no rule set"),
    "nobody on it": Text("人数为零", "nobody on it"),
    "counts unreadable": Text("计数不可读", "counts unreadable"),
    "a count is full": Text("计数已满", "a count is full"),
    "a record of an unknown layout": Text("记录版本未知", "a record of an unknown layout"),
}


def value_text(value: str, language: str) -> str:
    """What a check looked at, its words in "zh" or "en"."""
    words = (VALUES[word].fill(language) if word in VALUES else word for word in value.split(", "))
    return ", ".join(words)
