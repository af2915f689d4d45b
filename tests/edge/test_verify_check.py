"""Verifier.check: what a line is, passes and their keys, credentials behind the index, the overlay of reservations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from nacl.signing import SigningKey

from paifang import base45, passes, records, short_codes
from paifang.reasons import Reason
from paifang.records import CredentialKind, Device, Op, RecordFlag, State, Station, Table
from paifang.rulesets import RuleFlag, RuleSet
from paifang.usage import USAGE_1_BYTES, USAGE_BYTES, Usage, others_key, usage_key
from tests.support.gatekit import (
    CLAIMS,
    ENTITLEMENT,
    GOOD,
    GROUP,
    KEY_ID,
    LANE,
    LINE,
    NOW_MS,
    NOW_S,
    PASS_KEY,
    PRODUCT,
    RAW,
    RECORD,
    SIBLING,
    STATION,
    Gate,
    index_op,
    sign,
)  # fmt: skip

SHORT_CODE = next(
    code for last in short_codes.ALPHABET if (code := short_codes.normalise(b"7K3MQ0ZW4T9" + last.encode()))
)
UNSEEN = replace(CLAIMS, entitlement_id=ENTITLEMENT + 1)
ID_NUMBER = b"11010119900307663X"


@pytest.fixture
def gate(core: ModuleType, tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(core, tmp_path / "store")
    yield gate
    gate.close()


class TestLines:
    def test_a_known_pass_is_admitted(self, gate: Gate) -> None:
        verdict = gate.present(LINE)
        assert (verdict.admit, verdict.reason, verdict.kind) == (True, Reason.OK, CredentialKind.PASS)
        assert (verdict.entitlement_id, verdict.tag) == (ENTITLEMENT, passes.digest(RAW)[:8])
        assert gate.present(LINE, CredentialKind.PASS).admit

    @pytest.mark.parametrize(
        "noise", [b"", b"\0", b"\xff\xfe", "入园码".encode(), b"ticket 17\r", b"x" * 1025, b"z" * 1_000_000]
    )
    def test_noise_is_unreadable(self, gate: Gate, noise: bytes) -> None:
        verdict = gate.present(noise)
        assert (verdict.reason, verdict.kind, verdict.tag, verdict.entitlement_id) == (Reason.UNREADABLE, 0, b"", 0)

    @pytest.mark.parametrize(
        "text",
        [
            b"https://pay.example/abc",
            b"abc",
            b"PF2:ABCDEF",
            b"pf1:BB8",
            b"pr1:BB8",
            b"pm1:M000123",
            b"x" * 65,
            b" " * 1024,
        ],
    )
    def test_text_that_is_none_of_ours_is_of_unknown_format(self, gate: Gate, text: bytes) -> None:
        assert gate.present(text).reason == Reason.UNKNOWN_FORMAT

    @pytest.mark.parametrize(
        "line",
        [
            b"PF1:", b"PF1:A", b"PF1:::::", LINE[:-1], LINE[:-3], LINE[:90], LINE + b"0", LINE + b"BB8",
            LINE.lower()[4:], LINE[:4] + LINE, LINE[:40] + b"\0" + LINE[41:],
            b"PF1:" + b"0" * 1_000_000, b"PF1:" + b"0" * 999_999, b"PF1:" + b"0" * 153,
            LINE[:60] + b"a" + LINE[61:],
        ],
    )  # fmt: skip
    def test_a_damaged_pass_is_refused(self, gate: Gate, line: bytes) -> None:
        line = line if line.startswith(b"PF1:") else b"PF1:" + line
        verdict = gate.present(line)
        assert (verdict.reason, verdict.kind, verdict.tag) == (Reason.UNREADABLE, CredentialKind.PASS, b"")

    def test_a_pass_of_another_version_is_of_unknown_format(self, gate: Gate) -> None:
        assert gate.present(passes.line(b"\x02" + RAW[1:])).reason == Reason.UNKNOWN_FORMAT
        assert gate.present(passes.line(b"\x02")).reason == Reason.UNKNOWN_FORMAT

    def test_a_pass_is_expected_where_the_reader_says_pass(self, gate: Gate) -> None:
        assert gate.present(b"ABC-123456", CredentialKind.PASS).reason == Reason.UNKNOWN_FORMAT
        assert gate.present(b"\1\2", CredentialKind.PASS).reason == Reason.UNREADABLE

    def test_a_rotating_pass_is_expected_where_the_reader_says_rotating(self, gate: Gate) -> None:
        assert gate.present(b"ABC-123456", CredentialKind.ROTATING).reason == Reason.UNKNOWN_FORMAT
        assert gate.present(b"PR1:ABC", CredentialKind.PASS).reason == Reason.UNKNOWN_FORMAT

    @pytest.mark.parametrize("kind", [CredentialKind.ROTATING, 8, 99, -1])
    def test_a_kind_not_known_here_is_of_unknown_format(self, gate: Gate, kind: int) -> None:
        assert gate.present(LINE, kind).reason == Reason.UNKNOWN_FORMAT


class TestKnownPasses:
    def test_another_pass_of_a_known_entitlement_is_replaced_whoever_signed_it(self, gate: Gate) -> None:
        for claims, signer in ((replace(CLAIMS, issued_at=1), SigningKey(bytes(32))), (replace(CLAIMS, flags=1), None)):
            raw = sign(claims) if signer is None else sign(claims, signer=signer)
            verdict = gate.present(passes.line(raw))
            assert (verdict.admit, verdict.reason, verdict.entitlement_id) == (False, Reason.REPLACED, ENTITLEMENT)
            assert verdict.tag == passes.digest(raw)[:8]

    def test_a_known_pass_needs_no_key(self, gate: Gate) -> None:
        gate.set_keys()
        assert gate.present(LINE).admit
        gate.set_keys(replace(PASS_KEY, killed=True))
        assert gate.present(LINE).admit

    def test_the_record_decides_not_the_claims(self, gate: Gate) -> None:
        gate.apply(GOOD.but(revision=2, not_after=NOW_S - 1).ops())
        assert gate.present(LINE).reason == Reason.EXPIRED

    def test_a_record_of_an_unknown_layout_refuses(self, gate: Gate) -> None:
        for value in (b"", b"\2" + RECORD.pack()[1:], RECORD.pack() + b"\0"):
            gate.put(Table.ENTITLEMENT, records.entitlement_key(ENTITLEMENT), value)
            verdict = gate.present(LINE)
            assert (verdict.reason, verdict.entitlement_id) == (Reason.UNKNOWN, ENTITLEMENT)

    def test_missing_live_records_refuse(self, gate: Gate) -> None:
        assert gate.present(LINE, station_id=SIBLING).reason == Reason.STATION_CLOSED
        assert gate.present(LINE, device_id=LANE + 1).reason == Reason.LANE_CLOSED
        gate.apply([Op(Table.RULESET, records.live_key(RECORD.ruleset_id), None)])
        gate.verifier.reload_live()
        assert gate.present(LINE).reason == Reason.UNKNOWN

    def test_live_records_count_once_they_are_reloaded(self, gate: Gate) -> None:
        closed = Station(GROUP, False, False, (PRODUCT,))
        assert gate.apply([Op(Table.STATION, records.live_key(STATION), closed.pack())]) == (1, True)
        assert gate.present(LINE).admit
        gate.verifier.reload_live()
        assert gate.present(LINE).reason == Reason.STATION_CLOSED

    def test_many_live_records_are_all_found(self, gate: Gate) -> None:
        numbers = [1, 2, 255, 256, 257, 65_535, 65_536, 2**32 - 1]
        for number in numbers:
            gate.apply([
                Op(Table.STATION, records.live_key(number), Station(number, True, False, (PRODUCT,)).pack()),
                Op(Table.DEVICE, records.live_key(number), Device(number, True, f"lane {number}").pack()),
            ])  # fmt: skip
        gate.verifier.reload_live()
        for number in numbers:
            verdict = gate.present(LINE, station_id=number, device_id=number)
            assert (verdict.admit, verdict.group_id) == (True, number)

    @pytest.mark.spec("S-19")
    def test_each_lane_has_its_own_products_beside_its_stations(self, gate: Gate) -> None:
        own: dict[int, tuple[int, ...] | None] = {
            1: (PRODUCT,), 2: (), 3: None, 4: (PRODUCT + 1, PRODUCT + 2), 5: (1, 2, PRODUCT, PRODUCT + 9), 6: None,
        }  # fmt: skip
        lanes = [Op(Table.DEVICE, records.live_key(n), Device(STATION, True, f"lane {n}", own[n]).pack()) for n in own]
        more = Station(GROUP + 1, True, False, (3, 2, 1))
        gate.apply([*lanes, Op(Table.STATION, records.live_key(STATION + 9), more.pack())])
        gate.verifier.reload_live()
        said = {n: Reason(gate.present(LINE, device_id=n).reason) for n in own}
        assert said == {
            1: Reason.OK, 2: Reason.WRONG_LANE, 3: Reason.OK, 4: Reason.WRONG_LANE, 5: Reason.OK, 6: Reason.OK,
        }  # fmt: skip


class TestUnknownPasses:
    def test_a_genuine_pass_the_store_has_not_seen_is_unknown(self, gate: Gate) -> None:
        raw = sign(UNSEEN)
        verdict = gate.present(passes.line(raw))
        assert (verdict.reason, verdict.entitlement_id, verdict.tag) == (Reason.UNKNOWN, 0, passes.digest(raw)[:8])

    def test_a_key_nobody_has_is_unknown(self, gate: Gate) -> None:
        assert gate.present(passes.line(sign(UNSEEN, key_id=KEY_ID + 1))).reason == Reason.KEY_UNKNOWN

    def test_another_signature_is_forged(self, gate: Gate) -> None:
        assert gate.present(passes.line(sign(UNSEEN, signer=SigningKey(bytes(32))))).reason == Reason.FORGED

    def test_the_key_id_is_signed(self, gate: Gate) -> None:
        gate.set_keys(PASS_KEY, replace(PASS_KEY, key_id=KEY_ID + 1))
        raw = bytearray(sign(UNSEEN))
        raw[2] += 1
        assert gate.present(passes.line(bytes(raw))).reason == Reason.FORGED

    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            ({"killed": True}, Reason.KEY_DEAD),
            ({"not_after": NOW_S - 1}, Reason.KEY_DEAD),
            ({"not_before": NOW_S + 1}, Reason.KEY_DEAD),
            ({"not_before": NOW_S, "not_after": NOW_S}, Reason.UNKNOWN),
        ],
    )
    def test_a_dead_key_says_so(self, gate: Gate, key: dict[str, int], reason: Reason) -> None:
        gate.set_keys(replace(PASS_KEY, **key))
        assert gate.present(passes.line(sign(UNSEEN))).reason == reason

    def test_of_two_keys_with_one_id_the_later_counts(self, gate: Gate) -> None:
        gate.set_keys(replace(PASS_KEY, killed=True), PASS_KEY)
        assert gate.present(passes.line(sign(UNSEEN))).reason == Reason.UNKNOWN
        gate.set_keys(PASS_KEY, replace(PASS_KEY, killed=True))
        assert gate.present(passes.line(sign(UNSEEN))).reason == Reason.KEY_DEAD

    def test_a_key_of_another_length_is_not_taken(self, gate: Gate) -> None:
        with pytest.raises(ValueError, match="32 bytes"):
            gate.set_keys(replace(PASS_KEY, public=bytes(31)))
        assert gate.present(passes.line(sign(UNSEEN))).reason == Reason.UNKNOWN


class TestIndexedCredentials:
    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (CredentialKind.CHANNEL, b"OTA-2024-000017"), (CredentialKind.ID_NUMBER, ID_NUMBER),
            (CredentialKind.CARD_UID, b"04A20091"), (CredentialKind.MEMBER, b"M000123"),
            (CredentialKind.SHORT, SHORT_CODE),
        ],
    )  # fmt: skip
    def test_each_kind_is_found_by_its_keyed_hash(self, gate: Gate, kind: CredentialKind, value: bytes) -> None:
        assert gate.present(value, kind).reason == Reason.UNKNOWN
        gate.apply([index_op(kind, value)])
        verdict = gate.present(value, kind)
        assert (verdict.admit, verdict.kind, verdict.tag, verdict.entitlement_id) == (True, kind, b"", ENTITLEMENT)

    def test_a_line_that_is_a_code_is_a_channel_code(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.CHANNEL, b"ab-12Z")])
        assert (gate.present(b"ab-12Z").admit, gate.present(b"ab-12Z").kind) == (True, CredentialKind.CHANNEL)
        for other in (b"AB-12Z", b"ab-12", b"ab-12Z0"):
            assert not gate.present(other).admit
        assert gate.present(b"a" * 64).reason == Reason.UNKNOWN
        assert gate.present(b"a" * 65).reason == Reason.UNKNOWN_FORMAT
        assert gate.present(b"ab 12Z").reason == Reason.UNKNOWN_FORMAT

    def test_a_member_code_says_what_it_is(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.MEMBER, b"M000123")])
        for data, kind in ((b"PM1:M000123", CredentialKind.LINE), (b"M000123", CredentialKind.MEMBER)):
            verdict = gate.present(data, kind)
            assert (verdict.admit, verdict.kind) == (True, CredentialKind.MEMBER)
        for data, reason in ((b"PM1:", Reason.UNREADABLE), (b"PM1:" + b"m" * 65, Reason.UNREADABLE),
                             (b"PM1:" + b"m" * 64, Reason.UNKNOWN), (b"PM1:m000123", Reason.UNKNOWN)):  # fmt: skip
            verdict = gate.present(data)
            assert (verdict.reason, verdict.kind) == (reason, CredentialKind.MEMBER)

    @pytest.mark.parametrize(
        "typed",
        [SHORT_CODE, SHORT_CODE.lower(), b"7k3m-Q0ZW 4T9" + SHORT_CODE[-1:], b" 7K3MQOzW4T9-" + SHORT_CODE[-1:]],
    )
    def test_a_short_code_is_read_as_it_is_typed(self, gate: Gate, typed: bytes) -> None:
        gate.apply([index_op(CredentialKind.SHORT, SHORT_CODE)])
        for kind in (CredentialKind.LINE, CredentialKind.SHORT):
            verdict = gate.present(typed, kind)
            assert (verdict.admit, verdict.kind) == (True, CredentialKind.SHORT)

    def test_a_mistyped_short_code_is_none(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.SHORT, SHORT_CODE)])
        for at, other in ((0, b"8"), (5, b"1"), (11, b"X")):
            typed = SHORT_CODE[:at] + other + SHORT_CODE[at + 1 :]
            assert gate.present(typed, CredentialKind.SHORT).reason == Reason.UNKNOWN_FORMAT
            verdict = gate.present(typed)
            assert (verdict.reason, verdict.kind) == (Reason.UNKNOWN, CredentialKind.CHANNEL)
        swapped = SHORT_CODE[1::-1] + SHORT_CODE[2:]
        assert gate.present(swapped, CredentialKind.SHORT).reason == Reason.UNKNOWN_FORMAT
        for typed in (SHORT_CODE[:-1], SHORT_CODE + b"0", b"UUUUUUUUUUUU", b"\xff" + SHORT_CODE[1:]):
            assert gate.present(typed, CredentialKind.SHORT).reason == Reason.UNKNOWN_FORMAT
        for typed in (b"", b"0" * 65, b"-" * 60 + SHORT_CODE):
            assert gate.present(typed, CredentialKind.SHORT).reason == Reason.UNREADABLE

    def test_a_channels_code_that_reads_like_a_short_one_is_the_channels(self, gate: Gate) -> None:
        code = SHORT_CODE.lower()
        gate.apply([index_op(CredentialKind.CHANNEL, code)])
        verdict = gate.present(code)
        assert (verdict.admit, verdict.kind) == (True, CredentialKind.CHANNEL)
        gate.apply([index_op(CredentialKind.SHORT, SHORT_CODE, 404)])
        verdict = gate.present(code)
        assert (verdict.reason, verdict.kind) == (Reason.UNKNOWN, CredentialKind.SHORT)
        spaced = SHORT_CODE[:6] + b" " + SHORT_CODE[6:]
        gate.apply([index_op(CredentialKind.SHORT, SHORT_CODE, 404), index_op(CredentialKind.CHANNEL, spaced)])
        assert gate.present(spaced).kind == CredentialKind.SHORT

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"04a20091", Reason.OK), (b" 04A20091\r\n", Reason.OK), (b"04A2009", Reason.UNREADABLE),
            (b"04A2009G", Reason.UNREADABLE), (b"\x04\xa2\x00\x91", Reason.UNREADABLE), (b"", Reason.UNREADABLE),
            (b"04A20092", Reason.UNKNOWN), (b"0" * 66, Reason.UNREADABLE),
        ],
    )  # fmt: skip
    def test_a_card_is_found_by_its_number_in_hex(self, gate: Gate, data: bytes, reason: Reason) -> None:
        gate.apply([index_op(CredentialKind.CARD_UID, b"04A20091")])
        verdict = gate.present(data, CredentialKind.CARD_UID)
        assert (verdict.reason, verdict.kind) == (reason, CredentialKind.CARD_UID)

    def test_an_id_number_is_stripped_and_upper_cased(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER)])
        assert gate.present(b" 11010119900307663x\r\n", CredentialKind.ID_NUMBER).admit
        assert gate.present(b"m000123", CredentialKind.MEMBER).reason == Reason.UNKNOWN

    @pytest.mark.parametrize("value", [b"", b"   ", b"1" * 65])
    def test_an_empty_or_overlong_value_is_unreadable(self, gate: Gate, value: bytes) -> None:
        assert gate.present(value, CredentialKind.ID_NUMBER).reason == Reason.UNREADABLE

    def test_another_venues_pepper_finds_nothing(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER, pepper=b"another")])
        assert gate.present(ID_NUMBER, CredentialKind.ID_NUMBER).reason == Reason.UNKNOWN

    def test_one_kind_does_not_find_anothers_value(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.MEMBER, b"M000123")])
        assert gate.present(b"M000123", CredentialKind.CHANNEL).reason == Reason.UNKNOWN

    def several(self, gate: Gate, *records_: records.Record) -> None:
        for number, record in enumerate(records_, start=1):
            gate.apply(replace(GOOD, record=record, entitlement_id=number).ops())
            gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER, number)])

    def test_of_several_the_admissible_one_that_expires_first_is_used(self, gate: Gate) -> None:
        late = replace(RECORD, not_after=NOW_S + 900)
        soon = replace(RECORD, not_after=NOW_S + 500)
        slot = replace(RECORD, not_after=NOW_S + 900, slot_to=NOW_S + 400)
        gone = replace(RECORD, not_after=NOW_S - 1)
        self.several(gate, late, gone, soon, slot, soon)
        assert gate.present(ID_NUMBER, CredentialKind.ID_NUMBER).entitlement_id == 4
        gate.put(Table.USAGE, usage_key(4, GROUP), Usage(total=1, last_station=STATION).pack())
        assert gate.present(ID_NUMBER, CredentialKind.ID_NUMBER).entitlement_id == 3

    def test_of_several_none_admissible_the_nearest_miss_is_told(self, gate: Gate) -> None:
        self.several(
            gate, replace(RECORD, state=State.REVOKED), replace(RECORD, not_before=NOW_S + 1),
            replace(RECORD, product_class=9), replace(RECORD, not_before=NOW_S + 2),
        )  # fmt: skip
        verdict = gate.present(ID_NUMBER, CredentialKind.ID_NUMBER)
        assert (verdict.reason, verdict.entitlement_id, verdict.valid_from) == (Reason.TOO_EARLY, 2, NOW_S + 1)

    def test_an_index_row_without_its_record_is_unknown(self, gate: Gate) -> None:
        gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER, 404)])
        verdict = gate.present(ID_NUMBER, CredentialKind.ID_NUMBER)
        assert (verdict.reason, verdict.entitlement_id) == (Reason.UNKNOWN, 0)

    def test_the_medium_is_the_kind_presented(self, gate: Gate) -> None:
        gate.apply(GOOD.but(media=1 << CredentialKind.ID_NUMBER).ops())
        gate.apply([index_op(CredentialKind.ID_NUMBER, ID_NUMBER), index_op(CredentialKind.CHANNEL, b"OTA-0001")])
        gate.verifier.reload_live()
        assert gate.present(ID_NUMBER, CredentialKind.ID_NUMBER).admit
        assert gate.present(b"OTA-0001").reason == Reason.MEDIUM_NOT_ALLOWED
        assert gate.present(LINE).reason == Reason.MEDIUM_NOT_ALLOWED


class TestUsage:
    def test_a_reservation_overlays_the_store(self, gate: Gate) -> None:
        first = gate.present(LINE)
        gate.verifier.inflight[first.usage_key] = first.usage_after
        second = gate.present(LINE)
        assert (second.reason, second.usage_before) == (Reason.USED_UP, first.usage_after)
        del gate.verifier.inflight[first.usage_key]
        assert gate.present(LINE).admit

    def test_the_reservation_counts_even_where_the_store_has_more(self, gate: Gate) -> None:
        key = usage_key(ENTITLEMENT, GROUP)
        gate.put(Table.USAGE, key, Usage(total=1).pack())
        gate.verifier.inflight[key] = Usage(revision=5).pack()
        verdict = gate.present(LINE)
        assert (verdict.admit, Usage.unpack(verdict.usage_after).revision) == (True, 6)

    def test_a_committed_use_is_seen_at_the_next_check(self, gate: Gate) -> None:
        first = gate.present(LINE)
        gate.put(Table.USAGE, first.usage_key, first.usage_after)
        second = gate.present(LINE)
        assert (second.reason, second.last_station, second.last_ms) == (Reason.USED_UP, STATION, NOW_MS)
        assert second.usage_before == first.usage_after

    def test_siblings_of_this_counter_alone_are_counted(self, gate: Gate) -> None:
        use = Usage(total=1, last_station=SIBLING, last_ms=5).pack()
        rows = [
            Op(Table.OTHERS, others_key(ENTITLEMENT - 1, GROUP, 2), use),
            Op(Table.OTHERS, others_key(ENTITLEMENT, GROUP - 1, 2), use),
            Op(Table.OTHERS, others_key(ENTITLEMENT, GROUP + 1, 2), use),
            Op(Table.OTHERS, others_key(ENTITLEMENT + 1, GROUP, 2), use),
        ]
        gate.apply(rows)
        assert gate.present(LINE).admit
        gate.apply([Op(Table.OTHERS, others_key(ENTITLEMENT, GROUP, 3), use)])
        assert gate.present(LINE).reason == Reason.USED_AT_SIBLING

    def test_a_usage_of_an_unknown_layout_refuses(self, gate: Gate) -> None:
        gate.put(Table.USAGE, usage_key(ENTITLEMENT, GROUP), b"\3" + Usage().pack()[1:])
        assert gate.present(LINE).reason == Reason.UNKNOWN

    def test_a_usage_of_the_first_layout_is_read_and_written_in_the_second(self, gate: Gate) -> None:
        first = b"\1" + Usage(revision=4).pack()[1:USAGE_1_BYTES]
        gate.put(Table.USAGE, usage_key(ENTITLEMENT, GROUP), first)
        verdict = gate.present(LINE)
        assert (verdict.admit, verdict.usage_before) == (True, first)
        assert Usage.unpack(verdict.usage_after).revision == 5
        assert len(verdict.usage_after) == USAGE_BYTES
        gate.apply(
            [Op(Table.OTHERS, others_key(ENTITLEMENT, GROUP, 2), b"\1" + Usage(total=1).pack()[1:USAGE_1_BYTES])]
        )
        assert gate.present(LINE).reason == Reason.USED_AT_SIBLING

    @pytest.mark.spec("T-51")
    def test_uses_of_the_whole_venue_are_read_where_the_rule_set_counts_them(self, gate: Gate) -> None:
        used = Usage(total=1, last_station=SIBLING, last_ms=NOW_MS - 5000)
        gate.put(Table.USAGE, usage_key(ENTITLEMENT, 0), used.pack())
        verdict = gate.present(LINE)
        assert (verdict.admit, verdict.whole_key, verdict.whole_before, verdict.whole_after) == (True, b"", None, b"")
        gate.apply(GOOD.but(revision=2, rules=RuleSet(flags=RuleFlag.WHOLE, uses_total=2)).ops())
        gate.verifier.reload_live()
        verdict = gate.present(LINE)
        assert (verdict.whole_key, verdict.whole_before) == (usage_key(ENTITLEMENT, 0), used.pack())
        assert Usage.unpack(verdict.whole_after).total == 2
        gate.verifier.inflight[verdict.whole_key] = verdict.whole_after
        second = gate.present(LINE, now_ms=NOW_MS + 1)
        assert (second.reason, second.whole_before) == (Reason.USED_UP, verdict.whole_after)
        del gate.verifier.inflight[verdict.whole_key]
        gate.apply([Op(Table.OTHERS, others_key(ENTITLEMENT, 0, 2), used.pack())])
        assert gate.present(LINE).reason == Reason.USED_UP

    def test_stations_of_one_group_share_the_count(self, gate: Gate) -> None:
        gate.apply([
            Op(Table.STATION, records.live_key(SIBLING), Station(GROUP, True, False, (PRODUCT,)).pack()),
            Op(Table.DEVICE, records.live_key(LANE + 1), Device(SIBLING, True, "lane-2").pack()),
        ])  # fmt: skip
        gate.verifier.reload_live()
        first = gate.present(LINE)
        gate.put(Table.USAGE, first.usage_key, first.usage_after)
        there = gate.present(LINE, station_id=SIBLING, device_id=LANE + 1)
        assert (there.reason, there.last_station) == (Reason.USED_AT_SIBLING, STATION)


def test_flags_of_later_rules_do_not_disturb(core: ModuleType, tmp_path: Path) -> None:
    gate = Gate(core, tmp_path / "store", GOOD.but(record=replace(RECORD, flags=RecordFlag.ACTIVATED)))
    assert gate.present(LINE).admit
    gate.close()


def test_a_check_on_a_closed_store_raises(core: ModuleType, tmp_path: Path) -> None:
    gate = Gate(core, tmp_path / "store")
    gate.close()
    with pytest.raises(core.StoreError, match="closed"):
        gate.present(LINE)
    with pytest.raises(core.StoreError, match="closed"):
        gate.present(ID_NUMBER, CredentialKind.ID_NUMBER)
    assert gate.present(b"").reason == Reason.UNREADABLE


def test_base45_and_ed25519_are_the_packages(core: ModuleType) -> None:
    assert core.base45_decode(base45.encode(RAW)) == RAW
    raw = sign(CLAIMS)
    message, signature = passes.TAG + raw[:-64], raw[-64:]
    public = PASS_KEY.public
    assert core.verify_ed25519(public, message, signature) is True
    assert core.verify_ed25519(public, message + b"\0", signature) is False
    assert core.verify_ed25519(public, message, signature[:-1]) is False
    assert core.verify_ed25519(public[:-1], message, signature) is False
    assert core.verify_ed25519(bytes(32), message, signature) is False
