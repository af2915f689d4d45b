"""Every reason of a verdict: its code, the check it comes from, and what staff and visitor read.

A code is check number x 10 + a serial, in the order of the checks (docs/gate.md): of several misses the
one with the highest code got furthest and is the one to tell. Codes are stored in journals: never reused.

Texts may name {station}, {time}, {start}, {end} and {holiday}; `Text.fill` leaves out what is not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Reason(IntEnum):
    OK = 0
    GO_AHEAD = 1
    LEAVING = 2
    UNREADABLE = 10
    UNKNOWN_FORMAT = 11
    KEY_UNKNOWN = 20
    KEY_DEAD = 21
    FORGED = 30
    REPLACED = 31
    LIVE_CODE_NEEDED = 40
    STALE_CODE = 41
    REPLAYED = 42
    UNKNOWN = 50
    SIGNED_ONLY_SPENT = 51
    REVOKED = 60
    REFUNDED = 61
    LOCKED = 62
    FROZEN = 63
    NOT_ACTIVATED = 70
    STATION_CLOSED = 80
    LANE_CLOSED = 81
    WRONG_STATION = 82
    WRONG_LANE = 83
    MEDIUM_NOT_ALLOWED = 90
    NOT_COLLECTED = 91
    IDENTITY_NEEDED = 100
    IDENTITY_OTHER = 101
    TOO_EARLY = 110
    EXPIRED = 111
    NOT_BOOKED = 112
    SLOT_OVER = 113
    WRONG_DATE = 114
    HOLIDAY = 115
    WRONG_DAY = 116
    OUTSIDE_HOURS = 117
    DURATION_OVER = 118
    USED_UP = 120
    MONTH_LIMIT = 121
    DAY_LIMIT = 122
    USED_AT_SIBLING = 130
    ALREADY_INSIDE = 131
    TOO_SOON = 132
    VENUE_FULL = 140
    DAY_FULL = 141
    NO_CLAIM = 150
    # Not a check of the credential: the entrance itself cannot serve.
    BUSY = 200
    NOT_RECORDED = 201
    STORE_FULL = 202
    TRY_AGAIN = 203
    OUT_OF_ORDER = 204
    THROTTLED = 205
    CATCHING_UP = 206
    OUT_OF_DATE = 207


@dataclass(frozen=True, slots=True)
class Text:
    zh: str
    en: str

    def fill(self, language: str, **names: str) -> str:
        """The text in "zh" or "en" with the names put in; a clause whose name is missing is left out."""
        text = self.zh if language.startswith("zh") else self.en
        clauses = []
        for clause in text.split("|"):
            try:
                clauses.append(clause.format(**{name: value for name, value in names.items() if value}))
            except KeyError:
                continue
        return "".join(clauses)


@dataclass(frozen=True, slots=True)
class Entry:
    """`label` names the reason in lists; `staff` says what to do; `visitor` is shown at the lane."""

    label: Text
    staff: Text
    visitor: Text


# "|" parts clauses that may be left out when their name is not known.
TABLE: dict[Reason, Entry] = {
    Reason.OK: Entry(
        Text("通过", "Admitted"),
        Text("放行。", "Let the visitor through."),
        Text("请通行", "Please enter"),
    ),
    Reason.GO_AHEAD: Entry(
        Text("请通行（已验）", "Go ahead"),
        Text(
            "此票刚验过，闸机仍开着，不再计次。", "Just verified and the barrier is still open; no new use is counted."
        ),
        Text("请通行", "Please enter"),
    ),
    Reason.LEAVING: Entry(
        Text("离园", "Leaving"),
        Text("放行。出口不拒绝任何人。", "Let the visitor out. An exit refuses nobody."),
        Text("请慢走，欢迎再来", "Goodbye, come again"),
    ),
    Reason.UNREADABLE: Entry(
        Text("无法识别", "Unreadable"),
        Text(
            "让游客调亮屏幕、擦净镜头后重扫；仍不行请改用证件或人工核验。",
            "Brighten the screen, wipe the lens and scan again; failing that use the ID card or the help desk.",
        ),
        Text("无法识别，请重扫", "Not readable, please scan again"),
    ),
    Reason.UNKNOWN_FORMAT: Entry(
        Text("未知码", "Unknown format"),
        Text(
            "不是本系统的票码（如付款码、网址）。请游客打开订单中的入园码。",
            "Not one of our codes (a payment code or a web address, say). Ask for the entry code in the order.",
        ),
        Text("不是入园码", "Not an entry code"),
    ),
    Reason.KEY_UNKNOWN: Entry(
        Text("未知密钥", "Unknown key"),
        Text(
            "票码由本景区未使用的密钥签发：别家景区的票或伪造。请到服务中心核对订单。",
            "Signed by a key this venue does not use: another venue's ticket, or a fake. Check the order at the desk.",
        ),
        Text("非本景区票，请到服务中心", "Not this venue's ticket, please ask at the desk"),
    ),
    Reason.KEY_DEAD: Entry(
        Text("密钥已停用", "Key no longer valid"),
        Text(
            "签发此票的密钥已停用。请在服务中心凭订单换新码。",
            "The signing key was retired. Re-issue the code from the order.",
        ),
        Text("请到服务中心换码", "Please get a new code at the desk"),
    ),
    Reason.FORGED: Entry(
        Text("签名无效", "Forged"),
        Text(
            "签名不符，票码被改动或伪造。收下截图，按假票处理。",
            "The signature does not match: altered or forged. Keep a picture and treat it as a fake.",
        ),
        Text("票码无效，请到服务中心", "Invalid code, please ask at the desk"),
    ),
    Reason.REPLACED: Entry(
        Text("已换新码", "Replaced"),
        Text(
            "此票改签或重发过，这是旧码。请游客打开订单里的最新入园码。",
            "The ticket was rescheduled or re-issued and this is the old code. Ask for the newest code in the order.",
        ),
        Text("此码已更换，请出示新码", "This code was replaced, please show the new one"),
    ),
    Reason.LIVE_CODE_NEEDED: Entry(
        Text("需动态码", "Live code needed"),
        Text(
            "此票只认会刷新的动态码，截图和打印件无效。请游客打开订单里的入园码页面。",
            "The ticket needs the code that refreshes itself, no screenshot "
            "or print. Ask for the entry page in the order.",
        ),
        Text("请打开动态入园码，截图无效", "Please open the live code, screenshots do not work"),
    ),
    Reason.STALE_CODE: Entry(
        Text("动态码已过时", "Code out of date"),
        Text(
            "动态码已过时：是截图，或页面未刷新。请游客刷新入园码页面后重扫。",
            "The live code is of another moment: a screenshot, or a "
            "page that stood still. Reload the page and scan again.",
        ),
        Text("请刷新入园码后重扫", "Please refresh the code and scan again"),
    ),
    Reason.REPLAYED: Entry(
        Text("动态码已用过", "Code already shown"),
        Text(
            "同一个动态码刚在别的通道用过。|{station} {time}。|等待刷新后重扫；若两人出示同一码，请核对身份。",
            "This very code was just used at another lane. |{station} "
            "{time}. |Wait for the next one; check who shows it.",
        ),
        Text("此码刚已使用，请等待刷新", "This code was just used, please wait for the next"),
    ),
    Reason.UNKNOWN: Entry(
        Text("票不存在", "Not known"),
        Text(
            "闸机没有此票。刚购买的票请稍等片刻重扫；仍不行查订单。",
            "The gate does not know it. If it was just bought wait a moment and scan again; else look up the order.",
        ),
        Text("未找到此票，请稍后重试", "Ticket not found, please try again shortly"),
    ),
    Reason.SIGNED_ONLY_SPENT: Entry(
        Text("离线放行已达上限", "Offline admissions spent"),
        Text(
            "闸机尚无此票记录，凭签名放行的名额已用完。请在服务中心核对订单。",
            "The gate has no record of it and has let in as many on "
            "a signature as it may. Check the order at the desk.",
        ),
        Text("请到服务中心核对", "Please ask at the desk"),
    ),
    Reason.REVOKED: Entry(
        Text("已作废", "Revoked"),
        Text("订单已被作废。请在服务中心查看原因。", "The order was revoked. See the order for why."),
        Text("此票已作废", "This ticket was cancelled"),
    ),
    Reason.REFUNDED: Entry(
        Text("已退款", "Refunded"),
        Text("此票已退款，不可入园。", "This ticket was refunded and cannot be used."),
        Text("此票已退款", "This ticket was refunded"),
    ),
    Reason.LOCKED: Entry(
        Text("退款处理中", "Refund pending"),
        Text(
            "已申请退款。若游客要入园，先在订单中撤回退款申请。",
            "A refund was requested. To let the visitor in, withdraw the request in the order first.",
        ),
        Text("退款处理中，不可入园", "A refund is pending"),
    ),
    Reason.FROZEN: Entry(
        Text("已冻结", "Frozen"),
        Text("持有人或卡被冻结。请在服务中心解冻。", "The holder or the card is frozen. The desk can lift it."),
        Text("此票已冻结，请到服务中心", "This ticket is frozen, please ask at the desk"),
    ),
    Reason.NOT_ACTIVATED: Entry(
        Text("未激活", "Not activated"),
        Text(
            "须先激活：持票人在手机门票页面激活，或由服务中心办理。",
            "It must be activated first: by its holder on the ticket's phone page, or at the desk.",
        ),
        Text("请先在门票页面或服务中心激活", "Please activate it on your phone or at the desk"),
    ),
    Reason.STATION_CLOSED: Entry(
        Text("站点停用", "Station closed"),
        Text(
            "本站点已停用。请引导游客到其他入口。", "This station is switched off. Send visitors to another entrance."
        ),
        Text("本入口关闭，请走其他入口", "This entrance is closed, please use another"),
    ),
    Reason.LANE_CLOSED: Entry(
        Text("通道停用", "Lane closed"),
        Text("本通道已停用。请引导游客到旁边通道。", "This lane is switched off. Send visitors to the next lane."),
        Text("本通道关闭，请走旁边通道", "This lane is closed, please use the next one"),
    ),
    Reason.WRONG_STATION: Entry(
        Text("站点不符", "Wrong station"),
        Text("此票不能在本站点使用。请看订单中的可用站点。", "Not valid at this station. The order lists where it is."),
        Text("此票不在本入口使用", "Not valid at this entrance"),
    ),
    Reason.WRONG_LANE: Entry(
        Text("通道不符", "Wrong lane"),
        Text(
            "此票可在本站点使用，但不在本通道。请引导游客到本站点的其他通道。",
            "Valid at this station, but not at this lane. Send the visitor to another lane of the station.",
        ),
        Text("请走旁边通道", "Please use another lane here"),
    ),
    Reason.MEDIUM_NOT_ALLOWED: Entry(
        Text("凭证类型不符", "Medium not allowed"),
        Text(
            "此票不能用这种凭证。请改用订单要求的凭证。",
            "This ticket cannot be used with that medium. Use what the order says.",
        ),
        Text("请使用其他凭证", "Please use the other credential"),
    ),
    Reason.NOT_COLLECTED: Entry(
        Text("未取票", "Not collected"),
        Text(
            "此票须先取票。请引导游客到服务中心或自助机取票。",
            "The ticket must be collected first, at the service centre or a kiosk.",
        ),
        Text("请先取票", "Please collect your ticket first"),
    ),
    Reason.IDENTITY_NEEDED: Entry(
        Text("需刷身份证", "ID card needed"),
        Text(
            "此票为实名票：请让持票人在本通道刷本人身份证。",
            "A real-name ticket: the holder's own ID card must be read at this lane.",
        ),
        Text("请刷身份证", "Please present your ID card"),
    ),
    Reason.IDENTITY_OTHER: Entry(
        Text("证件不符", "Another person's ID"),
        Text(
            "身份证不是此票登记的人。请核对订单中的游客信息。",
            "The ID card is not the registered visitor's. Compare the visitors in the order.",
        ),
        Text("证件与购票人不符", "The ID does not match the ticket"),
    ),
    Reason.TOO_EARLY: Entry(
        Text("未到时间", "Too early"),
        Text("未到可用时间。|{start} 起可入园。", "Not valid yet. |Valid from {start}."),
        Text("未到时间|，{start} 起可入园", "Too early|, valid from {start}"),
    ),
    Reason.EXPIRED: Entry(
        Text("已过期", "Expired"),
        Text("已过有效期。|{end} 截止。", "No longer valid. |It ended {end}."),
        Text("此票已过期|（{end}）", "This ticket has expired| ({end})"),
    ),
    Reason.NOT_BOOKED: Entry(
        Text("未预约", "Not booked"),
        Text("此票须先预约日期或时段。请游客在订单中预约。", "A day or slot must be booked first, in the order."),
        Text("请先预约", "Please book a time first"),
    ),
    Reason.SLOT_OVER: Entry(
        Text("已过预约时段", "Slot is over"),
        Text("预约时段已过。|时段 {start}–{end}。", "The booked slot is over. |It was {start} to {end}."),
        Text("预约时段已过|（{start}–{end}）", "Your slot is over| ({start} to {end})"),
    ),
    Reason.WRONG_DATE: Entry(
        Text("日期不可用", "Not valid on this date"),
        Text(
            "此票今天不可用（限定日期或停用日期）。请看订单中的可用日期。",
            "Not valid on this date; the order lists when it is.",
        ),
        Text("此票今日不可用", "Not valid today"),
    ),
    Reason.HOLIDAY: Entry(
        Text("节假日不可用", "Not valid on holidays"),
        Text("此票节假日不可用。|今天是{holiday}。", "Not valid on public holidays. |Today is {holiday}."),
        Text("节假日不可用|：{holiday}", "Not valid on holidays|: {holiday}"),
    ),
    Reason.WRONG_DAY: Entry(
        Text("星期不符", "Wrong weekday"),
        Text(
            "此票今天这个星期几不可用。请看订单中的可用日。",
            "Not valid on this day of the week; the order lists the days.",
        ),
        Text("此票今日不可用", "Not valid on this weekday"),
    ),
    Reason.OUTSIDE_HOURS: Entry(
        Text("不在可用时段", "Outside its hours"),
        Text("现在不在可用时段内。|可用 {start}–{end}。", "Not valid at this hour. |Valid {start} to {end}."),
        Text("可用时段外|：{start}–{end}", "Not valid at this hour|: {start} to {end}"),
    ),
    Reason.DURATION_OVER: Entry(
        Text("已超出使用时长", "Duration is over"),
        Text("自首次使用起的有效时长已满。", "The time it is valid for from its first use on is over."),
        Text("此票使用时长已满", "The duration of this ticket is over"),
    ),
    Reason.USED_UP: Entry(
        Text("次数已用完", "Used up"),
        Text("次数已用完。|上次：{station} {time}。", "All uses are spent. |Last: {station} {time}."),
        Text("此票已使用|：{station} {time}", "Already used|: {station} {time}"),
    ),
    Reason.MONTH_LIMIT: Entry(
        Text("本月次数已满", "Monthly limit"),
        Text(
            "本月可用次数已用完。|上次：{station} {time}。",
            "This month's uses are spent. |Last: {station} {time}.",
        ),
        Text("本月次数已用完", "This month's uses are spent"),
    ),
    Reason.DAY_LIMIT: Entry(
        Text("今日次数已满", "Daily limit"),
        Text("今日可用次数已用完。|上次：{station} {time}。", "Today's uses are spent. |Last: {station} {time}."),
        Text("今日次数已用完", "Today's uses are spent"),
    ),
    Reason.USED_AT_SIBLING: Entry(
        Text("已在同类站点使用", "Used at sibling station"),
        Text(
            "已在同类站点入园。|{station} {time}。", "Already used at a station of the same group. |{station} {time}."
        ),
        Text("已使用|：{station} {time}", "Already used| at {station} {time}"),
    ),
    Reason.ALREADY_INSIDE: Entry(
        Text("已在园内", "Already inside"),
        Text(
            "此票的人已入园且未出园。|{station} {time}。|若确已离开，请在出口补刷。",
            "The holder is inside and has not left. |{station} {time}. |If they did leave, scan at an exit.",
        ),
        Text("此票已在园内", "Already inside"),
    ),
    Reason.TOO_SOON: Entry(
        Text("间隔太短", "Too soon"),
        Text(
            "距上次使用时间太短。|{start} 起可再次使用。",
            "Too soon after the last use. |Valid again from {start}.",
        ),
        Text("请稍后再试|，{start} 起可用", "Too soon|, valid again from {start}"),
    ),
    Reason.VENUE_FULL: Entry(
        Text("园内已满", "Venue is full"),
        Text(
            "园内人数已达上限。请游客等候，有人离园后即可入园。",
            "As many people as allowed are inside. Visitors wait until some have left.",
        ),
        Text("园内已满，请稍候", "The venue is full, please wait"),
    ),
    Reason.DAY_FULL: Entry(
        Text("今日已满", "Full for today"),
        Text("今日入园人数已达上限。", "As many people as allowed were let in today."),
        Text("今日入园人数已满", "Full for today"),
    ),
    Reason.NO_CLAIM: Entry(
        Text("无法确认未在他处使用", "Cannot be claimed"),
        Text(
            "各入口之间的登记服务中断，无法确认此票未在别处使用，且中断期间可放行的人数已用完（或此产品不允许）。"
            "请稍后重扫；急需时在服务中心核对订单后人工放行，并检查边缘状态。",
            "The entrances cannot reach a majority of their claim service, so nobody knows whether it is being used "
            "elsewhere, and what may be admitted meanwhile is spent (or the product admits nobody). Scan again later; "
            "if it is urgent check the order at the desk, and look at the edge's status.",
        ),
        Text("暂时无法核验，请到服务中心", "Cannot be checked right now, please ask at the desk"),
    ),
    Reason.BUSY: Entry(
        Text("系统忙", "Busy"),
        Text(
            "记录队列已满，请稍候重扫；持续出现请看边缘状态。",
            "The queue is full; scan again. If it stays, look at the edge's status.",
        ),
        Text("请稍候重扫", "Please scan again in a moment"),
    ),
    Reason.NOT_RECORDED: Entry(
        Text("无法记录", "Not recorded"),
        Text(
            "无法写入记录，闸机不放行。请查看磁盘和边缘状态。",
            "The admission could not be recorded, so the gate stays shut. Check the disk and the edge's status.",
        ),
        Text("设备故障，请走其他通道", "Out of order, please use another lane"),
    ),
    Reason.STORE_FULL: Entry(
        Text("存储将满", "Store full"),
        Text(
            "存储已用 95%,停止放行。恢复与云端的连接以清空积压。",
            "The store is 95 % full and admits nobody. Reconnect the cloud so that the backlog drains.",
        ),
        Text("设备故障，请走其他通道", "Out of order, please use another lane"),
    ),
    Reason.TRY_AGAIN: Entry(
        Text("请重扫", "Try again"),
        Text("同一张票正在另一通道处理。请重扫。", "The same ticket is being decided at another lane. Scan again."),
        Text("请重扫", "Please scan again"),
    ),
    Reason.OUT_OF_ORDER: Entry(
        Text("通道故障", "Lane out of order"),
        Text(
            "闸机或读头离线，本次未验票。请引导游客到旁边通道，并检查线缆和电源。",
            "The barrier is offline; nothing was decided. Send the visitor to the next lane, check cable and power.",
        ),
        Text("设备故障，请走其他通道", "Out of order, please use another lane"),
    ),
    Reason.THROTTLED: Entry(
        Text("输码过频", "Too many codes typed"),
        Text(
            "本通道连续输错多次，请稍候一分钟再输。",
            "Too many wrong codes were typed at this lane. Wait a minute.",
        ),
        Text("请稍候再输", "Please wait a moment"),
    ),
    Reason.CATCHING_UP: Entry(
        Text("正在核对数据", "Catching up"),
        Text(
            "本入口的数据是新建或旧的，正与云端核对已用次数；限次票请引导到其他入口，或按站点规定人工核验。",
            "This entrance's data is new or old and it is fetching from the cloud what was used. "
            "Send tickets with counted uses to another entrance, or check them by hand.",
        ),
        Text("正在核对，请走其他入口", "One moment, please use another entrance"),
    ),
    Reason.OUT_OF_DATE: Entry(
        Text("数据过旧", "Out of date"),
        Text(
            "本入口与云端失联已超过规定时间，可能不知道退款和作废。请恢复网络，或按站点规定人工核验。",
            "This entrance has not heard from the cloud for longer than it may: refunds could be missing. "
            "Restore the network, or check by hand.",
        ),
        Text("请走其他入口", "Please use another entrance"),
    ),
}
