# The reasons in C, what a presentation asks, and the Verdict.

cdef enum:
    # paifang.reasons.Reason; checked against it below
    OK = 0
    LEAVING = 2
    UNREADABLE = 10
    UNKNOWN_FORMAT = 11
    KEY_UNKNOWN = 20
    KEY_DEAD = 21
    FORGED = 30
    REPLACED = 31
    LIVE_CODE_NEEDED = 40
    STALE_CODE = 41
    REPLAYED = 42
    UNKNOWN = 50
    SIGNED_ONLY_SPENT = 51
    REVOKED = 60
    REFUNDED = 61
    LOCKED = 62
    FROZEN = 63
    NOT_ACTIVATED = 70
    STATION_CLOSED = 80
    LANE_CLOSED = 81
    WRONG_STATION = 82
    WRONG_LANE = 83
    MEDIUM_NOT_ALLOWED = 90
    NOT_COLLECTED = 91
    IDENTITY_NEEDED = 100
    IDENTITY_OTHER = 101
    TOO_EARLY = 110
    EXPIRED = 111
    NOT_BOOKED = 112
    SLOT_OVER = 113
    WRONG_DATE = 114
    HOLIDAY = 115
    WRONG_DAY = 116
    OUTSIDE_HOURS = 117
    DURATION_OVER = 118
    USED_UP = 120
    MONTH_LIMIT = 121
    DAY_LIMIT = 122
    USED_AT_SIBLING = 130
    ALREADY_INSIDE = 131
    TOO_SOON = 132
    VENUE_FULL = 140
    DAY_FULL = 141

    # paifang.records.CredentialKind
    LINE = 0
    PASS = 1
    ROTATING = 2
    CHANNEL = 3
    ID_NUMBER = 4
    CARD_UID = 5
    MEMBER = 6
    SHORT = 7

    # edge.verdict
    IDENTITY_NONE = 0
    IDENTITY_MATCHES = 1
    NO_LIMIT = -1

    KEY_BYTES = 12
    WHOLE_GROUP = 0

for _name, _code in (
    ("OK", OK), ("LEAVING", LEAVING), ("UNREADABLE", UNREADABLE), ("UNKNOWN_FORMAT", UNKNOWN_FORMAT),
    ("KEY_UNKNOWN", KEY_UNKNOWN), ("KEY_DEAD", KEY_DEAD), ("FORGED", FORGED), ("REPLACED", REPLACED),
    ("LIVE_CODE_NEEDED", LIVE_CODE_NEEDED), ("STALE_CODE", STALE_CODE), ("REPLAYED", REPLAYED), ("UNKNOWN", UNKNOWN),
    ("SIGNED_ONLY_SPENT", SIGNED_ONLY_SPENT), ("REVOKED", REVOKED), ("REFUNDED", REFUNDED), ("LOCKED", LOCKED),
    ("FROZEN", FROZEN), ("NOT_ACTIVATED", NOT_ACTIVATED), ("STATION_CLOSED", STATION_CLOSED),
    ("LANE_CLOSED", LANE_CLOSED), ("WRONG_STATION", WRONG_STATION), ("WRONG_LANE", WRONG_LANE),
    ("MEDIUM_NOT_ALLOWED", MEDIUM_NOT_ALLOWED),
    ("NOT_COLLECTED", NOT_COLLECTED), ("IDENTITY_NEEDED", IDENTITY_NEEDED), ("IDENTITY_OTHER", IDENTITY_OTHER),
    ("TOO_EARLY", TOO_EARLY), ("EXPIRED", EXPIRED), ("NOT_BOOKED", NOT_BOOKED), ("SLOT_OVER", SLOT_OVER),
    ("WRONG_DATE", WRONG_DATE), ("HOLIDAY", HOLIDAY), ("WRONG_DAY", WRONG_DAY), ("OUTSIDE_HOURS", OUTSIDE_HOURS),
    ("DURATION_OVER", DURATION_OVER), ("USED_UP", USED_UP), ("MONTH_LIMIT", MONTH_LIMIT), ("DAY_LIMIT", DAY_LIMIT),
    ("USED_AT_SIBLING", USED_AT_SIBLING), ("ALREADY_INSIDE", ALREADY_INSIDE), ("TOO_SOON", TOO_SOON),
    ("VENUE_FULL", VENUE_FULL), ("DAY_FULL", DAY_FULL),
):
    if Reason[_name] != _code:
        raise ImportError("the compiled core is of another version than paifang.reasons: build it anew")

