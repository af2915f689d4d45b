# A scanner's line -> claims: strict base45 (RFC 9285), the canonical claims of paifang/passes.py, the digest.

cdef enum:
    MAX_RAW = 100
    MIN_RAW = 76
    MAX_LINE = 154
    PREFIX_SIZE = 4
    HEADER_SIZE = 3
    SIGNATURE_SIZE = 64
    TAG_SIZE = 15
    CLAIMS = 8  # in their order:
    ENTITLEMENT_ID = 0
    PRODUCT_CLASS = 1
    ISSUED_AT = 2
    NOT_BEFORE = 3
    NOT_AFTER = 4
    ZONES = 5
    PERSONS = 6
    NOT_BASE45 = 0x10000  # more than any two bytes, wherever it is added

if (MAX_RAW, MAX_LINE, SIGNATURE_SIZE) != (passes.MAX_RAW, passes.MAX_LINE, passes.SIGNATURE_BYTES) or (
        len(passes.TAG) != TAG_SIZE or len(passes.PREFIX) != PREFIX_SIZE or passes.VERSION != 1):
    raise ImportError("the compiled core is of another version than paifang.passes: build it anew")

# What a character adds at each of the three places of a group.
cdef uint32_t BASE45[3][256]
for _value in range(256):
    BASE45[0][<int>_value] = BASE45[1][<int>_value] = BASE45[2][<int>_value] = NOT_BASE45
for _value, _character in enumerate(base45.ALPHABET):
    BASE45[0][<int>_character], BASE45[1][<int>_character] = _value, 45 * _value
    BASE45[2][<int>_character] = 2025 * _value

cdef uint64_t CLAIM_LIMITS[CLAIMS]
for _value, _limit in enumerate(passes.LIMITS):
    CLAIM_LIMITS[_value] = _limit

cdef struct Pass:
    unsigned char raw[MAX_RAW]
    size_t length
    uint16_t key_id
    uint64_t claims[CLAIMS]
    unsigned char digest[16]


cdef Py_ssize_t base45_into(octets text, size_t length, unsigned char* out) noexcept nogil:
    """Decodes into `out`, which holds length * 2 / 3 + 1 bytes; how many, or -1."""
    cdef size_t at = 0, made = 0
    cdef uint32_t number
    if length % 3 == 1:
        return -1
    while length - at >= 3:
        number = BASE45[0][text[at]] + BASE45[1][text[at + 1]] + BASE45[2][text[at + 2]]
        if number > 0xFFFF:
            return -1
        out[made], out[made + 1] = number >> 8, number & 0xFF
        made += 2
        at += 3
    if length > at:
        number = BASE45[0][text[at]] + BASE45[1][text[at + 1]]
        if number > 0xFF:
            return -1
        out[made] = number
        made += 1
    return made


def base45_decode(bytes text not None):
    cdef size_t length = PyBytes_GET_SIZE(text)
    cdef unsigned char* out = <unsigned char*>malloc(length + 1)
    if out is NULL:
        raise MemoryError
    try:
        made = base45_into(<octets>PyBytes_AS_STRING(text), length, out)
        if made < 0:
            base45.decode(text)  # raises ValueError, saying what is wrong
        return PyBytes_FromStringAndSize(<char*>out, made)
    finally:
        free(out)


cdef bint claims_are_canonical(octets p, size_t length, uint64_t* claims) noexcept nogil:
    """msgpack: an array of eight unsigned integers, each in its shortest form and within its limit, and no more."""
    cdef size_t at = 1, width
    cdef uint64_t value, least
    cdef int claim, i
    if length < 1 or p[0] != 0x90 + CLAIMS:
        return False
    for claim in range(CLAIMS):
        if at >= length:
            return False
        if p[at] < 0x80:
            value, least, width = p[at], 0, 0
        elif p[at] == 0xCC:
            value, least, width = 0, 0x80, 1
        elif p[at] == 0xCD:
            value, least, width = 0, 0x100, 2
        elif p[at] == 0xCE:
            value, least, width = 0, 0x10000, 4
        elif p[at] == 0xCF:
            value, least, width = 0, <uint64_t>1 << 32, 8
        else:
            return False
        at += 1
        if length - at < width:
            return False
        for i in range(<int>width):
            value = value << 8 | p[at + i]
        at += width
        if value < least or value > CLAIM_LIMITS[claim]:
            return False
        claims[claim] = value
    return at == length


cdef int read_pass(octets line, size_t length, Pass* parsed) noexcept nogil:
    """A line that starts with the prefix: OK, UNREADABLE or UNKNOWN_FORMAT (a pass of another version)."""
    if length > MAX_LINE:
        return UNREADABLE
    cdef Py_ssize_t made = base45_into(line + PREFIX_SIZE, length - PREFIX_SIZE, parsed.raw)
    return read_raw(parsed, made) if made > 0 else UNREADABLE


cdef int read_raw(Pass* parsed, size_t made) noexcept nogil:
    """The claims and the digest of `made` bytes of a raw pass, one at least."""
    if parsed.raw[0] != 1:
        return UNKNOWN_FORMAT
    if made < MIN_RAW or not claims_are_canonical(
            parsed.raw + HEADER_SIZE, made - HEADER_SIZE - SIGNATURE_SIZE, parsed.claims):
        return UNREADABLE
    parsed.length = made
    parsed.key_id = <uint16_t>(parsed.raw[1] << 8 | parsed.raw[2])
    generichash(parsed.digest, 16, parsed.raw, made, NULL, 0)
    return OK


cdef void read_claims(const Pass* parsed, uint32_t ruleset_id, Record* record) noexcept nogil:
    """What is known of a pass just sold: what it says itself."""
    memset(record, 0, sizeof(Record))
    record.ruleset_id = ruleset_id
    record.product_class = <uint32_t>parsed.claims[PRODUCT_CLASS]
    record.not_before = <uint32_t>parsed.claims[NOT_BEFORE]
    record.not_after = <uint32_t>parsed.claims[NOT_AFTER]
    record.persons = <uint16_t>parsed.claims[PERSONS]
    record.digest = <octets>parsed.digest
