# LMDB and libsodium as the installed wheels export them: the declarations we use, and where each is found.
# No headers and no link flags: the modules that carry them are loaded already, dlsym finds the rest.

cdef extern from "dlfcn.h" nogil:
    void* dlopen(const char* file, int mode)
    void* dlsym(void* handle, const char* name)
    int RTLD_NOW

cdef extern from "sys/mman.h" nogil:
    int madvise(void* address, size_t length, int advice)

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident()

ctypedef struct MDB_val:
    size_t mv_size
    void* mv_data

ctypedef struct MDB_stat:
    unsigned int ms_psize
    unsigned int ms_depth
    size_t ms_branch_pages
    size_t ms_leaf_pages
    size_t ms_overflow_pages
    size_t ms_entries

ctypedef struct MDB_envinfo:
    void* me_mapaddr
    size_t me_mapsize
    size_t me_last_pgno
    size_t me_last_txnid
    unsigned int me_maxreaders
    unsigned int me_numreaders

# LMDB's handles are opaque: only their addresses pass through here.
ctypedef void MDB_env
ctypedef void MDB_txn
ctypedef void MDB_cursor

cdef enum:
    MDB_RDONLY = 0x20000
    MDB_NOTLS = 0x200000
    MDB_CREATE = 0x40000
    MDB_APPEND = 0x20000
    MDB_FIRST = 0
    MDB_LAST = 6
    MDB_NEXT = 8
    MDB_SET_RANGE = 17
    MDB_KEYEXIST = -30799
    MDB_NOTFOUND = -30798
    MDB_BAD_DBI = -30780
    MADV_POPULATE_READ = 22
    HMAC_STATE_WORDS = 64  # libsodium needs 26; self_test compares

ctypedef char* (*fn_version)(int*, int*, int*) noexcept nogil
ctypedef char* (*fn_strerror)(int) noexcept nogil
ctypedef int (*fn_env_create)(MDB_env**) noexcept nogil
ctypedef int (*fn_env_open)(MDB_env*, const char*, unsigned int, unsigned int) noexcept nogil
ctypedef void (*fn_env_close)(MDB_env*) noexcept nogil
ctypedef int (*fn_env_set_mapsize)(MDB_env*, size_t) noexcept nogil
ctypedef int (*fn_env_set_maxdbs)(MDB_env*, unsigned int) noexcept nogil
ctypedef int (*fn_env_stat)(MDB_env*, MDB_stat*) noexcept nogil
ctypedef int (*fn_env_info)(MDB_env*, MDB_envinfo*) noexcept nogil
ctypedef int (*fn_txn_begin)(MDB_env*, MDB_txn*, unsigned int, MDB_txn**) noexcept nogil
ctypedef int (*fn_txn_end)(MDB_txn*) noexcept nogil
ctypedef void (*fn_txn_drop)(MDB_txn*) noexcept nogil
ctypedef int (*fn_dbi_open)(MDB_txn*, const char*, unsigned int, unsigned int*) noexcept nogil
ctypedef int (*fn_stat)(MDB_txn*, unsigned int, MDB_stat*) noexcept nogil
ctypedef int (*fn_get)(MDB_txn*, unsigned int, MDB_val*, MDB_val*) noexcept nogil
ctypedef int (*fn_put)(MDB_txn*, unsigned int, MDB_val*, MDB_val*, unsigned int) noexcept nogil
ctypedef int (*fn_cursor_open)(MDB_txn*, unsigned int, MDB_cursor**) noexcept nogil
ctypedef void (*fn_cursor_close)(MDB_cursor*) noexcept nogil
ctypedef int (*fn_cursor_get)(MDB_cursor*, MDB_val*, MDB_val*, int) noexcept nogil
ctypedef int (*fn_cursor_del)(MDB_cursor*, unsigned int) noexcept nogil

ctypedef int (*fn_sodium_init)() noexcept nogil
ctypedef int (*fn_ed25519_verify)(
    const unsigned char*, const unsigned char*, unsigned long long, const unsigned char*) noexcept nogil
ctypedef int (*fn_generichash)(
    unsigned char*, size_t, const unsigned char*, unsigned long long, const unsigned char*, size_t) noexcept nogil
