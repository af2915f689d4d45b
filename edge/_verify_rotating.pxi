# Check 4: the codes of rotating passes (paifang/rotating.py).

cdef enum:
    STEP_MS = 15_000
    CODE_SIZE = 8
    STEP_TAIL = 12  # step and code, behind the pass
    MAX_ROTATING_LINE = 172
    KEY_TAG_SIZE = 23
    CODE_TAG_SIZE = 24

if (STEP_MS, CODE_SIZE, STEP_TAIL, MAX_ROTATING_LINE, len(rotating.PREFIX)) != (
        rotating.STEP_S * 1000, rotating.CODE_BYTES, rotating.CODE_BYTES + 4, rotating.MAX_LINE, PREFIX_SIZE):
    raise ImportError("the compiled core is of another version than paifang.rotating: build it anew")

cdef struct LiveCode:
    uint32_t step
    unsigned char code[CODE_SIZE]


cdef int read_rotating(octets line, size_t length, Pass* parsed, LiveCode* live) noexcept nogil:
    """A line that starts with the prefix: OK, UNREADABLE or UNKNOWN_FORMAT (a pass of another version in it)."""
    cdef unsigned char raw[MAX_RAW + STEP_TAIL + 1]
    cdef Py_ssize_t made
    if length > MAX_ROTATING_LINE:
        return UNREADABLE
    made = base45_into(line + PREFIX_SIZE, length - PREFIX_SIZE, raw)
    if made <= STEP_TAIL:
        return UNREADABLE
    made -= STEP_TAIL
    live.step = le32(raw + made)
    memcpy(live.code, raw + made + 4, CODE_SIZE)
    memcpy(parsed.raw, raw, made)
    return read_raw(parsed, made)


cdef inline int64_t step_of(int64_t now_ms) noexcept nogil:
    return now_ms // STEP_MS


cdef bint is_fresh(const LiveCode* live, int64_t now_ms, int64_t skew_ms) noexcept nogil:
    """Of this step or the one before; of a later one as far as the clock may be off."""
    cdef int64_t latest = now_ms
    if skew_ms > 0:
        latest = now_ms + skew_ms if now_ms <= INT64_MAX - skew_ms else INT64_MAX
    elif skew_ms < 0:
        latest = now_ms + skew_ms if now_ms >= INT64_MIN - skew_ms else INT64_MIN
    return step_of(now_ms) - 1 <= live.step <= step_of(latest)


cdef bint is_proved(const unsigned char* day_key, const Pass* shown, const LiveCode* live) noexcept nogil:
    """Whether the code was made with that venue key of the day; in the same time whether or not."""
    cdef unsigned char message[KEY_TAG_SIZE + 16]
    cdef unsigned char key[DAY_KEY_SIZE]
    cdef unsigned char code[CODE_SIZE]
    memcpy(message, b"paifang/rotating/key/1\0", KEY_TAG_SIZE)
    memcpy(message + KEY_TAG_SIZE, shown.digest, 16)
    generichash(key, DAY_KEY_SIZE, message, KEY_TAG_SIZE + 16, day_key, DAY_KEY_SIZE)
    memcpy(message, b"paifang/rotating/code/1\0", CODE_TAG_SIZE)
    put_le32(message + CODE_TAG_SIZE, live.step)
    generichash(code, CODE_SIZE, message, CODE_TAG_SIZE + 4, key, DAY_KEY_SIZE)
    return same_bytes(code, live.code, CODE_SIZE) == 0


cdef int code_miss(LiveState live_state, const Pass* shown, const LiveCode* live, const Request* request,
                   int64_t skew_ms) noexcept:
    """Why the code does not show that the pass's own phone shows it now, or OK."""
    cdef int64_t[3] days = [request.day, <int64_t>request.day - 1, <int64_t>request.day + 1]
    cdef const DayKey* key
    cdef int miss = UNKNOWN  # where none of the keys is held nobody can tell: that is not a forgery
    cdef int i
    if not is_fresh(live, request.now_ms, skew_ms):
        return STALE_CODE
    for i in range(3):
        key = live_state.day_key(days[i])
        if key is not NULL:
            if is_proved(key.key, shown, live):
                return OK
            miss = FORGED
    return miss
