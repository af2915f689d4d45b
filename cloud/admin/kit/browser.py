"""A browser by the name people know it by, from what it says of itself."""

from __future__ import annotations

from django.utils.translation import gettext as _

# In this order: many say they are Chrome and Safari too.
_BROWSERS = (
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("QQBrowser", "QQ Browser"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("MiuiBrowser", "Mi Browser"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS", True),
    ("OpenHarmony", "HarmonyOS", True),
    ("iPhone", "iPhone", True),
    ("iPad", "iPad", True),
    ("Android", "Android", True),
    ("Windows", "Windows", False),
    ("Macintosh", "Mac", False),
    ("Linux", "Linux", False),
)


def browser_name(agent: str) -> tuple[str, bool]:
    """ "Chrome · Windows" from a User-Agent header, and whether it is one carried about."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system, carried = next(((name, carried) for mark, name, carried in _SYSTEMS if mark in agent), ("", False))
    return " · ".join(filter(None, (browser, system))) or _("Unknown browser"), carried
