"""The kept usage rows: written only where they are newer."""

from __future__ import annotations

from collections.abc import Iterable

from cloud.entitlements.models import Usage

_CHUNK = 500  # rows a statement: within SQLite's limit of bound values


def keep_newest(rows: Iterable[Usage]) -> list[Usage]:
    """Writes the rows of a higher revision than is kept, and returns those. Each counter once among `rows`.

    The caller holds the lock of each row's edge, so no other transaction writes the same rows meanwhile.
    """
    wanted = list(rows)
    news: list[Usage] = []
    for at in range(0, len(wanted), _CHUNK):
        chunk = wanted[at : at + _CHUNK]
        kept = {
            (row.owner_id, row.group_id, row.source): row.revision
            for row in Usage.objects.filter(
                owner_id__in={row.owner_id for row in chunk}, group_id__in={row.group_id for row in chunk}
            ).only("owner_id", "group_id", "source", "revision")
        }
        fresh = [row for row in chunk if row.revision > kept.get((row.owner_id, row.group_id, row.source), 0)]
        Usage.objects.bulk_create(
            fresh,
            update_conflicts=True,
            unique_fields=["venue", "owner_id", "group_id", "source"],
            update_fields=["revision", "record"],
        )
        news += fresh
    return news
