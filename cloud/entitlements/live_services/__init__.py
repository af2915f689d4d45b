"""What staff change while gates are working. Each is one transaction: permission, locks, change, feed row, audit.

The venue's lock comes first wherever groups or product lists change, then the stations in the order of their
ids: two people's edits follow one another and neither is lost.
"""

from cloud.entitlements.live_services.calendar import (
    create_calendar_day,
    edit_calendar_day,
    fill_calendar,
    keep_calendar,
)
from cloud.entitlements.live_services.capacity import set_capacity
from cloud.entitlements.live_services.create import create_device, create_product, create_station
from cloud.entitlements.live_services.edit import edit_device, edit_station
from cloud.entitlements.live_services.edit_venue import edit_venue
from cloud.entitlements.live_services.groups import join_groups, leave_group, rename_group
from cloud.entitlements.live_services.lanes import move_device, retire_device, set_device_products
from cloud.entitlements.live_services.parts import Part, Ride, set_card_parts, set_package_parts
from cloud.entitlements.live_services.product_edit import edit_product
from cloud.entitlements.live_services.products import set_product_stations, set_station_products
from cloud.entitlements.live_services.switches import set_device_enabled, set_station_enabled

__all__ = [
    "Part",
    "Ride",
    "create_calendar_day",
    "create_device",
    "create_product",
    "create_station",
    "edit_calendar_day",
    "edit_device",
    "edit_product",
    "edit_station",
    "edit_venue",
    "fill_calendar",
    "join_groups",
    "keep_calendar",
    "leave_group",
    "move_device",
    "rename_group",
    "retire_device",
    "set_capacity",
    "set_card_parts",
    "set_device_enabled",
    "set_device_products",
    "set_package_parts",
    "set_product_stations",
    "set_station_enabled",
    "set_station_products",
]
