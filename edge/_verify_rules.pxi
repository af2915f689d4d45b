# Verdict, the live records in memory, and the rules: checks 5 to 13 of docs/gate.md over C values.
# edge/_rules_py.py says the same in Python; the tests hold the two together.

cdef enum:
    # paifang.reasons.Reason; checked against it below
    OK = 0
    UNREADABLE = 10
    UNKNOWN_FORMAT = 11
    KEY_UNKNOWN = 20
    KEY_DEAD = 21
    FORGED = 30
    REPLACED = 31
    UNKNOWN = 50
    REVOKED = 60
    REFUNDED = 61
    LOCKED = 62
    FROZEN = 63
    STATION_CLOSED = 80
    LANE_CLOSED = 81
    WRONG_STATION = 82
    MEDIUM_NOT_ALLOWED = 90
    TOO_EARLY = 110
    EXPIRED = 111
    USED_UP = 120
    USED_AT_SIBLING = 130

    ENABLED = 1  # the flag of stations and devices
    KEY_BYTES = 12

for _name, _code in (
    ("OK", OK), ("UNREADABLE", UNREADABLE), ("UNKNOWN_FORMAT", UNKNOWN_FORMAT), ("KEY_UNKNOWN", KEY_UNKNOWN),
    ("KEY_DEAD", KEY_DEAD), ("FORGED", FORGED), ("REPLACED", REPLACED), ("UNKNOWN", UNKNOWN), ("REVOKED", REVOKED),
    ("REFUNDED", REFUNDED), ("LOCKED", LOCKED), ("FROZEN", FROZEN), ("STATION_CLOSED", STATION_CLOSED),
    ("LANE_CLOSED", LANE_CLOSED), ("WRONG_STATION", WRONG_STATION), ("MEDIUM_NOT_ALLOWED", MEDIUM_NOT_ALLOWED),
    ("TOO_EARLY", TOO_EARLY), ("EXPIRED", EXPIRED), ("USED_UP", USED_UP), ("USED_AT_SIBLING", USED_AT_SIBLING),
):
    if Reason[_name] != _code:
        raise ImportError("the compiled core is of another version than paifang.reasons: build it anew")

cdef int[5] STANDING = [OK, REVOKED, REFUNDED, LOCKED, FROZEN]  # by records.State

cdef struct RuleSet:
    uint32_t number
    uint16_t flags
    uint16_t media
    uint32_t uses_per_group

cdef struct Station:
    uint32_t number
    uint32_t group_id
    uint8_t flags
    uint32_t products_count
    uint32_t* products  # sorted; in the LiveState's pool

cdef struct Device:
    uint32_t number
    uint8_t flags
    uint32_t station_id

cdef struct Request:
    int kind
    uint32_t station_id
    uint32_t device_id
    int64_t now_ms
    uint32_t day
    uint32_t month

cdef struct Tally:
    # Uses of one counter owner in one group, over this edge and its siblings.
    uint64_t used
    bint any
    uint32_t last_station
    int64_t last_ms
    bint unreadable


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
    cdef readonly int rule_flags
    cdef readonly uint32_t valid_from
    cdef readonly uint32_t valid_until
    cdef readonly uint32_t last_station
    cdef readonly int64_t last_ms
    # Turned into bytes only where somebody asks.
    cdef bint has_tag
    cdef bint has_key
    cdef unsigned char tag_bytes[8]
    cdef unsigned char key_bytes[KEY_BYTES]
    cdef unsigned char after_bytes[USAGE_SIZE]

    def __init__(self):
        raise TypeError("Verifier.check and decide make verdicts")

    @property
    def tag(self):
        return PyBytes_FromStringAndSize(<char*>self.tag_bytes, 8 if self.has_tag else 0)

    @property
    def usage_key(self):
        return PyBytes_FromStringAndSize(<char*>self.key_bytes, KEY_BYTES if self.has_key else 0)

    @property
    def usage_after(self):
        return PyBytes_FromStringAndSize(<char*>self.after_bytes, USAGE_SIZE if self.admit else 0)

    def __repr__(self):
        return (f"Verdict(admit={self.admit}, reason={Reason(self.reason).name}, kind={self.kind}, "
                f"entitlement_id={self.entitlement_id}, persons={self.persons}, remaining={self.remaining})")


cdef inline Verdict new_verdict(int kind):
    cdef Verdict verdict = Verdict.__new__(Verdict)
    verdict.kind = kind
    return verdict


