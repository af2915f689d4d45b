# Write transactions: one at a time, in the thread that began it.

@cython.final
@cython.no_gc_clear
cdef class WriteTxn:
    cdef Environment environment
    cdef unsigned long long number

    def __init__(self):
        raise TypeError("Environment.begin makes write transactions")

    def __dealloc__(self):
        # From another thread LMDB's lock could not be given back: leave that to Environment.close.
        if self.environment is not None and self.is_open() and self.is_mine():
            mdb_txn_abort(self.environment.writer)
            self.environment.writer = NULL

    cdef bint is_open(self) noexcept:
        return self.environment.writer is not NULL and self.environment.writer_number == self.number

    cdef bint is_mine(self) noexcept:
        return self.environment.writer_thread == PyThread_get_thread_ident()

    cdef MDB_txn* txn(self) except NULL:
        if self.environment is None or not self.is_open():
            raise StoreError("the transaction has ended")
        if not self.is_mine():
            raise StoreError("the transaction belongs to another thread")
        return self.environment.writer

    def get(self, int table, bytes key not None):
        return get_row(self.txn(), self.environment.dbi(table), key)

    def put(self, int table, bytes key not None, bytes value not None):
        cdef MDB_val k = bytes_val(key), v = bytes_val(value)
        cdef MDB_txn* txn = self.txn()
        cdef unsigned int dbi = self.environment.dbi(table)
        cdef int rc = MDB_KEYEXIST
        if table == T_JOURNAL:  # rows come in order: appending fills the pages whole
            rc = mdb_put(txn, dbi, &k, &v, MDB_APPEND)
        if rc == MDB_KEYEXIST:
            rc = mdb_put(txn, dbi, &k, &v, 0)
        check_rc(rc)

    def delete(self, int table, bytes key not None):
        cdef MDB_val k = bytes_val(key)
        cdef int rc = mdb_del(self.txn(), self.environment.dbi(table), &k, NULL)
        if rc == MDB_NOTFOUND:
            return False
        check_rc(rc)
        return True

    def delete_range(self, int table, bytes start not None, bytes end not None, size_t limit):
        cdef MDB_cursor* cursor
        cdef MDB_val key = bytes_val(start), value
        cdef size_t deleted = 0
        cdef int rc = mdb_cursor_open(self.txn(), self.environment.dbi(table), &cursor)
        check_rc(rc)
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE if start else MDB_FIRST)
        while rc == 0 and deleted < limit and is_below(&key, end):
            rc = mdb_cursor_del(cursor, 0)
            if rc == 0:
                deleted += 1
                rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)  # the row that took the deleted one's place
        mdb_cursor_close(cursor)
        if rc and rc != MDB_NOTFOUND:
            fail(rc)
        return deleted

    def scan(self, int table, bytes start not None, size_t limit, size_t max_bytes=SCAN_BYTES,
             bytes prefix not None=b""):
        return scan_rows(self.txn(), self.environment.dbi(table), start, limit, max_bytes, prefix)

    def last(self, int table):
        return last_row(self.txn(), self.environment.dbi(table))

    def apply(self, bytes ops not None, generation, own_edge_id):
        cdef Applied applied
        cdef MDB_txn* txn = self.txn()
        cdef const unsigned char* data = <const unsigned char*>PyBytes_AS_STRING(ops)
        cdef size_t length = PyBytes_GET_SIZE(ops)
        if not 0 <= generation <= 0xFFFFFFFF:
            raise ValueError(f"generation {generation} is not a 32-bit number")
        require_known_ops(data, length)
        cdef uint32_t stamp = generation
        cdef uint32_t own = own_edge_id
        cdef Environment environment = self.environment
        cdef int rc
        environment.busy = True
        with nogil:
            rc = apply_ops(txn, environment.dbis, data, length, stamp, own, &applied)
        environment.busy = False
        check_rc(rc)
        return applied.written, bool(applied.live)

    def commit(self):
        cdef MDB_txn* txn = self.txn()
        cdef Environment environment = self.environment
        cdef int rc
        environment.busy = True
        with nogil:
            rc = mdb_txn_commit(txn)
        environment.busy = False
        environment.writer = NULL
        environment.drop_snapshot()
        check_rc(rc)

    def abort(self):
        if self.environment is not None and self.is_open():
            mdb_txn_abort(self.txn())
            self.environment.writer = NULL


cdef inline bint is_below(MDB_val* key, bytes end):
    """Whether the key sorts before `end`: bytes first, then length, as LMDB compares them."""
    cdef size_t length = PyBytes_GET_SIZE(end)
    cdef int order = memcmp(key.mv_data, PyBytes_AS_STRING(end), min(key.mv_size, length))
    return order < 0 or (order == 0 and key.mv_size < length)
