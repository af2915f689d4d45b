from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class EnrolRequest(_message.Message):
    __slots__ = ("secret", "csr_der", "software_version")
    SECRET_FIELD_NUMBER: _ClassVar[int]
    CSR_DER_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    secret: str
    csr_der: bytes
    software_version: str
    def __init__(self, secret: _Optional[str] = ..., csr_der: _Optional[bytes] = ..., software_version: _Optional[str] = ...) -> None: ...

class EnrolReply(_message.Message):
    __slots__ = ("certificate_pem", "authority_pem", "edge_id", "venue_id", "venue_root_key", "gates_address", "pepper", "pepper_version")
    CERTIFICATE_PEM_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_PEM_FIELD_NUMBER: _ClassVar[int]
    EDGE_ID_FIELD_NUMBER: _ClassVar[int]
    VENUE_ID_FIELD_NUMBER: _ClassVar[int]
    VENUE_ROOT_KEY_FIELD_NUMBER: _ClassVar[int]
    GATES_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PEPPER_FIELD_NUMBER: _ClassVar[int]
    PEPPER_VERSION_FIELD_NUMBER: _ClassVar[int]
    certificate_pem: bytes
    authority_pem: bytes
    edge_id: int
    venue_id: int
    venue_root_key: bytes
    gates_address: str
    pepper: bytes
    pepper_version: int
    def __init__(self, certificate_pem: _Optional[bytes] = ..., authority_pem: _Optional[bytes] = ..., edge_id: _Optional[int] = ..., venue_id: _Optional[int] = ..., venue_root_key: _Optional[bytes] = ..., gates_address: _Optional[str] = ..., pepper: _Optional[bytes] = ..., pepper_version: _Optional[int] = ...) -> None: ...