@cython.final
cdef class LiveState:
    """Rule sets, stations and devices as sorted arrays. Built whole, then put in the old one's place."""

    cdef RuleSet* rulesets
    cdef Station* stations
    cdef Device* devices
    cdef uint32_t* products
    cdef size_t rulesets_count, stations_count, devices_count

    def __cinit__(self, list rulesets, list stations, list devices):
        """Rows of (key, value). A value of an unknown layout, or another key than 4 bytes, is not there."""
        cdef size_t room = 0
        cdef bytes key, value
        rulesets = [row for row in rulesets if len(row[0]) == 4 and is_ruleset(<octets><bytes>row[1], len(row[1]))]
        stations = [row for row in stations if len(row[0]) == 4 and is_station(<octets><bytes>row[1], len(row[1]))]
        devices = [row for row in devices if len(row[0]) == 4 and is_device(<octets><bytes>row[1], len(row[1]))]
        for key, value in stations:
            room += le32(<octets>value + 8)
        self.rulesets = <RuleSet*>malloc((len(rulesets) + 1) * sizeof(RuleSet))
        self.stations = <Station*>malloc((len(stations) + 1) * sizeof(Station))
        self.devices = <Device*>malloc((len(devices) + 1) * sizeof(Device))
        self.products = <uint32_t*>malloc((room + 1) * sizeof(uint32_t))
        if self.rulesets is NULL or self.stations is NULL or self.devices is NULL or self.products is NULL:
            raise MemoryError
        for key, value in sorted(rulesets):
            self.add_ruleset(be32(<octets>key), <octets>value)
        room = 0
        for key, value in sorted(stations):
            room += self.add_station(be32(<octets>key), <octets>value, self.products + room)
        for key, value in sorted(devices):
            self.add_device(be32(<octets>key), <octets>value)

    def __dealloc__(self):
        free(self.rulesets)
        free(self.stations)
        free(self.devices)
        free(self.products)

    cdef void add_ruleset(self, uint32_t number, octets p) noexcept:
        cdef RuleSet* ruleset = &self.rulesets[self.rulesets_count]
        ruleset.number, ruleset.flags = number, le16(p + 2)
        ruleset.media, ruleset.uses_per_group = le16(p + 4), le32(p + 8)
        self.rulesets_count += 1

    cdef uint32_t add_station(self, uint32_t number, octets p, uint32_t* products) noexcept:
        cdef Station* station = &self.stations[self.stations_count]
        cdef uint32_t i, count = le32(p + 8)
        station.number, station.flags, station.group_id = number, p[1], le32(p + 4)
        station.products_count, station.products = count, products
        for i in range(count):
            products[i] = le32(p + STATION_SIZE + 4 * i)
        qsort(products, count, sizeof(uint32_t), by_number)
        self.stations_count += 1
        return count

    cdef void add_device(self, uint32_t number, octets p) noexcept:
        cdef Device* device = &self.devices[self.devices_count]
        device.number, device.flags, device.station_id = number, p[1], le32(p + 4)
        self.devices_count += 1

    # bsearch finds the row by its first field, its number.
    cdef inline RuleSet* ruleset(self, uint32_t number) noexcept:
        return <RuleSet*>find_number(&number, self.rulesets, self.rulesets_count, sizeof(RuleSet))

    cdef inline Station* station(self, uint32_t number) noexcept:
        return <Station*>find_number(&number, self.stations, self.stations_count, sizeof(Station))

    cdef inline Device* device(self, uint32_t number) noexcept:
        return <Device*>find_number(&number, self.devices, self.devices_count, sizeof(Device))


cdef int by_number(const void* a, const void* b) noexcept nogil:
    cdef uint32_t x = (<const uint32_t*>a)[0], y = (<const uint32_t*>b)[0]
    return (x > y) - (x < y)


cdef inline void* find_number(const uint32_t* number, const void* rows, size_t count, size_t width) noexcept nogil:
    """The row whose first field is the number, or NULL."""
    cdef size_t low = 0, high = count, middle
    cdef const char* base = <const char*>rows
    cdef uint32_t there
    while low < high:
        middle = (low + high) // 2
        there = (<const uint32_t*>(base + middle * width))[0]
        if there == number[0]:
            return <void*>(base + middle * width)
        if there < number[0]:
            low = middle + 1
        else:
            high = middle
    return NULL


cdef void note_record(Verdict verdict, const Record* record, uint64_t entitlement_id) noexcept:
    """What a verdict tells of a record, whatever the rules say of it."""
    verdict.entitlement_id = entitlement_id
    verdict.owner_id = record.owner_id or entitlement_id
    verdict.product_class = record.product_class
    verdict.ruleset_id = record.ruleset_id
    verdict.valid_from = max(record.not_before, record.slot_from)
    verdict.valid_until = min(record.not_after, record.slot_to) if record.slot_to else record.not_after


cdef int miss_before_uses(Verdict verdict, const Record* record, LiveState live, const Request* request) noexcept:
    """The first check before the uses that fails, or OK; then verdict.group_id is the station's."""
    cdef RuleSet* rules = live.ruleset(record.ruleset_id)
    cdef Station* station = live.station(request.station_id)
    cdef Device* device
    cdef int64_t now
    if rules is NULL or record.persons == 0:
        return UNKNOWN
    verdict.rule_flags = rules.flags
    if station is not NULL:
        verdict.group_id = station.group_id
    if record.state != 0:
        return STANDING[record.state] if record.state < 5 else REVOKED
    if station is NULL or not station.flags & ENABLED:
        return STATION_CLOSED
    device = live.device(request.device_id)
    if device is NULL or not device.flags & ENABLED or device.station_id != request.station_id:
        return LANE_CLOSED
    if find_number(&record.product_class, station.products, station.products_count, sizeof(uint32_t)) is NULL:
        return WRONG_STATION
    if request.kind < 0 or request.kind > 15 or not rules.media >> request.kind & 1:
        return MEDIUM_NOT_ALLOWED
    now = request.now_ms // 1000
    if now < verdict.valid_from:
        return TOO_EARLY
    return EXPIRED if now > verdict.valid_until else OK


