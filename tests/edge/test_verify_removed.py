"""Take a check of passes away (1 to 5), and a case notices. The rules' own (4 to 14) are in test_verify_rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from nacl.signing import SigningKey

from edge import _credentials_py as credentials
from edge import _verify_py as twin
from paifang import passes, rotating
from paifang.reasons import Reason
from paifang.records import CredentialKind, Op, Table, VenueSettings, live_key
from tests.support.gatekit import CLAIMS, DAY, GOOD, LINE, NOW_MS, NOW_S, PASS_KEY, PRODUCT, RAW, RULES, Gate, sign

DAY_KEY = bytes(range(32))
JUST_SOLD = replace(CLAIMS, entitlement_id=5, issued_at=NOW_S - 1)
SOLD_BEFORE = replace(JUST_SOLD, issued_at=NOW_S - 3600)
OTHER_CLASS = replace(JUST_SOLD, product_class=PRODUCT + 1)


def live(raw: bytes = RAW, key: bytes = DAY_KEY, ms: int = NOW_MS) -> bytes:
    return rotating.line(raw, rotating.pass_key(key, passes.digest(raw)), ms)


@dataclass(frozen=True)
class PassCase:
    """A line at a gate that admits a product's passes on their signature, issued in the last minute, ten of them."""

    name: str
    data: bytes
    reason: Reason
    kind: int = CredentialKind.LINE
    keys: tuple[Any, ...] = (PASS_KEY,)
    room: int = 10
    changes: dict[str, Any] = field(default_factory=dict)

    def present(self, core: ModuleType, path: Path) -> Any:
        gate = Gate(core, path, GOOD.but(**self.changes))
        venue = VenueSettings("Asia/Shanghai", 0, {}, signed_only={PRODUCT: (RULES, 10)})
        gate.apply([
            Op(Table.VENUE, live_key(1), venue.pack()), Op(Table.DAYKEY, live_key(DAY), DAY_KEY)
        ])  # fmt: skip
        gate.verifier.reload_live()
        gate.set_keys(*self.keys)
        gate.verifier.current_to_ms, gate.verifier.signed_room = NOW_MS - 60_000, self.room
        try:
            return gate.present(self.data, self.kind)
        finally:
            gate.close()


def unseen(claims: passes.Claims = JUST_SOLD, **signed: Any) -> bytes:
    return passes.line(sign(claims, **signed))


