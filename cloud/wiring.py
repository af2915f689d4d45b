"""Which handlers hear of which event. The one list: an event goes up the rooms by no other way.

A handler runs in the worker, after the commit of what it hears of, in a transaction and scope of its own, at
least once: it must not mind hearing of the same event again. What talks to the world outside enqueues a job
instead of waiting there. An exception puts the event back, to be delivered again later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from cloud.core import alarms
from cloud.venues.models import Venue

logger = logging.getLogger("paifang.alarm")

Handler = Callable[[Venue | None, dict[str, Any]], None]


def _log_alarm(venue: Venue | None, payload: dict[str, Any]) -> None:
    """Where a log collector looks for alarms: one line each, at level ERROR."""
    logger.error("%s %s at %s: %s", payload["code"], payload["target"], venue or "the installation", payload["detail"])


HANDLERS: dict[str, tuple[Handler, ...]] = {
    alarms.EVENT: (_log_alarm,),
}
