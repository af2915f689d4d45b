from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ClockState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOCK_STATE_UNSPECIFIED: _ClassVar[ClockState]
    CLOCK_STATE_CONFIRMED: _ClassVar[ClockState]
    CLOCK_STATE_UNCONFIRMED: _ClassVar[ClockState]
    CLOCK_STATE_BEHIND: _ClassVar[ClockState]
    CLOCK_STATE_JUMPED: _ClassVar[ClockState]

class Decision(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DECISION_UNSPECIFIED: _ClassVar[Decision]
    DECISION_ADMIT: _ClassVar[Decision]
    DECISION_REFUSE: _ClassVar[Decision]
    DECISION_GO_AHEAD: _ClassVar[Decision]

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_PASSED: _ClassVar[Outcome]
    OUTCOME_RETURNED: _ClassVar[Outcome]
    OUTCOME_PARTLY: _ClassVar[Outcome]
    OUTCOME_KEPT: _ClassVar[Outcome]
    OUTCOME_UNKNOWN: _ClassVar[Outcome]
    OUTCOME_LATE: _ClassVar[Outcome]
    OUTCOME_UNTICKETED: _ClassVar[Outcome]

class LaneState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LANE_STATE_UNSPECIFIED: _ClassVar[LaneState]
    LANE_STATE_READY: _ClassVar[LaneState]
    LANE_STATE_DECIDING: _ClassVar[LaneState]
    LANE_STATE_OPEN: _ClassVar[LaneState]
    LANE_STATE_OUT_OF_SERVICE: _ClassVar[LaneState]
    LANE_STATE_FAULT: _ClassVar[LaneState]

class CheckOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CHECK_OUTCOME_UNSPECIFIED: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_PASSED: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_FAILED: _ClassVar[CheckOutcome]
    CHECK_OUTCOME_NOT_ASKED: _ClassVar[CheckOutcome]
CLOCK_STATE_UNSPECIFIED: ClockState
CLOCK_STATE_CONFIRMED: ClockState
CLOCK_STATE_UNCONFIRMED: ClockState
CLOCK_STATE_BEHIND: ClockState
CLOCK_STATE_JUMPED: ClockState
DECISION_UNSPECIFIED: Decision
DECISION_ADMIT: Decision
DECISION_REFUSE: Decision
DECISION_GO_AHEAD: Decision
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_PASSED: Outcome
OUTCOME_RETURNED: Outcome
OUTCOME_PARTLY: Outcome
OUTCOME_KEPT: Outcome
OUTCOME_UNKNOWN: Outcome
OUTCOME_LATE: Outcome
OUTCOME_UNTICKETED: Outcome
LANE_STATE_UNSPECIFIED: LaneState
LANE_STATE_READY: LaneState
LANE_STATE_DECIDING: LaneState
LANE_STATE_OPEN: LaneState
LANE_STATE_OUT_OF_SERVICE: LaneState
LANE_STATE_FAULT: LaneState
CHECK_OUTCOME_UNSPECIFIED: CheckOutcome
CHECK_OUTCOME_PASSED: CheckOutcome
CHECK_OUTCOME_FAILED: CheckOutcome
CHECK_OUTCOME_NOT_ASKED: CheckOutcome

class JournalBatch(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, entries: _Optional[_Iterable[bytes]] = ...) -> None: ...

class JournalAck(_message.Message):
    __slots__ = ("acked_seq",)
    ACKED_SEQ_FIELD_NUMBER: _ClassVar[int]
    acked_seq: int
    def __init__(self, acked_seq: _Optional[int] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("edge_id", "epoch", "seq", "prev_hash", "at_ms", "clock", "boot", "presentation", "settlement", "lane_change", "alarm")
    EDGE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PREV_HASH_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    BOOT_FIELD_NUMBER: _ClassVar[int]
    PRESENTATION_FIELD_NUMBER: _ClassVar[int]
    SETTLEMENT_FIELD_NUMBER: _ClassVar[int]
    LANE_CHANGE_FIELD_NUMBER: _ClassVar[int]
    ALARM_FIELD_NUMBER: _ClassVar[int]
    edge_id: int
    epoch: bytes
    seq: int
    prev_hash: bytes
    at_ms: int
    clock: ClockState
    boot: Boot
    presentation: Presentation
    settlement: Settlement
    lane_change: LaneChange
    alarm: Alarm
    def __init__(self, edge_id: _Optional[int] = ..., epoch: _Optional[bytes] = ..., seq: _Optional[int] = ..., prev_hash: _Optional[bytes] = ..., at_ms: _Optional[int] = ..., clock: _Optional[_Union[ClockState, str]] = ..., boot: _Optional[_Union[Boot, _Mapping]] = ..., presentation: _Optional[_Union[Presentation, _Mapping]] = ..., settlement: _Optional[_Union[Settlement, _Mapping]] = ..., lane_change: _Optional[_Union[LaneChange, _Mapping]] = ..., alarm: _Optional[_Union[Alarm, _Mapping]] = ...) -> None: ...

class Boot(_message.Message):
    __slots__ = ("software_version", "verifier", "open_uses")
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    OPEN_USES_FIELD_NUMBER: _ClassVar[int]
    software_version: str
    verifier: str
    open_uses: int
    def __init__(self, software_version: _Optional[str] = ..., verifier: _Optional[str] = ..., open_uses: _Optional[int] = ...) -> None: ...

class Presentation(_message.Message):
    __slots__ = ("device_id", "station_id", "group_id", "decision", "reason", "credential_kind", "credential_tag", "entitlement_id", "owner_id", "product_class", "persons", "usage", "decided_us", "whole_usage", "signed_only", "leaving", "unclaimed")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    STATION_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_KIND_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_TAG_FIELD_NUMBER: _ClassVar[int]
    ENTITLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_ID_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_CLASS_FIELD_NUMBER: _ClassVar[int]
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    DECIDED_US_FIELD_NUMBER: _ClassVar[int]
    WHOLE_USAGE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_ONLY_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    UNCLAIMED_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    station_id: int
    group_id: int
    decision: Decision
    reason: int
    credential_kind: int
    credential_tag: bytes
    entitlement_id: int
    owner_id: int
    product_class: int
    persons: int
    usage: bytes
    decided_us: int
    whole_usage: bytes
    signed_only: bool
    leaving: bool
    unclaimed: bool
    def __init__(self, device_id: _Optional[int] = ..., station_id: _Optional[int] = ..., group_id: _Optional[int] = ..., decision: _Optional[_Union[Decision, str]] = ..., reason: _Optional[int] = ..., credential_kind: _Optional[int] = ..., credential_tag: _Optional[bytes] = ..., entitlement_id: _Optional[int] = ..., owner_id: _Optional[int] = ..., product_class: _Optional[int] = ..., persons: _Optional[int] = ..., usage: _Optional[bytes] = ..., decided_us: _Optional[int] = ..., whole_usage: _Optional[bytes] = ..., signed_only: bool = ..., leaving: bool = ..., unclaimed: bool = ...) -> None: ...

class Settlement(_message.Message):
    __slots__ = ("admission_seq", "outcome", "passed", "returned", "recovered", "entitlement_id", "owner_id", "group_id", "usage", "device_id", "whole_usage", "leaving")
    ADMISSION_SEQ_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    RETURNED_FIELD_NUMBER: _ClassVar[int]
    RECOVERED_FIELD_NUMBER: _ClassVar[int]
    ENTITLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    OWNER_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    WHOLE_USAGE_FIELD_NUMBER: _ClassVar[int]
    LEAVING_FIELD_NUMBER: _ClassVar[int]
    admission_seq: int
    outcome: Outcome
    passed: int
    returned: int
    recovered: bool
    entitlement_id: int
    owner_id: int
    group_id: int
    usage: bytes
    device_id: int
    whole_usage: bytes
    leaving: bool
    def __init__(self, admission_seq: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., passed: _Optional[int] = ..., returned: _Optional[int] = ..., recovered: bool = ..., entitlement_id: _Optional[int] = ..., owner_id: _Optional[int] = ..., group_id: _Optional[int] = ..., usage: _Optional[bytes] = ..., device_id: _Optional[int] = ..., whole_usage: _Optional[bytes] = ..., leaving: bool = ...) -> None: ...

class LaneChange(_message.Message):
    __slots__ = ("device_id", "state", "cause")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    state: LaneState
    cause: str
    def __init__(self, device_id: _Optional[int] = ..., state: _Optional[_Union[LaneState, str]] = ..., cause: _Optional[str] = ...) -> None: ...

class Alarm(_message.Message):
    __slots__ = ("code", "detail", "device_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    code: str
    detail: str
    device_id: int
    def __init__(self, code: _Optional[str] = ..., detail: _Optional[str] = ..., device_id: _Optional[int] = ...) -> None: ...

class LaneStatus(_message.Message):
    __slots__ = ("device_id", "state", "reader_online", "barrier_online", "last_decision", "last_reason", "last_at_ms", "presented", "admitted")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    READER_ONLINE_FIELD_NUMBER: _ClassVar[int]
    BARRIER_ONLINE_FIELD_NUMBER: _ClassVar[int]
    LAST_DECISION_FIELD_NUMBER: _ClassVar[int]
    LAST_REASON_FIELD_NUMBER: _ClassVar[int]
    LAST_AT_MS_FIELD_NUMBER: _ClassVar[int]
    PRESENTED_FIELD_NUMBER: _ClassVar[int]
    ADMITTED_FIELD_NUMBER: _ClassVar[int]
    device_id: int
    state: LaneState
    reader_online: bool
    barrier_online: bool
    last_decision: Decision
    last_reason: int
    last_at_ms: int
    presented: int
    admitted: int
    def __init__(self, device_id: _Optional[int] = ..., state: _Optional[_Union[LaneState, str]] = ..., reader_online: bool = ..., barrier_online: bool = ..., last_decision: _Optional[_Union[Decision, str]] = ..., last_reason: _Optional[int] = ..., last_at_ms: _Optional[int] = ..., presented: _Optional[int] = ..., admitted: _Optional[int] = ...) -> None: ...

class EdgeStatus(_message.Message):
    __slots__ = ("at_ms", "software_version", "verifier", "clock", "journal_seq", "journal_acked", "entitlements", "urgent_current_to_ms", "bulk_current_to_ms", "store_permille", "lanes", "signed_only_spent", "inside", "room_state", "claims", "exposed", "behind", "machine_off_ms")
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    SOFTWARE_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_FIELD_NUMBER: _ClassVar[int]
    CLOCK_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_SEQ_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_ACKED_FIELD_NUMBER: _ClassVar[int]
    ENTITLEMENTS_FIELD_NUMBER: _ClassVar[int]
    URGENT_CURRENT_TO_MS_FIELD_NUMBER: _ClassVar[int]
    BULK_CURRENT_TO_MS_FIELD_NUMBER: _ClassVar[int]
    STORE_PERMILLE_FIELD_NUMBER: _ClassVar[int]
    LANES_FIELD_NUMBER: _ClassVar[int]
    SIGNED_ONLY_SPENT_FIELD_NUMBER: _ClassVar[int]
    INSIDE_FIELD_NUMBER: _ClassVar[int]
    ROOM_STATE_FIELD_NUMBER: _ClassVar[int]
    CLAIMS_FIELD_NUMBER: _ClassVar[int]
    EXPOSED_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    MACHINE_OFF_MS_FIELD_NUMBER: _ClassVar[int]
    at_ms: int
    software_version: str
    verifier: str
    clock: ClockState
    journal_seq: int
    journal_acked: int
    entitlements: int
    urgent_current_to_ms: int
    bulk_current_to_ms: int
    store_permille: int
    lanes: _containers.RepeatedCompositeFieldContainer[LaneStatus]
    signed_only_spent: int
    inside: int
    room_state: int
    claims: int
    exposed: int
    behind: str
    machine_off_ms: int
    def __init__(self, at_ms: _Optional[int] = ..., software_version: _Optional[str] = ..., verifier: _Optional[str] = ..., clock: _Optional[_Union[ClockState, str]] = ..., journal_seq: _Optional[int] = ..., journal_acked: _Optional[int] = ..., entitlements: _Optional[int] = ..., urgent_current_to_ms: _Optional[int] = ..., bulk_current_to_ms: _Optional[int] = ..., store_permille: _Optional[int] = ..., lanes: _Optional[_Iterable[_Union[LaneStatus, _Mapping]]] = ..., signed_only_spent: _Optional[int] = ..., inside: _Optional[int] = ..., room_state: _Optional[int] = ..., claims: _Optional[int] = ..., exposed: _Optional[int] = ..., behind: _Optional[str] = ..., machine_off_ms: _Optional[int] = ...) -> None: ...

class ReportReply(_message.Message):
    __slots__ = ("cloud_time_ms", "elsewhere", "questions", "journal", "restores")
    CLOUD_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    ELSEWHERE_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    JOURNAL_FIELD_NUMBER: _ClassVar[int]
    RESTORES_FIELD_NUMBER: _ClassVar[int]
    cloud_time_ms: int
    elsewhere: Elsewhere
    questions: _containers.RepeatedCompositeFieldContainer[Question]
    journal: JournalTail
    restores: int
    def __init__(self, cloud_time_ms: _Optional[int] = ..., elsewhere: _Optional[_Union[Elsewhere, _Mapping]] = ..., questions: _Optional[_Iterable[_Union[Question, _Mapping]]] = ..., journal: _Optional[_Union[JournalTail, _Mapping]] = ..., restores: _Optional[int] = ...) -> None: ...

class JournalTail(_message.Message):
    __slots__ = ("epoch", "seq", "hash")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    epoch: bytes
    seq: int
    hash: bytes
    def __init__(self, epoch: _Optional[bytes] = ..., seq: _Optional[int] = ..., hash: _Optional[bytes] = ...) -> None: ...

class Elsewhere(_message.Message):
    __slots__ = ("day", "entered", "left")
    DAY_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    day: int
    entered: int
    left: int
    def __init__(self, day: _Optional[int] = ..., entered: _Optional[int] = ..., left: _Optional[int] = ...) -> None: ...

class Question(_message.Message):
    __slots__ = ("id", "credential_kind", "credential", "device_id", "at_ms")
    ID_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_KIND_FIELD_NUMBER: _ClassVar[int]
    CREDENTIAL_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    credential_kind: int
    credential: bytes
    device_id: int
    at_ms: int
    def __init__(self, id: _Optional[bytes] = ..., credential_kind: _Optional[int] = ..., credential: _Optional[bytes] = ..., device_id: _Optional[int] = ..., at_ms: _Optional[int] = ...) -> None: ...

class Explanation(_message.Message):
    __slots__ = ("id", "admit", "reason", "entitlement_id", "checks")
    ID_FIELD_NUMBER: _ClassVar[int]
    ADMIT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ENTITLEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    id: bytes
    admit: bool
    reason: int
    entitlement_id: int
    checks: _containers.RepeatedCompositeFieldContainer[Check]
    def __init__(self, id: _Optional[bytes] = ..., admit: bool = ..., reason: _Optional[int] = ..., entitlement_id: _Optional[int] = ..., checks: _Optional[_Iterable[_Union[Check, _Mapping]]] = ...) -> None: ...

class Check(_message.Message):
    __slots__ = ("number", "outcome", "reason", "inputs")
    class InputsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    number: int
    outcome: CheckOutcome
    reason: int
    inputs: _containers.ScalarMap[str, str]
    def __init__(self, number: _Optional[int] = ..., outcome: _Optional[_Union[CheckOutcome, str]] = ..., reason: _Optional[int] = ..., inputs: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ExplanationReply(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
