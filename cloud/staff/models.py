"""Employees, roles and who has which where; logins, the second factor and what a venue asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django_otp.models import Device, ThrottlingMixin

if TYPE_CHECKING:
    from datetime import datetime


class Employee(AbstractUser):
    """A person who works with the system; the user of a session. `first_name` is the name shown to others."""

    phone = models.CharField(max_length=20, blank=True)
    # The venue that took them on: they are listed there even while they have no role.
    home = models.ForeignKey("venues.Venue", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # A one-time password is good until then, and for choosing another only. None: the password is their own.
    one_time_until = models.DateTimeField(null=True, blank=True)
    password_changed_at = models.DateTimeField(null=True, blank=True)

    def must_change_password(self) -> bool:
        return self.one_time_until is not None

    def one_time_over(self, now: datetime | None = None) -> bool:
        """Whether a one-time password was not used in time."""
        return self.one_time_until is not None and self.one_time_until <= (now or timezone.now())


class Role(models.Model):
    """A named set of permission codes (cloud/staff/permissions.py). Built-in roles keep their key.

    Built-in ones are there at every venue and are changed by nobody; the others belong to one venue.
    """

    key = models.SlugField(unique=True, max_length=32)  # administrator, product_manager, gate_supervisor, viewer
    name_zh = models.CharField(max_length=40)
    name_en = models.CharField(max_length=40, blank=True)
    permissions = models.JSONField(default=list)
    venue = models.ForeignKey("venues.Venue", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    @property
    def built_in(self) -> bool:
        return self.venue_id is None


class RoleGrant(models.Model):
    """An employee has a role at one venue: all over it, or where `limited` at its `stations` only (S-09)."""

    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="grants")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="grants")
    venue = models.ForeignKey("venues.Venue", on_delete=models.CASCADE, related_name="+")
    # Said in so many words: a limited grant whose stations are gone permits nothing, not everything.
    limited = models.BooleanField(default=False)
    stations: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        "venues.Station", related_name="grants", blank=True
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["employee", "role", "venue"], name="role_grant")]


class LoginPolicy(models.Model):
    """What a venue asks of those who log in to work there."""

    class SecondFactor(models.TextChoices):
        NOBODY = "nobody"
        POWER = "power"  # whose role can do lasting damage: permissions.POWERS
        EVERYBODY = "everybody"

    venue = models.OneToOneField("venues.Venue", on_delete=models.CASCADE, related_name="+")
    second_factor = models.CharField(max_length=10, choices=SecondFactor, default=SecondFactor.NOBODY)


class LoginSession(models.Model):
    """One login of an employee, from its beginning to its end. Beside Django's sessions, whose keys stay there."""

    class Ended(models.TextChoices):
        LOGOUT = "logout"
        ENDED = "ended"  # by the employee, from another session
        ADMINISTRATOR = "administrator"
        PASSWORD = "password"  # noqa: S105 - the password was changed or reset
        DEACTIVATED = "deactivated"
        IDLE = "idle"
        AGE = "age"

    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="logins")
    began_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()  # to the minute
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_why = models.CharField(max_length=16, choices=Ended, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    agent = models.CharField(max_length=300, blank=True)
    second_factor = models.BooleanField(default=False)  # it was given at this login

    class Meta:
        indexes = [models.Index(fields=["employee", "-began_at"])]


class SecondFactor(ThrottlingMixin, Device):
    """An authenticator app of an employee (TOTP, RFC 6238). One each, in use once `confirmed`.

    Not django-otp's own TOTP model, which keeps its key in clear: this one's is sealed.
    """

    sealed_key = models.BinaryField()
    last_step = models.BigIntegerField(default=-1)  # of the last code accepted: no code is accepted twice
    drift = models.SmallIntegerField(default=0)  # steps that their clock is off by
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="one_second_factor")]

    def get_throttle_factor(self) -> int:
        """Seconds to wait after the first wrong code; each further one doubles them."""
        return 1


class RecoveryCode(models.Model):
    """Gets an employee in once without the app. Only its keyed hash is kept."""

    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.BinaryField(max_length=16)
    used_at = models.DateTimeField(null=True, blank=True)
