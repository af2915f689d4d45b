"""What every declared section's list can do besides: long exports, saved filters, imports. Walked like the rest."""

from __future__ import annotations

import csv
import io
from typing import Any

import openpyxl
import pytest
from django.utils import translation

from cloud.admin.kit import background, export_view
from cloud.core.models import AuditRow, Job
from tests.cloud.console.test_conformance import FORMULA, rows, section, text_of, toy

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
    assert f"'{FORMULA}" in [cell for line in lines[1:] for cell in line]
    noted = AuditRow.objects.get(action="export")
    assert noted.detail["rows"] == len(lines) - 1 == job.outcome["rows"]
    page = text_of(client.get(response["Location"]))
    assert "data-refresh" not in page
    assert f'href="/work/{job.pk}/file"' in page
    other = log_in("product_manager")
    assert other.get(f"/work/{job.pk}").status_code == 404
    assert other.get(f"/work/{job.pk}/file").status_code == 404


def test_there_is_no_other_kind_of_file(section, log_in):
    assert log_in().get(f"/{section.key}/export.exe").status_code == 404
