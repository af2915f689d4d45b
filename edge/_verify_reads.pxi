# What a check reads of the store, in the Environment's snapshot: records, the index, usages.

cdef enum:
    HASH_SIZE = 16
    INDEX_KEY_SIZE = 25

    # what a look-up of a record comes to
    MISSING = 0
    FOUND = 1
    OF_ANOTHER_LAYOUT = 2

cdef struct Behind:
    # A walk over the entitlements that a credential opens.
    MDB_cursor* cursor
    MDB_val key
    MDB_val row
    int rc
    unsigned char prefix[1 + 32]


cdef int find_record(Environment environment, uint64_t entitlement_id, Record* record) except -1:
    """MISSING, FOUND or OF_ANOTHER_LAYOUT."""
    cdef unsigned char key_bytes[8]
    cdef MDB_val key, stored
    put_be64(key_bytes, entitlement_id)
    key.mv_size, key.mv_data = 8, key_bytes
    cdef int rc = mdb_get(environment.snapshot(), environment.dbis[T_ENTITLEMENT], &key, &stored)
    if rc == MDB_NOTFOUND:
        return MISSING
    check_rc(rc)
    return FOUND if read_record(<octets>stored.mv_data, stored.mv_size, record) else OF_ANOTHER_LAYOUT


cdef void hash_into(unsigned char* prefix, bytes pepper, int kind, octets value, size_t length) noexcept:
    """Kind and hash, as index keys begin; writes 33 bytes."""
    prefix[0] = kind
    keyed_hash(<octets>PyBytes_AS_STRING(pepper), PyBytes_GET_SIZE(pepper), prefix[0], value, length, prefix + 1)


cdef int look_behind(Environment environment, bytes pepper, Behind* behind, int kind, octets value,
                     size_t length) except -1:
    """Opens the walk; its cursor is to be closed."""
    hash_into(behind.prefix, pepper, kind, value, length)
    behind.key.mv_size, behind.key.mv_data = 1 + HASH_SIZE, behind.prefix
    check_rc(mdb_cursor_open(environment.snapshot(), environment.dbis[T_INDEX], &behind.cursor))
    behind.rc = mdb_cursor_get(behind.cursor, &behind.key, &behind.row, MDB_SET_RANGE)
    return 0


cdef bint next_behind(Behind* behind, uint64_t* entitlement_id) except -1:
    """The next entitlement of the walk; False at its end."""
    if behind.rc and behind.rc != MDB_NOTFOUND:
        fail(behind.rc)
    if behind.rc or behind.key.mv_size != INDEX_KEY_SIZE or memcmp(
            behind.key.mv_data, behind.prefix, 1 + HASH_SIZE) != 0:
        return False
    entitlement_id[0] = be64(<octets>behind.key.mv_data + 1 + HASH_SIZE)
    behind.rc = mdb_cursor_get(behind.cursor, &behind.key, &behind.row, MDB_NEXT)
    return True


cdef bint is_indexed(Environment environment, bytes pepper, const Presented* shown) except -1:
    """Whether the credential opens anything."""
    cdef uint64_t entitlement_id
    cdef Behind behind
    look_behind(environment, pepper, &behind, shown.kind, shown.value, shown.length)
    try:
        return next_behind(&behind, &entitlement_id)
    finally:
        mdb_cursor_close(behind.cursor)


cdef int identity_of(Environment environment, bytes pepper, uint64_t entitlement_id, const Request* request) except -1:
    """edge.verdict.Identity: what the ID card read before says of the entitlement."""
    cdef unsigned char key_bytes[1 + 32]
    cdef MDB_val key, row
    cdef Presented card
    cdef int rc = recognise(ID_NUMBER, request.companion, request.companion_size, &card)
    if card.length == 0:
        return IDENTITY_NONE
    if rc != OK:
        return IDENTITY_OTHER
    hash_into(key_bytes, pepper, ID_NUMBER, card.value, card.length)
    put_be64(key_bytes + 1 + HASH_SIZE, entitlement_id)
    key.mv_size, key.mv_data = INDEX_KEY_SIZE, key_bytes
    rc = mdb_get(environment.reader, environment.dbis[T_INDEX], &key, &row)
    if rc and rc != MDB_NOTFOUND:
        fail(rc)
    return IDENTITY_OTHER if rc else IDENTITY_MATCHES


cdef bytes count_all(Environment environment, dict inflight, Tally* tally, uint64_t owner_id, uint32_t group_id,
                     const Request* request):
    """Fills in the tally of a counter; this edge's usage value or None."""
    cdef unsigned char counter[KEY_BYTES]
    cdef bytes own
    put_key(counter, owner_id, group_id)
    own = own_usage(environment, inflight, counter)
    memset(tally, 0, sizeof(Tally))
    if own is not None:
        count_own(tally, <octets>PyBytes_AS_STRING(own), PyBytes_GET_SIZE(own), request)
    if environment.has_others:
        count_siblings(environment, tally, counter, request)
    return own


cdef bytes own_usage(Environment environment, dict inflight, const unsigned char* counter):
    """The one reserved and not yet committed, else the stored one."""
    cdef MDB_val key, stored
    cdef PyObject* reserved
    if PyDict_Size(inflight):
        reserved = PyDict_GetItem(inflight, PyBytes_FromStringAndSize(<const char*>counter, KEY_BYTES))
        if reserved is not NULL:
            return <bytes?><object>reserved
    key.mv_size, key.mv_data = KEY_BYTES, <void*>counter
    cdef int rc = mdb_get(environment.reader, environment.dbis[T_USAGE], &key, &stored)
    if rc == MDB_NOTFOUND:
        return None
    check_rc(rc)
    return val_bytes(&stored)


cdef int count_siblings(Environment environment, Tally* tally, const unsigned char* counter,
                        const Request* request) except -1:
    """Adds what the other edges have counted."""
    cdef MDB_txn* txn = environment.reader
    cdef unsigned int dbi = environment.dbis[T_OTHERS]
    cdef MDB_cursor* cursor
    cdef MDB_val key, row
    check_rc(mdb_cursor_open(txn, dbi, &cursor))
    key.mv_size, key.mv_data = KEY_BYTES, <void*>counter
    cdef int rc = mdb_cursor_get(cursor, &key, &row, MDB_SET_RANGE)
    while rc == 0 and key.mv_size >= KEY_BYTES and memcmp(key.mv_data, counter, KEY_BYTES) == 0:
        count_other(tally, <octets>row.mv_data, row.mv_size, request)
        rc = mdb_cursor_get(cursor, &key, &row, MDB_NEXT)
    mdb_cursor_close(cursor)
    if rc and rc != MDB_NOTFOUND:
        fail(rc)
    return 0
