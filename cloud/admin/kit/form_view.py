"""Creating and editing a row. Of two people who save at once the second is told what changed; nothing typed is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from cloud.admin.kit.forms import SEEN, SectionForm
from cloud.admin.kit.page import show
from cloud.admin.kit.routed import row_or_404, section_page
from cloud.admin.kit.section import FormSpec, Section
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row
from cloud.core.trail import trail_of
from cloud.venues.models import Venue

if TYPE_CHECKING:
    from cloud.admin.desk import Desk


@section_page(lambda section, place: section.create.permission if section.create else None)
def create(request: HttpRequest, desk: Desk, section: Section) -> HttpResponse:
    spec = section.create
    assert spec is not None
    if request.method != "POST":
        known = {name: request.GET[name] for name in spec.form.base_fields if name in request.GET}
        return _show(request, desk, section, spec, spec.form(desk, None, initial=known))
    form = spec.form(desk, None, request.POST, request.FILES)
    if form.asked_again():
        return _show_again(request, desk, section, spec, form)
    saved = _save(desk, spec, form) if form.is_valid() else None
    if saved is None:
        return _show(request, desk, section, spec, form, 422)
    return _saved(request, section, spec, saved)


@section_page(lambda section, place: section.edit.permission if section.edit else None)
def edit(request: HttpRequest, desk: Desk, section: Section, pk: int) -> HttpResponse:
    spec = section.edit
    assert spec is not None
    row = row_or_404(desk, section, pk)
    if not spec.offered(row):
        raise Http404(pk)
    if request.method != "POST":
        return _show(request, desk, section, spec, spec.form(desk, row, initial=spec.form.initial_of(row)))
    form = spec.form(desk, row, request.POST, request.FILES)
    if form.asked_again():
        return _show_again(request, desk, section, spec, form)
    form, saved, same = save_seen(request, desk, section, spec, pk)
    row = form.row
    if not same:
        return _show(request, desk, section, spec, form, 409, last_change(row))
    if saved is None:
        return _show(request, desk, section, spec, form, 422)
    return _saved(request, section, spec, saved)


def save_seen(
    request: HttpRequest, desk: Desk, section: Section, spec: FormSpec, pk: int
) -> tuple[SectionForm, Any, bool]:
    """Saves what was sent, if the row is still as the form showed it.

    The form, the row that was saved (None: the form says why not), and whether it was the same: where it was not,
    the form says what somebody else changed, and nothing is saved.
    """
    with transaction.atomic():
        # What the form shows is compared and changed under one lock, in the house's order: venue, then row.
        lock_row(Venue, desk.venue.pk)
        if not section.rows(desk).model._default_manager.select_for_update(no_key=True).filter(pk=pk).exists():
            raise Http404(pk)
        row = row_or_404(desk, section, pk)
        form = spec.form(desk, row, request.POST, request.FILES)
        same = form.compare()
        saved = _save(desk, spec, form) if same and form.is_valid() else None
    return form, saved, same


def _save(desk: Desk, spec: FormSpec, form: SectionForm) -> Any:
    """The row, or None where the service refused: the form says why."""
    try:
        with transaction.atomic():
            return spec.run(desk, form.row, form.cleaned_data)
    except DomainError as error:
        form.refuse(error)
        return None


def _saved(request: HttpRequest, section: Section, spec: FormSpec, saved: Any) -> HttpResponse:
    messages.success(request, str(spec.done) % {"name": section.label(saved)})
    return redirect(spec.then(saved) if spec.then else section.url(saved))


def _show_again(request: HttpRequest, desk: Desk, section: Section, spec: FormSpec, form: SectionForm) -> HttpResponse:
    """As it was sent, with a row more or less, or with other fields shown. What was seen at first stays what it was."""
    if request.headers.get("HX-Request"):
        return show(request, desk, "console/kit/form_parts.html", {"form": form})
    return _show(request, desk, section, spec, form, seen=request.POST.get(SEEN, ""))


def last_change(row: Any) -> Any:
    return next(iter(trail_of([row], limit=1)), None)


def _show(
    request: HttpRequest,
    desk: Desk,
    section: Section,
    spec: FormSpec,
    form: SectionForm,
    status: int = 200,
    last_change: Any = None,
    seen: str | None = None,
) -> HttpResponse:
    row = form.row
    context = {
        "section": section,
        "spec": spec,
        "form": form,
        "title": str(spec.title) % {"name": section.label(row)} if row is not None else spec.title,
        "back": section.url(row) if row is not None else section.list_url,
        "back_title": section.label(row) if row is not None else section.title,
        "seen_name": SEEN,
        "seen": "" if row is None else form.token() if seen is None else seen,
        "last_change": last_change,
    }
    return show(request, desk, "console/section/form.html", context, status)
