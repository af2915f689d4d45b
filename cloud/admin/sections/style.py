"""The style page: every element of the kit in each of its states. For administrators, where debugging is on."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.messages.storage.base import Message
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cloud.admin.desk import Desk
from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.page import page, show
from cloud.admin.kit.table import Empty
from cloud.admin.sections import style_samples as samples
from cloud.staff.permissions import Permission

LEVELS = (20, 25, 30, 40)  # the levels of Django's messages


@page(Permission.STAFF_MANAGE)
def style(request: HttpRequest, desk: Desk) -> HttpResponse:
    _only_in_debug()
    context: dict[str, Any] = {
        "pills": samples.PILLS,
        "tiles": samples.tiles(),
        "bars": samples.bars(),
        "charts": samples.charts(),
        "tables": samples.tables(),
        "jobs": samples.jobs(),
        "forms": samples.form_states(desk),
        "notes": [Message(level, samples.LONG if level == 40 else _("Settings are saved.")) for level in LEVELS],
        "empty": Empty(_("Nothing here yet"), samples.LONG, "inbox"),
        "long": samples.LONG,
    }
    return show(request, desk, "console/style.html", context)


@page(Permission.STAFF_MANAGE)
def style_confirm(request: HttpRequest, desk: Desk, kind: str) -> HttpResponse:
    """A confirmation: "plain", "grave", or "form" with something asked and refused."""
    _only_in_debug()
    if kind not in ("plain", "grave", "form"):
        raise Http404(kind)
    form = samples.form_states(desk)[2][1] if kind == "form" else None
    confirm = Confirm(
        title=samples.LONG,
        consequences=(_("It is taken out of service within a moment."), samples.LONG),
        verb=_("Take out of service"),
        url=reverse("console:style-confirm", args=[kind]),
        back=reverse("console:style"),
        grave=kind == "grave",
        form=form,
        error=_("What a service refuses about no field in particular.") if form else "",
    )
    return ask(request, desk, confirm)


def _only_in_debug() -> None:
    if not settings.DEBUG:
        raise Http404("style")