CASES: dict[str, tuple[PassCase, ...]] = {
    "readable": (
        PassCase("noise", b"\xff\xfe", Reason.UNREADABLE),
        PassCase("a web address", b"https://pay.example/abc", Reason.UNKNOWN_FORMAT),
        PassCase("no number", b"", Reason.UNREADABLE, CredentialKind.ID_NUMBER),
        PassCase("no card's UID", b"04A2XY", Reason.UNREADABLE, CredentialKind.CARD_UID),
        PassCase("a slip of the finger", b"0000-0000-0011", Reason.UNKNOWN_FORMAT, CredentialKind.SHORT),
        PassCase("a reader's kind nobody knows", LINE, Reason.UNKNOWN_FORMAT, 8),
    ),
    "key": (
        PassCase("of no key here", unseen(key_id=99), Reason.KEY_UNKNOWN),
        PassCase("on record it needs none", LINE, Reason.OK, keys=()),
    ),
    "key_live": (
        PassCase("killed", unseen(), Reason.KEY_DEAD, keys=(replace(PASS_KEY, killed=True),)),
        PassCase("not yet", unseen(), Reason.KEY_DEAD, keys=(replace(PASS_KEY, not_before=NOW_S + 1),)),
        PassCase("no more", unseen(), Reason.KEY_DEAD, keys=(replace(PASS_KEY, not_after=NOW_S - 1),)),
    ),
    "signature": (
        PassCase("of another's hand", unseen(signer=SigningKey(bytes(32))), Reason.FORGED),
        PassCase("of a stranger, a live code of the venue",
                 live(sign(JUST_SOLD, signer=SigningKey(bytes(32)))), Reason.FORGED),
    ),
    "digest": (
        PassCase("issued again", passes.line(sign(replace(CLAIMS, issued_at=1))), Reason.REPLACED),
        PassCase("forged", passes.line(RAW[:-1] + bytes((RAW[-1] ^ 1,))), Reason.REPLACED),
    ),
    "known": (
        PassCase("just sold", unseen(), Reason.OK),
        PassCase("sold before", unseen(SOLD_BEFORE), Reason.UNKNOWN),
        PassCase("of another class", unseen(OTHER_CLASS), Reason.UNKNOWN),
    ),
    "code_fresh": (
        PassCase("of now", live(), Reason.OK),
        PassCase("a step old", live(ms=NOW_MS - 15_000), Reason.OK),
        PassCase("two steps old", live(ms=NOW_MS - 30_000), Reason.STALE_CODE),
        PassCase("of the next step", live(ms=NOW_MS + 15_000), Reason.STALE_CODE),
        PassCase("just sold, old", live(sign(JUST_SOLD), ms=NOW_MS - 60_000), Reason.STALE_CODE),
    ),
    "code": (
        PassCase("of another key", live(key=bytes(32)), Reason.FORGED),
        PassCase("just sold, of another key", live(sign(JUST_SOLD), key=bytes(32)), Reason.FORGED),
        PassCase("just sold", live(sign(JUST_SOLD)), Reason.OK),
    ),
    "signed_only": (
        PassCase("the last of them", unseen(), Reason.OK, room=1),
        PassCase("no more of them", unseen(), Reason.SIGNED_ONLY_SPENT, room=0),
        PassCase("what the rules refuse takes none", unseen(), Reason.MEDIUM_NOT_ALLOWED, room=0,
                 changes={"media": 0}),
        PassCase("on record it takes none", LINE, Reason.OK, room=0),
    ),
}  # fmt: skip
EVERY = [(name, case) for name, cases in CASES.items() for case in cases]


@pytest.mark.parametrize("case", [case for _, case in EVERY], ids=[f"{name}: {case.name}" for name, case in EVERY])
def test_each_check_of_passes(core: ModuleType, tmp_path: Path, case: PassCase) -> None:
    verdict = case.present(core, tmp_path / "store")
    assert Reason(verdict.reason) is case.reason
    assert verdict.admit == (case.reason == Reason.OK)
    assert verdict.signed_only == (verdict.admit and case.data not in (LINE, live(), live(ms=NOW_MS - 15_000)))


@pytest.fixture
def noticed(tmp_path: Path) -> Callable[[str], bool]:
    """Whether a refusing case of the check is not refused as it should any more."""

    def any_other(name: str) -> bool:
        refused = [case for case in CASES[name] if case.reason != Reason.OK]
        said = [case.present(twin, tmp_path / str(at)).reason for at, case in enumerate(refused)]
        return said != [case.reason for case in refused]

    return any_other


@pytest.mark.parametrize("name", [check.name for check in (*twin.PASS_CHECKS, *twin.SIGNED_CHECKS)])
def test_a_check_that_lets_all_pass_is_noticed(
    name: str, noticed: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert name in CASES, "a new check needs its cases"
    for checks in ("PASS_CHECKS", "SIGNED_CHECKS"):
        without = tuple(
            replace(check, says=lambda _: Reason.OK) if check.name == name else check for check in getattr(twin, checks)
        )
        monkeypatch.setattr(twin, checks, without)
    assert noticed(name)


def test_a_line_that_is_never_found_wrong_is_noticed(
    noticed: Callable[[str], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    def recognise(kind: int, data: bytes) -> tuple[int, bytes, Reason | None]:
        resolved, value, _ = credentials.recognise(kind, data)
        return resolved or CredentialKind.CHANNEL, value, None

    monkeypatch.setattr(twin, "recognise", recognise)
    assert noticed("readable")


def test_every_case_is_of_a_check() -> None:
    assert set(CASES) == {check.name for check in (*twin.PASS_CHECKS, *twin.SIGNED_CHECKS)} | {"readable"}
