# The layouts of paifang/{records,rulesets,usage}.py in C: reading one field, whole values, telling known ones.

cdef enum:
    RECORD_LAYOUT = 1
    RECORD_SIZE = 92
    RULESET_LAYOUT = 2
    RULESET_SIZE = 46  # of the head
    HOURS_SIZE = 6
    SPAN_SIZE = 8
    STATION_LAYOUT = 1
    STATION_SIZE = 12
    DEVICE_LAYOUT = 1
    DEVICE_NARROWED_LAYOUT = 2
    DEVICE_SIZE = 8  # of the head; of a narrowed one its products follow, then the identifier
    USAGE_LAYOUT = 2
    USAGE_SIZE = 64
    USAGE_1_LAYOUT = 1
    USAGE_1_SIZE = 44
    DAY_KEY_SIZE = 32
    LAST_ACTIVATION = 2
    MAX_ROWS = 64
    REVISION_AT = 4  # in records and in usages
    GENERATION_AT = 16

if (RECORD_SIZE, RULESET_SIZE, HOURS_SIZE, SPAN_SIZE, USAGE_SIZE, USAGE_1_SIZE, DAY_KEY_SIZE, GENERATION_AT) != (
        records.RECORD_BYTES, rulesets.RULESET_BYTES, rulesets.HOURS_BYTES, rulesets.SPAN_BYTES, usage.USAGE_BYTES,
        usage.USAGE_1_BYTES, rotating.DAY_KEY_BYTES, records.RECORD_GENERATION_OFFSET) or (
        rulesets.RULESET_VERSION != RULESET_LAYOUT or usage.USAGE_VERSION != USAGE_LAYOUT or
        (max(rulesets.Activation), rulesets.MAX_ROWS) != (LAST_ACTIVATION, MAX_ROWS) or
        (records.DEVICE_VERSION, records.DEVICE_NARROWED_VERSION) != (DEVICE_LAYOUT, DEVICE_NARROWED_LAYOUT)):
    raise ImportError("the compiled core is of another version than paifang.records: build it anew")

ctypedef const unsigned char* octets

cdef struct Record:
    uint8_t state
    uint16_t flags
    uint32_t ruleset_id
    uint32_t product_class
    uint32_t not_before
    uint32_t not_after
    uint32_t slot_from
    uint32_t slot_to
    uint16_t persons
    uint32_t uses
    octets digest
    uint64_t owner_id

cdef struct Usage:
    uint8_t flags
    uint32_t revision
    uint32_t total
    uint32_t month
    uint32_t month_count
    uint32_t day
    uint32_t day_count
    uint32_t last_station
    uint32_t last_device
    int64_t last_ms
    int64_t first_ms
    int64_t visit_ms
    uint32_t first_day


cdef inline uint16_t le16(octets p) noexcept nogil:
    return <uint16_t>(p[0] | p[1] << 8)


cdef inline uint32_t le32(octets p) noexcept nogil:
    return <uint32_t>p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24


cdef inline uint64_t le64(octets p) noexcept nogil:
    return <uint64_t>le32(p) | <uint64_t>le32(p + 4) << 32


cdef inline uint32_t be32(octets p) noexcept nogil:
    return <uint32_t>p[0] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | <uint32_t>p[3]


cdef inline uint64_t be64(octets p) noexcept nogil:
    return <uint64_t>be32(p) << 32 | be32(p + 4)


cdef inline void put_le32(unsigned char* p, uint32_t value) noexcept nogil:
    p[0], p[1], p[2], p[3] = value & 0xFF, value >> 8 & 0xFF, value >> 16 & 0xFF, value >> 24


cdef inline void put_le64(unsigned char* p, uint64_t value) noexcept nogil:
    put_le32(p, <uint32_t>value)
    put_le32(p + 4, <uint32_t>(value >> 32))


cdef inline void put_be32(unsigned char* p, uint32_t value) noexcept nogil:
    p[0], p[1], p[2], p[3] = value >> 24, value >> 16 & 0xFF, value >> 8 & 0xFF, value & 0xFF


cdef inline void put_be64(unsigned char* p, uint64_t value) noexcept nogil:
    put_be32(p, <uint32_t>(value >> 32))
    put_be32(p + 4, <uint32_t>value)