@cython.final
@cython.no_gc
@cython.freelist(64)
cdef class Verdict:
    cdef readonly bint admit
    cdef readonly int reason
    cdef readonly int kind
    cdef readonly uint64_t entitlement_id
    cdef readonly uint64_t owner_id
    cdef readonly uint32_t group_id
    cdef readonly uint32_t product_class
    cdef readonly uint32_t ruleset_id
    cdef readonly uint32_t persons
    cdef readonly int64_t remaining
    cdef readonly bytes usage_before
    cdef readonly bytes whole_before
    cdef readonly int rule_flags
    cdef readonly int64_t valid_from
    cdef readonly uint32_t valid_until
    cdef readonly int hours_start
    cdef readonly int hours_end
    cdef readonly uint32_t last_station
    cdef readonly int64_t last_ms
    cdef readonly bint signed_only
    cdef readonly bint leaving
    # Turned into bytes only where somebody asks.
    cdef bint has_tag
    cdef bint has_group
    cdef bint has_after
    cdef bint has_whole
    cdef bint has_whole_after
    cdef unsigned char tag_bytes[8]
    cdef unsigned char after_bytes[USAGE_SIZE]
    cdef unsigned char whole_after_bytes[USAGE_SIZE]

    def __init__(self):
        raise TypeError("Verifier.check and decide make verdicts")

    @property
    def tag(self):
        return PyBytes_FromStringAndSize(<char*>self.tag_bytes, 8 if self.has_tag else 0)

    @property
    def usage_key(self):
        return key_of(self.owner_id, self.group_id) if self.has_group else b""

    @property
    def usage_after(self):
        return PyBytes_FromStringAndSize(<char*>self.after_bytes, USAGE_SIZE if self.has_after else 0)

    @property
    def whole_key(self):
        return key_of(self.owner_id, WHOLE_GROUP) if self.has_whole else b""

    @property
    def whole_after(self):
        return PyBytes_FromStringAndSize(<char*>self.whole_after_bytes, USAGE_SIZE if self.has_whole_after else 0)

    def __repr__(self):
        return (f"Verdict(admit={self.admit}, reason={Reason(self.reason).name}, kind={self.kind}, "
                f"entitlement_id={self.entitlement_id}, persons={self.persons}, remaining={self.remaining})")


cdef inline Verdict new_verdict(int kind):
    cdef Verdict verdict = Verdict.__new__(Verdict)
    verdict.kind = kind
    return verdict


cdef inline void put_key(unsigned char* out, uint64_t owner_id, uint32_t group_id) noexcept nogil:
    """usage.usage_key."""
    put_be64(out, owner_id)
    put_be32(out + 8, group_id)


cdef bytes key_of(uint64_t owner_id, uint32_t group_id):
    cdef unsigned char key[KEY_BYTES]
    put_key(key, owner_id, group_id)
    return PyBytes_FromStringAndSize(<char*>key, KEY_BYTES)


cdef Verdict refusal(int kind, int reason):
    cdef Verdict verdict = new_verdict(kind)
    verdict.reason = reason
    return verdict


cdef bint is_better(Verdict verdict, Verdict best) noexcept:
    """Of two behind one credential: the one that admits and expires first, else the one that came further."""
    if verdict.admit != best.admit:
        return verdict.admit
    return verdict.valid_until < best.valid_until if verdict.admit else verdict.reason > best.reason
