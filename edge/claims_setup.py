"""Claims as the configuration asks for them: among the edges of the site, or here alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from edge.claim_ledger import Ledger
from edge.claims import Reach
from edge.claims_etcd import EtcdClaims
from edge.committer import Committer
from edge.config import ClaimsConfig, EdgeConfig
from edge.errors import StartError
from edge.etcd_client import Cluster
from edge.identity import Identity
from edge.works import PutMeta
from paifang.records import Table

if TYPE_CHECKING:
    from edge._verify import Environment

STORE = b"claims.store"  # its row in META: what etcd knows this store by


def on_etcd(
    config: EdgeConfig, enrolled: Identity, environment: Environment, committer: Committer, *,
    now_ms: Callable[[], int], alarm: Callable[[str, str], None], healed: Callable[[], None],
    forgetful: Callable[[], bool],
) -> EtcdClaims | None:  # fmt: skip
    """None where the configuration names no etcd. Raises StartError where its certificates cannot be read."""
    if config.claims is None:
        return None
    shown = _shown(enrolled, config.claims)
    cluster = Cluster(shown, config.claims.endpoints, config.claims.timeout_ms / 1000)
    ledger = Ledger(
        cluster, venue_id=enrolled.venue_id, edge_id=enrolled.edge_id, now_s=lambda: now_ms() // 1000
    )  # fmt: skip
    claims = EtcdClaims(
        ledger, environment, committer, Reach(lane.device for lane in config.lanes), edge_id=enrolled.edge_id,
        store_id=_store_id(environment, committer), alarm=alarm, healed=healed, forgetful=forgetful,
    )  # fmt: skip
    claims.live_changed()
    return claims


def _shown(enrolled: Identity, config: ClaimsConfig) -> Identity:
    """The identity shown to etcd: the edge's own, but for what the configuration has files of."""
    try:
        return replace(
            enrolled,
            authority_pem=config.authority.read_bytes() if config.authority else enrolled.authority_pem,
            certificate_pem=config.certificate.read_bytes() if config.certificate else enrolled.certificate_pem,
            key_pem=config.key.read_bytes() if config.key else enrolled.key_pem,
        )
    except OSError as problem:
        raise StartError(f"a certificate of [claims] cannot be read: {problem}") from None


def _store_id(environment: Environment, committer: Committer) -> bytes:
    """Random, made once. A store that takes another's place has another one."""
    stored = environment.get(Table.META, STORE)
    if stored is not None:
        return stored
    fresh = os.urandom(8)
    committer.submit(PutMeta([(STORE, fresh)]), always=True)
    return fresh