cdef bint read_record(octets p, size_t length, Record* record) noexcept nogil:
    """False on another length or layout version."""
    if length != RECORD_SIZE or p[0] != RECORD_LAYOUT:
        return False
    record.state = p[1]
    record.flags = le16(p + 2)
    record.ruleset_id = le32(p + 8)
    record.product_class = le32(p + 12)
    record.not_before = le32(p + 20)
    record.not_after = le32(p + 24)
    record.slot_from = le32(p + 28)
    record.slot_to = le32(p + 32)
    record.persons = le16(p + 36)
    record.uses = le32(p + 40)
    record.digest = p + 44
    record.owner_id = le64(p + 60)
    return True


cdef inline bint is_usage(octets p, size_t length) noexcept nogil:
    """Of this layout or of version 1, which is read and never written."""
    return length == USAGE_SIZE and p[0] == USAGE_LAYOUT or length == USAGE_1_SIZE and p[0] == USAGE_1_LAYOUT


cdef bint read_usage(octets p, size_t length, Usage* usage) noexcept nogil:
    """False on another length or layout version. One of version 1 has no first use and no visit."""
    if not is_usage(p, length):
        return False
    usage.flags = p[1]
    usage.revision = le32(p + REVISION_AT)
    usage.total = le32(p + 8)
    usage.month = le32(p + 12)
    usage.month_count = le32(p + 16)
    usage.day = le32(p + 20)
    usage.day_count = le32(p + 24)
    usage.last_station = le32(p + 28)
    usage.last_device = le32(p + 32)
    usage.last_ms = <int64_t>le64(p + 36)
    usage.first_ms, usage.visit_ms, usage.first_day = 0, 0, 0
    if length == USAGE_SIZE:
        usage.first_ms = <int64_t>le64(p + 44)
        usage.visit_ms = <int64_t>le64(p + 52)
        usage.first_day = le32(p + 60)
    return True


cdef void write_usage(const Usage* usage, unsigned char* out) noexcept nogil:
    """usage.Usage.pack."""
    out[0], out[1], out[2], out[3] = USAGE_LAYOUT, usage.flags, 0, 0
    put_le32(out + REVISION_AT, usage.revision)
    put_le32(out + 8, usage.total)
    put_le32(out + 12, usage.month)
    put_le32(out + 16, usage.month_count)
    put_le32(out + 20, usage.day)
    put_le32(out + 24, usage.day_count)
    put_le32(out + 28, usage.last_station)
    put_le32(out + 32, usage.last_device)
    put_le64(out + 36, <uint64_t>usage.last_ms)
    put_le64(out + 44, <uint64_t>usage.first_ms)
    put_le64(out + 52, <uint64_t>usage.visit_ms)
    put_le32(out + 60, usage.first_day)


cdef bint is_ruleset(octets p, size_t length) noexcept nogil:
    """The head, an activation known here, and as many rows as the head counts."""
    return length >= RULESET_SIZE and p[0] == RULESET_LAYOUT and p[42] <= LAST_ACTIVATION and (
        p[43] <= MAX_ROWS and p[44] <= MAX_ROWS and p[45] <= MAX_ROWS and
        length == RULESET_SIZE + p[43] * <size_t>HOURS_SIZE + (p[44] + <size_t>p[45]) * SPAN_SIZE)


cdef bint is_station(octets p, size_t length) noexcept nogil:
    return length >= STATION_SIZE and p[0] == STATION_LAYOUT and length - STATION_SIZE == 4 * <size_t>le32(p + 8)


cdef bint is_device(octets p, size_t length):
    cdef size_t name_at = DEVICE_SIZE
    if length < DEVICE_SIZE or (p[0] != DEVICE_LAYOUT and p[0] != DEVICE_NARROWED_LAYOUT):
        return False
    if p[0] == DEVICE_NARROWED_LAYOUT:
        name_at += 4 * <size_t>le16(p + 2)
    if length < name_at:
        return False
    try:
        PyBytes_FromStringAndSize(<const char*>p + name_at, length - name_at).decode()
    except UnicodeDecodeError:
        return False
    return True


cdef bint is_day_key(octets p, size_t length) noexcept nogil:
    return length == DAY_KEY_SIZE
