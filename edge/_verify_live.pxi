# The live records in memory: rule sets, stations, devices, keys of the day, the venue's calendar; the Request.

cdef enum:
    # flags of stations and devices
    ENABLED = 1
    EXIT = 2
    INNER = 4

cdef struct Hours:
    uint16_t start
    uint16_t end
    uint8_t days

cdef struct Span:
    uint32_t first
    uint32_t last

cdef struct RuleSet:
    uint32_t number
    uint16_t flags
    uint16_t media
    uint16_t at_once
    uint16_t first_days
    uint8_t days
    uint8_t activation
    uint8_t hours_count
    uint8_t dates_count
    uint8_t blackout_count
    uint32_t uses_per_group
    uint32_t uses_total
    uint32_t uses_month
    uint32_t uses_day
    uint32_t reentry_gap_s
    uint32_t early_s
    uint32_t late_s
    uint32_t after_first_s
    Hours* hours  # in the LiveState's pool, as the spans are
    Span* dates
    Span* blackout

cdef struct Station:
    uint32_t number
    uint32_t group_id
    uint8_t flags
    uint32_t products_count
    uint32_t* products  # sorted; in the LiveState's pool

cdef struct Device:
    uint32_t number
    uint8_t flags
    bint narrowed  # to these of its station's products
    uint32_t station_id
    uint32_t products_count
    uint32_t* products  # sorted; in the LiveState's pool

cdef struct DayKey:
    uint32_t number  # the business day
    unsigned char key[DAY_KEY_SIZE]

cdef struct Pair:
    # A business day and its kind, or a product class and the rule set of its signed-only passes.
    uint32_t number
    uint32_t value

cdef struct Request:
    # edge.verdict.Request, and the companion of Verifier.check
    int kind
    uint32_t station_id
    uint32_t device_id
    int64_t now_ms
    uint32_t day
    uint32_t month
    int64_t minute
    int day_kind
    int identity
    int64_t room
    int64_t day_room
    int64_t step
    octets companion
    size_t companion_size
    const Station* station  # NULL where there is none of that number