ctypedef int (*fn_same)(const void*, const void*, size_t) noexcept nogil
ctypedef int (*fn_hmac_init)(void*, const unsigned char*, size_t) noexcept nogil
ctypedef int (*fn_hmac_update)(void*, const unsigned char*, unsigned long long) noexcept nogil
ctypedef int (*fn_hmac_final)(void*, unsigned char*) noexcept nogil
ctypedef size_t (*fn_size)() noexcept nogil


cdef void* load_module_file(str path) except NULL:
    """A handle on an extension module's file; the module is imported, so this only counts it once more."""
    cdef bytes encoded = os.fsencode(path)
    cdef void* handle = dlopen(encoded, RTLD_NOW)
    if handle is NULL:
        raise ImportError(f"{path} cannot be opened for its symbols")
    return handle


cdef void* find_symbol(void* handle, str path, tuple names) except NULL:
    """The first of the names that the file exports. Raises ImportError naming them when it has none."""
    cdef void* found
    cdef bytes encoded
    for name in names:
        encoded = name.encode()
        found = dlsym(handle, encoded)
        if found is not NULL:
            return found
    raise ImportError(f"{path} does not export {' or '.join(names)}")


try:
    from lmdb import cpython as _lmdb_extension
except ImportError:
    raise ImportError("lmdb's compiled extension is not installed: install the lmdb wheel, not its cffi form") from None
from nacl import _sodium as _sodium_extension

cdef str LMDB_FILE = _lmdb_extension.__file__
cdef str SODIUM_FILE = _sodium_extension.__file__
cdef void* lmdb_handle = load_module_file(LMDB_FILE)
cdef void* sodium_handle = load_module_file(SODIUM_FILE)


cdef void* lmdb_symbol(str name) except NULL:
    # Wheels from 3.0 on carry two engines under two prefixes; the 0.9 format is ours.
    return find_symbol(lmdb_handle, LMDB_FILE, ("mdb09_" + name, "mdb_" + name))


cdef void* sodium_symbol(str name) except NULL:
    return find_symbol(sodium_handle, SODIUM_FILE, (name,))


cdef fn_version mdb_version = <fn_version>lmdb_symbol("version")
cdef fn_strerror mdb_strerror = <fn_strerror>lmdb_symbol("strerror")
cdef fn_env_create mdb_env_create = <fn_env_create>lmdb_symbol("env_create")
cdef fn_env_open mdb_env_open = <fn_env_open>lmdb_symbol("env_open")
cdef fn_env_close mdb_env_close = <fn_env_close>lmdb_symbol("env_close")
cdef fn_env_set_mapsize mdb_env_set_mapsize = <fn_env_set_mapsize>lmdb_symbol("env_set_mapsize")
cdef fn_env_set_maxdbs mdb_env_set_maxdbs = <fn_env_set_maxdbs>lmdb_symbol("env_set_maxdbs")
cdef fn_env_stat mdb_env_stat = <fn_env_stat>lmdb_symbol("env_stat")
cdef fn_env_info mdb_env_info = <fn_env_info>lmdb_symbol("env_info")
cdef fn_txn_begin mdb_txn_begin = <fn_txn_begin>lmdb_symbol("txn_begin")
cdef fn_txn_end mdb_txn_commit = <fn_txn_end>lmdb_symbol("txn_commit")
cdef fn_txn_drop mdb_txn_abort = <fn_txn_drop>lmdb_symbol("txn_abort")
cdef fn_txn_drop mdb_txn_reset = <fn_txn_drop>lmdb_symbol("txn_reset")
cdef fn_txn_end mdb_txn_renew = <fn_txn_end>lmdb_symbol("txn_renew")
cdef fn_dbi_open mdb_dbi_open = <fn_dbi_open>lmdb_symbol("dbi_open")
cdef fn_stat mdb_stat = <fn_stat>lmdb_symbol("stat")
cdef fn_get mdb_get = <fn_get>lmdb_symbol("get")
cdef fn_put mdb_put = <fn_put>lmdb_symbol("put")
cdef fn_get mdb_del = <fn_get>lmdb_symbol("del")
cdef fn_cursor_open mdb_cursor_open = <fn_cursor_open>lmdb_symbol("cursor_open")
cdef fn_cursor_close mdb_cursor_close = <fn_cursor_close>lmdb_symbol("cursor_close")
cdef fn_cursor_get mdb_cursor_get = <fn_cursor_get>lmdb_symbol("cursor_get")
cdef fn_cursor_del mdb_cursor_del = <fn_cursor_del>lmdb_symbol("cursor_del")

