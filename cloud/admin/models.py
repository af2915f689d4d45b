"""What people keep of the console for themselves: lists narrowed down, under a name."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.staff.models import Employee
from cloud.venues.models import Venue


class SavedFilter(models.Model):
    """A list's address under a name: the maker's own, or for everybody at the venue."""

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE)
    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="+")
    section = models.SlugField(max_length=40)
    name = models.CharField(max_length=40)
    address = models.CharField(max_length=1000)  # a query string: search, filters, order, columns
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "employee", "section", "name"], name="saved_filter_name"),
        ]
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class DefaultFilter(models.Model):
    """With which saved filter an employee's list begins."""

    venue = models.ForeignKey(Venue, on_delete=models.CASCADE)
    employee = models.ForeignKey(Employee, on_delete=models.CASCADE, related_name="+")
    section = models.SlugField(max_length=40)
    saved = models.ForeignKey(SavedFilter, on_delete=models.CASCADE, related_name="defaults")

    objects = ScopedManager(venue="venue")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "employee", "section"], name="default_filter"),
        ]
