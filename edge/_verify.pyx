# cython: language_level=3, wraparound=False, embedsignature=False
"""The compiled core: parse, digest or signature, look-up and rules in C, over LMDB it opens itself.

See _verify.pyi for what each name does and _verify_py.py for the same in Python. The parts, in order:
  _verify_libs.pxi      LMDB's and libsodium's symbols, found in the installed wheels; self_test
  _verify_store.pxi     Environment
  _verify_txn.pxi       WriteTxn
  _verify_layouts.pxi   the layouts of paifang's records, rule sets and usages
  _verify_apply.pxi     applying the feed
  _verify_verdict.pxi   reasons, Verdict
  _verify_live.pxi      the live records in memory, Request
  _verify_windows.pxi   dates, slots, days, hours
  _verify_uses.pxi      uses over all edges, and what they leave
  _verify_rules.pxi     the checks in their order; decide
  _verify_pass.pxi      base45 and the pass
  _verify_rotating.pxi  codes of rotating passes
  _verify_codes.pxi     what a line is
A check holds the GIL from start to end: giving it up beside a busy thread would cost a whole switch
interval. Commits and feed batches, in the committer's thread, run without it.
"""

import os
from hashlib import blake2b

cimport cython
from cpython.object cimport PyObject
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem, PyDict_Size
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcmp, memcpy, memset

from edge._store_common import DATABASES, MAX_DATABASES, SCAN_BYTES, OwnerLock, StoreError
from paifang import base45, passes, records, rotating, rulesets, short_codes, usage
from paifang.reasons import Reason

IMPLEMENTATION = "compiled"

include "_verify_libs.pxi"
include "_verify_store.pxi"
include "_verify_txn.pxi"
include "_verify_layouts.pxi"
include "_verify_apply.pxi"
include "_verify_verdict.pxi"
include "_verify_live.pxi"
include "_verify_windows.pxi"
include "_verify_uses.pxi"
include "_verify_rules.pxi"
include "_verify_pass.pxi"
include "_verify_rotating.pxi"
include "_verify_codes.pxi"

cdef enum:
    HASH_SIZE = 16
    INDEX_KEY_SIZE = 25

    # what a look-up of a record comes to
    MISSING = 0
    FOUND = 1
    OF_ANOTHER_LAYOUT = 2

cdef struct PassKey:
    uint16_t key_id
    unsigned char public[32]
    int64_t not_before
    int64_t not_after
    bint killed

cdef struct Behind:
    # A walk over the entitlements that a credential opens.
    MDB_cursor* cursor
    MDB_val key
    MDB_val row
    int rc
    unsigned char prefix[1 + 32]

cdef unsigned char PASS_TAG[TAG_SIZE]
memcpy(PASS_TAG, <octets><bytes>passes.TAG, TAG_SIZE)


