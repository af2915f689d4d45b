"""Takes an edge out of the venue for good: nothing waits for it any more, and it is never answered again."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from cloud.admissions import edge_alarms
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.inputs import required_text
from cloud.core.locks import lock_rows
from cloud.gates.selectors import edge_view
from cloud.gates.services.revoke import withdraw
from cloud.staff.permissions import Permission, require
from cloud.venues.models import Device, Edge, Venue


@transaction.atomic
def retire_edge(*, actor: Actor, venue: Venue, edge: Edge, why: str, heir: Edge | None = None) -> Edge:
    """Retires an edge: its certificates and tokens are dead, its devices hang on the heir, or on none.

    For good: a machine that comes back is enrolled as a new edge, which may have the same name. What the machine
    has not sent yet never arrives; how much it last said that was stands in the audit.

    Raises:
        DomainError: "permission.denied", "row.gone", "input.*" (why), "edge.retired" (somebody was first),
            "edge.heir" (the heir is the edge itself), "edge.heir_retired".
    """
    require(actor, Permission.EDGE_MANAGE, venue)
    why = required_text(why, "why", 200)
    if heir is not None and heir.pk == edge.pk:
        raise DomainError("edge.heir", "请选择另一台边缘主机。", "Choose another edge.", "heir")
    locked = {row.pk: row for row in lock_rows(Edge, {edge.pk, heir.pk if heir else edge.pk})}
    edge = locked[edge.pk]
    if edge.retired_at is not None:
        raise retired(edge)
    heir = locked[heir.pk] if heir else None
    if heir is not None and heir.retired_at is not None:
        raise DomainError(
            "edge.heir_retired",
            f"边缘 {heir.name} 已退役，请选择另一台。",
            f"The edge {heir.name} is retired: choose another.",
            "heir",
        )
    backlog = edge_view(edge).backlog
    edge.retired_at = timezone.now()
    edge.save(update_fields=["retired_at"])
    certificates = withdraw(edge, edge.retired_at)
    edge_alarms.end_all(edge, edge.retired_at)
    devices = Device.objects.filter(venue=venue, edge=edge)
    identifiers = list(devices.order_by("identifier").values_list("identifier", flat=True))
    devices.update(edge=heir)
    audit.write(
        actor, "edge.retire", edge, venue, name=edge.name, why=why, certificates=certificates, unsent=backlog,
        devices=identifiers, **({"heir": heir.name} if heir else {}),
    )  # fmt: skip
    return edge


def retired(edge: Edge, field: str | None = None) -> DomainError:
    return DomainError("edge.retired", f"边缘 {edge.name} 已退役。", f"The edge {edge.name} is retired.", field)
