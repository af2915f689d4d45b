"""Employees and roles."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class Employee(AbstractUser):
    """A person who works with the system; the user of a session."""


class Role(models.Model):
    """A named set of permission codes (cloud/staff/permissions.py). Built-in roles keep their key."""

    key = models.SlugField(unique=True, max_length=32)  # administrator, product_manager, gate_supervisor, viewer
    name_zh = models.CharField(max_length=40)
    name_en = models.CharField(max_length=40)
    permissions = models.JSONField(default=list)


class RoleGrant(models.Model):
    """An employee has a role at one venue."""

    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="grants")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="grants")
    venue = models.ForeignKey("venues.Venue", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["employee", "role", "venue"], name="role_grant")]
