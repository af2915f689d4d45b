# cython: language_level=3, wraparound=False, embedsignature=False
"""The compiled core: parse, digest or signature, look-up and rules in C, over LMDB it opens itself.

See _verify.pyi for what each name does and _verify_py.py for the same in Python. The parts, in order:
  _verify_libs.pxi     LMDB's and libsodium's symbols, found in the installed wheels; self_test
  _verify_store.pxi    Environment
  _verify_txn.pxi      WriteTxn
  _verify_layouts.pxi  the layouts of paifang.records; applying the feed
  _verify_rules.pxi    Verdict, live records, the rules
  _verify_pass.pxi     base45 and the pass
A check holds the GIL from start to end: giving it up beside a busy thread would cost a whole switch
interval. Commits and feed batches, in the committer's thread, run without it.
"""

import os

cimport cython
from cpython.object cimport PyObject
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Size
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcmp, memcpy, memset

from edge._store_common import DATABASES, MAX_DATABASES, SCAN_BYTES, OwnerLock, StoreError
from paifang import base45, passes, records
from paifang.reasons import Reason

IMPLEMENTATION = "compiled"

include "_verify_libs.pxi"
include "_verify_store.pxi"
include "_verify_txn.pxi"
include "_verify_layouts.pxi"
include "_verify_rules.pxi"
include "_verify_pass.pxi"

cdef enum:
    # paifang.records.CredentialKind
    LINE = 0
    PASS = 1
    ROTATING = 2
    CHANNEL = 3
    ID_NUMBER = 4
    SHORT = 7

    MAX_TEXT = 1024  # a longer line is noise, whatever it says
    MIN_CHANNEL_CODE = 6
    MAX_CODE = 64
    HASH_SIZE = 16

cdef struct PassKey:
    uint16_t key_id
    unsigned char public[32]
    int64_t not_before
    int64_t not_after
    bint killed

cdef unsigned char PASS_TAG[TAG_SIZE]
memcpy(PASS_TAG, <octets><bytes>passes.TAG, TAG_SIZE)


