"""What cannot be taken is kept aside, alarmed, and never stops the rest."""

from __future__ import annotations

import pytest

from cloud.admissions.models import Admission, EdgeChain, JournalEntry, SetAside
from cloud.admissions.services import ingest
from cloud.core.models import AuditRow, OutboxEvent
from cloud.venues.models import Edge
from paifang.records import entry_hash
from paifang.v1 import scan_pb2
from tests.support.journal import Journal

pytestmark = pytest.mark.django_db


@pytest.fixture
def journal(edge: Edge) -> Journal:
    return Journal(edge.pk)


def aside() -> list[tuple[str, int | None]]:
    return list(SetAside.objects.order_by("pk").values_list("why", "seq"))


def alarms() -> list[dict[str, object]]:
    rows = AuditRow.objects.filter(action="alarm.journal.set_aside").order_by("pk")
    return [row.detail for row in rows]


def test_an_unreadable_entry_is_kept_verbatim_and_passed(edge: Edge, journal: Journal) -> None:
    raws = [journal.boot(), journal.garbage(b"\xff torn"), journal.admit(77)]
    assert ingest(edge, raws) == 3
    assert aside() == [("unreadable", 2)]
    assert bytes(SetAside.objects.get().raw) == b"\xff torn"
    assert Admission.objects.values_list("seq", flat=True).get() == 3
    [alarm] = alarms()
    assert (alarm["why"], alarm["entries"], alarm["first_seq"]) == ("unreadable", 1, 2)
    told = OutboxEvent.objects.filter(kind="alarm.raised").values_list("payload__code", flat=True)
    assert list(told).count("journal.set_aside") == 1


def test_an_unreadable_last_entry_is_acked_and_what_follows_fits(edge: Edge, journal: Journal) -> None:
    assert ingest(edge, [journal.boot(), journal.garbage()]) == 2
    assert ingest(edge, [journal.admit(77)]) == 3
    assert aside() == [("unreadable", 2)]
    assert Admission.objects.count() == 1


def test_only_unreadable_entries(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.boot()])
    raws = [journal.garbage(b"one"), journal.garbage(b"two")]
    assert [ingest(edge, raws) for _ in range(2)] == [3, 3]
    assert aside() == [("unreadable", 2), ("unreadable", 3)]
    assert ingest(edge, [journal.admit(77)]) == 4
    assert len(aside()) == 2


@pytest.mark.parametrize(
    "field",
    [
        {"epoch": b"short"},
        {"prev_hash": b""},
        {"at_ms": -1},
        {"at_ms": 2**62},
        {"presentation": None},
        {"presentation": scan_pb2.Presentation(entitlement_id=2**64 - 1)},
        {"presentation": scan_pb2.Presentation(persons=70_000)},
        {"presentation": scan_pb2.Presentation(product_class=2**32 - 1)},
        {"presentation": scan_pb2.Presentation(usage=b"no usage")},
        {"settlement": scan_pb2.Settlement(outcome=99)},  # type: ignore[arg-type]
        {"settlement": scan_pb2.Settlement(outcome=scan_pb2.OUTCOME_PASSED, passed=2**31)},
        {"alarm": scan_pb2.Alarm(code="store\0full")},  # PostgreSQL stores no such text
        {"alarm": scan_pb2.Alarm(code="x" * 51)},
    ],
)
def test_what_no_column_holds_is_unreadable(edge: Edge, journal: Journal, field: dict[str, object]) -> None:
    raws = [journal.boot(), journal.write(**field), journal.admit(77)]
    assert ingest(edge, raws) == 3
    assert aside() == [("unreadable", 2)]
    assert Admission.objects.values_list("seq", flat=True).get() == 3


def test_the_same_entry_with_other_bytes(edge: Edge, journal: Journal) -> None:
    forged = journal.copy()
    forged.epoch = journal.epoch
    ingest(edge, [journal.admit(77)])
    other = forged.admit(88)
    assert [ingest(edge, [other]) for _ in range(2)] == [1, 1]
    assert aside() == [("conflict", 1)]
    assert bytes(SetAside.objects.get().raw) == other
    assert Admission.objects.values_list("entitlement_id", flat=True).get() == 77
    assert len(alarms()) == 1


def test_an_entry_of_another_edge(edge: Edge, journal: Journal) -> None:
    raws = [journal.boot(), journal.write(edge_id=edge.pk + 1, boot=scan_pb2.Boot()), journal.admit(77)]
    assert ingest(edge, raws) == 3
    assert aside() == [("foreign", 2)]
    assert JournalEntry.objects.count() == 2


def test_a_break_in_the_chain(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.boot()])
    journal.last_hash = bytes(32)
    broken = journal.admit(77)
    assert ingest(edge, [broken, journal.admit(78)]) == 3
    assert aside() == [("chain", 2)]
    assert Admission.objects.values_list("entitlement_id", flat=True).get() == 78


def test_a_restored_store_is_kept_aside_until_it_has_caught_up(edge: Edge, journal: Journal) -> None:
    raws = [journal.admit(n) for n in range(1, 6)]
    ingest(edge, raws)
    restored = Journal(edge.pk, seq=2, last_hash=entry_hash(raws[1]))
    again = [restored.admit(n) for n in range(103, 110)]
    # Never more than it sent: else it would take entries it has yet to write for acked.
    assert ingest(edge, again[:2]) == 4
    assert EdgeChain.objects.get().seq == 5
    assert ingest(edge, again[2:]) == 9
    assert aside() == [("chain", 3), ("chain", 4), ("chain", 5), ("chain", 6)]
    assert list(Admission.objects.order_by("seq").values_list("entitlement_id", flat=True)) == [
        1,
        2,
        3,
        4,
        5,
        107,
        108,
        109,
    ]
    assert [alarm["entries"] for alarm in alarms()] == [2, 2]


def test_a_gap_is_alarmed_and_what_came_is_taken(edge: Edge, journal: Journal) -> None:
    ingest(edge, [journal.boot()])
    journal.admit(70)
    journal.admit(71)
    late = journal.admit(77)
    assert [ingest(edge, [late]) for _ in range(2)] == [4, 4]
    assert aside() == [("gap", 4)]
    assert SetAside.objects.get().detail == "entries 2..3 never came"
    assert Admission.objects.values_list("entitlement_id", flat=True).get() == 77


def test_a_wrong_number_in_the_middle_does_not_move_the_ack(edge: Edge, journal: Journal) -> None:
    raws = [journal.boot(), journal.write(seq=2**60, boot=scan_pb2.Boot()), journal.admit(77)]
    assert ingest(edge, raws) == 3
    assert aside() == [("gap", 2)]
    assert EdgeChain.objects.get().seq == 3


def test_a_settlement_without_its_admission_is_alarmed(edge: Edge, journal: Journal) -> None:
    assert ingest(edge, [journal.settle(99)]) == 1
    row = AuditRow.objects.get(action="alarm.journal.orphan_settlement")
    assert row.detail == {"entries": 1, "first_admission": 99}
