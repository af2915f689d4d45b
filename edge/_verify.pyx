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
  _verify_reads.pxi     what a check reads of the store
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
include "_verify_reads.pxi"

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
            room, day_room, NO_LIMIT, <octets>PyBytes_AS_STRING(companion), PyBytes_GET_SIZE(companion),
            self.live.station(station_id))
        if kind == LINE and shown.kind == SHORT and is_channel_code(p, length) and (
                not is_indexed(self.environment, self.pepper, &shown)):
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
        found = find_record(self.environment, parsed.claims[ENTITLEMENT_ID], &record)
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
        look_behind(self.environment, self.pepper, &behind, request.kind, shown.value, shown.length)
        try:
            while next_behind(&behind, &entitlement_id):
                if find_record(self.environment, entitlement_id, &record) != FOUND:
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
        look_behind(self.environment, self.pepper, &behind, request.kind, shown.value, shown.length)
        try:
            while next_behind(&behind, &entitlement_id):
                if find_record(self.environment, entitlement_id, &record) != FOUND:
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
        if find_record(self.environment, parsed.claims[ENTITLEMENT_ID], &record) != FOUND:
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
            verdict.whole_before = count_all(
                self.environment, self.inflight, &whole, verdict.owner_id, WHOLE_GROUP, request)
            close_visit(verdict, &whole, request)
        return 0

    # --- the rules ----------------------------------------------------------------------------------------------------

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
            verdict.usage_before = count_all(
                self.environment, self.inflight, &group, verdict.owner_id, station.group_id, request)
        if rules.flags & WHOLE:
            verdict.has_whole = True
            verdict.whole_before = count_all(
                self.environment, self.inflight, &whole, verdict.owner_id, WHOLE_GROUP, request)
        if rules.flags & IDENTITY and request.companion_size:
            request.identity = identity_of(self.environment, self.pepper, verdict.entitlement_id, request)
        verdict.reason = judge_counted(
            verdict, record, rules, station, self.live.device(request.device_id), &group,
            &whole if verdict.has_whole else NULL, request)
        return 0