@cython.final
cdef class Verifier:
    cdef public dict inflight
    cdef Environment environment
    cdef bytes pepper
    cdef LiveState live
    cdef PassKey* keys
    cdef size_t keys_count

    def __init__(self, Environment environment not None, bytes pepper not None):
        self.inflight = {}
        self.environment = environment
        self.pepper = pepper
        self.reload_live()

    def __dealloc__(self):
        free(self.keys)

    def reload_live(self):
        def rows(table):
            return self.environment.scan(table, b"", UNLIMITED_ROWS, UNLIMITED_ROWS)

        self.live = LiveState(rows(T_RULESET), rows(T_STATION), rows(T_DEVICE))

    def set_pass_keys(self, keys):
        rows = [(number, bytes(public), not_before, not_after, bool(killed))
                for number, public, not_before, not_after, killed in keys]
        cdef PassKey* built = <PassKey*>malloc((len(rows) + 1) * sizeof(PassKey))
        cdef size_t count = 0
        if built is NULL:
            raise MemoryError
        try:
            for number, public, not_before, not_after, killed in rows:
                if len(public) != 32:
                    raise ValueError(f"pass key {number}: a public key has 32 bytes, not {len(public)}")
                built[count].key_id = number
                memcpy(built[count].public, <octets><bytes>public, 32)
                built[count].not_before = not_before
                built[count].not_after = not_after
                built[count].killed = killed
                count += 1
        except BaseException:
            free(built)
            raise
        free(self.keys)
        self.keys = built
        self.keys_count = count

    def check(self, int kind, bytes data not None, uint32_t station_id, uint32_t device_id,
              int64_t now_ms, uint32_t day, uint32_t month):
        cdef Request request = Request(kind, station_id, device_id, now_ms, day, month)
        cdef octets p = <octets>PyBytes_AS_STRING(data)
        cdef size_t length = PyBytes_GET_SIZE(data)
        if kind == LINE or kind == PASS:
            if length >= PREFIX_SIZE and memcmp(p, b"PF1:", PREFIX_SIZE) == 0:
                request.kind = PASS
                return self.check_pass(p, length, &request)
            if kind == PASS or not is_channel_code(p, length):
                return refusal(kind, UNKNOWN_FORMAT if is_text(p, length) else UNREADABLE)
            request.kind = CHANNEL
        elif kind < CHANNEL or kind > SHORT:
            return refusal(kind, UNKNOWN_FORMAT)
        elif kind == ID_NUMBER:
            data = data.strip().upper()
            p = <octets>PyBytes_AS_STRING(data)
            length = PyBytes_GET_SIZE(data)
        if length == 0 or length > MAX_CODE:
            return refusal(kind, UNREADABLE)
        return self.check_indexed(p, length, &request)

    cdef Verdict check_pass(self, octets line, size_t length, const Request* request):
        cdef Verdict verdict = new_verdict(PASS)
        cdef Pass parsed
        cdef unsigned char key_bytes[8]
        cdef Record record
        cdef MDB_val key, stored
        cdef int rc = read_pass(line, length, &parsed)
        if rc != OK:
            verdict.reason = rc
            return verdict
        memcpy(verdict.tag_bytes, parsed.digest, 8)
        verdict.has_tag = True
        put_be64(key_bytes, parsed.entitlement_id)
        key.mv_size, key.mv_data = 8, key_bytes
        rc = mdb_get(self.environment.snapshot(), self.environment.dbis[T_ENTITLEMENT], &key, &stored)
        if rc == MDB_NOTFOUND:
            verdict.reason = self.signature_miss(&parsed, request.now_ms // 1000)
        elif rc:
            fail(rc)
        elif not read_record(<octets>stored.mv_data, stored.mv_size, &record):
            verdict.entitlement_id = parsed.entitlement_id
            verdict.reason = UNKNOWN
        else:
            note_record(verdict, &record, parsed.entitlement_id)
            if memcmp(record.digest, parsed.digest, 16) != 0:
                verdict.reason = REPLACED
            else:
                self.judge(verdict, &record, request)
        return verdict

    cdef int signature_miss(self, const Pass* presented, int64_t now) noexcept:
        """Why a pass the cache has never seen does not admit."""
        cdef unsigned char message[TAG_SIZE + MAX_RAW]
        cdef size_t signed_bytes = presented.length - SIGNATURE_SIZE
        cdef size_t i = self.keys_count
        cdef const PassKey* key = NULL
        while i > 0 and key is NULL:  # of two with one id the later counts
            i -= 1
            if self.keys[i].key_id == presented.key_id:
                key = &self.keys[i]
        if key is NULL:
            return KEY_UNKNOWN
        if key.killed or now < key.not_before or now > key.not_after:
            return KEY_DEAD
        memcpy(message, PASS_TAG, TAG_SIZE)
        memcpy(message + TAG_SIZE, presented.raw, signed_bytes)
        if ed25519_verify(presented.raw + signed_bytes, message, TAG_SIZE + signed_bytes, key.public) != 0:
            return FORGED
        return UNKNOWN

    cdef Verdict check_indexed(self, octets value, size_t length, const Request* request):
        """The admissible entitlement behind the credential that expires first, else the nearest miss."""
        cdef Verdict best = refusal(request.kind, UNKNOWN), verdict
        cdef unsigned char prefix[1 + 32]
        cdef MDB_cursor* cursor = NULL
        cdef MDB_val key, row
        prefix[0] = request.kind
        keyed_hash(<octets>PyBytes_AS_STRING(self.pepper), PyBytes_GET_SIZE(self.pepper), prefix[0], value, length,
                   prefix + 1)
        key.mv_size, key.mv_data = 1 + HASH_SIZE, prefix
        try:
            check_rc(mdb_cursor_open(self.environment.snapshot(), self.environment.dbis[T_INDEX], &cursor))
            rc = mdb_cursor_get(cursor, &key, &row, MDB_SET_RANGE)
            while rc == 0 and key.mv_size == 25 and memcmp(key.mv_data, prefix, 1 + HASH_SIZE) == 0:
                verdict = self.check_entitlement(be64(<octets>key.mv_data + 17), request)
                if is_better(verdict, best):
                    best = verdict
                rc = mdb_cursor_get(cursor, &key, &row, MDB_NEXT)
            if rc and rc != MDB_NOTFOUND:
                fail(rc)
        finally:
            if cursor is not NULL:
                mdb_cursor_close(cursor)
        return best

    cdef Verdict check_entitlement(self, uint64_t entitlement_id, const Request* request):
        cdef Verdict verdict = new_verdict(request.kind)
        cdef unsigned char key_bytes[8]
        cdef Record record
        cdef MDB_val key, stored
        put_be64(key_bytes, entitlement_id)
        key.mv_size, key.mv_data = 8, key_bytes
        cdef int rc = mdb_get(self.environment.reader, self.environment.dbis[T_ENTITLEMENT], &key, &stored)
        if rc and rc != MDB_NOTFOUND:
            fail(rc)
        if rc or not read_record(<octets>stored.mv_data, stored.mv_size, &record):
            verdict.reason = UNKNOWN
        else:
            note_record(verdict, &record, entitlement_id)
            self.judge(verdict, &record, request)
        return verdict

    cdef int judge(self, Verdict verdict, const Record* record, const Request* request) except -1:
        """The rules on a known record, inside a read."""
        cdef Tally tally
        cdef octets own = NULL
        cdef size_t own_size = 0
        verdict.reason = miss_before_uses(verdict, record, self.live, request)
        if verdict.reason != OK:
            return 0
        note_usage_key(verdict)
        verdict.usage_before = self.own_usage(verdict)
        memset(&tally, 0, sizeof(tally))
        if verdict.usage_before is not None:
            own = <octets>PyBytes_AS_STRING(verdict.usage_before)
            own_size = PyBytes_GET_SIZE(verdict.usage_before)
            count_uses(&tally, own, own_size)
        self.count_siblings(verdict, &tally)
        verdict.reason = judge_uses(verdict, record, self.live, own, own_size, &tally, request)
        return 0

    cdef bytes own_usage(self, Verdict verdict):
        """This edge's usage value: the one reserved and not yet committed, else the stored one."""
        cdef MDB_val key, stored
        cdef PyObject* reserved
        if PyDict_Size(self.inflight):
            reserved = PyDict_GetItem(self.inflight, verdict.usage_key)
            if reserved is not NULL:
                return <bytes?><object>reserved
        key.mv_size, key.mv_data = KEY_BYTES, verdict.key_bytes
        cdef int rc = mdb_get(self.environment.reader, self.environment.dbis[T_USAGE], &key, &stored)
        if rc == MDB_NOTFOUND:
            return None
        check_rc(rc)
        return val_bytes(&stored)

    cdef int count_siblings(self, Verdict verdict, Tally* tally) except -1:
        """Adds what the other edges have counted."""
        cdef MDB_txn* txn = self.environment.reader
        cdef unsigned int dbi = self.environment.dbis[T_OTHERS]
        cdef MDB_stat stat
        cdef MDB_cursor* cursor
        cdef MDB_val key, usage
        check_rc(mdb_stat(txn, dbi, &stat))
        if stat.ms_entries == 0:
            return 0
        check_rc(mdb_cursor_open(txn, dbi, &cursor))
        key.mv_size, key.mv_data = KEY_BYTES, verdict.key_bytes
        cdef int rc = mdb_cursor_get(cursor, &key, &usage, MDB_SET_RANGE)
        while rc == 0 and key.mv_size >= KEY_BYTES and memcmp(key.mv_data, verdict.key_bytes, KEY_BYTES) == 0:
            count_uses(tally, <octets>usage.mv_data, usage.mv_size)
            rc = mdb_cursor_get(cursor, &key, &usage, MDB_NEXT)
        mdb_cursor_close(cursor)
        if rc and rc != MDB_NOTFOUND:
            fail(rc)
        return 0


cdef Verdict refusal(int kind, int reason):
    cdef Verdict verdict = new_verdict(kind)
    verdict.reason = reason
    return verdict


cdef bint is_better(Verdict verdict, Verdict best) noexcept:
    if verdict.admit != best.admit:
        return verdict.admit
    return verdict.valid_until < best.valid_until if verdict.admit else verdict.reason > best.reason


cdef bint is_channel_code(octets p, size_t length) noexcept nogil:
    cdef size_t i
    if length < MIN_CHANNEL_CODE or length > MAX_CODE:
        return False
    for i in range(length):
        if not (c"0" <= p[i] <= c"9" or c"A" <= p[i] <= c"Z" or c"a" <= p[i] <= c"z" or p[i] == c"-"):
            return False
    return True


cdef bint is_text(octets p, size_t length) noexcept nogil:
    """Printable ASCII, and not more of it than somebody would have put into a code."""
    cdef size_t i
    if length == 0 or length > MAX_TEXT:
        return False
    for i in range(length):
        if p[i] < 0x20 or p[i] > 0x7E:
            return False
    return True
