# Check 11, but for durations: dates, slot, weekdays and holidays, hours.

cdef enum:
    # paifang.records.DayKind
    DAY_HOLIDAY = 1
    DAY_WORKDAY = 2

    WORKDAYS = 0x1F  # of a mask of days: Monday to Friday
    HOLIDAYS = 0x80


cdef int window_miss(Verdict verdict, const Record* record, const RuleSet* rules, const Request* request) noexcept:
    """What of the calendar and the clock refuses, or OK."""
    cdef int64_t now = request.now_ms // 1000
    if now < verdict.valid_from:
        return TOO_EARLY
    if now > record.not_after:
        return EXPIRED
    if rules.flags & BOOK_FIRST and not record.flags & BOOKED:
        return NOT_BOOKED
    if record.slot_to and now > <int64_t>record.slot_to + rules.late_s:
        return SLOT_OVER
    if rules.dates_count and not is_within(rules.dates, rules.dates_count, request.day):
        return WRONG_DATE
    if is_within(rules.blackout, rules.blackout_count, request.day):
        return WRONG_DATE
    if not is_day_of(rules.days, request):
        return HOLIDAY if request.day_kind == DAY_HOLIDAY else WRONG_DAY
    if rules.hours_count and not is_within_hours(rules, request):
        note_hours(verdict, rules, request)
        return OUTSIDE_HOURS
    return OK


cdef void note_window(Verdict verdict, const Record* record, const RuleSet* rules) noexcept:
    """From when until when: validity and slot with its tolerance. `rules` may be NULL."""
    cdef int64_t slot_from = record.slot_from, slot_to = record.slot_to
    if rules is not NULL:
        slot_from -= rules.early_s
        slot_to += rules.late_s
    verdict.valid_from = max(<int64_t>record.not_before, slot_from)
    verdict.valid_until = <uint32_t>min(<int64_t>record.not_after, slot_to) if record.slot_to else record.not_after


cdef bint is_within(const Span* spans, size_t count, uint32_t day) noexcept nogil:
    cdef size_t i
    for i in range(count):
        if spans[i].first <= day <= spans[i].last:
            return True
    return False


cdef bint is_day_of(uint8_t mask, const Request* request) noexcept nogil:
    """Whether a mask of days (rulesets.RuleSet.days) has the business day."""
    if mask == 0:
        return True
    if request.day_kind == DAY_HOLIDAY:
        return mask & HOLIDAYS
    if request.day_kind == DAY_WORKDAY:
        return mask & WORKDAYS
    return mask >> (<uint64_t>request.day + 6) % 7 & 1  # day 1 was a Monday


cdef bint is_within_hours(const RuleSet* rules, const Request* request) noexcept nogil:
    cdef const Hours* hours
    cdef int i
    for i in range(rules.hours_count):
        hours = &rules.hours[i]
        if hours.start <= request.minute < hours.end and is_day_of(hours.days, request):
            return True
    return False


cdef void note_hours(Verdict verdict, const RuleSet* rules, const Request* request) noexcept:
    """The day's next window, else its last."""
    cdef const Hours* hours
    cdef const Hours* told = NULL
    cdef bint later, told_later = False
    cdef int i
    for i in range(rules.hours_count):
        hours = &rules.hours[i]
        if not is_day_of(hours.days, request):
            continue
        later = hours.start > request.minute
        if told is NULL or later and (not told_later or hours.start < told.start) or (
                not later and not told_later and hours.start > told.start):
            told, told_later = hours, later
    if told is not NULL:
        verdict.hours_start, verdict.hours_end = told.start, told.end
