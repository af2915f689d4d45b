"""What a lane's display says: the text of a verdict with its facts, and between scans how full the venue is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from edge.lane_actions import Show
from edge.venue_room import RoomState
from edge.verdict import Moment
from paifang.reasons import TABLE, Reason, Text
from paifang.records import VenueSettings

if TYPE_CHECKING:
    from edge._verify import Verdict

READY = Text("请刷码入园", "Please scan your code")
EXIT = Text("出口", "Exit")
_IDLE = {
    RoomState.ROOM: READY,
    RoomState.WARNING: Text("园内人数较多，请刷码入园", "The venue is filling up, please scan your code"),
    RoomState.FULL: TABLE[Reason.VENUE_FULL].visitor,
    RoomState.DAY_FULL: TABLE[Reason.DAY_FULL].visitor,
}
_LANGUAGES = ("zh", "en")


class Texts:
    """Knows the venue's names, holidays and time zone, once they have come."""

    def __init__(self) -> None:
        self._settings = VenueSettings("Asia/Shanghai", 0, {})
        self._zone = ZoneInfo(self._settings.time_zone)

    def use_settings(self, settings: VenueSettings) -> None:
        self._settings, self._zone = settings, ZoneInfo(settings.time_zone)

    def of(self, show: Show, moment: Moment) -> Text:
        """What the visitor reads now."""
        visitor = TABLE[show.reason].visitor
        zh, en = (visitor.fill(language, **self.facts(show.verdict, moment, language)) for language in _LANGUAGES)
        return Text(zh, en)

    @staticmethod
    def idle(state: RoomState) -> Text:
        """What an entry lane says between scans."""
        return _IDLE[state]

    def facts(self, verdict: Verdict | None, moment: Moment, language: str) -> dict[str, str]:
        """The names a reason's texts may tell (paifang.reasons), "" where something is not known."""
        if verdict is None:
            return {}
        at = _LANGUAGES.index(language)
        holiday = self._settings.holidays.get(moment.day)
        facts: dict[str, str] = {
            "station": self._settings.stations.get(verdict.last_station, ("", ""))[at],
            "time": self._clock(verdict.last_ms // 1000, moment),
            "start": self._clock(verdict.valid_from, moment),
            "end": self._clock(verdict.valid_until, moment),
            "holiday": holiday[1:][at] if holiday else "",
        }
        if verdict.reason == Reason.OUTSIDE_HOURS:
            known = bool(verdict.hours_end)
            facts["start"] = _wall(verdict.hours_start) if known else ""
            facts["end"] = _wall(verdict.hours_end) if known else ""
        return facts

    def _clock(self, seconds: int, moment: Moment) -> str:
        """An instant as people there read it: the time of day, and the date where it is another one."""
        if not 0 < seconds < 2**32 - 1:  # not known, or for ever
            return ""
        told = datetime.fromtimestamp(seconds, self._zone)
        today = datetime.fromtimestamp(moment.now_ms / 1000, self._zone).date()
        if told.date() == today:
            return told.strftime("%H:%M")
        return told.strftime("%m-%d %H:%M" if told.year == today.year else "%Y-%m-%d")


def _wall(minute: int) -> str:
    """Minutes from midnight as a time of day; the midnight that ends the day is 24:00."""
    return "24:00" if minute == 24 * 60 else f"{minute // 60 % 24:02}:{minute % 60:02}"
