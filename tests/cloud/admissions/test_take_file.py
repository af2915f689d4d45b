"""The journal of a machine that had to be given up comes in from a file, as if the machine had sent it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from cloud.__main__ import main
from cloud.admissions.models import Admission, JournalEntry, SetAside
from cloud.admissions.services import ingest, take_file
from cloud.core.errors import DomainError
from cloud.venues.models import Edge, Station, Venue
from tests.support.journal import Journal


def exported(path: Path, first: int, raws: list[bytes]) -> str:
    lines = [{"seq": first + n, "hash": "", "raw": base64.b64encode(raw).decode()} for n, raw in enumerate(raws)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_a_file_goes_on_where_the_uploads_ended(
    venue: Venue, edge: Edge, west: Station, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = Journal(edge.pk)
    raws = [journal.admit(1, station=west.pk), journal.settle(1), journal.admit(2, station=west.pk), journal.settle(3)]
    ingest(edge, raws[:2])
    file = exported(tmp_path / "journal.jsonl", 1, raws)
    assert main(["takejournal", edge.name, file]) == 0
    assert capsys.readouterr().out == f"4 entries read; the journal of {edge.name} here ends with 4\n"
    assert take_file(edge, file) == (4, 4)  # again: nothing new
    assert Admission.objects.filter(outcome="passed").count() == 2
    assert JournalEntry.objects.count() == 4
    assert not SetAside.objects.exists()


def test_a_file_that_is_none(venue: Venue, edge: Edge, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    for text in ("nonsense\n", '{"seq": 1}\n', '{"seq": 1, "raw": "!!"}\n'):
        file.write_text(text)
        with pytest.raises(DomainError) as refused:
            take_file(edge, str(file))
        assert refused.value.code == "journal.file"
    with pytest.raises(DomainError):
        take_file(edge, str(tmp_path / "none"))
