"""A scenic area and its places: venue, station, exclusion group, edge, device."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower
from django_scopes import ScopedManager


def both_languages() -> list[str]:
    return ["zh-hans", "en"]


class Venue(models.Model):
    """One scenic area: the scope of everything else."""

    code = models.SlugField(unique=True, max_length=32)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    time_zone = models.CharField(max_length=40, default="Asia/Shanghai")
    day_start_minutes = models.PositiveSmallIntegerField(default=0)  # business day's start, minutes after midnight
    capacity = models.PositiveIntegerField(null=True, blank=True)  # people inside at once; none: not limited
    day_capacity = models.PositiveIntegerField(null=True, blank=True)  # let in on one business day; none: not limited
    warn_permille = models.PositiveSmallIntegerField(default=900)  # of either: from here on lanes and console warn
    languages = models.JSONField(default=both_languages)  # of the console, as Django codes them
    default_language = models.CharField(max_length=8, default="zh-hans")  # of who has not chosen one

    def __str__(self) -> str:
        return self.name_zh


class CalendarDay(models.Model):
    """A day that is not what its weekday says: a public holiday, or a working day moved to a weekend (T-53)."""

    class Kind(models.TextChoices):
        HOLIDAY = "holiday"
        WORKDAY = "workday"
        ORDINARY = "ordinary"  # announced, and not kept here

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    day = models.DateField()
    kind = models.CharField(max_length=8, choices=Kind)
    name_zh = models.CharField(max_length=40)
    name_en = models.CharField(max_length=60, blank=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "day"], name="calendar_day")]
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day} {self.name_zh}"


class ExclusionGroup(models.Model):
    """Same-type stations that share one use counter (S-11). Every station has one, often of its own."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    name = models.CharField(max_length=80, blank=True)

    objects = ScopedManager(venue="venue")


class Station(models.Model):
    """A place that verifies (entry) or counts (exit)."""

    class Nature(models.TextChoices):
        ENTRY = "entry"
        EXIT = "exit"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    number = models.PositiveIntegerField()  # S-03: given on first save, never edited
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    nature = models.CharField(max_length=8, choices=Nature, default=Nature.ENTRY)
    inner = models.BooleanField(default=False)  # inside the venue: nobody enters or leaves the venue by it
    enabled = models.BooleanField(default=True)
    group = models.ForeignKey(ExclusionGroup, on_delete=models.PROTECT, related_name="stations")
    # Said in so many words: of products made later there is no list (S-07, S-08). Else those of the catalogue's
    # StationSale and StationCollect.
    sells_all = models.BooleanField(default=True)
    collects_all = models.BooleanField(default=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["venue", "number"], name="station_number")]
        ordering = ["number"]

    def __str__(self) -> str:
        return self.name_zh


class Edge(models.Model):
    """One entrance's daemon, as the cloud knows it. Its certificates and health are in `gates`."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)  # for good: see cloud.gates.services.retire

    objects = ScopedManager(venue="venue")

    class Meta:
        # One that takes a retired edge's place may have its name.
        constraints = [
            models.UniqueConstraint(fields=["venue", "name"], condition=models.Q(retired_at=None), name="edge_name")
        ]

    def __str__(self) -> str:
        return self.name


class Device(models.Model):
    """A thing with an identifier typed in by the user (S-16). A gate is a lane: one reader + one barrier."""

    class Kind(models.TextChoices):
        GATE = "gate"
        PRINTER = "printer"
        TERMINAL = "terminal"
        HANDHELD = "handheld"

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    identifier = models.CharField(max_length=64)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.GATE)
    station = models.ForeignKey(Station, null=True, on_delete=models.PROTECT, related_name="devices")
    edge = models.ForeignKey(Edge, null=True, blank=True, on_delete=models.PROTECT, related_name="devices")
    enabled = models.BooleanField(default=True)
    # Verifies those of the catalogue's DeviceProduct alone: when none of them is left, nothing, not everything (S-19).
    narrowed = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True, blank=True)  # for good; the row keeps its identifier taken (S-16)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [models.UniqueConstraint(Lower("identifier"), name="device_identifier")]
        ordering = ["identifier"]

    def __str__(self) -> str:
        return self.name
