"""Writes what gates must know as unnumbered feed rows in the business transaction. The sequencer numbers them."""

from __future__ import annotations

from collections.abc import Sequence

from cloud.entitlements.models import FeedRow
from cloud.venues.models import Venue
from paifang.records import Op, pack_ops
from paifang.v1 import feed_pb2

MAX_OPS = 128  # a gate applies a row in one transaction beside its admissions; larger changes are several rows


def urgent(venue: Venue, ops: Sequence[Op]) -> None:
    """Revocations, locks, and the live state of stations, devices and keys."""
    _write(venue, feed_pb2.STREAM_URGENT, ops)


def bulk(venue: Venue, ops: Sequence[Op]) -> None:
    """Everything else."""
    _write(venue, feed_pb2.STREAM_BULK, ops)


def _write(venue: Venue, stream: int, ops: Sequence[Op]) -> None:
    FeedRow.objects.bulk_create(
        FeedRow(venue=venue, stream=stream, ops=pack_ops(ops[at : at + MAX_OPS])) for at in range(0, len(ops), MAX_OPS)
    )
