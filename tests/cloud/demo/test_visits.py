"""The crowd's arrivals and what it carries."""

from __future__ import annotations

import random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.core.idnumber import normalise
from cloud.demo import curve, visits
from cloud.demo.count import percentile
from paifang import passes

KEY = Ed25519PrivateKey.generate()
CLAIMS = passes.Claims(77, 3, 1_700_000_000, 1_700_000_000, 1_700_086_399, 0, 1, 0)
GENUINE = passes.assemble(5, CLAIMS, KEY.sign(passes.signed_bytes(5, CLAIMS)))


def test_a_day_has_its_rush_in_the_first_hour() -> None:
    times = curve.arrival_times(1000, 72.0, 0.0, random.Random(1))
    assert times == sorted(times)
    assert times[0] >= 0.0
    assert times[-1] < 72.0
    first_hour = sum(at < 6.0 for at in times)
    assert 800 < first_hour < 900  # the table's own share is 4863 of 5720


def test_the_rate_has_a_floor_and_the_day_repeats() -> None:
    assert curve.rate(45) == 1.0
    assert curve.rate(130) == 0.0
    assert curve.rate(130, floor=0.2) == 0.2
    assert curve.rate(45 + curve.DAY_MINUTES) == 1.0


@pytest.mark.parametrize("seed", range(8))
def test_a_forged_pass_reads_well_and_verifies_with_nothing(seed: int) -> None:
    shown = passes.parse_line(visits.forged(GENUINE, random.Random(seed)))
    assert shown.key_id in (5, 5 ^ 0x5555)
    assert shown.claims.product_class == 3
    assert shown.claims.entitlement_id != 77
    with pytest.raises(InvalidSignature):
        KEY.public_key().verify(shown.signature, shown.signed)


def test_an_altered_pass_keeps_the_signature_of_the_genuine_one() -> None:
    shown = passes.parse_line(visits.altered(GENUINE))
    assert (shown.claims.entitlement_id, shown.claims.persons) == (77, 4)
    assert shown.signature == passes.parse(GENUINE).signature


@pytest.mark.parametrize("seed", range(20))
def test_id_numbers_are_well_formed_and_of_no_region(seed: int) -> None:
    number = visits.id_number(random.Random(seed))
    assert normalise(number) == number
    assert number.startswith("99")


@pytest.mark.parametrize("seed", range(20))
def test_foreign_codes_are_one_line_of_ascii_and_no_pass(seed: int) -> None:
    line = visits.foreign(random.Random(seed))
    assert line.isascii()
    assert not set(line) & set(b"\r\n")
    assert not line.startswith(passes.PREFIX)


def test_percentiles_are_of_nearest_rank() -> None:
    waits = [int(ms * 1e6) for ms in range(1, 201)]
    assert (percentile(waits, 50), percentile(waits, 99)) == (100.0, 198.0)
    assert percentile([2_500_000], 99) == 2.5
    assert percentile([], 50) is None
