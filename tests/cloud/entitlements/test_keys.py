"""The venue's keys: sealed, rotated with a lead, killed at once, and in a key set the root key signs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import keys
from cloud.entitlements.models import SigningKey, VenueSecrets
from cloud.venues.models import Station, Venue
from paifang import records
from paifang.records import KeySet, Table
from paifang.v1 import feed_pb2
from tests.support.race import race
from tests.support.venue import SYSTEM, feed_rows, last_feed_row


def keyset(venue: Venue) -> KeySet:
    """The key set as an edge takes it: after the root key's signature."""
    payload, signature = keys.signed_keyset(venue)
    VerifyKey(keys.root_public_key(venue)).verify(records.KEYSET_TAG + payload, signature)
    return KeySet.unpack(payload)


def test_a_venue_gets_its_keys_once(venue: Venue) -> None:
    first = keys.ensure_venue_keys(venue)
    assert keys.ensure_venue_keys(venue) == first
    assert sorted(SigningKey.objects.values_list("purpose", flat=True)) == ["feed", "pass", "root"]
    version, pepper = keys.pepper(venue)
    assert (version, len(pepper)) == (1, 32)
    assert pepper not in bytes(first.sealed_pepper)
    assert keys.pepper(venue) == (version, pepper)


@pytest.mark.django_db(transaction=True)
def test_keys_made_at_once_are_made_once(venue: Venue) -> None:
    made = race(venue, *[lambda: keys.ensure_venue_keys(venue).pk] * 4)
    assert len(set(made)) == 1, made
    assert (VenueSecrets.objects.count(), SigningKey.objects.count()) == (1, 3)


def test_private_halves_are_sealed_each_for_its_purpose(venue: Venue) -> None:
    keys.ensure_venue_keys(venue)
    signers = {"feed": keys.feed_signer(venue), "pass": keys.pass_signer(venue)}
    for key in SigningKey.objects.exclude(purpose="root"):
        signer = signers[key.purpose]
        assert signer.key_id == key.key_id
        assert VerifyKey(bytes(key.public)).verify(b"message", signer.sign(b"message")) == b"message"
        assert len(bytes(key.sealed_private)) == 32 + 40


def test_the_key_set_is_signed_over_its_tag_and_bytes(venue: Venue) -> None:
    known = keyset(venue)
    assert (known.version, known.venue_id) == (1, venue.pk)
    assert [len(known.pass_keys), len(known.feed_keys)] == [1, 1]
    now = timezone.now().timestamp()
    assert all(key.not_before < now < key.not_after and not key.killed for key in known.pass_keys + known.feed_keys)
    payload, signature = keys.signed_keyset(venue)
    with pytest.raises(BadSignatureError):
        VerifyKey(keys.root_public_key(venue)).verify(payload, signature)


@pytest.mark.parametrize("purpose", ["pass", "feed"])
def test_a_new_key_takes_over_after_the_lead_and_the_edges_are_told_at_once(
    venue: Venue, west: Station, purpose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = {"pass": keys.pass_signer, "feed": keys.feed_signer}[purpose]
    old, mark = signer(venue).key_id, last_feed_row()
    new = keys.rotate(actor=SYSTEM, venue=venue, purpose=purpose)
    assert signer(venue).key_id == old != new.key_id

    known = keyset(venue)
    assert known.version == 2
    assert {key.key_id for key in (known.pass_keys if purpose == "pass" else known.feed_keys)} == {old, new.key_id}
    [row] = feed_rows(mark)
    assert (row.stream, [op.table for op in row.ops]) == (feed_pb2.STREAM_URGENT, [Table.VENUE])
    settings = records.VenueSettings.unpack(row.ops[0].value or b"")
    assert settings.keyset_version == 2
    assert settings.stations == {west.pk: ("西门", "West gate")}

    later = timezone.now() + keys.LEAD + timedelta(seconds=1)
    monkeypatch.setattr(keys.timezone, "now", lambda: later)
    assert signer(venue).key_id == new.key_id
    assert AuditRow.objects.get(action="key.rotate").detail == {"purpose": purpose, "key_id": new.key_id}


def test_the_last_living_key_killed_gets_a_successor_at_once(venue: Venue) -> None:
    old = keys.pass_signer(venue).key_id
    keys.kill(actor=SYSTEM, venue=venue, purpose="pass", key_id=old, why="a laptop was stolen")
    assert keys.pass_signer(venue).key_id != old
    known = keyset(venue)
    assert known.version == 2
    assert {key.key_id: key.killed for key in known.pass_keys}[old] is True
    assert sum(key.killed for key in known.pass_keys) == 1

    keys.kill(actor=SYSTEM, venue=venue, purpose="pass", key_id=old, why="again")
    assert keyset(venue).version == 2, "killing twice is harmless"


def test_a_killed_key_hands_over_to_the_one_still_living(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    old = keys.pass_signer(venue).key_id
    new = keys.rotate(actor=SYSTEM, venue=venue, purpose="pass").key_id
    later = timezone.now() + keys.LEAD + timedelta(seconds=1)
    monkeypatch.setattr(keys.timezone, "now", lambda: later)
    keys.kill(actor=SYSTEM, venue=venue, purpose="pass", key_id=new, why="test")
    assert keys.pass_signer(venue).key_id == old
    assert SigningKey.objects.filter(purpose="pass").count() == 2


@pytest.mark.parametrize(
    ("purpose", "key_id", "code"), [("root", 1, "key.purpose"), ("soup", 1, "key.purpose"), ("feed", 99, "key.unknown")]
)
def test_only_known_feed_and_pass_keys_are_killed(venue: Venue, purpose: str, key_id: int, code: str) -> None:
    keys.ensure_venue_keys(venue)
    with pytest.raises(DomainError) as refused:
        keys.kill(actor=SYSTEM, venue=venue, purpose=purpose, key_id=key_id, why="test")
    assert refused.value.code == code


def test_when_every_key_is_past_its_time_it_is_said(venue: Venue) -> None:
    keys.ensure_venue_keys(venue)
    SigningKey.objects.filter(purpose="feed").update(not_after=timezone.now() - timedelta(seconds=1))
    with pytest.raises(DomainError) as refused:
        keys.feed_signer(venue)
    assert refused.value.code == "key.none"
    keys.rotate(actor=SYSTEM, venue=venue, purpose="feed")
    assert keys.feed_signer(venue).key_id == 2, "with no other living it needs no lead"


def test_an_edge_of_another_venue_knows_none_of_the_pass_keys(venue: Venue) -> None:
    """So that its gates say "another venue's ticket" and not "forged": numbers are drawn, not counted."""
    numbers = {keys._free_key_id(venue, SigningKey.Purpose.PASS) for _ in range(40)}
    assert len(numbers) > 30
    assert all(0 < number < 1 << 16 for number in numbers)
