# The layouts of paifang/records.py in C: reading one field, whole values, and applying the feed's operations.

cdef enum:
    RECORD_LAYOUT = 1
    RECORD_SIZE = 92
    RULESET_LAYOUT = 1
    RULESET_SIZE = 28
    STATION_LAYOUT = 1
    STATION_SIZE = 12
    DEVICE_LAYOUT = 1
    DEVICE_SIZE = 8
    USAGE_LAYOUT = 1
    USAGE_SIZE = 44
    OP_SIZE = 8
    REVISION_AT = 4  # in records and in usages
    GENERATION_AT = 16

if (RECORD_SIZE, RULESET_SIZE, USAGE_SIZE, GENERATION_AT) != (
        records.RECORD_BYTES, records.RULESET_BYTES, records.USAGE_BYTES, records.RECORD_GENERATION_OFFSET):
    raise ImportError("the compiled core is of another version than paifang.records: build it anew")

ctypedef const unsigned char* octets

cdef struct Record:
    uint8_t state
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
    int64_t last_ms

cdef struct Applied:
    size_t written
    bint live


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


cdef bint read_usage(octets p, size_t length, Usage* usage) noexcept nogil:
    """False on another length or layout version."""
    if length != USAGE_SIZE or p[0] != USAGE_LAYOUT:
        return False
    usage.flags = p[1]
    usage.revision = le32(p + 4)
    usage.total = le32(p + 8)
    usage.month = le32(p + 12)
    usage.month_count = le32(p + 16)
    usage.day = le32(p + 20)
    usage.day_count = le32(p + 24)
    usage.last_station = le32(p + 28)
    usage.last_ms = <int64_t>le64(p + 36)
    return True


cdef bint is_ruleset(octets p, size_t length) noexcept nogil:
    return length > RULESET_SIZE and p[0] == RULESET_LAYOUT


cdef bint is_station(octets p, size_t length) noexcept nogil:
    return length >= STATION_SIZE and p[0] == STATION_LAYOUT and length - STATION_SIZE == 4 * <size_t>le32(p + 8)


cdef bint is_device(octets p, size_t length):
    if length < DEVICE_SIZE or p[0] != DEVICE_LAYOUT:
        return False
    try:
        PyBytes_FromStringAndSize(<const char*>p + DEVICE_SIZE, length - DEVICE_SIZE).decode()
    except UnicodeDecodeError:
        return False
    return True


cdef size_t key_size(int table) noexcept nogil:
    """Of a feed table's keys; 0 where the feed has no such table."""
    if table == T_ENTITLEMENT:
        return 8
    if table == T_INDEX:
        return 25
    if table == T_OTHERS:
        return 16
    if table in (T_RULESET, T_STATION, T_DEVICE, T_VENUE):
        return 4
    return 0


cdef bint is_live(int table) noexcept nogil:
    return table in (T_RULESET, T_STATION, T_DEVICE, T_VENUE)


cdef bint is_known_value(int table, octets value, size_t length):
    if table == T_ENTITLEMENT:
        return length == RECORD_SIZE and value[0] == RECORD_LAYOUT
    if table == T_INDEX:
        return length == 4
    if table == T_OTHERS:
        return length == USAGE_SIZE and value[0] == USAGE_LAYOUT
    if table == T_RULESET:
        return is_ruleset(value, length)
    if table == T_STATION:
        return is_station(value, length)
    if table == T_DEVICE:
        return is_device(value, length)
    return length > 0


cdef int require_known_ops(octets data, size_t length) except -1:
    """Raises ValueError unless every operation is whole, of a feed table, and of a layout known here."""
    cdef size_t at = 0, key_bytes, value_bytes
    cdef int table, put
    while at < length:
        if length - at < OP_SIZE:
            raise ValueError("feed operations: cut short")
        table, put, key_bytes, value_bytes = data[at], data[at + 1], le16(data + at + 2), le32(data + at + 4)
        at += OP_SIZE
        if length - at < key_bytes or length - at - key_bytes < value_bytes or not key_size(table) or put > 1 or (
                not put and value_bytes):
            raise ValueError("feed operations: malformed")
        if key_bytes != key_size(table):
            raise ValueError(f"feed operations: a key of {key_bytes} bytes in table {table}")
        if put and not is_known_value(table, data + at + key_bytes, value_bytes):
            raise ValueError(f"feed operations: a value of unknown layout in table {table}")
        at += key_bytes + value_bytes
    return 0


cdef int apply_ops(MDB_txn* txn, unsigned int* dbis, octets data, size_t length,
                   uint32_t generation, uint32_t own_edge, Applied* applied) noexcept nogil:
    """Writes operations that require_known_ops has passed. LMDB's code; the GIL is not needed."""
    cdef MDB_val key, value, stored
    cdef unsigned char stamped[RECORD_SIZE]
    cdef size_t at = 0
    cdef int table, put, rc
    applied.written, applied.live = 0, False
    while at < length:
        table, put, key.mv_size, value.mv_size = data[at], data[at + 1], le16(data + at + 2), le32(data + at + 4)
        key.mv_data = <void*>(data + at + OP_SIZE)
        value.mv_data = <void*>(data + at + OP_SIZE + key.mv_size)
        at += OP_SIZE + key.mv_size + value.mv_size
        if table == T_OTHERS and be32(<octets>key.mv_data + 12) == own_edge:
            continue
        if not put:
            rc = mdb_del(txn, dbis[table], &key, NULL)
            if rc == MDB_NOTFOUND:
                continue
        else:
            if table == T_ENTITLEMENT or table == T_OTHERS:
                rc = mdb_get(txn, dbis[table], &key, &stored)
                if rc and rc != MDB_NOTFOUND:
                    return rc
                if rc == 0 and is_newer(&stored, &value):
                    continue
            if table == T_ENTITLEMENT:
                memcpy(stamped, value.mv_data, RECORD_SIZE)
                put_le32(stamped + GENERATION_AT, generation)
                value.mv_data = stamped
            rc = mdb_put(txn, dbis[table], &key, &value, 0)
        if rc:
            return rc
        applied.written += 1
        if is_live(table):
            applied.live = True
    return 0


cdef bint is_newer(MDB_val* stored, MDB_val* value) noexcept nogil:
    """Whether the stored value is of the same layout and of a higher revision."""
    cdef octets old = <octets>stored.mv_data
    cdef octets new = <octets>value.mv_data
    return stored.mv_size == value.mv_size and old[0] == new[0] and le32(old + REVISION_AT) > le32(new + REVISION_AT)
