"""Rows -> the records gates read. Pure: deltas and snapshots are made by these same functions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cloud.catalog.models import RuleSnapshot
from cloud.entitlements.models import Entitlement, EntitlementCredential, Usage
from cloud.venues.models import CalendarDay, Device, Station, Venue
from paifang import records
from paifang.records import Op, Table
from paifang.usage import others_key

_KINDS = {CalendarDay.Kind.HOLIDAY: records.DayKind.HOLIDAY, CalendarDay.Kind.WORKDAY: records.DayKind.WORKDAY}


def seconds(instant: datetime) -> int:
    return int(instant.timestamp())


def record_of(entitlement: Entitlement, product_class: int) -> records.Record:
    """Whose ID card it is bound to is in the index, from a few days before on."""
    return records.Record(
        revision=entitlement.revision,
        ruleset_id=entitlement.rules_id,
        product_class=product_class,
        not_before=seconds(entitlement.not_before),
        not_after=seconds(entitlement.not_after),
        digest=bytes(entitlement.pass_digest),
        state=records.State(entitlement.state),
        flags=record_flags(entitlement),
        persons=entitlement.persons,
        uses=entitlement.uses,
        slot_from=seconds(entitlement.slot_from) if entitlement.slot_from else 0,
        slot_to=seconds(entitlement.slot_to) if entitlement.slot_to else 0,
        owner_id=entitlement.owner_id,
        activated_at=seconds(entitlement.activated_at) if entitlement.activated_at else 0,
    )


def record_flags(entitlement: Entitlement) -> records.RecordFlag:
    """What its columns say, as a gate reads it."""
    flag = records.RecordFlag
    held = {
        flag.ROTATING: entitlement.rotating,
        flag.ACTIVATED: entitlement.activated_at is not None,
        flag.COLLECTED: entitlement.collected_at is not None,
        flag.BOOKED: entitlement.slot_from is not None,
    }
    return flag(sum(one for one, on in held.items() if on))


def entitlement_op(entitlement: Entitlement, product_class: int) -> Op:
    """`product_class`: its product's, which that of its part goes before."""
    record = record_of(entitlement, entitlement.product_class or product_class)
    return Op(Table.ENTITLEMENT, records.entitlement_key(entitlement.pk), record.pack())


def index_op(credential: EntitlementCredential, revision: int) -> Op:
    return Op(Table.INDEX, _index_key(credential), revision.to_bytes(4, "little"))


def index_delete_op(credential: EntitlementCredential) -> Op:
    return Op(Table.INDEX, _index_key(credential), None)


def _index_key(credential: EntitlementCredential) -> bytes:
    return records.index_key(credential.kind, bytes(credential.hashed), credential.entitlement_id)


def others_op(usage: Usage) -> Op:
    """Uses a gate did not make itself: another edge's, or ones carried over from another group."""
    key = others_key(usage.owner_id, usage.group_id, usage.source)
    return Op(Table.OTHERS, key, bytes(usage.record))


def ruleset_op(snapshot: RuleSnapshot) -> Op:
    return Op(Table.RULESET, records.live_key(snapshot.pk), bytes(snapshot.compiled))


def station_op(station: Station, product_classes: Iterable[int]) -> Op:
    record = records.Station(
        group_id=station.group_id,
        enabled=station.enabled,
        exit=station.nature == Station.Nature.EXIT,
        inner=station.inner,
        products=tuple(product_classes),
    )
    return Op(Table.STATION, records.live_key(station.pk), record.pack())


def device_op(device: Device, product_classes: Iterable[int]) -> Op:
    """A lane. Its own status only: the gate itself puts the station's above it (S-21).

    `product_classes`: those it verifies where it is narrowed to some.
    """
    record = records.Device(
        station_id=device.station_id or 0,
        enabled=device.enabled,
        identifier=device.identifier,
        products=tuple(product_classes) if device.narrowed else None,
    )
    return Op(Table.DEVICE, records.live_key(device.pk), record.pack())


def device_gone_op(device: Device) -> Op:
    return Op(Table.DEVICE, records.live_key(device.pk), None)


def day_key_op(day: int, key: bytes | None) -> Op:
    """The key of rotating passes of a business day (ordinal); None takes it back."""
    return Op(Table.DAYKEY, records.live_key(day), key)


def venue_op(
    venue: Venue,
    stations: Iterable[Station],
    keyset_version: int,
    days: Iterable[CalendarDay],
    signed_only: dict[int, tuple[int, int]],
    outage: dict[int, int],
) -> Op:
    """`days`: the calendar's, as far as gates hold it. `signed_only`: product class -> rule set and how many.
    `outage`: product class -> its share of an outage, where it is not the usual one."""
    settings = records.VenueSettings(
        time_zone=venue.time_zone,
        day_start_minutes=venue.day_start_minutes,
        stations={station.pk: (station.name_zh, station.name_en or station.name_zh) for station in stations},
        keyset_version=keyset_version,
        holidays={row.day.toordinal(): (_KINDS[row.kind], row.name_zh, row.name_en or row.name_zh) for row in days},
        signed_only=signed_only,
        capacity=venue.capacity or 0,
        day_capacity=venue.day_capacity or 0,
        warn_permille=venue.warn_permille,
        outage=outage,
    )
    return Op(Table.VENUE, records.live_key(venue.pk), settings.pack())
