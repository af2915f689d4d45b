# Check 1: what a line or a number is, and the value the index has it under.

cdef enum:
    MAX_TEXT = 1024  # a longer line is noise, whatever it says
    MIN_CHANNEL_CODE = 6
    MAX_CODE = 64
    SHORT_SIZE = 12
    NOT_SHORT = 0xFF

if (SHORT_SIZE, len(short_codes.ALPHABET)) != (short_codes.LENGTH, 32):
    raise ImportError("the compiled core is of another version than paifang.short_codes: build it anew")

cdef unsigned char SHORT_VALUES[256]
memset(SHORT_VALUES, NOT_SHORT, 256)
for _value, _character in enumerate(short_codes.ALPHABET):
    SHORT_VALUES[<int>ord(_character)] = SHORT_VALUES[<int>ord(_character.lower())] = _value
for _character, _value in (("O", 0), ("I", 1), ("L", 1)):
    SHORT_VALUES[<int>ord(_character)] = SHORT_VALUES[<int>ord(_character.lower())] = _value
cdef unsigned char SHORT_ALPHABET[32]
for _value, _character in enumerate(short_codes.ALPHABET):
    SHORT_ALPHABET[<int>_value] = <int>ord(_character)

cdef struct Presented:
    # `value` is in the line presented or in `written`.
    int kind
    octets value
    size_t length
    unsigned char written[MAX_CODE]


cdef int recognise(int kind, octets p, size_t length, Presented* out) noexcept nogil:
    """Fills in what was presented, LINE resolved as far as it can be; why it is none of ours, or OK."""
    out.kind, out.value, out.length = kind, p, length
    if kind == LINE or kind == PASS or kind == ROTATING:
        if kind != ROTATING and starts_with(p, length, b"PF1:"):
            out.kind = PASS
            return OK
        if kind != PASS and starts_with(p, length, b"PR1:"):
            out.kind = ROTATING
            return OK
        if kind == LINE and starts_with(p, length, b"PM1:"):
            out.kind, out.value, out.length = MEMBER, p + PREFIX_SIZE, length - PREFIX_SIZE
        elif kind == LINE and length <= MAX_CODE and read_short_code(p, length, out.written):
            out.kind = SHORT
        elif kind == LINE and is_channel_code(p, length):
            out.kind = CHANNEL
        else:
            return UNKNOWN_FORMAT if is_text(p, length) else UNREADABLE
    elif kind < CHANNEL or kind > SHORT:
        return UNKNOWN_FORMAT
    if out.kind == ID_NUMBER or out.kind == CARD_UID:
        tidy(out)
    if out.length == 0 or out.length > MAX_CODE:
        return UNREADABLE
    if out.kind == CARD_UID and not is_hex(out.value, out.length):
        return UNREADABLE
    if out.kind == SHORT:
        if not read_short_code(out.value, out.length, out.written):
            return UNKNOWN_FORMAT
        out.value, out.length = out.written, SHORT_SIZE
    return OK


cdef inline bint starts_with(octets p, size_t length, const char* prefix) noexcept nogil:
    return length >= PREFIX_SIZE and memcmp(p, prefix, PREFIX_SIZE) == 0


cdef void tidy(Presented* out) noexcept nogil:
    """bytes.strip().upper() of the value. One that is too long stays as it is: it is refused."""
    cdef size_t i
    while out.length and is_space(out.value[0]):
        out.value += 1
        out.length -= 1
    while out.length and is_space(out.value[out.length - 1]):
        out.length -= 1
    if out.length > MAX_CODE:
        return
    for i in range(out.length):
        out.written[i] = out.value[i] - 32 if c"a" <= out.value[i] <= c"z" else out.value[i]
    out.value = out.written


cdef inline bint is_space(unsigned char c) noexcept nogil:
    return c == c" " or 9 <= c <= 13


cdef bint is_hex(octets p, size_t length) noexcept nogil:
    """Whole bytes in upper-case hex."""
    cdef size_t i
    for i in range(length):
        if not (c"0" <= p[i] <= c"9" or c"A" <= p[i] <= c"F"):
            return False
    return length % 2 == 0


cdef bint read_short_code(octets p, size_t length, unsigned char* out) noexcept nogil:
    """short_codes.normalise: writes the twelve characters. False where it is no short code."""
    cdef unsigned char value
    cdef int total = 0, count = 0
    cdef size_t i
    for i in range(length):
        if p[i] == c"-" or p[i] == c" ":
            continue
        value = SHORT_VALUES[p[i]]
        if value == NOT_SHORT or count == SHORT_SIZE:
            return False
        out[count] = SHORT_ALPHABET[value]
        count += 1
        total = total << 1 ^ (0b100101 if total & 16 else 0) ^ value  # the check makes it come out even
    return count == SHORT_SIZE and total == 0


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
