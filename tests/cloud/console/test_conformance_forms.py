"""Every field of every declared form, with what does not belong in it: generated from the form's own fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.test import Client

from cloud.admin.kit.desk_form import DeskForm
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.rows import Rows
from cloud.admin.kit.section import Section
from cloud.venues.models import Venue
from tests.cloud.console.test_conformance import FORMULA, HOSTILE, filled, rows, section, text_of, toy

__all__ = ["section", "toy"]  # fixtures

Asked = tuple[str, SectionForm, dict[str, Any]]  # where it is sent, the form, what has to be sent along


def forms_of(section: Section, row: Any, client: Client) -> Iterator[Asked]:
    """Creating, and what each action that fits asks for."""
    if section.create is not None:
        url = f"/{section.key}/new"
        yield url, client.get(url).context["form"], {}
    for action in section.actions:
        if action.form is not None and action.fits(row):
            along = {"pk": str(row.pk), "next": section.list_url}
            url = f"/{section.key}/do/{action.key}"
            yield url, client.get(url, along).context["confirm"].form, along


def wrong(field: forms.Field) -> Iterator[Any]:
    """Values that a field must refuse."""
    if field.required:
        yield ""
    if isinstance(field, forms.IntegerField | forms.DecimalField | forms.DateField):
        yield from ("x", "1e999", "٣x", HOSTILE, FORMULA, "9" * 400)
    elif isinstance(field, forms.ChoiceField | forms.ModelChoiceField):
        yield from ("no-such-choice", "9" * 30, HOSTILE, "\0")
    elif isinstance(field, forms.CharField) and field.max_length:
        yield "长" * (field.max_length + 1)


def fields(form: DeskForm, prefix: str = "") -> Iterator[tuple[str, forms.Field]]:
    """Those that apply and are not rows or files; of rows the fields of the first."""
    for name, field in form.fields.items():
        if isinstance(field, Rows):
            yield from fields(form[name].blank, f"{name}-0-")
        elif not isinstance(field, forms.FileField) and name not in form.unfit and not field.disabled:
            yield prefix + name, field


def test_what_does_not_belong_in_a_field_is_refused_beside_it(section: Section, venue: Venue, log_in):
    row = rows(section, venue)[0]
    client = log_in()
    for url, form, along in forms_of(section, row, client):
        right = filled(form, "new")
        for name, field in fields(form):
            for value in wrong(field):
                response = client.post(url, {**right, **along, name: value})
                case = f"{url} {name}={str(value)[:20]!r}"
                assert response.status_code == 422, case
                page = text_of(response)
                assert f'id="id_{name}_error"' in page, case
                assert HOSTILE not in page, case


@pytest.mark.parametrize("typed", [HOSTILE, FORMULA, "{{ 7|add:7 }}{% now 'Y' %}"])
def test_what_is_typed_into_any_text_stays_text(section: Section, venue: Venue, log_in, typed):
    row = rows(section, venue)[0]
    client = log_in()
    for url, form, along in forms_of(section, row, client):
        right = filled(form, "new")
        for name, field in fields(form):
            if isinstance(field, forms.CharField) and not isinstance(field, forms.RegexField):
                # Asked to be drawn again, so that every field's own text is on the page.
                page = text_of(client.post(url, {**right, **along, name: typed, "_redraw": "1"}))
                assert HOSTILE not in page, (url, name)
                assert "<script>alert" not in page, (url, name)
                assert ">14" not in page, (url, name)