cdef fn_sodium_init sodium_init = <fn_sodium_init>sodium_symbol("sodium_init")
cdef fn_ed25519_verify ed25519_verify = <fn_ed25519_verify>sodium_symbol("crypto_sign_ed25519_verify_detached")
cdef fn_generichash generichash = <fn_generichash>sodium_symbol("crypto_generichash")
cdef fn_same same_bytes = <fn_same>sodium_symbol("sodium_memcmp")
cdef fn_size hmac_state_bytes = <fn_size>sodium_symbol("crypto_auth_hmacsha256_statebytes")
cdef fn_hmac_init hmac_init = <fn_hmac_init>sodium_symbol("crypto_auth_hmacsha256_init")
cdef fn_hmac_update hmac_update = <fn_hmac_update>sodium_symbol("crypto_auth_hmacsha256_update")
cdef fn_hmac_final hmac_final = <fn_hmac_final>sodium_symbol("crypto_auth_hmacsha256_final")

if sodium_init() < 0:
    raise ImportError("libsodium cannot be initialised")


def verify_ed25519(bytes public not None, bytes message not None, bytes signature not None):
    if len(public) != 32 or len(signature) != 64:
        return False
    return ed25519_verify(signature, message, len(message), public) == 0


cdef void keyed_hash(const unsigned char* key, size_t key_bytes, unsigned char kind,
                     const unsigned char* value, size_t value_bytes, unsigned char* out) noexcept nogil:
    """records.credential_hash: HMAC-SHA256 over kind and value; `out` takes all 32 bytes."""
    cdef unsigned long long state[HMAC_STATE_WORDS]
    hmac_init(state, key, key_bytes)
    hmac_update(state, &kind, 1)
    hmac_update(state, value, value_bytes)
    hmac_final(state, out)


def self_test():
    cdef int major = 0, minor = 0, patch = 0
    cdef unsigned char out[32]
    mdb_version(&major, &minor, &patch)
    if (major, minor) != (0, 9):
        raise ImportError(f"{LMDB_FILE}: LMDB {major}.{minor} where 0.9 is needed")
    if not mdb_strerror(MDB_NOTFOUND).startswith(b"MDB_NOTFOUND"):
        raise ImportError(f"{LMDB_FILE}: mdb_strerror is not LMDB's")
    generichash(out, 16, b"", 0, NULL, 0)
    if out[:16] != bytes.fromhex("cae66941d9efbd404e4d88758ea67670"):
        raise ImportError(f"{SODIUM_FILE}: crypto_generichash is not RFC 7693's BLAKE2b")
    if generichash(out, 8, b"step", 4, b"key", 3) or out[:8] != blake2b(b"step", key=b"key", digest_size=8).digest():
        raise ImportError(f"{SODIUM_FILE}: crypto_generichash with a key is not RFC 7693's BLAKE2b")
    if same_bytes(b"same", b"same", 4) != 0 or same_bytes(b"same", b"sane", 4) == 0:
        raise ImportError(f"{SODIUM_FILE}: sodium_memcmp does not compare")
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    if not verify_ed25519(public, b"\x72", signature) or verify_ed25519(public, b"\x73", signature):
        raise ImportError(f"{SODIUM_FILE}: crypto_sign_ed25519_verify_detached does not verify RFC 8032's vectors")
    if hmac_state_bytes() > HMAC_STATE_WORDS * 8:
        raise ImportError(f"{SODIUM_FILE}: the state of HMAC-SHA256 has grown to {hmac_state_bytes()} bytes")
    keyed_hash(b"Jefe", 4, c"w", b"hat do ya want for nothing?", 27, out)
    if out[:32] != bytes.fromhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"):
        raise ImportError(f"{SODIUM_FILE}: crypto_auth_hmacsha256 does not give RFC 4231's second vector")


self_test()