@cython.final
cdef class LiveState:
    """Sorted arrays. Built whole, then put in the old one's place."""

    cdef RuleSet* rulesets
    cdef Station* stations
    cdef Device* devices
    cdef DayKey* day_keys
    cdef Pair* day_kinds
    cdef Pair* signed_only
    cdef uint32_t* products
    cdef Hours* hours
    cdef Span* spans
    cdef size_t rulesets_count, stations_count, devices_count, day_keys_count, day_kinds_count, signed_only_count

    def __cinit__(self, list rulesets, list stations, list devices, list day_keys, settings):
        """Rows of (key, value), and VenueSettings or None.

        A value of an unknown layout, or another key than 4 bytes, is not there.
        """
        cdef size_t products = 0, hours = 0, spans = 0
        cdef bytes key, value
        cdef octets head
        day_kinds = [(day, row[0]) for day, row in settings.holidays.items()] if settings is not None else []
        signed = [(number, row[0]) for number, row in settings.signed_only.items()] if settings is not None else []
        rulesets = [row for row in rulesets if len(row[0]) == 4 and is_ruleset(<octets><bytes>row[1], len(row[1]))]
        stations = [row for row in stations if len(row[0]) == 4 and is_station(<octets><bytes>row[1], len(row[1]))]
        devices = [row for row in devices if len(row[0]) == 4 and is_device(<octets><bytes>row[1], len(row[1]))]
        day_keys = [row for row in day_keys if len(row[0]) == 4 and is_day_key(<octets><bytes>row[1], len(row[1]))]
        for key, value in stations:
            products += le32(<octets>value + 8)
        for key, value in devices:
            products += products_of_device(<octets>value)
        for key, value in rulesets:
            head = <octets>value
            hours += head[43]
            spans += head[44] + <size_t>head[45]
        self.rulesets = <RuleSet*>malloc((len(rulesets) + 1) * sizeof(RuleSet))
        self.stations = <Station*>malloc((len(stations) + 1) * sizeof(Station))
        self.devices = <Device*>malloc((len(devices) + 1) * sizeof(Device))
        self.day_keys = <DayKey*>malloc((len(day_keys) + 1) * sizeof(DayKey))
        self.day_kinds = <Pair*>malloc((len(day_kinds) + 1) * sizeof(Pair))
        self.signed_only = <Pair*>malloc((len(signed) + 1) * sizeof(Pair))
        self.products = <uint32_t*>malloc((products + 1) * sizeof(uint32_t))
        self.hours = <Hours*>malloc((hours + 1) * sizeof(Hours))
        self.spans = <Span*>malloc((spans + 1) * sizeof(Span))
        if (self.rulesets is NULL or self.stations is NULL or self.devices is NULL or self.day_keys is NULL
                or self.day_kinds is NULL or self.signed_only is NULL or self.products is NULL
                or self.hours is NULL or self.spans is NULL):
            raise MemoryError
        self.fill_rulesets(sorted(rulesets))
        self.fill_devices(sorted(devices), self.fill_stations(sorted(stations)))
        self.fill_day_keys(sorted(day_keys))
        self.day_kinds_count = fill_pairs(self.day_kinds, sorted(day_kinds))
        self.signed_only_count = fill_pairs(self.signed_only, sorted(signed))

    def __dealloc__(self):
        free(self.rulesets)
        free(self.stations)
        free(self.devices)
        free(self.day_keys)
        free(self.day_kinds)
        free(self.signed_only)
        free(self.products)
        free(self.hours)
        free(self.spans)

    cdef int fill_rulesets(self, list rows) except -1:
        cdef Hours* hours = self.hours
        cdef Span* spans = self.spans
        cdef RuleSet* rules
        cdef bytes key, value
        for key, value in rows:
            rules = &self.rulesets[self.rulesets_count]
            self.rulesets_count += 1
            rules.number = be32(<octets>key)
            read_ruleset(<octets>value, rules, hours, spans)
            hours += rules.hours_count
            spans += rules.dates_count + rules.blackout_count
        return 0

    cdef uint32_t* fill_stations(self, list rows) except NULL:
        """Returns where the next products go."""
        cdef uint32_t* products = self.products
        cdef Station* station
        cdef bytes key, value
        cdef octets p
        for key, value in rows:
            station = &self.stations[self.stations_count]
            self.stations_count += 1
            p = <octets>value
            station.number, station.flags, station.group_id = be32(<octets>key), p[1], le32(p + 4)
            station.products_count, station.products = le32(p + 8), products
            products += read_products(p + STATION_SIZE, station.products_count, products)
        return products

    cdef int fill_devices(self, list rows, uint32_t* products) except -1:
        cdef Device* device
        cdef bytes key, value
        cdef octets p
        for key, value in rows:
            device = &self.devices[self.devices_count]
            self.devices_count += 1
            p = <octets>value
            device.number, device.flags, device.station_id = be32(<octets>key), p[1], le32(p + 4)
            device.narrowed = p[0] == DEVICE_NARROWED_LAYOUT
            device.products_count, device.products = products_of_device(p), products
            products += read_products(p + DEVICE_SIZE, device.products_count, products)
        return 0

    cdef int fill_day_keys(self, list rows) except -1:
        cdef DayKey* day_key
        cdef bytes key, value
        for key, value in rows:
            day_key = &self.day_keys[self.day_keys_count]
            self.day_keys_count += 1
            day_key.number = be32(<octets>key)
            memcpy(day_key.key, <octets>value, DAY_KEY_SIZE)
        return 0

    # A row is found by its first field, its number.
    cdef inline const RuleSet* ruleset(self, uint32_t number) noexcept:
        return <const RuleSet*>find_number(number, self.rulesets, self.rulesets_count, sizeof(RuleSet))

    cdef inline const Station* station(self, uint32_t number) noexcept:
        return <const Station*>find_number(number, self.stations, self.stations_count, sizeof(Station))

    cdef inline const Device* device(self, uint32_t number) noexcept:
        return <const Device*>find_number(number, self.devices, self.devices_count, sizeof(Device))

    cdef const DayKey* day_key(self, int64_t day) noexcept:
        if day < 0 or day > 0xFFFFFFFF:
            return NULL
        return <const DayKey*>find_number(<uint32_t>day, self.day_keys, self.day_keys_count, sizeof(DayKey))

    cdef inline int day_kind(self, uint32_t day) noexcept:
        cdef const Pair* found = <const Pair*>find_number(day, self.day_kinds, self.day_kinds_count, sizeof(Pair))
        return 0 if found is NULL else <int>found.value

    cdef const Pair* signed_class(self, uint64_t product_class) noexcept:
        """The rule set of passes of that class that are admitted on their signature, or NULL."""
        if product_class > 0xFFFFFFFF:
            return NULL
        return <const Pair*>find_number(
            <uint32_t>product_class, self.signed_only, self.signed_only_count, sizeof(Pair))


