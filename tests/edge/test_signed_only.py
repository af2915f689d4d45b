"""Passes sold seconds ago, admitted on their signature: how many, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from nacl.signing import SigningKey

from edge.admission import Presented
from edge.signed_only import NAME, NOT_CURRENT_MS, Spent, record_told
from edge.verdict import Credential, OpenUse
from paifang import passes, rotating
from paifang.reasons import Reason
from paifang.records import CredentialKind, Record, State, Table, VenueSettings, entitlement_key, live_key
from paifang.v1 import scan_pb2
from tests.support.entrance import NOW_MS, PRODUCT, WEST, Entrance, fill, moment

ADMIT, REFUSE = scan_pb2.DECISION_ADMIT, scan_pb2.DECISION_REFUSE
SIGNER = SigningKey(bytes(range(32)))
OTHER_PRODUCT = PRODUCT + 1
CURRENT_MS = NOW_MS - 60_000


def opened(entrance: Entrance) -> Entrance:
    """What the daemon does at a start: keys, settings, how current the records are."""
    entrance.verifier.set_pass_keys([(1, bytes(SIGNER.verify_key), 0, 2**32 - 1, False)])
    entrance.admissions.signed_only.use_settings({PRODUCT: (1, 2), OTHER_PRODUCT: (1, 1)})
    entrance.admissions.signed_only.current_to(CURRENT_MS)
    return entrance


@pytest.fixture
def entrance(core: ModuleType, tmp_path: Path) -> Iterator[Entrance]:
    entrance = Entrance(core, tmp_path)
    settings = VenueSettings("Asia/Shanghai", 0, {}, signed_only={PRODUCT: (1, 2), OTHER_PRODUCT: (1, 1)})
    fill(entrance.environment, [(Table.VENUE, live_key(1), settings.pack())])
    entrance.verifier.reload_live()
    yield opened(entrance)
    entrance.close()


def show(
    entrance: Entrance, number: int, *, sold_ms: int = NOW_MS - 5000, at_ms: int = 0, persons: int = 1
) -> Presented:
    answers = begin(entrance, number, sold_ms=sold_ms, at_ms=at_ms, persons=persons)
    entrance.settled()
    return answers[0]


def begin(
    entrance: Entrance, number: int, *, sold_ms: int = NOW_MS - 5000, at_ms: int = 0, persons: int = 1
) -> list[Presented]:
    """Presents a pass; the list gets the answer when it comes."""
    claims = passes.Claims(number, PRODUCT, sold_ms // 1000, 0, 2**32 - 1, 0, persons, 0)
    signature = SIGNER.sign(passes.signed_bytes(1, claims)).signature
    line = passes.line(passes.assemble(1, claims, signature))
    answers: list[Presented] = []
    entrance.admissions.present(
        Credential(CredentialKind.LINE, line, 0), WEST, moment(at_ms), counter=1, assume_passed=False,
        done=answers.append,
    )  # fmt: skip
    return answers


def used(answer: Presented) -> OpenUse:
    assert answer.use is not None
    return answer.use


def outcomes(entrance: Entrance) -> list[tuple[int, int]]:
    """(outcome, persons) of the settlements."""
    settled = (entry.settlement for entry in entrance.entries() if entry.HasField("settlement"))
    return [(one.outcome, one.passed) for one in settled]


def test_a_pass_sold_since_is_admitted_and_marked(entrance: Entrance) -> None:
    answer = show(entrance, 900)
    assert (answer.decision, answer.reason) == (ADMIT, Reason.OK)
    [entry] = entrance.entries()
    assert (entry.presentation.signed_only, entry.presentation.entitlement_id) == (True, 900)
    assert entrance.admissions.signed_only.spent == 1
    assert show(entrance, 900).reason == Reason.USED_UP  # on a signature or not, a use is a use


def test_a_pass_sold_before_the_records_were_current_is_not_known(entrance: Entrance) -> None:
    assert show(entrance, 900, sold_ms=CURRENT_MS - 1000).reason == Reason.UNKNOWN


def test_without_a_whole_snapshot_none_is_admitted_unseen(entrance: Entrance) -> None:
    entrance.admissions.signed_only.current_to(0)
    assert entrance.verifier.current_to_ms == NOT_CURRENT_MS
    assert show(entrance, 900).reason == Reason.UNKNOWN


def test_the_cap_is_counted_over_a_crash_and_renewed_once_current(entrance: Entrance) -> None:
    assert show(entrance, 901).decision == ADMIT
    assert show(entrance, 902, at_ms=10).decision == ADMIT
    assert show(entrance, 903, at_ms=20).reason == Reason.SIGNED_ONLY_SPENT
    entrance.crash()
    opened(entrance)
    assert entrance.admissions.signed_only.spent == 2
    assert show(entrance, 903, at_ms=30).reason == Reason.SIGNED_ONLY_SPENT
    entrance.admissions.signed_only.current_to(NOW_MS + 9)  # the last of them was later
    assert entrance.admissions.signed_only.spent == 2
    for _ in range(2):  # once is enough
        entrance.admissions.signed_only.current_to(NOW_MS + 10)
    entrance.settled()
    assert (entrance.admissions.signed_only.spent, entrance.verifier.signed_room) == (0, 2)
    assert entrance.environment.get(Table.META, NAME) is None


def test_what_was_not_recorded_does_not_count(entrance: Entrance) -> None:
    entrance.trouble.commits = 1
    assert show(entrance, 901).reason == Reason.NOT_RECORDED
    assert (entrance.admissions.signed_only.spent, entrance.verifier.signed_room) == (0, 2)


def test_each_product_has_a_cap_of_its_own(entrance: Entrance) -> None:
    for number in (901, 902):
        assert show(entrance, number).decision == ADMIT
    assert entrance.verifier.signed_room == 1  # of the other product
    assert show(entrance, 903).reason == Reason.SIGNED_ONLY_SPENT


def test_those_on_their_way_to_the_disk_count(entrance: Entrance) -> None:
    answers = [begin(entrance, number) for number in (901, 902, 903)]
    assert [answer[0].reason if answer else None for answer in answers] == [None, None, Reason.SIGNED_ONLY_SPENT]
    entrance.committer.step()  # written, and their lanes have not heard of it
    assert (entrance.admissions.signed_only.spent, entrance.admissions.signed_only.room(PRODUCT)) == (2, 0)
    entrance.admissions.signed_only.look()
    assert (entrance.admissions.signed_only.spent, entrance.admissions.signed_only.room(PRODUCT)) == (2, 0)
    entrance.settled()
    assert [answer[0].decision for answer in answers] == [ADMIT, ADMIT, REFUSE]
    assert entrance.admissions.signed_only.spent == 2


def test_current_to_before_the_last_on_its_way_renews_nothing(entrance: Entrance) -> None:
    begin(entrance, 901, at_ms=20)
    entrance.admissions.signed_only.current_to(NOW_MS + 19)
    entrance.settled()
    assert entrance.admissions.signed_only.spent == 1


def test_who_turned_back_does_not_count_against_the_cap(entrance: Entrance) -> None:
    use = used(show(entrance, 901))
    assert show(entrance, 902).decision == ADMIT
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    entrance.settled()
    assert (entrance.admissions.signed_only.spent, entrance.verifier.signed_room) == (1, 1)
    entrance.crash()
    opened(entrance)
    assert entrance.admissions.signed_only.spent == 1
    assert show(entrance, 903).decision == ADMIT
    assert show(entrance, 904).reason == Reason.SIGNED_ONLY_SPENT


@pytest.mark.parametrize(
    ("outcome", "passed", "spent"),
    [
        (scan_pb2.OUTCOME_KEPT, 0, 0),
        (scan_pb2.OUTCOME_UNKNOWN, 0, 1),  # somebody may have walked
        (scan_pb2.OUTCOME_PASSED, 1, 1),
    ],
)
def test_only_where_nobody_walked_for_sure(entrance: Entrance, outcome: int, passed: int, spent: int) -> None:
    entrance.settle(used(show(entrance, 901)), outcome, passed=passed)
    entrance.settled()
    assert entrance.admissions.signed_only.spent == spent


def test_a_late_body_before_the_record_has_come_takes_the_use_again_and_counts(entrance: Entrance) -> None:
    use = used(show(entrance, 901))
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    entrance.admissions.late(use, 1, moment(3000), returned=True)
    entrance.settled()
    assert outcomes(entrance) == [(scan_pb2.OUTCOME_RETURNED, 0), (scan_pb2.OUTCOME_LATE, 1)]
    assert (entrance.usage(901).total, entrance.admissions.signed_only.spent) == (1, 1)
    assert show(entrance, 901).reason == Reason.USED_UP


def test_of_a_family_walking_late_one_by_one_as_many_as_its_pass_says(entrance: Entrance) -> None:
    use = used(show(entrance, 901, persons=2))
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=2)
    for after_ms in (3000, 3001, 3002):
        entrance.admissions.late(use, 1, moment(after_ms), returned=True)
    entrance.settled()
    late, case = (scan_pb2.OUTCOME_LATE, 1), (scan_pb2.OUTCOME_UNTICKETED, 1)
    assert outcomes(entrance)[1:] == [late, late, case]
    assert entrance.admissions.signed_only.spent == 1, "one admission, however many walk on it"


def test_a_late_body_on_a_use_that_was_kept_counts_again(entrance: Entrance) -> None:
    use = used(show(entrance, 901))
    entrance.settle(use, scan_pb2.OUTCOME_KEPT)
    entrance.admissions.late(use, 1, moment(3000), returned=False)
    entrance.settled()
    assert entrance.admissions.signed_only.spent == 1


def test_once_its_record_is_here_a_late_body_is_judged_by_that(entrance: Entrance) -> None:
    uses = [used(show(entrance, number)) for number in (901, 902)]
    for use in uses:
        entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1)
    entrance.ticket(901)
    revoked = Record(2, 1, PRODUCT, 0, 2**32 - 1, bytes(16), state=State.REVOKED)
    fill(entrance.environment, [(Table.ENTITLEMENT, entitlement_key(902), revoked.pack())])
    for use in uses:
        entrance.admissions.late(use, 1, moment(3000), returned=True)
    entrance.settled()
    assert outcomes(entrance)[2:] == [(scan_pb2.OUTCOME_LATE, 1), (scan_pb2.OUTCOME_UNTICKETED, 1)]
    assert entrance.admissions.signed_only.spent == 0, "nothing is admitted unseen any more"


def test_a_use_found_open_after_a_crash_comes_off_the_cap(entrance: Entrance) -> None:
    show(entrance, 901)
    entrance.crash()
    opened(entrance)
    [use] = entrance.admissions.open_uses(WEST.device_id)
    assert Record.unpack(use.unseen).product_class == PRODUCT
    entrance.settle(use, scan_pb2.OUTCOME_RETURNED, returned=1, recovered=True)
    entrance.settled()
    assert entrance.admissions.signed_only.spent == 0


def test_a_live_code_on_its_signature_is_kept_as_its_pass_says(entrance: Entrance) -> None:
    claims = passes.Claims(901, PRODUCT, NOW_MS // 1000, 5, 2**32 - 1, 0, 3, 0)
    raw = passes.assemble(1, claims, SIGNER.sign(passes.signed_bytes(1, claims)).signature)
    line = rotating.line(raw, bytes(32), NOW_MS)
    for shown in (passes.line(raw), line):
        record = Record.unpack(record_told(Credential(CredentialKind.LINE, shown, 0), 7))
        assert (record.ruleset_id, record.product_class, record.not_before, record.persons) == (7, PRODUCT, 5, 3)
        assert record.digest == passes.digest(raw)


def test_what_is_kept_reads_back() -> None:
    spent = Spent().plus(5, 11, 70).plus(5, 12, 60).plus(5, 12, 60).plus(6, 13, 80)
    assert spent == Spent(80, {5: frozenset({11, 12}), 6: frozenset({13})})
    assert Spent.unpack(spent.pack()) == spent
    assert Spent.unpack(spent.without(6, 13).without(6, 99).pack()) == Spent(80, {5: frozenset({11, 12})})
    assert Spent.unpack(None) == Spent()
