"""Imports: what is refused and why, the trial, all or nothing, line by line, the same file twice."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django_scopes import scope

from cloud.admin.kit import background, import_file, import_view
from cloud.catalog.models import TicketProduct
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow, Job, JobRow
from cloud.venues.models import Device, Station, Venue
from tests.cloud.console.test_conformance import text_of
from tests.support import venue as make

HEADER = "Identifier,Name,Type,Station"


def lines(*rows: str, header: str = HEADER) -> bytes:
    return "\r\n".join([header, *rows]).encode()


def workbook(*rows: list[Any], merge: str = "") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    if merge:
        sheet.merge_cells(merge)
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def hand_in(client: Any, content: bytes, key: str = "devices", name: str = "file.csv") -> Any:
    return client.post(f"/{key}/import", {"file": SimpleUploadedFile(name, content)})


def checked(client: Any, content: bytes, key: str = "devices") -> Job:
    response = hand_in(client, content, key)
    assert response.status_code == 302, text_of(response)
    return Job.objects.get(pk=int(response["Location"].rsplit("/", 1)[1]))


def applied(client: Any, job: Job) -> Job:
    response = client.post(f"/{job.asked['section']}/import/{job.pk}")
    return Job.objects.get(pk=int(response["Location"].rsplit("/", 1)[1]))


def problems(job: Job) -> list[tuple[int, str, str]]:
    rows = job.rows.filter(outcome=JobRow.Outcome.FAILED).order_by("number", "column")
    return [(row.number, row.column, row.text_en) for row in rows]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"MZ\x90\0\3\0\0\0", "kind"),
        (b"%PDF-1.7\n\0\1", "kind"),
        (b"\xd0\xcf\x11\xe0rest", "old"),
        (b"PK\x03\x04broken", "damaged"),
        (b" " * (import_file.MOST_BYTES + 1), "size"),
        (HEADER.encode(), "empty"),
        (b"", "empty"),
        (workbook(["a", "b"], ["=1+1", "x"]), "formula"),
        (workbook(["a", "b"], ["x", "y"], merge="A1:B1"), "merged"),
        (b'a,b\n"x', "csv"),
        (b"a\n" * (import_file.MOST_ROWS + 2), "rows"),
        (",".join("a" * 61).encode() + b"\n1", "columns"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_told_apart(content: bytes, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        import_file.read(content)
    assert refused.value.code == f"import.{code}"


def test_a_zip_that_is_no_workbook_is_told_apart() -> None:
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with pytest.raises(DomainError, match=r"import\.kind"):
        import_file.read(output.getvalue())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_every_usual_encoding_is_read(encoding: str, delimiter: str) -> None:
    sheet = import_file.read(f"标识{delimiter}名称\n# 注{delimiter}\n\nW-1{delimiter}西门闸机\n".encode(encoding))
    assert sheet.header == ("标识", "名称")
    assert sheet.lines == (import_file.Line(4, ("W-1", "西门闸机")),)


def test_cells_of_a_workbook_read_as_they_look() -> None:
    sheet = import_file.read(workbook(["a", "b", "c", "d"], [12.0, 1.5, date(2026, 11, 22), True]))
    assert sheet.lines[0].cells[:4] == ("12", "1.5", "2026-11-22", "yes")


def test_devices_are_tried_out_and_then_imported(venue: Venue, west: Station, log_in: Any) -> None:
    make.make_gate(venue, west, "OLD-1")
    client = log_in()
    content = lines("N-1,New gate,Gate,West gate", "old-1,Renamed,闸机,1", "N-2,Printer,printer,")
    job = checked(client, content)
    assert job.outcome == {"rows": 3, "create": 2, "change": 1, "same": 0, "errors": 0, "next": "apply"}
    assert not Device.objects.filter(identifier="N-1").exists()
    assert not AuditRow.objects.filter(action="device.edit").exists()
    page = text_of(client.get(f"/work/{job.pk}"))
    assert "Apply the import" in page
    assert "Changed: Name" in page
    done = applied(client, job)
    assert done.state == Job.State.DONE, (done.message_en, done.error)
    assert sorted(Device.objects.values_list("identifier", "name", "kind")) == [
        ("N-1", "New gate", "gate"), ("N-2", "Printer", "printer"), ("OLD-1", "Renamed", "gate"),
    ]  # fmt: skip
    noted = AuditRow.objects.get(action="import")
    assert (noted.detail["rows"], noted.detail["applied"]) == (3, 3)
    assert applied(client, job) == done  # pressed twice
    again = checked(client, content)
    assert again.outcome["same"] == 3
    assert again.outcome["next"] == ""
    assert "imported already" in again.message_en
    assert "there is nothing to import" in again.message_en


def test_what_is_wrong_is_named_by_line_and_column(venue: Venue, west: Station, log_in: Any) -> None:
    make.make_gate(venue, west, "OLD-1")
    client = log_in(language="zh-hans")
    wrong = (
        "N-1,,Gate,West gate",
        "N-2,Two,Rocket,Nowhere",
        "n-2,Three,Gate,1",
        "OLD-1,OLD-1,Printer,1",
        "N-4,x,Gate,",
    )
    job = checked(client, lines(*wrong))
    assert problems(job) == [
        (2, "名称", "This field is required."),
        (3, "站点", "There is no “Nowhere”. Possible: West gate."),
        (3, "类型", "There is no “Rocket”. Possible: Gate, Printer, Terminal, Handheld."),
        (4, "设备标识", "The same as in line 3."),
        (5, "类型", "The type of a device cannot be changed."),
        (6, "站点", "A gate belongs to a station."),
    ]  # fmt: skip
    assert job.outcome["next"] == "again"
    page = text_of(client.get(f"/work/{job.pk}"))
    assert "与第 3 行重复。" in page
    assert "选择改正后的文件" in page
    assert client.post(f"/devices/import/{job.pk}")["Location"] == "/devices/import"
    assert Device.objects.count() == 1


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("Identifier,Colour", "Column 2, “Colour”, is not known."),
        ("Identifier,Name,Name", "The column “Name” is there twice."),
        ("Identifier", "Columns are missing: Name."),
    ],
)
def test_a_header_that_does_not_fit_is_refused_at_once(venue: Venue, log_in: Any, header: str, said: str) -> None:
    response = hand_in(log_in(), lines("x,y,z", header=header))
    assert response.status_code == 422
    assert said in text_of(response)
    assert not Job.objects.exists()


def test_products_come_with_prices_and_stations(venue: Venue, west: Station, east: Station, log_in: Any) -> None:
    client = log_in()
    header = (
        "Code *,Name in Chinese,Price in yuan,Persons,Stations that verify it,A use stays spent if nobody walks through"
    )
    content = lines('family,家庭票,"128.5",4,"西门、East gate",是', header=header)
    assert applied(client, checked(client, content, "products")).state == Job.State.DONE
    product = TicketProduct.objects.get()
    assert (product.specs.get().price_fen, product.persons, product.keep_on_timeout) == (12850, 4, True)
    assert set(product.stations.all()) == {west, east}  # the note of an English reader works too
    assert checked(client, content, "products").outcome["same"] == 1
    part = checked(client, lines("family,家庭票,99", header="code,name_zh,price"), "products")
    assert [row.text_en for row in part.rows.all()] == ["Changed: Price in yuan"]
    applied(client, part)
    product.refresh_from_db()
    assert (product.specs.get().price_fen, product.persons, product.stations.count()) == (9900, 4, 2)


def test_a_few_lines_are_applied_together_or_not_at_all(venue: Venue, west: Station, log_in: Any) -> None:
    client = log_in()
    job = checked(client, lines("N-1,One,Gate,1", "N-2,Two,Gate,1"))
    other = make.make_venue("other")
    with scope(venue=other):
        make.make_gate(other, make.make_station(other), "N-2")  # taken meanwhile, by another venue
    done = applied(client, job)
    assert done.state == Job.State.FAILED
    assert "nothing is imported" in done.message_en
    assert problems(done) == [(3, "Identifier", "The identifier N-2 is taken; choose another.")]
    assert not Device.objects.exists()


def test_many_lines_go_one_by_one_in_the_background(venue: Venue, west: Station, log_in: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(import_view, "AT_ONCE", 1)
    monkeypatch.setattr(import_view, "ONE_TRANSACTION", 1)
    client = log_in()
    job = checked(client, lines("N-1,One,Gate,1", "N-2,Two,Gate,1", "N-3,Three,Gate,1"))
    assert job.state == Job.State.WAITING
    background.carry_out.func(job.pk)
    job.refresh_from_db()
    assert "one by one" in job.message_en
    done = applied(client, job)
    make.make_gate(venue, west, "N-2").delete()
    background.carry_out.func(done.pk)
    done.refresh_from_db()
    assert done.outcome == {"rows": 3, "done": 3, "left": 0, "failed": 0}
    assert Device.objects.count() == 3
    audits = AuditRow.objects.filter(action="device.create").count()
    Job.objects.filter(pk=done.pk).update(state=Job.State.RUNNING)  # as if its worker had died at the very end
    background.carry_out.func(done.pk)
    assert AuditRow.objects.filter(action="device.create").count() == audits


def test_an_import_of_somebody_else_is_not_there(venue: Venue, west: Station, log_in: Any) -> None:
    job = checked(log_in(), lines("N-1,One,Gate,1"))
    boss = make.make_actor(venue, "administrator", "boss").employee
    client = Client()
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"/devices/import/{job.pk}").status_code == 404
    assert client.get(f"/devices/import/{job.pk}").status_code == 405
