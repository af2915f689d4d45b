# The rules: checks 4 (live code, replay) and 6 to 14 of docs/gate.md over C values, in their order.
# edge/_rules_py.py says the same in Python; the tests hold the two together.

cdef enum:
    # of records.RecordFlag
    RECORD_ROTATING = 1
    ACTIVATED = 2
    COLLECTED = 4
    BOOKED = 8

    # of rulesets.RuleFlag
    IDENTITY = 8
    COLLECT_FIRST = 16
    ANTI_PASSBACK = 32
    WHOLE = 64
    TOGETHER = 128
    BOOK_FIRST = 256

cdef int[5] STANDING = [OK, REVOKED, REFUNDED, LOCKED, FROZEN]  # by records.State


cdef void note_record(Verdict verdict, const Record* record, uint64_t entitlement_id, const RuleSet* rules) noexcept:
    """What a verdict tells of a record, whatever the rules say of it. `rules` may be NULL."""
    verdict.entitlement_id = entitlement_id
    verdict.owner_id = record.owner_id or entitlement_id
    verdict.product_class = record.product_class
    verdict.ruleset_id = record.ruleset_id
    if rules is not NULL:
        verdict.rule_flags = rules.flags
    note_window(verdict, record, rules)


cdef int judge_counted(Verdict verdict, const Record* record, const RuleSet* rules, const Station* station,
                       const Device* device, const Tally* group, const Tally* whole, const Request* request) noexcept:
    """The miss, or OK and an admitting verdict. `station` and `device` may be NULL, `whole` is where not counted."""
    cdef uint64_t left, persons = record.persons
    cdef int miss
    if group.unreadable or (whole is not NULL and whole.unreadable):
        return UNKNOWN
    if record.flags & RECORD_ROTATING and request.kind == PASS:
        return LIVE_CODE_NEEDED
    if request.step != NO_LIMIT and is_replayed(verdict, group, whole, request):
        return REPLAYED
    miss = miss_at_lane(record, rules, station, device, request)
    if miss == OK:
        miss = window_miss(verdict, record, rules, request)
    if miss == OK:
        miss = uses_miss(verdict, record, rules, station, group, whole, request, &left)
    if miss != OK:
        return miss
    persons = min(persons, left)
    if rules.at_once and not rules.flags & TOGETHER:
        persons = min(persons, rules.at_once)
    if not station.flags & INNER:
        if request.room != NO_LIMIT and <int64_t>persons > request.room:
            return VENUE_FULL
        if request.day_room != NO_LIMIT and <int64_t>persons > request.day_room:
            return DAY_FULL
    return admit(verdict, rules, station, group, whole, request, persons, left)


cdef int miss_at_lane(const Record* record, const RuleSet* rules, const Station* station, const Device* device,
                      const Request* request) noexcept:
    """Checks 6 to 10: the standing, the place, the medium, the person."""
    if record.state != 0:
        return STANDING[record.state] if record.state < 5 else REVOKED
    if rules.activation and not record.flags & ACTIVATED:
        return NOT_ACTIVATED
    if station is NULL or not station.flags & ENABLED:
        return STATION_CLOSED
    if device is NULL or not device.flags & ENABLED or device.station_id != request.station_id:
        return LANE_CLOSED
    if not is_among(record.product_class, station.products, station.products_count):
        return WRONG_STATION
    if device.narrowed and not is_among(record.product_class, device.products, device.products_count):
        return WRONG_LANE
    if request.kind < 0 or request.kind > 15 or not rules.media >> request.kind & 1:
        return MEDIUM_NOT_ALLOWED
    if rules.flags & COLLECT_FIRST and not record.flags & COLLECTED:
        return NOT_COLLECTED
    if rules.flags & IDENTITY and request.kind != ID_NUMBER and request.identity != IDENTITY_MATCHES:
        return IDENTITY_NEEDED if request.identity == IDENTITY_NONE else IDENTITY_OTHER
    return OK


