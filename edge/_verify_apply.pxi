# Applying the feed's operations: all of them looked at first, then written.

cdef enum:
    OP_SIZE = 8

cdef struct Applied:
    size_t written
    bint live


cdef size_t key_size(int table) noexcept nogil:
    """Of a feed table's keys; 0 where the feed has no such table."""
    if table == T_ENTITLEMENT:
        return 8
    if table == T_INDEX:
        return 25
    if table == T_OTHERS:
        return 16
    return 4 if is_live(table) else 0


cdef bint is_live(int table) noexcept nogil:
    return table in (T_RULESET, T_STATION, T_DEVICE, T_VENUE, T_DAYKEY)


cdef bint is_known_value(int table, octets value, size_t length):
    if table == T_ENTITLEMENT:
        return length == RECORD_SIZE and value[0] == RECORD_LAYOUT
    if table == T_INDEX:
        return length == 4
    if table == T_OTHERS:
        return is_usage(value, length)
    if table == T_RULESET:
        return is_ruleset(value, length)
    if table == T_STATION:
        return is_station(value, length)
    if table == T_DEVICE:
        return is_device(value, length)
    if table == T_DAYKEY:
        return is_day_key(value, length)
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
                if rc == 0 and is_newer(table, &stored, &value):
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


cdef bint is_newer(int table, MDB_val* stored, MDB_val* value) noexcept nogil:
    """Whether the stored value is of a layout known here and of a higher revision."""
    cdef octets old = <octets>stored.mv_data
    cdef octets new = <octets>value.mv_data
    if table == T_OTHERS:
        if not is_usage(old, stored.mv_size):
            return False
    elif stored.mv_size != RECORD_SIZE or old[0] != RECORD_LAYOUT:
        return False
    return le32(old + REVISION_AT) > le32(new + REVISION_AT)
