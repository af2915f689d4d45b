"""Takes in a journal that `paifang edge export` wrote to a file: of a machine that cannot reach the cloud any more."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from cloud.admissions.selectors import journal_tail
from cloud.admissions.services.ingest import ingest
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.venues.models import Edge

AT_ONCE = 500  # entries a transaction, as an edge sends them


def take_file(edge: Edge, path: str) -> tuple[int, int]:
    """Reads a whole file; entries that are here already change nothing. Within the venue's scope.

    Returns how many entries the file has, and the last that is here afterwards.

    Raises:
        DomainError: "journal.file": the file cannot be read, or a line of it is none; what came before is taken.
    """
    batch: list[bytes] = []
    count = last = 0
    for seq, raw in _lines(Path(path)):
        if batch and (
            len(batch) == AT_ONCE or seq != last + 1
        ):  # a call never spans a gap: ingest places by neighbours
            ingest(edge, batch)
            batch = []
        batch.append(raw)
        count, last = count + 1, seq
    if batch:
        ingest(edge, batch)
    with transaction.atomic():
        audit.write(Actor.system("takejournal command"), "edge.takejournal", edge, edge.venue, entries=count)
    return count, journal_tail(edge).seq


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        with path.open(encoding="ascii") as file:
            for line in file:
                number += 1
                said = json.loads(line)
                yield int(said["seq"]), base64.b64decode(said["raw"], validate=True)
    except (OSError, ValueError, KeyError, TypeError, binascii.Error) as problem:
        where = f"{path}:{number}" if number else str(path)
        raise DomainError(
            "journal.file", f"{where} 无法读取，不是边缘导出的日志：{problem}。",
            f"{where} cannot be read as a journal an edge exported: {problem}.",
        ) from None  # fmt: skip