cdef int admit(Verdict verdict, const RuleSet* rules, const Station* station, const Tally* group, const Tally* whole,
               const Request* request, uint64_t persons, uint64_t left) noexcept:
    """An admitting verdict and OK; UNKNOWN where a count does not fit any more."""
    cdef Usage after = group.own
    if not spend(&after, persons, request):
        return UNKNOWN
    write_usage(&after, verdict.after_bytes)
    if whole is not NULL:
        after = whole.own
        if not enter(&after, persons, request, rules.flags & ANTI_PASSBACK and not station.flags & INNER):
            return UNKNOWN
        write_usage(&after, verdict.whole_after_bytes)
        verdict.has_whole_after = True
    verdict.has_after = True
    verdict.admit = True
    verdict.persons = <uint32_t>persons
    verdict.remaining = NO_LIMIT if left == UNLIMITED else <int64_t>(left - persons)
    return OK


cdef void let_out(Verdict verdict, const Station* station) noexcept:
    """An exit refuses nobody."""
    verdict.admit, verdict.leaving, verdict.reason = True, True, LEAVING
    verdict.group_id = station.group_id
    verdict.persons = 1


cdef bint has_visits(const RuleSet* rules) noexcept:
    """Whether its rule set knows who is inside. `rules` may be NULL."""
    return rules is not NULL and rules.flags & WHOLE and rules.flags & ANTI_PASSBACK


cdef void close_visit(Verdict verdict, const Tally* whole, const Request* request) noexcept:
    cdef Usage after = whole.own
    if not whole.unreadable and whole.inside and leave(&after, request):
        write_usage(&after, verdict.whole_after_bytes)
        verdict.has_whole_after = True


# --- the rules alone --------------------------------------------------------------------------------------------------

def decide(bytes record not None, bytes ruleset not None, bytes station not None, bytes device not None,
           bytes own, list others not None, bytes whole, list whole_others not None, uint64_t entitlement_id, request):
    cdef Request asked = Request(
        request.kind, request.station_id, request.device_id, request.now_ms, request.day, request.month,
        request.minute, request.day_kind, request.identity, request.room, request.day_room, request.step, NULL, 0, NULL)
    cdef Verdict verdict = new_verdict(asked.kind)
    cdef Tally group_tally, whole_tally
    cdef Record parsed
    verdict.entitlement_id = entitlement_id
    cdef bint known = read_record(<octets>record, len(record), &parsed)
    cdef LiveState live = LiveState(
        [((parsed.ruleset_id if known else 0).to_bytes(4, "big"), ruleset)],
        [(asked.station_id.to_bytes(4, "big"), station)],
        [(asked.device_id.to_bytes(4, "big"), device)], [], None)
    cdef const RuleSet* rules = live.ruleset(parsed.ruleset_id) if known else NULL
    cdef const Station* place = live.station(asked.station_id)
    count_given(&group_tally, own, others, &asked)
    count_given(&whole_tally, whole, whole_others, &asked)
    if known:
        note_record(verdict, &parsed, entitlement_id, rules)
    if place is not NULL and place.flags & EXIT:
        let_out(verdict, place)
        if known:
            verdict.persons = parsed.persons or 1
        if has_visits(rules):
            verdict.has_whole, verdict.whole_before = True, whole
            close_visit(verdict, &whole_tally, &asked)
        return verdict
    if known and place is not NULL:
        verdict.group_id = place.group_id
    if rules is NULL or parsed.persons == 0:  # as it is where the record is not known
        verdict.reason = UNKNOWN
        return verdict
    verdict.has_group, verdict.has_whole = place is not NULL, rules.flags & WHOLE
    if verdict.has_group:
        verdict.usage_before = own
    else:
        memset(&group_tally, 0, sizeof(Tally))
    if verdict.has_whole:
        verdict.whole_before = whole
    verdict.reason = judge_counted(
        verdict, &parsed, rules, place, live.device(asked.device_id), &group_tally,
        &whole_tally if verdict.has_whole else NULL, &asked)
    return verdict


cdef int count_given(Tally* tally, bytes own, list others, const Request* request) except -1:
    cdef bytes other
    memset(tally, 0, sizeof(Tally))
    if own is not None:
        count_own(tally, <octets>own, len(own), request)
    for other in others:
        count_other(tally, <octets>other, len(other), request)
    return 0
