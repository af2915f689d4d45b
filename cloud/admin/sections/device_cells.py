"""A device's words and cells, wherever devices are listed."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cloud.admin.kit.cells import enabled_pill
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.table import Cell
from cloud.venues.models import Device

DEVICES = {
    "gate": gettext_lazy("Gate"), "printer": gettext_lazy("Printer"), "terminal": gettext_lazy("Terminal"),
    "handheld": gettext_lazy("Handheld"),
}  # fmt: skip


def effective_pill(device: Device) -> Pill:
    """What counts: a station that is off takes its devices along, whatever their own status (S-21)."""
    if device.enabled and device.station is not None and not device.station.enabled:
        return Pill(_("Off with its station"), Tone.WARN, "door-closed")
    return enabled_pill(device.enabled)


def effective_cell(device: Device) -> Cell:
    """What counts, and why: its own status comes back with its station's."""
    note = ""
    if device.station is not None and not device.station.enabled:
        note = _("Enabled itself") if device.enabled else _("Its station is disabled too")
    return Cell(pill=effective_pill(device), note=note)
