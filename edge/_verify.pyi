"""The compiled core. `edge._verify_py` is its twin: the same names, the same results over the same bytes."""

from collections.abc import Iterable

from edge.verdict import Request

IMPLEMENTATION: str  # "compiled" here, "twin" in _verify_py

class StoreError(Exception):  # edge._store_common.StoreError, the same class in both implementations
    """The store said no. `code` is LMDB's number, e.g. -30792 (MDB_MAP_FULL), an errno, or 0."""

    code: int

class Environment:
    """The one owner of the LMDB environment in this process. Open it once; thread rules as noted.

    Reads (`get`, `scan`, `last`, Verifier.check) belong to one thread, the trio thread.
    Writes (`begin` .. `commit`) belong to one other thread, the committer. One write transaction at a
    time; every method raises StoreError once the store is closed.
    """

    path: str
    map_size: int
    def __init__(self, path: str, map_size: int) -> None:
        """Creates the directory's files if missing; takes an exclusive lock file (`path`/owner.lock, flock).

        Raises StoreError when another process owns the store ("already open by process N").
        """
    def get(self, table: int, key: bytes) -> bytes | None: ...
    def scan(
        self, table: int, start: bytes, limit: int, max_bytes: int = ..., prefix: bytes = ...
    ) -> list[tuple[bytes, bytes]]:
        """Rows from `start` on (inclusive), at most `limit` rows and about `max_bytes` of values, at least one."""
    def last(self, table: int) -> tuple[bytes, bytes] | None: ...
    def entries(self, table: int) -> int: ...
    def used_permille(self) -> int:
        """Pages in use over the map's pages, freed pages not counted as used."""
    def begin(self) -> WriteTxn: ...
    def close(self) -> None:
        """Aborts what is open. Again does nothing; StoreError while another thread commits or applies."""

class WriteTxn:
    """A write transaction, used in the thread that began it only. Ends with commit or abort."""

    def get(self, table: int, key: bytes) -> bytes | None: ...
    def put(self, table: int, key: bytes, value: bytes) -> None: ...
    def delete(self, table: int, key: bytes) -> bool: ...
    def delete_range(self, table: int, start: bytes, end: bytes, limit: int) -> int:
        """Deletes keys start <= key < end, at most `limit`; how many."""
    def scan(
        self, table: int, start: bytes, limit: int, max_bytes: int = ..., prefix: bytes = ...
    ) -> list[tuple[bytes, bytes]]: ...
    def last(self, table: int) -> tuple[bytes, bytes] | None: ...
    def apply(self, ops: bytes, generation: int, own_edge_id: int) -> tuple[int, bool]:
        """Applies records.pack_ops bytes: (rows written, whether a live table changed).

        ENTITLEMENT and OTHERS rows: the highest revision wins, an equal one is written again; the
        generation is stamped into entitlement records. OTHERS rows of this edge itself are skipped.
        Raises ValueError, having written nothing that commit would keep, on malformed operations or a value
        whose layout is not known.
        """
    def commit(self) -> None:
        """fsyncs; the GIL is released meanwhile. Raises StoreError; the transaction is then gone."""
    def abort(self) -> None: ...

class Verdict:
    """What check decided. Read-only.

    At an exit station every credential is let out: `leaving`, reason LEAVING, and a use only of group 0 where the
    holder was inside. A signature's admission (`signed_only`) is of an entitlement the store has no record of.
    """

    admit: bool
    reason: int
    kind: int  # CredentialKind, LINE resolved
    tag: bytes  # first 8 bytes of the pass digest, else b""
    entitlement_id: int  # 0 where none was found
    owner_id: int
    group_id: int
    product_class: int
    ruleset_id: int
    persons: int  # admitted now (0 on refusal)
    remaining: int  # persons' uses left after it by every limit; -1 where unlimited; 0 on refusal
    usage_key: bytes  # of the group's record; b"" where none was looked at
    usage_before: bytes | None  # what was read: the in-flight value, else the stored one
    usage_after: bytes  # b"" on refusal and when leaving
    whole_key: bytes  # of group 0's record, where the rule set counts over the whole venue; else b""
    whole_before: bytes | None
    whole_after: bytes  # b"" where it is not written
    rule_flags: int
    valid_from: int  # Unix seconds: window and slot with its tolerance; for TOO_SOON when it may be used again
    valid_until: int
    hours_start: int  # for OUTSIDE_HOURS: the next window of the day, else the last; minutes, both 0 where none
    hours_end: int
    last_station: int  # of the latest use known, for USED_*, *_LIMIT, ALREADY_INSIDE, REPLAYED: where and when
    last_ms: int
    signed_only: bool
    leaving: bool

class Verifier:
    """Decides. Belongs to the trio thread; holds the GIL; does no I/O but LMDB reads; knows no clock."""

    inflight: dict[bytes, bytes]  # usage key -> usage value reserved but not yet committed; overlays the store
    skew_ms: int  # how far the clock may be off: rotating codes of so much later are taken
    current_to_ms: int  # up to when the entitlement records are current; passes issued later may be signed-only
    signed_room: int  # admissions on a signature alone still allowed; 0 none
    def __init__(self, environment: Environment, pepper: bytes) -> None: ...
    def reload_live(self) -> None:
        """Reads RULESET, STATION, DEVICE, VENUE and DAYKEY anew. Call after a feed batch that changed one."""
    def set_pass_keys(self, keys: Iterable[tuple[int, bytes, int, int, bool]]) -> None:
        """records.PublicKey fields, in order."""
    def check(
        self,
        kind: int,
        data: bytes,
        station_id: int,
        device_id: int,
        now_ms: int,
        day: int,
        month: int,
        minute: int,
        companion: bytes = b"",
        room: int = -1,
        day_room: int = -1,
    ) -> Verdict:
        """Never raises on bad data: that is a refusal. Raises StoreError when the store is closed or LMDB fails.

        Args:
            companion: the ID number read at this lane just before, in ASCII; b"" where none was.
            room, day_room: see edge.verdict.Request.
        """

def decide(
    record: bytes,
    ruleset: bytes,
    station: bytes,
    device: bytes,
    own: bytes | None,
    others: list[bytes],
    whole: bytes | None,
    whole_others: list[bytes],
    entitlement_id: int,
    request: Request,
) -> Verdict:
    """The rules alone (checks 4's replay and 6 to 14), pure: for tests, `explain` and the twin's oracle role."""

def base45_decode(text: bytes) -> bytes: ...
def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool: ...
def self_test() -> None:
    """Run at import: libsodium's and LMDB's symbols are the ones expected. Raises ImportError saying which is not."""
