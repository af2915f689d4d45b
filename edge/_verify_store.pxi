# The one LMDB environment of the process: rows, scans, the snapshot that checks read, who may write.

cdef enum:
    TABLES = 32  # table numbers are below
    T_ENTITLEMENT = 1
    T_INDEX = 2
    T_OTHERS = 3
    T_RULESET = 4
    T_STATION = 5
    T_DEVICE = 6
    T_VENUE = 7
    T_DAYKEY = 8
    T_USAGE = 16
    T_JOURNAL = 17

cdef size_t UNLIMITED_ROWS = 1 << 40


cdef int fail(int code) except -1:
    """Raises StoreError with LMDB's own words."""
    raise StoreError(mdb_strerror(code).decode("ascii", "replace"), code)


cdef inline int check_rc(int rc) except -1:
    if rc:
        fail(rc)
    return 0


cdef inline MDB_val bytes_val(bytes data):
    cdef MDB_val val
    val.mv_size = PyBytes_GET_SIZE(data)
    val.mv_data = <void*>PyBytes_AS_STRING(data)
    return val


cdef inline bytes val_bytes(MDB_val* val):
    return PyBytes_FromStringAndSize(<char*>val.mv_data, val.mv_size)


cdef bytes get_row(MDB_txn* txn, unsigned int dbi, bytes key):
    cdef MDB_val k = bytes_val(key), v
    cdef int rc = mdb_get(txn, dbi, &k, &v)
    if rc == MDB_NOTFOUND:
        return None
    if rc:
        fail(rc)
    return val_bytes(&v)


cdef list scan_rows(MDB_txn* txn, unsigned int dbi, bytes start, size_t limit, size_t max_bytes, bytes prefix):
    cdef MDB_cursor* cursor
    cdef bytes first = start if start > prefix else prefix
    cdef MDB_val key = bytes_val(first), value
    cdef size_t size = 0
    cdef list rows = []
    cdef int rc = mdb_cursor_open(txn, dbi, &cursor)
    if rc:
        fail(rc)
    try:
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE if first else MDB_FIRST)
        while rc == 0 and <size_t>len(rows) < limit:
            size += value.mv_size
            if not has_prefix(&key, prefix) or (rows and size > max_bytes):
                break
            rows.append((val_bytes(&key), val_bytes(&value)))
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
    finally:
        mdb_cursor_close(cursor)
    if rc and rc != MDB_NOTFOUND:
        fail(rc)
    return rows


cdef inline bint has_prefix(MDB_val* key, bytes prefix):
    cdef size_t length = PyBytes_GET_SIZE(prefix)
    return key.mv_size >= length and memcmp(key.mv_data, PyBytes_AS_STRING(prefix), length) == 0


cdef tuple last_row(MDB_txn* txn, unsigned int dbi):
    cdef MDB_cursor* cursor
    cdef MDB_val key, value
    cdef int rc = mdb_cursor_open(txn, dbi, &cursor)
    if rc:
        fail(rc)
    rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST)
    mdb_cursor_close(cursor)
    if rc == MDB_NOTFOUND:
        return None
    if rc:
        fail(rc)
    return val_bytes(&key), val_bytes(&value)


