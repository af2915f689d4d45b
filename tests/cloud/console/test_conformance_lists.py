"""What every declared section's list can do besides: long exports, saved filters, imports. Walked like the rest."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import openpyxl
import pytest
from django import forms
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation

from cloud.admin import saved_filters as service
from cloud.admin.desk import Desk
from cloud.admin.kit import background, export_file, export_view
from cloud.admin.kit.desk_form import plain_text
from cloud.admin.kit.section import Section
from cloud.admin.models import SavedFilter
from cloud.core.actors import Actor
from cloud.core.models import AuditRow, Job
from cloud.staff.models import Employee
from tests.cloud.console.test_conformance import FORMULA, HOSTILE, rows, section, text_of, toy
from tests.support import venue as make

__all__ = ["section", "toy"]  # fixtures


def carried_out(path: str) -> Job:
    """The job of this page, done as a worker does it."""
    pk = int(path.rsplit("/", 1)[1])
    background.carry_out.func(pk)
    return Job.objects.get(pk=pk)


def fetched(client: Any, job: Job) -> bytes:
    return b"".join(client.get(f"/work/{job.pk}/file").streaming_content)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_long_export_is_written_in_the_background(section, venue, log_in, monkeypatch, suffix):
    rows(section, venue, 3, name=FORMULA)
    monkeypatch.setattr(export_view, "EXPORT_ROWS", 1)
    client = log_in(language="zh-hans")
    response = client.get(f"/{section.key}/export.{suffix}", {"sort": "name"})
    page = client.get(response["Location"])
    assert 'data-refresh="1"' in text_of(page)
    assert not AuditRow.objects.filter(action="export").exists()
    job = carried_out(response["Location"])
    assert job.state == Job.State.DONE, job.error
    content = fetched(client, job)
    if suffix == "csv":
        lines = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    else:
        book = openpyxl.load_workbook(io.BytesIO(content))
        assert book.sheetnames[0] == "导出说明"
        about = {line[0]: line[1] for line in book.worksheets[0].iter_rows(values_only=True)}
        assert about["筛选"] == "无：全部列表"
        lines = [list(line) for line in book.active.iter_rows(values_only=True)]
    with translation.override("zh-hans"):
        assert lines[0] == [str(value.title) for value in section.values if value.listed or value.main]
    assert not [cell for line in lines for cell in line if re.match(r"[=+@\-]", str(cell or ""))]
    noted = AuditRow.objects.get(action="export")
    assert noted.detail["rows"] == len(lines) - 1 == job.outcome["rows"]
    page = text_of(client.get(response["Location"]))
    assert "data-refresh" not in page
    assert f'href="/work/{job.pk}/file"' in page
    other = log_in("product_manager")
    assert other.get(f"/work/{job.pk}").status_code == 404
    assert other.get(f"/work/{job.pk}/file").status_code == 404


def test_a_workbook_has_as_many_sheets_as_its_rows_need(venue, log_in, monkeypatch):
    for n in range(5):
        make.make_edge(venue, f"edge {n}")
    monkeypatch.setattr(export_file, "SHEET_ROWS", 3)  # the title, and two rows
    client = log_in()
    book = openpyxl.load_workbook(io.BytesIO(b"".join(client.get("/toys/export.xlsx").streaming_content)))
    assert book.sheetnames[1:] == ["Toys", "Toys 2", "Toys 3"]
    lines = [list(sheet.iter_rows(min_col=1, max_col=1, values_only=True)) for sheet in book.worksheets[1:]]
    assert [[cell for (cell,) in sheet] for sheet in lines] == [
        ["Name", "edge 0", "edge 1"], ["Name", "edge 2", "edge 3"], ["Name", "edge 4"],
    ]  # fmt: skip


def test_there_is_no_other_kind_of_file(section, log_in):
    assert log_in().get(f"/{section.key}/export.exe").status_code == 404


def test_a_list_is_sorted_without_its_header(section, venue, log_in):
    """On a phone rows are cards: the order is chosen in the form above them, and stays in the address."""
    rows(section, venue, 3)
    client = log_in("administrator")
    page = client.get(section.list_url, {"view": ""})
    offered = [one.wanted for one in page.context["sorts"]]
    shown = [value.key for value in section.values if value.order and (value.listed or value.main)]
    assert offered == [f"{sign}{key}" for key in shown for sign in ("", "-")]
    assert not [one for one in page.context["sorts"] if one.current]
    found = re.search(r'<select class="form-select" id="sort" name="sort">(.*?)</select>', text_of(page), re.S)
    assert (found is None) == (not shown), "no choice without an order to choose"
    for wanted in offered[-2:]:
        chosen = client.get(section.list_url, {"q": "", "sort": wanted})  # as the form sends it
        assert [one.wanted for one in chosen.context["sorts"] if one.current] == [wanted]
        assert f'<option value="{wanted}" selected>' in text_of(chosen)
        assert chosen.context["query"].sorting == (section_value(section, wanted), wanted.startswith("-"))
        assert f"sort={wanted}" in chosen.context["save_url"]
        assert chosen.context["misfits"] == []


def section_value(section: Section, wanted: str) -> Any:
    return next(value for value in section.values if value.key == wanted.lstrip("-"))


def test_a_list_is_saved_opened_first_and_deleted(section, venue, log_in):
    rows(section, venue)
    client = log_in("administrator")
    shown = {"sort": next(f"-{value.key}" for value in section.values if value.order)}
    page = client.get(section.list_url, shown)
    dialog = client.get(page.context["save_url"])
    assert 'name="default"' in text_of(dialog)
    done = client.post(dialog.context["confirm"].url, {"name": HOSTILE[:40], "shared": "on", "default": "on"})
    assert done.status_code == 302, dialog.context["confirm"]
    first = client.get(section.list_url)
    assert first["Location"] == done["Location"]
    page = client.get(first["Location"])
    assert page.context["query"].sorting[1] is True
    assert [one.wanted for one in page.context["sorts"] if one.current] == [shown["sort"]]
    assert page.context["misfits"] == []
    assert HOSTILE not in text_of(page)
    assert client.get(section.list_url, {"view": ""}).status_code == 200  # all of it again
    saved = SavedFilter.objects.get()
    viewer = log_in("viewer")
    theirs = viewer.get(section.list_url, {"view": ""})
    if theirs.status_code == 200:
        assert f"view={saved.pk}" in text_of(theirs)
        assert viewer.get(f"/{section.key}/filters/{saved.pk}/delete").status_code == 404
    assert client.post(f"/{section.key}/filters/{saved.pk}/delete").status_code == 302
    assert client.get(section.list_url).status_code == 200


def test_a_saved_filter_that_no_longer_fits_says_so(section, venue, log_in):
    rows(section, venue)
    client = log_in()
    service.save_filter(
        actor=Actor.of(Employee.objects.get(username="u-administrator")),
        venue=venue,
        section=section.key,
        name="old",
        address="?gone=1&sort=lost",
    )
    page = client.get(f"{section.list_url}?gone=1&sort=lost&view={SavedFilter.objects.get().pk}")
    assert page.context["misfits"] == ["gone", "lost"]
    assert "This saved filter no longer fits the list." in text_of(page)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_template_is_taken_back_as_it_is_given_out(section, venue, log_in, suffix):
    if section.imports is None:
        assert log_in().get(f"/{section.key}/import").status_code == 404
        return
    made = rows(section, venue)[0]
    client = log_in(language="zh-hans")
    assert client.get(f"/{section.key}/import").status_code == 200
    template = client.get(f"/{section.key}/import/template.{suffix}").content
    desk = Desk(Employee.objects.get(username="u-administrator"), venue, (venue,))
    file = with_line(template, suffix, line_of(section, desk, made))
    for _time in range(2):  # the same file twice changes nothing
        response = hand_in(client, section, file, f"t.{suffix}")
        assert response.status_code == 302, response.context["form"].errors
        job = Job.objects.order_by("-pk")[0]
        assert job.outcome == {"rows": 1, "create": 0, "change": 0, "same": 1, "errors": 0, "next": ""}, job.rows.all()
    viewer = log_in("viewer")
    before = AuditRow.objects.count()
    for path in ("import", "import/template.csv"):
        assert viewer.get(f"/{section.key}/{path}").status_code == 403
    assert viewer.post(f"/{section.key}/import/{job.pk}").status_code == 403
    assert AuditRow.objects.count() == before


def line_of(section: Section, desk: Desk, row: Any) -> dict[str, str]:
    """A row as somebody would write it into the template."""
    assert section.imports is not None
    form = section.imports.form(desk, None)
    values = section.imports.form.initial_of(row)
    line = {}
    for column in section.imports.columns:
        field, value = form.fields[column.field], plain_text(values.get(column.field))
        if isinstance(field, forms.ModelChoiceField) and value:
            chosen = field.queryset.filter(pk__in=value if isinstance(value, list) else [value])
            value = "、".join(one.name_zh if hasattr(one, "name_zh") else one.name for one in chosen)
        value = value or ""
        line[str(field.label)] = {"on": "是"}.get(value, value) if isinstance(field, forms.BooleanField) else value
    return line


def with_line(template: bytes, suffix: str, line: dict[str, str]) -> bytes:
    if suffix == "csv":
        header = next(csv.reader(io.StringIO(template.decode("utf-8-sig"))))
        output = io.StringIO()
        csv.writer(output).writerow([line[title.strip(" *")] for title in header])
        return template + output.getvalue().encode()
    book = openpyxl.load_workbook(io.BytesIO(template))
    sheet = book.worksheets[0]
    sheet.append([line[str(cell.value).strip(" *")] for cell in sheet[1]])
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def hand_in(client: Any, section: Section, content: bytes, name: str) -> Any:
    return client.post(f"/{section.key}/import", {"file": SimpleUploadedFile(name, content)})