cdef void count_uses(Tally* tally, octets p, size_t length) noexcept nogil:
    """Adds one edge's usage value. The latest use is told by its own clock; of equals the first counted stays."""
    cdef Usage usage
    if not read_usage(p, length, &usage):
        tally.unreadable = True
        return
    tally.used += usage.total
    if usage.total and (not tally.any or usage.last_ms > tally.last_ms):
        tally.any, tally.last_station, tally.last_ms = True, usage.last_station, usage.last_ms


cdef int judge_uses(Verdict verdict, const Record* record, LiveState live, octets own, size_t own_size,
                    const Tally* tally, const Request* request) noexcept:
    """Checks 12 and 13: the miss, or OK and an admitting verdict. `own` NULL: this edge has counted none."""
    cdef Usage usage
    cdef uint64_t limit = record.uses or live.ruleset(record.ruleset_id).uses_per_group
    cdef uint64_t persons = record.persons
    if tally.unreadable:
        return UNKNOWN
    limit *= persons
    if limit and tally.used >= limit:
        verdict.last_station, verdict.last_ms = tally.last_station, tally.last_ms
        return USED_UP if tally.last_station == request.station_id else USED_AT_SIBLING
    if limit:
        persons = min(persons, limit - tally.used)
    memset(&usage, 0, sizeof(usage))
    if own is not NULL:
        read_usage(own, own_size, &usage)
    if not spend(&usage, persons, request, verdict.after_bytes):
        return UNKNOWN
    verdict.admit = True
    verdict.persons = <uint32_t>persons
    verdict.remaining = <int64_t>(limit - tally.used - persons) if limit else -1
    return OK


cdef bint spend(const Usage* usage, uint64_t persons, const Request* request, unsigned char* out) noexcept nogil:
    """records.Usage.spend, packed. False where a count does not fit any more."""
    cdef uint64_t revision = <uint64_t>usage.revision + 1
    cdef uint64_t total = usage.total + persons
    cdef uint64_t month_count = (usage.month_count if usage.month == request.month else 0) + persons
    cdef uint64_t day_count = (usage.day_count if usage.day == request.day else 0) + persons
    if revision >> 32 or total >> 32 or month_count >> 32 or day_count >> 32:
        return False
    out[0], out[1], out[2], out[3] = USAGE_LAYOUT, usage.flags, 0, 0
    put_le32(out + 4, <uint32_t>revision)
    put_le32(out + 8, <uint32_t>total)
    put_le32(out + 12, request.month)
    put_le32(out + 16, <uint32_t>month_count)
    put_le32(out + 20, request.day)
    put_le32(out + 24, <uint32_t>day_count)
    put_le32(out + 28, request.station_id)
    put_le32(out + 32, request.device_id)
    put_le32(out + 36, <uint32_t>request.now_ms)
    put_le32(out + 40, <uint32_t>(<uint64_t>request.now_ms >> 32))
    return True


cdef void note_usage_key(Verdict verdict) noexcept:
    put_be64(verdict.key_bytes, verdict.owner_id)
    put_be32(verdict.key_bytes + 8, verdict.group_id)
    verdict.has_key = True


def decide(bytes record not None, bytes ruleset not None, bytes station not None, bytes device not None,
           bytes usage, list others not None, int kind, uint64_t entitlement_id, uint32_t station_id,
           uint32_t device_id, int64_t now_ms, uint32_t day, uint32_t month):
    cdef Verdict verdict = new_verdict(kind)
    cdef Request request = Request(kind, station_id, device_id, now_ms, day, month)
    cdef Record parsed
    cdef Tally tally
    cdef octets own = NULL
    cdef size_t own_size = 0
    cdef bytes sibling
    verdict.entitlement_id = entitlement_id
    if not read_record(<octets>record, len(record), &parsed):
        verdict.reason = UNKNOWN
        return verdict
    note_record(verdict, &parsed, entitlement_id)
    cdef LiveState live = LiveState(
        [(parsed.ruleset_id.to_bytes(4, "big"), ruleset)],
        [(station_id.to_bytes(4, "big"), station)],
        [(device_id.to_bytes(4, "big"), device)])
    verdict.reason = miss_before_uses(verdict, &parsed, live, &request)
    if verdict.reason != OK:
        return verdict
    note_usage_key(verdict)
    verdict.usage_before = usage
    memset(&tally, 0, sizeof(tally))
    if usage is not None:
        own, own_size = <octets>usage, len(usage)
        count_uses(&tally, own, own_size)
    for sibling in others:
        count_uses(&tally, <octets>sibling, len(sibling))
    verdict.reason = judge_uses(verdict, &parsed, live, own, own_size, &tally, &request)
    return verdict
