"""Doing something to one row or many: what will happen, then one service for each, then what happened."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cloud.admin.kit.confirm import Confirm, ask
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.page import go, said, show
from cloud.admin.kit.query import Query
from cloud.admin.kit.routed import section_page, way_back
from cloud.admin.kit.section import ACTION_ROWS, Action, Section
from cloud.admin.kit.text import chinese
from cloud.core.errors import DomainError

if TYPE_CHECKING:
    from cloud.admin.desk import Desk
    from cloud.staff.permissions import Permission

AGREED = "_agreed"  # the hidden input with what was agreed to
IN_ADDRESS = 100  # so many rows an address can name
NAMED = 5  # so many are named, the others counted


def needs(section: Section, place: dict[str, Any]) -> Permission | None:
    action = section.action(place["name"])
    return action.permission if action else None


@section_page(needs)
def act(request: HttpRequest, desk: Desk, section: Section, name: str) -> HttpResponse:
    action = section.action(name)
    assert action is not None
    back = way_back(request, section.list_url)
    rows = _chosen(request, desk, section, back)
    if len(rows) > ACTION_ROWS:
        text = _("At most %(limit)d rows at a time. Narrow the list down with a filter.")
        messages.error(request, text % {"limit": ACTION_ROWS})
        return go(request, back)
    if not rows:
        messages.warning(request, _("Choose some rows first."))
        return go(request, back)
    if not action.bulk and len(rows) > 1:
        raise Http404(name)
    fitting = [row for row in rows if action.fits(row)]
    if not fitting:
        messages.warning(request, _("Nothing to do: %(names)s") % {"names": names(section, rows)})
        return go(request, back)
    form = form_of(request, desk, action, fitting)
    if form is not None and request.method == "POST" and form.asked_again():
        if request.headers.get("HX-Request"):
            return show(request, desk, "console/kit/form_parts.html", {"form": form, "plain": True})
        return ask(request, desk, confirm_of(desk, section, action, rows, fitting, form, back))
    if request.method != "POST" or (form is not None and not form.is_valid()):
        status = 422 if request.method == "POST" else 200
        return ask(request, desk, confirm_of(desk, section, action, rows, fitting, form, back), status)
    values = form.cleaned_data if form is not None else {}
    again = _preview(request, desk, section, action, fitting, values, back)
    if again is not None:
        return ask(request, desk, again)
    if action.run_all is not None:
        done, failed = _all(desk, action, fitting, values)
    else:
        done, failed = _each(desk, action, fitting, values)
    if failed and form is not None and len(fitting) == 1:
        form.refuse(failed[0][1])
        return ask(request, desk, confirm_of(desk, section, action, rows, fitting, form, back), 422)
    _report(request, section, action, done, failed)
    return go(request, section.list_url if action.removes and done else back)


def _chosen(request: HttpRequest, desk: Desk, section: Section, back: str) -> list[Any]:
    """The rows meant: those named, or before the confirmation all that the list's address finds.

    Raises Http404 where a row named is not of this venue.
    """
    data = request.POST if request.method == "POST" else request.GET
    if request.method != "POST" and data.get("all"):
        query = Query(section, desk, request, QueryDict(urlsplit(back).query))
        return list(query.rows[: ACTION_ROWS + 1])
    wanted = {int(pk) for pk in data.getlist("pk") if pk.isascii() and pk.isdigit() and len(pk) < 19}
    if len(wanted) > ACTION_ROWS:
        return [*wanted]
    found = list(section.rows(desk).filter(pk__in=wanted).order_by(*section.order, "pk"))
    if len(found) != len(wanted):
        raise Http404("rows of this venue")
    return found


def form_of(request: HttpRequest, desk: Desk, action: Action, rows: Sequence[Any]) -> SectionForm | None:
    if action.form is None:
        return None
    only = rows[0] if len(rows) == 1 else None
    if request.method == "POST":
        return action.form(desk, only, request.POST, request.FILES)
    return action.form(desk, only, initial=action.form.initial_of(only) if only is not None else {})


def confirm_of(
    desk: Desk, section: Section, action: Action, rows: Sequence[Any], fitting: Sequence[Any],
    form: SectionForm | None, back: str,
) -> Confirm:  # fmt: skip
    lines = [str(line) for line in action.says(desk, fitting)]
    if len(fitting) == 1:
        title = _("%(verb)s: %(name)s?") % {"verb": action.verb, "name": section.label(fitting[0])}
    else:
        title = _("%(verb)s: %(count)d rows?") % {"verb": action.verb, "count": len(fitting)}
        lines.insert(0, names(section, fitting))
    left = len(rows) - len(fitting)
    if left:
        text = ngettext("%(count)d is left as it is.", "%(count)d are left as they are.", left)
        lines.append(text % {"count": left})
    return Confirm(
        title=title,
        consequences=tuple(lines),
        verb=str(action.verb),
        url=_address(section, action, fitting, back),
        back=back,
        grave=action.grave,
        form=form,
        error=" ".join(str(error) for error in form.non_field_errors()) if form is not None and form.is_bound else "",
        hidden=(("next", back), *(("pk", str(row.pk)) for row in fitting)),
    )


def _preview(
    request: HttpRequest, desk: Desk, section: Section, action: Action, rows: Sequence[Any], values: dict[str, Any],
    back: str,
) -> Confirm | None:  # fmt: skip
    """The second question, where the action has one and just this was not agreed to yet."""
    if action.preview is None:
        return None
    lines = tuple(str(line) for line in action.preview(desk, rows, values))
    token = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    if request.POST.get(AGREED) == token:
        return None
    sent = [(name, value) for name in request.POST for value in request.POST.getlist(name)]
    return Confirm(
        title=_("%(verb)s: %(name)s?") % {"verb": action.verb, "name": names(section, rows)},
        consequences=lines,
        verb=str(action.verb),
        url=reverse("console:section-action", args=[section.key, action.key]),
        back=back,
        grave=action.grave,
        hidden=(
            *((name, value) for name, value in sent if name not in (AGREED, "csrfmiddlewaretoken")),
            (AGREED, token),
        ),
    )


def _address(section: Section, action: Action, rows: Sequence[Any], back: str) -> str:
    """Where the question is answered. Asked for anew, as after logging in again, it puts the same question."""
    which = [("pk", str(row.pk)) for row in rows] if len(rows) <= IN_ADDRESS else [("all", "1")]
    url = reverse("console:section-action", args=[section.key, action.key])
    return f"{url}?{urlencode([('next', back), *which])}"


def _each(
    desk: Desk, action: Action, rows: Sequence[Any], values: dict[str, Any]
) -> tuple[list[Any], list[tuple[Any, DomainError]]]:
    """Each row in a transaction of its own: one that is refused does not undo the others."""
    assert action.run is not None
    done, failed = [], []
    for row in rows:
        try:
            with transaction.atomic():
                action.run(desk, row, values)
        except DomainError as error:
            failed.append((row, error))
        else:
            done.append(row)
    return done, failed


def _all(
    desk: Desk, action: Action, rows: Sequence[Any], values: dict[str, Any]
) -> tuple[list[Any], list[tuple[Any, DomainError]]]:
    assert action.run_all is not None
    try:
        with transaction.atomic():
            action.run_all(desk, rows, values)
    except DomainError as error:
        return [], [(rows[0], error)] if len(rows) == 1 else [(None, error)]
    return list(rows), []


def _report(
    request: HttpRequest, section: Section, action: Action, done: Sequence[Any],
    failed: Sequence[tuple[Any, DomainError]],
) -> None:  # fmt: skip
    if done:
        messages.success(request, str(action.done) % {"name": names(section, done), "count": len(done)})
    for row, error in failed[:NAMED]:
        text = f"{section.label(row)}: {said(error)}" if row is not None else said(error)
        messages.error(request, text)
    if len(failed) > NAMED:
        text = ngettext("%(count)d more failed.", "%(count)d more failed.", len(failed) - NAMED)
        messages.error(request, text % {"count": len(failed) - NAMED})


def names(section: Section, rows: Sequence[Any]) -> str:
    """Rows by name, as far as one reads on."""
    return brief([section.label(row) for row in rows[:NAMED]], len(rows))


def brief(labels: Sequence[str], of: int | None = None, most: int = NAMED) -> str:
    """The first few of some names, and how many more there are of all `of` them."""
    first = ("、" if chinese() else ", ").join(labels[:most])
    rest = (len(labels) if of is None else of) - len(labels[:most])
    if rest <= 0:
        return first
    return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", rest) % {
        "names": first,
        "count": rest,
    }
