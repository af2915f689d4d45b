# Checks 4 (replay), 11 (durations), 12 and 13: what a counter owner's uses over all edges leave.

cdef enum:
    INSIDE = 1  # of usage.UsageFlag

cdef uint64_t UNLIMITED = <uint64_t>-1

cdef struct Tally:
    # The uses of one counter owner in one group, over this edge and its siblings.
    Usage own  # zeros where this edge has counted none
    uint64_t used
    uint64_t month_used
    uint64_t day_used
    bint unreadable
    bint any
    uint32_t last_station
    uint32_t last_device
    int64_t last_ms
    int64_t first_ms
    uint32_t first_day
    int64_t visit_ms
    bint inside


cdef void count_own(Tally* tally, octets p, size_t length, const Request* request) noexcept nogil:
    """This edge's usage value: before the others'."""
    if not read_usage(p, length, &tally.own):
        tally.unreadable = True
        return
    tally.visit_ms, tally.inside = tally.own.visit_ms, tally.own.flags & INSIDE
    add_uses(tally, &tally.own, request)


cdef void count_other(Tally* tally, octets p, size_t length, const Request* request) noexcept nogil:
    """A sibling's usage value. The latest visit is told by each edge's own clock; of equals the first counted stays."""
    cdef Usage other
    if not read_usage(p, length, &other):
        tally.unreadable = True
        return
    if other.visit_ms > tally.visit_ms:
        tally.visit_ms, tally.inside = other.visit_ms, other.flags & INSIDE
    add_uses(tally, &other, request)


cdef void add_uses(Tally* tally, const Usage* one, const Request* request) noexcept nogil:
    tally.used += one.total
    if one.month == request.month:
        tally.month_used += one.month_count
    if one.day == request.day:
        tally.day_used += one.day_count
    if one.total and (not tally.any or one.last_ms > tally.last_ms):
        tally.any, tally.last_ms = True, one.last_ms
        tally.last_station, tally.last_device = one.last_station, one.last_device
    if one.first_ms and (not tally.first_ms or one.first_ms < tally.first_ms):
        tally.first_ms = one.first_ms
    if one.first_day and (not tally.first_day or one.first_day < tally.first_day):
        tally.first_day = one.first_day


cdef bint is_replayed(Verdict verdict, const Tally* group, const Tally* whole, const Request* request) noexcept:
    """Whether the code's step, or a later one, was used at another lane."""
    cdef const Tally* latest = group
    if whole is not NULL and whole.any and (not group.any or whole.last_ms > group.last_ms):
        latest = whole
    if not latest.any or latest.last_device == request.device_id or step_of(latest.last_ms) < request.step:
        return False
    note_last(verdict, latest)
    return True


cdef int uses_miss(Verdict verdict, const Record* record, const RuleSet* rules, const Station* station,
                   const Tally* group, const Tally* whole, const Request* request, uint64_t* left) noexcept:
    """What of the uses refuses, or OK and the persons' uses left by every limit. `whole` NULL: not counted."""
    cdef uint64_t persons = record.persons
    cdef uint64_t wanted = persons if rules.flags & TOGETHER else 1
    left[0] = UNLIMITED
    if whole is not NULL:
        if is_over(rules, whole, request):
            return DURATION_OVER
        note_last(verdict, whole)  # for the refusals; forgotten below
        if not is_enough(left, rules.uses_total * persons, whole.used, wanted):
            return USED_UP
        if not is_enough(left, rules.uses_month * persons, whole.month_used, wanted):
            return MONTH_LIMIT
        if not is_enough(left, rules.uses_day * persons, whole.day_used, wanted):
            return DAY_LIMIT
    if not is_enough(left, (record.uses or rules.uses_per_group) * persons, group.used, wanted):
        note_last(verdict, group)
        return USED_UP if group.last_station == request.station_id else USED_AT_SIBLING
    if whole is not NULL:
        if rules.flags & ANTI_PASSBACK and not station.flags & INNER and whole.inside:
            return ALREADY_INSIDE
        verdict.last_station, verdict.last_ms = 0, 0
        if rules.reentry_gap_s and whole.any and not has_passed(whole.last_ms, rules.reentry_gap_s, request.now_ms):
            verdict.valid_from = second_after(whole.last_ms, rules.reentry_gap_s)
            return TOO_SOON
    return OK


cdef inline bint is_enough(uint64_t* left, uint64_t limit, uint64_t used, uint64_t wanted) noexcept nogil:
    """Whether a limit (0: none) leaves what is wanted; narrows `left` to what it leaves."""
    cdef uint64_t rest
    if limit == 0:
        return True
    rest = limit - used if limit > used else 0
    if rest < left[0]:
        left[0] = rest
    return rest >= wanted


cdef bint is_over(const RuleSet* rules, const Tally* whole, const Request* request) noexcept nogil:
    """Whether the time the first use began is over."""
    if rules.after_first_s and whole.first_ms and has_passed(whole.first_ms, rules.after_first_s, request.now_ms):
        return True
    return rules.first_days and whole.first_day and (
        request.day >= <uint64_t>whole.first_day + rules.first_days)


cdef inline bint has_passed(int64_t since_ms, uint32_t seconds, int64_t now_ms) noexcept nogil:
    """Whether so many seconds lie between the two. Of any two instants: nothing overflows."""
    return now_ms >= since_ms and <uint64_t>now_ms - <uint64_t>since_ms >= seconds * <uint64_t>1000


cdef int64_t second_after(int64_t since_ms, uint32_t seconds) noexcept nogil:
    """The first whole second so long after."""
    return since_ms // 1000 + (1 if since_ms % 1000 else 0) + seconds


cdef inline void note_last(Verdict verdict, const Tally* tally) noexcept:
    verdict.last_station, verdict.last_ms = tally.last_station, tally.last_ms


cdef bint spend(Usage* one, uint64_t persons, const Request* request) noexcept nogil:
    """usage.Usage.spend. False where a count does not fit any more."""
    cdef uint64_t revision = <uint64_t>one.revision + 1
    cdef uint64_t total = one.total + persons
    cdef uint64_t month_count = (one.month_count if one.month == request.month else 0) + persons
    cdef uint64_t day_count = (one.day_count if one.day == request.day else 0) + persons
    if revision >> 32 or total >> 32 or month_count >> 32 or day_count >> 32:
        return False
    one.revision, one.total = <uint32_t>revision, <uint32_t>total
    one.month, one.month_count = request.month, <uint32_t>month_count
    one.day, one.day_count = request.day, <uint32_t>day_count
    one.last_station, one.last_device, one.last_ms = request.station_id, request.device_id, request.now_ms
    return True


cdef bint enter(Usage* one, uint64_t persons, const Request* request, bint inside) noexcept nogil:
    """usage.Usage.enter. False where a count does not fit any more."""
    if not spend(one, persons, request):
        return False
    if not one.first_ms:
        one.first_ms, one.first_day = request.now_ms, request.day
    if inside:
        one.flags |= INSIDE
        one.visit_ms = request.now_ms
    return True


cdef bint leave(Usage* one, const Request* request) noexcept nogil:
    """usage.Usage.leave. False where the revision does not fit any more."""
    if (<uint64_t>one.revision + 1) >> 32:
        return False
    one.revision += 1
    one.flags &= ~INSIDE
    one.visit_ms = request.now_ms
    return True
