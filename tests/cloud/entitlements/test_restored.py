"""The database came back from a backup: the cloud finds out, and everything it says outranks what it said before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud.__main__ import main
from cloud.catalog.models import TicketProduct
from cloud.core.alarms import raised
from cloud.core.business_day import today
from cloud.entitlements import keys, restored, sequencer
from cloud.entitlements.batches import CursorTooOldError, check_cursor
from cloud.entitlements.models import EdgeCursor, Entitlement, FeedHead, FeedRow
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Venue
from paifang.v1.feed_pb2 import STREAM_BULK, STREAM_URGENT
from tests.support.venue import SYSTEM


@pytest.fixture
def sold(venue: Venue, adult: TicketProduct) -> Entitlement:
    """One ticket, its row numbered."""
    lines = [OrderLine(adult, 1, today(venue))]
    issue_order(actor=SYSTEM, venue=venue, lines=lines, idempotency_key="one")
    sequencer.number_waiting(venue)
    return Entitlement.objects.get()


def test_everything_said_outranks_what_was_said(venue: Venue, sold: Entitlement) -> None:
    version = keys.ensure_venue_keys(venue).keyset_version
    before = sequencer.head(venue, STREAM_BULK).seq
    assert restored.outrank(venue) == 1
    after = sequencer.head(venue, STREAM_BULK)
    assert (after.seq, after.trimmed_to) == (before + restored.ABOVE, before + restored.ABOVE)
    for seq in (before, before + 1, before + 500):
        with pytest.raises(CursorTooOldError):
            check_cursor(venue, STREAM_BULK, seq)  # whoever has such a number takes a snapshot
    assert not FeedRow.objects.filter(seq__isnull=False).exists()
    assert not EdgeCursor.objects.exists()
    sold.refresh_from_db()
    assert sold.revision == 1 + restored.ABOVE
    assert keys.ensure_venue_keys(venue).keyset_version == version + restored.ABOVE
    assert restored.restores(venue) == 1
    assert raised("cloud.restored", venue)


def test_the_operators_command(venue: Venue, sold: Entitlement, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restored", "--venue", "nowhere"]) == 1
    assert main(["restored"]) == 0
    assert "lake: 1 entitlements outrank what the gates hold" in capsys.readouterr().out
    assert restored.restores(venue) == 1


def test_a_number_never_given_out_is_noticed_once(venue: Venue, sold: Entitlement) -> None:
    head = sequencer.head(venue, STREAM_URGENT).seq
    assert not restored.noticed_ahead(venue, STREAM_URGENT, head)
    assert restored.noticed_ahead(venue, STREAM_URGENT, head + 1)
    assert not restored.noticed_ahead(venue, STREAM_URGENT, head + 7)  # another edge with the same to tell
    assert restored.restores(venue) == 1


def test_lost_entries_are_noticed_once_by_however_many_edges(venue: Venue) -> None:
    assert restored.noticed_lost(venue, None)
    noticed = FeedHead.objects.filter(stream=STREAM_BULK).values_list("restored_at", flat=True).get()
    assert noticed is not None
    assert not restored.noticed_lost(venue, noticed - timedelta(hours=3))  # it was away since before
    assert not restored.noticed_lost(venue, None)
    assert restored.noticed_lost(venue, noticed + timedelta(seconds=1))  # it was corrected since: a second backup
    assert restored.restores(venue) == 2