@cython.final
cdef class Verifier:
    cdef public dict inflight
    cdef public int64_t skew_ms
    cdef public int64_t current_to_ms
    cdef public int64_t signed_room
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

        settings = None
        for value in [value for key, value in rows(T_VENUE) if len(key) == 4][:1]:
            try:
                settings = records.VenueSettings.unpack(value)
            except ValueError:  # as if there were none: the daemon says so
                pass
        self.live = LiveState(rows(T_RULESET), rows(T_STATION), rows(T_DEVICE), rows(T_DAYKEY), settings)

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
              int64_t now_ms, uint32_t day, uint32_t month, int64_t minute, bytes companion not None=b"",
              int64_t room=NO_LIMIT, int64_t day_room=NO_LIMIT):
        cdef octets p = <octets>PyBytes_AS_STRING(data)
        cdef size_t length = PyBytes_GET_SIZE(data)
        cdef Presented shown
        cdef int miss = recognise(kind, p, length, &shown)
        cdef Request request = Request(
            shown.kind, station_id, device_id, now_ms, day, month, minute, self.live.day_kind(day), IDENTITY_NONE,
            room, day_room, NO_LIMIT, <octets>PyBytes_AS_STRING(companion), PyBytes_GET_SIZE(companion), self.live.station(station_id))
        if kind == LINE and shown.kind == SHORT and is_channel_code(p, length) and not self.is_indexed(&shown):
            request.kind, shown.value, shown.length = CHANNEL, p, length
        if request.station is not NULL and request.station.flags & EXIT:
            return self.check_leaving(&shown, miss, &request)
        if miss != OK:
            return refusal(request.kind, miss)
        if request.kind == PASS or request.kind == ROTATING:
            return self.check_pass(&shown, &request)
        return self.check_indexed(&shown, &request)

    # --- passes -------------------------------------------------------------------------------------------------------

    cdef Verdict check_pass(self, const Presented* shown, Request* request):
        cdef Verdict verdict = new_verdict(request.kind)
        cdef Pass parsed
        cdef LiveCode code
        cdef Record record
        cdef const RuleSet* rules
        cdef int found
        verdict.reason = self.read_shown(verdict, shown, request, &parsed, &code)
        if verdict.reason != OK:
            return verdict
        found = self.find_record(parsed.claims[ENTITLEMENT_ID], &record)
        if found == MISSING:
            return self.check_unseen(verdict, &parsed, &code, request)
        if found == OF_ANOTHER_LAYOUT:
            verdict.entitlement_id = parsed.claims[ENTITLEMENT_ID]
            verdict.reason = UNKNOWN
            return verdict
        rules = self.live.ruleset(record.ruleset_id)
        note_record(verdict, &record, parsed.claims[ENTITLEMENT_ID], rules)
        if memcmp(record.digest, parsed.digest, 16) != 0:
            verdict.reason = REPLACED
            return verdict
        if request.kind == ROTATING:
            verdict.reason = code_miss(self.live, &parsed, &code, request, self.skew_ms)
            if verdict.reason != OK:
                return verdict
            request.step = code.step
        self.judge(verdict, &record, rules, request)
        return verdict

    cdef int read_shown(self, Verdict verdict, const Presented* shown, const Request* request, Pass* parsed,
                        LiveCode* code) noexcept:
        """A line of a pass: OK and the verdict's tag, or why it is none."""
        cdef int rc
        if request.kind == ROTATING:
            rc = read_rotating(shown.value, shown.length, parsed, code)
        else:
            rc = read_pass(shown.value, shown.length, parsed)
        if rc == OK:
            memcpy(verdict.tag_bytes, parsed.digest, 8)
            verdict.has_tag = True
        return rc

    cdef Verdict check_unseen(self, Verdict verdict, const Pass* parsed, const LiveCode* code, Request* request):
        """A pass the store has no record of: perhaps one just sold, of a class that its signature admits."""
        cdef Verdict spent
        cdef const Pair* signed
        cdef Record record
        verdict.reason = self.signature_miss(parsed, request.now_ms // 1000)
        if verdict.reason != OK:
            return verdict
        signed = self.live.signed_class(parsed.claims[PRODUCT_CLASS])
        if signed is NULL or <int64_t>parsed.claims[ISSUED_AT] * 1000 <= self.current_to_ms:
            verdict.reason = UNKNOWN
            return verdict
        if request.kind == ROTATING:
            verdict.reason = code_miss(self.live, parsed, code, request, self.skew_ms)
            if verdict.reason != OK:
                return verdict
            request.step = code.step
        read_claims(parsed, signed.value, &record)
        note_record(verdict, &record, parsed.claims[ENTITLEMENT_ID], self.live.ruleset(signed.value))
        self.judge(verdict, &record, self.live.ruleset(signed.value), request)
        if not verdict.admit:
            return verdict
        if self.signed_room <= 0:  # last of all: what the rules refuse takes none of the room
            spent = refusal(request.kind, SIGNED_ONLY_SPENT)
            memcpy(spent.tag_bytes, parsed.digest, 8)
            spent.has_tag = True
            return spent
        verdict.signed_only = True
        return verdict

    cdef int signature_miss(self, const Pass* presented, int64_t now) noexcept:
        """What keeps a pass's signature from being this venue's, or OK."""
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
        return OK

    # --- credentials behind the index ---------------------------------------------------------------------------------

    cdef Verdict check_indexed(self, const Presented* shown, Request* request):
        """The admissible entitlement behind the credential that expires first, else the nearest miss."""
        cdef Verdict best = refusal(request.kind, UNKNOWN), verdict
        cdef const RuleSet* rules
        cdef uint64_t entitlement_id = 0
        cdef Record record
        cdef Behind behind
        self.look_behind(&behind, request.kind, shown.value, shown.length)
        try:
            while next_behind(&behind, &entitlement_id):
                if self.find_record(entitlement_id, &record) != FOUND:
                    continue
                verdict = new_verdict(request.kind)
                rules = self.live.ruleset(record.ruleset_id)
                note_record(verdict, &record, entitlement_id, rules)
                self.judge(verdict, &record, rules, request)
                if is_better(verdict, best):
                    best = verdict
        finally:
            mdb_cursor_close(behind.cursor)
        return best

    cdef bint is_indexed(self, const Presented* shown) except -1:
        """Whether the credential opens anything."""
        cdef uint64_t entitlement_id
        cdef Behind behind
        self.look_behind(&behind, shown.kind, shown.value, shown.length)
        try:
            return next_behind(&behind, &entitlement_id)
        finally:
            mdb_cursor_close(behind.cursor)

    cdef int look_behind(self, Behind* behind, int kind, octets value, size_t length) except -1:
        """Opens the walk; its cursor is to be closed."""
        self.hash_into(behind.prefix, kind, value, length)
        behind.key.mv_size, behind.key.mv_data = 1 + HASH_SIZE, behind.prefix
        check_rc(mdb_cursor_open(
            self.environment.snapshot(), self.environment.dbis[T_INDEX], &behind.cursor))
        behind.rc = mdb_cursor_get(behind.cursor, &behind.key, &behind.row, MDB_SET_RANGE)
        return 0

    cdef void hash_into(self, unsigned char* prefix, int kind, octets value, size_t length) noexcept:
        """Kind and hash, as index keys begin; writes 33 bytes."""
        prefix[0] = kind
        keyed_hash(<octets>PyBytes_AS_STRING(self.pepper), PyBytes_GET_SIZE(self.pepper), prefix[0], value, length,
                   prefix + 1)

    # --- exits --------------------------------------------------------------------------------------------------------

    cdef Verdict check_leaving(self, const Presented* shown, int miss, const Request* request):
        """Lets out whatever was presented, and closes the visit of whose it is."""
        cdef Verdict verdict = new_verdict(request.kind), known = None
        cdef size_t count = 0
        cdef uint64_t entitlement_id = 0
        cdef Record record
        cdef Behind behind
        let_out(verdict, request.station)
        if miss != OK:
            return verdict
        if request.kind == PASS or request.kind == ROTATING:
            return self.check_leaving_pass(verdict, shown, request)
        self.look_behind(&behind, request.kind, shown.value, shown.length)
        try:
            while next_behind(&behind, &entitlement_id):
                if self.find_record(entitlement_id, &record) != FOUND:
                    continue
                count += 1
                known = new_verdict(request.kind)
                let_out(known, request.station)
                self.leave_by(known, &record, entitlement_id, request)
                if known.has_whole_after:
                    return known
        finally:
            mdb_cursor_close(behind.cursor)
        return known if count == 1 else verdict

    cdef Verdict check_leaving_pass(self, Verdict verdict, const Presented* shown, const Request* request):
        cdef Pass parsed
        cdef LiveCode code
        cdef Record record
        if self.read_shown(verdict, shown, request, &parsed, &code) != OK:
            return verdict
        if self.find_record(parsed.claims[ENTITLEMENT_ID], &record) != FOUND:
            return verdict
        if memcmp(record.digest, parsed.digest, 16) == 0:
            self.leave_by(verdict, &record, parsed.claims[ENTITLEMENT_ID], request)
        return verdict

    cdef int leave_by(self, Verdict verdict, const Record* record, uint64_t entitlement_id,
                      const Request* request) except -1:
        """Makes the verdict that of a known record."""
        cdef const RuleSet* rules = self.live.ruleset(record.ruleset_id)
        cdef Tally whole
        note_record(verdict, record, entitlement_id, rules)
        verdict.persons = record.persons or 1
        if has_visits(rules):
            verdict.has_whole = True
            verdict.whole_before = self.count(&whole, verdict.owner_id, WHOLE_GROUP, request)
            close_visit(verdict, &whole, request)
        return 0

    # --- what the store holds -----------------------------------------------------------------------------------------

    cdef int judge(self, Verdict verdict, const Record* record, const RuleSet* rules, Request* request) except -1:
        """The rules on a known record, inside a read. `rules` may be NULL."""
        cdef const Station* station = request.station
        cdef Tally group, whole
        if station is not NULL:
            verdict.group_id = station.group_id
        if rules is NULL or record.persons == 0:
            verdict.reason = UNKNOWN
            return 0
        if station is NULL:
            memset(&group, 0, sizeof(Tally))
        else:
            verdict.has_group = True
            verdict.usage_before = self.count(&group, verdict.owner_id, station.group_id, request)
        if rules.flags & WHOLE:
            verdict.has_whole = True
            verdict.whole_before = self.count(&whole, verdict.owner_id, WHOLE_GROUP, request)
        if rules.flags & IDENTITY and request.companion_size:
            request.identity = self.identity(verdict.entitlement_id, request)
        verdict.reason = judge_counted(
            verdict, record, rules, station, self.live.device(request.device_id), &group,
            &whole if verdict.has_whole else NULL, request)
        return 0

    cdef int identity(self, uint64_t entitlement_id, const Request* request) except -1:
        """edge.verdict.Identity: what the ID card read before says of the entitlement."""
        cdef unsigned char key_bytes[1 + 32]
        cdef MDB_val key, row
        cdef Presented card
        cdef int rc = recognise(ID_NUMBER, request.companion, request.companion_size, &card)
        if card.length == 0:
            return IDENTITY_NONE
        if rc != OK:
            return IDENTITY_OTHER
        self.hash_into(key_bytes, ID_NUMBER, card.value, card.length)
        put_be64(key_bytes + 1 + HASH_SIZE, entitlement_id)
        key.mv_size, key.mv_data = INDEX_KEY_SIZE, key_bytes
        rc = mdb_get(self.environment.reader, self.environment.dbis[T_INDEX], &key, &row)
        if rc and rc != MDB_NOTFOUND:
            fail(rc)
        return IDENTITY_OTHER if rc else IDENTITY_MATCHES

    cdef int find_record(self, uint64_t entitlement_id, Record* record) except -1:
        """MISSING, FOUND or OF_ANOTHER_LAYOUT."""
        cdef unsigned char key_bytes[8]
        cdef MDB_val key, stored
        put_be64(key_bytes, entitlement_id)
        key.mv_size, key.mv_data = 8, key_bytes
        cdef int rc = mdb_get(self.environment.snapshot(), self.environment.dbis[T_ENTITLEMENT], &key, &stored)
        if rc == MDB_NOTFOUND:
            return MISSING
        check_rc(rc)
        return FOUND if read_record(<octets>stored.mv_data, stored.mv_size, record) else OF_ANOTHER_LAYOUT

    cdef bytes count(self, Tally* tally, uint64_t owner_id, uint32_t group_id, const Request* request):
        """Fills in the tally of a counter; this edge's usage value or None."""
        cdef unsigned char counter[KEY_BYTES]
        cdef bytes own
        put_key(counter, owner_id, group_id)
        own = self.own_usage(counter)
        memset(tally, 0, sizeof(Tally))
        if own is not None:
            count_own(tally, <octets>PyBytes_AS_STRING(own), PyBytes_GET_SIZE(own), request)
        if self.environment.has_others:
            self.count_siblings(tally, counter, request)
        return own

    cdef bytes own_usage(self, const unsigned char* counter):
        """The one reserved and not yet committed, else the stored one."""
        cdef MDB_val key, stored
        cdef PyObject* reserved
        if PyDict_Size(self.inflight):
            reserved = PyDict_GetItem(self.inflight, PyBytes_FromStringAndSize(<const char*>counter, KEY_BYTES))
            if reserved is not NULL:
                return <bytes?><object>reserved
        key.mv_size, key.mv_data = KEY_BYTES, <void*>counter
        cdef int rc = mdb_get(self.environment.reader, self.environment.dbis[T_USAGE], &key, &stored)
        if rc == MDB_NOTFOUND:
            return None
        check_rc(rc)
        return val_bytes(&stored)

    cdef int count_siblings(self, Tally* tally, const unsigned char* counter, const Request* request) except -1:
        """Adds what the other edges have counted."""
        cdef MDB_txn* txn = self.environment.reader
        cdef unsigned int dbi = self.environment.dbis[T_OTHERS]
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


cdef void read_claims(const Pass* parsed, uint32_t ruleset_id, Record* record) noexcept nogil:
    """What is known of a pass just sold: what it says itself."""
    memset(record, 0, sizeof(Record))
    record.ruleset_id = ruleset_id
    record.product_class = <uint32_t>parsed.claims[PRODUCT_CLASS]
    record.not_before = <uint32_t>parsed.claims[NOT_BEFORE]
    record.not_after = <uint32_t>parsed.claims[NOT_AFTER]
    record.persons = <uint16_t>parsed.claims[PERSONS]
    record.digest = <octets>parsed.digest
