"""What alarms are about, in words: those the cloud raises, and those that come up in the edges' journals."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CLOUD: dict[str, str | Promise] = {
    "cloud.restored": _("Data came back from a backup; the gates take it over anew"),
    "admission.ended": _("Tickets let in after they had ended"),
    "admission.unknown": _("Tickets let in that nobody sold"),
    "edge.silent": _("Edge no longer heard of"),
    "journal.orphan_settlement": _("What followed an admission that is not here"),
    "journal.set_aside": _("Records of an edge put aside"),
    "ledger.mismatch": _("Figures of a day differ from the journal"),
    "outbox.stuck": _("An event cannot be delivered"),
}
EDGE: dict[str, str | Promise] = {
    "barrier.bits": _("Barrier reports a fault"),
    "barrier.not_opened": _("Barrier did not open"),
    "barrier.restarted": _("Barrier restarted"),
    "claims.healed": _("Entrances know of each other's admissions again"),
    "claims.no_quorum": _("Entrances cannot tell each other who came in"),
    "claims.refused": _("What an edge admitted cannot be told to the others"),
    "claims.store_old": _("Edge's store was older than what the other entrances know"),
    "claims.unreadable": _("What the other entrances admitted cannot be read"),
    "clock.degraded": _("Edge's clock is not certain"),
    "clock.drift": _("Edge's clock runs away"),
    "clock.machine": _("Edge machine's own clock is wrong"),
    "clock.unconfirmed": _("Edge's clock was not confirmed for long"),
    "cloud.restored": _("Cloud had lost records of an edge; they are sent again"),
    "daemon.restart": _("A part of the edge was started again"),
    "feed.apply": _("Edge could not take in what the cloud sent"),
    "feed.gap": _("Rows missing in what the cloud sent"),
    "feed.malformed": _("Edge could not read what the cloud sent"),
    "feed.signature": _("Message to an edge not signed by a valid key"),
    "feed.snapshot": _("Snapshot nobody asked for"),
    "feed.start": _("Start of a stream nobody asked for"),
    "feed.stream": _("Message of the wrong stream"),
    "feed.venue": _("Message for another venue"),
    "keyset": _("Key set refused by an edge"),
    "lane.restarted": _("Lane started again"),
    "lane.unticketed": _("Somebody walked without a use"),
    "reader.lost": _("Reader lost"),
    "store.cloned": _("Two machines use one edge's identity"),
    "store.restored": _("Edge's store is an old copy"),
    "store.suspect": _("Edge's store was looked through after a fault"),
    "store.broken": _("Edge's store was broken and set aside"),
    "store.filling": _("Edge's store is filling up"),
    "store.full": _("Edge's store is full: nobody is admitted"),
    "uplink.ack": _("Cloud acknowledged what was not sent"),
    "venue.settings": _("Venue's settings cannot be used at the gate"),
}
NAMES: dict[str, str | Promise] = {
    **{f"alarm.{code}": name for code, name in CLOUD.items()},
    **{f"alarm.edge.{code}": name for code, name in EDGE.items()},
}