@cython.final
cdef class Environment:
    cdef readonly str path
    cdef readonly size_t map_size
    cdef object lock
    cdef MDB_env* env
    # The snapshot that checks read. We are the only writer, so it stays good until our next commit, which
    # drops it: finding the tables anew costs as much as a look-up in them.
    cdef MDB_txn* reader
    cdef bint reading
    cdef bint has_others  # siblings' uses in the snapshot, of anybody
    cdef unsigned int page_bytes
    cdef unsigned int dbis[TABLES]
    cdef bint has_table[TABLES]
    # The one write transaction. Handles name it by number, so a handle left behind can never reach a freed one.
    cdef MDB_txn* writer
    cdef unsigned long long writer_number
    cdef unsigned long writer_thread
    cdef bint busy              # the writer is inside LMDB with the GIL released

    def __cinit__(self):
        self.env = NULL
        self.reader = NULL
        self.writer = NULL
        self.lock = None

    def __init__(self, str path not None, size_t map_size):
        if self.lock is not None:
            raise StoreError(f"{self.path}: the store was opened already")
        self.path = path
        self.map_size = map_size
        self.lock = OwnerLock(path)
        try:
            self.open()
            self.prefault()
        except BaseException:
            self.shut()
            raise

    def __dealloc__(self):
        self.shut()

    cdef int open(self) except -1:
        cdef bytes encoded = os.fsencode(self.path)
        cdef MDB_stat stat
        cdef int rc = mdb_env_create(&self.env)
        if rc:
            self.env = NULL
            fail(rc)
        check_rc(mdb_env_set_mapsize(self.env, self.map_size))
        check_rc(mdb_env_set_maxdbs(self.env, MAX_DATABASES))
        check_rc(mdb_env_open(self.env, encoded, MDB_NOTLS, 0o600))
        check_rc(mdb_env_stat(self.env, &stat))
        self.page_bytes = stat.ms_psize
        self.fill_up()
        self.open_tables()
        check_rc(mdb_txn_begin(self.env, NULL, MDB_RDONLY, &self.reader))
        mdb_txn_reset(self.reader)
        return 0

    cdef int fill_up(self) except -1:
        """Makes a file that was cut short as long as LMDB expects. Reading a page that is not there would end the
        process with SIGBUS; one of zeros is an error like any other (MDB_CORRUPTED)."""
        cdef MDB_envinfo info
        check_rc(mdb_env_info(self.env, &info))
        path = os.path.join(self.path, "data.mdb")
        length = (info.me_last_pgno + 1) * self.page_bytes
        if os.stat(path).st_size < length:
            os.truncate(path, length)
        return 0

    cdef int open_tables(self) except -1:
        cdef MDB_txn* txn
        cdef int rc = 0
        cdef int table
        cdef bytes name
        check_rc(mdb_txn_begin(self.env, NULL, 0, &txn))
        for number, name in DATABASES.items():
            table = number
            rc = mdb_dbi_open(txn, name, MDB_CREATE, &self.dbis[table])
            if rc:
                break
            self.has_table[table] = True
        if rc:
            mdb_txn_abort(txn)
            fail(rc)
        check_rc(mdb_txn_commit(txn))
        return 0

    cdef int prefault(self) except -1:
        """Maps the file's pages now, so that no visitor waits for a page fault. Advice: a refusal changes nothing."""
        cdef size_t start
        path = os.path.realpath(os.path.join(self.path, "data.mdb"))
        length = min(os.stat(path).st_size, self.map_size) // self.page_bytes * self.page_bytes
        try:
            with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
                found = [line for line in maps if line.rstrip("\n").endswith(path)]
        except OSError:  # no /proc here
            return 0
        if found:
            start = int(found[0].partition("-")[0], 16)
            madvise(<void*>start, length, MADV_POPULATE_READ)
        return 0

    cdef void shut(self) noexcept:
        if self.writer is not NULL:
            mdb_txn_abort(self.writer)
            self.writer = NULL
        if self.reader is not NULL:
            mdb_txn_abort(self.reader)
            self.reader = NULL
        if self.env is not NULL:
            mdb_env_close(self.env)
            self.env = NULL
        if self.lock is not None:
            self.lock.release()

    cdef int require_open(self) except -1:
        if self.env is NULL:
            raise StoreError(f"{self.path}: the store is closed")
        return 0

    cdef unsigned int dbi(self, int table) except? 0:
        if table < 0 or table >= TABLES or not self.has_table[table]:
            raise StoreError(f"there is no table {table}", MDB_BAD_DBI)
        return self.dbis[table]

    cdef MDB_txn* snapshot(self) except NULL:
        """The newest committed state. What reads it must not run Python code or give up the GIL before it is done."""
        cdef MDB_stat stat
        self.require_open()
        if not self.reading:
            check_rc(mdb_txn_renew(self.reader))
            self.reading = True
            check_rc(mdb_stat(self.reader, self.dbis[T_OTHERS], &stat))
            self.has_others = stat.ms_entries > 0
        return self.reader

    cdef void drop_snapshot(self) noexcept:
        """After a commit. Also lets LMDB use the pages again that only this snapshot still needed."""
        if self.reading:
            mdb_txn_reset(self.reader)
            self.reading = False

    cdef MDB_txn* begin_read(self) except NULL:
        """A read of its own, for what allocates containers: the collector may run finalizers that read too."""
        cdef MDB_txn* txn
        self.require_open()
        check_rc(mdb_txn_begin(self.env, NULL, MDB_RDONLY, &txn))
        return txn

    def get(self, int table, bytes key not None):
        return get_row(self.snapshot(), self.dbi(table), key)

    def scan(self, int table, bytes start not None, size_t limit, size_t max_bytes=SCAN_BYTES,
             bytes prefix not None=b""):
        cdef unsigned int dbi = self.dbi(table)
        cdef MDB_txn* txn = self.begin_read()
        try:
            return scan_rows(txn, dbi, start, limit, max_bytes, prefix)
        finally:
            mdb_txn_abort(txn)

    def last(self, int table):
        cdef unsigned int dbi = self.dbi(table)
        cdef MDB_txn* txn = self.begin_read()
        try:
            return last_row(txn, dbi)
        finally:
            mdb_txn_abort(txn)

    def entries(self, int table):
        cdef MDB_stat stat
        cdef unsigned int dbi = self.dbi(table)
        cdef MDB_txn* txn = self.begin_read()
        cdef int rc = mdb_stat(txn, dbi, &stat)
        mdb_txn_abort(txn)
        check_rc(rc)
        return stat.ms_entries

    def used_permille(self):
        cdef MDB_stat stat
        cdef MDB_txn* txn = self.begin_read()
        cdef int table
        cdef int rc = mdb_env_stat(self.env, &stat)
        cdef size_t pages = 2 + stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages
        for table in range(TABLES):
            if self.has_table[table] and rc == 0:
                rc = mdb_stat(txn, self.dbis[table], &stat)
                pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages
        mdb_txn_abort(txn)
        check_rc(rc)
        return pages * 1000 // (self.map_size // self.page_bytes)

    def begin(self):
        self.require_open()
        if self.writer is not NULL:
            raise StoreError(f"{self.path}: a write transaction is already open")
        check_rc(mdb_txn_begin(self.env, NULL, 0, &self.writer))
        self.writer_number += 1
        self.writer_thread = PyThread_get_thread_ident()
        cdef WriteTxn handle = WriteTxn.__new__(WriteTxn)
        handle.environment = self
        handle.number = self.writer_number
        return handle

    def close(self):
        if self.busy:
            raise StoreError(f"{self.path}: a transaction is being written; close the store after it")
        self.shut()
