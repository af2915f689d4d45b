"""Passes sold seconds ago, admitted on their signature: how many, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from nacl.signing import SigningKey

from edge.admission import Presented
from edge.signed_only import NAME, NOT_CURRENT_MS, Spent
from edge.verdict import Credential
from paifang import passes
from paifang.reasons import Reason
from paifang.records import CredentialKind, Table, VenueSettings, live_key
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


def show(entrance: Entrance, number: int, *, sold_ms: int = NOW_MS - 5000, at_ms: int = 0) -> Presented:
    claims = passes.Claims(number, PRODUCT, sold_ms // 1000, 0, 2**32 - 1, 0, 1, 0)
    signature = SIGNER.sign(passes.signed_bytes(1, claims)).signature
    line = passes.line(passes.assemble(1, claims, signature))
    answers: list[Presented] = []
    entrance.admissions.present(
        Credential(CredentialKind.LINE, line, 0), WEST, moment(at_ms), counter=1, assume_passed=False,
        done=answers.append,
    )  # fmt: skip
    entrance.settled()
    return answers[0]


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
    entrance.admissions.signed_only.current_to(NOW_MS + 10)
    assert (entrance.admissions.signed_only.spent, entrance.verifier.signed_room) == (0, 2)
    entrance.settled()
    assert entrance.environment.get(Table.META, NAME) is None


def test_what_was_not_recorded_does_not_count(entrance: Entrance) -> None:
    entrance.trouble.commits = 1
    assert show(entrance, 901).reason == Reason.NOT_RECORDED
    assert (entrance.admissions.signed_only.spent, entrance.verifier.signed_room) == (0, 2)


def test_each_product_has_a_cap_of_its_own(entrance: Entrance) -> None:
    signed_only = entrance.admissions.signed_only
    signed_only.reserve(PRODUCT, NOW_MS)
    signed_only.reserve(PRODUCT, NOW_MS)
    assert entrance.verifier.signed_room == 1  # of the other product
    assert show(entrance, 901).reason == Reason.SIGNED_ONLY_SPENT
    signed_only.release(PRODUCT)
    assert show(entrance, 901).decision == ADMIT


def test_what_is_kept_reads_back() -> None:
    spent = Spent().one_more(5, 70).one_more(5, 60).one_more(6, 80)
    assert Spent.unpack(spent.pack()) == spent == Spent(80, {5: 2, 6: 1})
    assert Spent.unpack(None) == Spent()