cdef void read_ruleset(octets p, RuleSet* rules, Hours* hours, Span* spans) noexcept nogil:
    """Of a value that is_ruleset has passed; its rows go to where hours and spans point."""
    cdef int i
    rules.days, rules.flags, rules.media, rules.at_once = p[1], le16(p + 2), le16(p + 4), le16(p + 6)
    rules.uses_per_group, rules.uses_total = le32(p + 8), le32(p + 12)
    rules.uses_month, rules.uses_day = le32(p + 16), le32(p + 20)
    rules.reentry_gap_s, rules.early_s, rules.late_s = le32(p + 24), le32(p + 28), le32(p + 32)
    rules.after_first_s, rules.first_days, rules.activation = le32(p + 36), le16(p + 40), p[42]
    rules.hours_count, rules.dates_count, rules.blackout_count = p[43], p[44], p[45]
    rules.hours, rules.dates, rules.blackout = hours, spans, spans + rules.dates_count
    p += RULESET_SIZE
    for i in range(rules.hours_count):
        hours[i].start, hours[i].end, hours[i].days = le16(p), le16(p + 2), p[4]
        p += HOURS_SIZE
    for i in range(rules.dates_count + rules.blackout_count):
        spans[i].first, spans[i].last = le32(p), le32(p + 4)
        p += SPAN_SIZE


cdef uint32_t products_of_device(octets p) noexcept nogil:
    """How many a value that is_device has passed names; none where all of its station's are meant."""
    return le16(p + 2) if p[0] == DEVICE_NARROWED_LAYOUT else 0


cdef uint32_t read_products(octets p, uint32_t count, uint32_t* products) noexcept nogil:
    """Sorted, to where products points; how many there were."""
    cdef uint32_t i
    for i in range(count):
        products[i] = le32(p + 4 * <size_t>i)
    qsort(products, count, sizeof(uint32_t), by_number)
    return count


cdef size_t fill_pairs(Pair* pairs, list items) except? 0:
    cdef size_t count = 0
    for number, value in items:
        pairs[count].number, pairs[count].value = number, value
        count += 1
    return count


cdef int by_number(const void* a, const void* b) noexcept nogil:
    cdef uint32_t x = (<const uint32_t*>a)[0], y = (<const uint32_t*>b)[0]
    return (x > y) - (x < y)


cdef inline bint is_among(uint32_t number, const uint32_t* numbers, size_t count) noexcept nogil:
    return find_number(number, numbers, count, sizeof(uint32_t)) is not NULL


cdef inline const void* find_number(uint32_t number, const void* rows, size_t count, size_t width) noexcept nogil:
    """The row whose first field is the number, or NULL."""
    cdef size_t low = 0, high = count, middle
    cdef const char* base = <const char*>rows
    cdef uint32_t there
    while low < high:
        middle = (low + high) // 2
        there = (<const uint32_t*>(base + middle * width))[0]
        if there == number:
            return <const void*>(base + middle * width)
        if there < number:
            low = middle + 1
        else:
            high = middle
    return NULL
