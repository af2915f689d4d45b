from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Stream(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STREAM_UNSPECIFIED: _ClassVar[Stream]
    STREAM_URGENT: _ClassVar[Stream]
    STREAM_BULK: _ClassVar[Stream]

class BatchKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BATCH_KIND_UNSPECIFIED: _ClassVar[BatchKind]
    BATCH_KIND_DELTA: _ClassVar[BatchKind]
    BATCH_KIND_SNAPSHOT: _ClassVar[BatchKind]
    BATCH_KIND_START: _ClassVar[BatchKind]
STREAM_UNSPECIFIED: Stream
STREAM_URGENT: Stream
STREAM_BULK: Stream
BATCH_KIND_UNSPECIFIED: BatchKind
BATCH_KIND_DELTA: BatchKind
BATCH_KIND_SNAPSHOT: BatchKind
BATCH_KIND_START: BatchKind

class SubscribeRequest(_message.Message):
    __slots__ = ("stream", "cursor", "has_cursor", "generation", "base_seq", "after_table", "after_key")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    HAS_CURSOR_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    BASE_SEQ_FIELD_NUMBER: _ClassVar[int]
    AFTER_TABLE_FIELD_NUMBER: _ClassVar[int]
    AFTER_KEY_FIELD_NUMBER: _ClassVar[int]
    stream: Stream
    cursor: int
    has_cursor: bool
    generation: int
    base_seq: int
    after_table: int
    after_key: bytes
    def __init__(self, stream: _Optional[_Union[Stream, str]] = ..., cursor: _Optional[int] = ..., has_cursor: bool = ..., generation: _Optional[int] = ..., base_seq: _Optional[int] = ..., after_table: _Optional[int] = ..., after_key: _Optional[bytes] = ...) -> None: ...

class FeedBatch(_message.Message):
    __slots__ = ("venue_id", "stream", "kind", "first_seq", "last_seq", "current_to_ms", "generation", "snapshot_end", "ops", "key_id", "signature")
    VENUE_ID_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    CURRENT_TO_MS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_END_FIELD_NUMBER: _ClassVar[int]
    OPS_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    venue_id: int
    stream: Stream
    kind: BatchKind
    first_seq: int
    last_seq: int
    current_to_ms: int
    generation: int
    snapshot_end: bool
    ops: bytes
    key_id: int
    signature: bytes
    def __init__(self, venue_id: _Optional[int] = ..., stream: _Optional[_Union[Stream, str]] = ..., kind: _Optional[_Union[BatchKind, str]] = ..., first_seq: _Optional[int] = ..., last_seq: _Optional[int] = ..., current_to_ms: _Optional[int] = ..., generation: _Optional[int] = ..., snapshot_end: bool = ..., ops: _Optional[bytes] = ..., key_id: _Optional[int] = ..., signature: _Optional[bytes] = ...) -> None: ...

class FeedAck(_message.Message):
    __slots__ = ("stream", "seq", "applied_at_ms", "generation")
    STREAM_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    APPLIED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    stream: Stream
    seq: int
    applied_at_ms: int
    generation: int
    def __init__(self, stream: _Optional[_Union[Stream, str]] = ..., seq: _Optional[int] = ..., applied_at_ms: _Optional[int] = ..., generation: _Optional[int] = ...) -> None: ...

class FeedAckReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class KeySetRequest(_message.Message):
    __slots__ = ("have_version",)
    HAVE_VERSION_FIELD_NUMBER: _ClassVar[int]
    have_version: int
    def __init__(self, have_version: _Optional[int] = ...) -> None: ...

class SignedKeySet(_message.Message):
    __slots__ = ("payload", "signature")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    signature: bytes
    def __init__(self, payload: _Optional[bytes] = ..., signature: _Optional[bytes] = ...) -> None: ...
