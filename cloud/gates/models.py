"""Edges as machines: the authority, enrolment, certificates, health."""

from __future__ import annotations

from django.db import models
from django_scopes import ScopedManager

from cloud.venues.models import Device, Edge, Venue


class Authority(models.Model):
    """The installation's certificate authority (P-256). Its key is sealed; both ports' certificates come from it."""

    certificate_pem = models.TextField()
    sealed_key = models.BinaryField()
    fingerprint = models.CharField(max_length=64, unique=True)  # SHA-256 of the DER, hex
    created_at = models.DateTimeField(auto_now_add=True)


class EnrolToken(models.Model):
    """A one-time token for one edge. Only its hash is kept."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.CASCADE, related_name="tokens")
    secret_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    used_by_key = models.CharField(max_length=64, blank=True)  # SHA-256 of the public key that used it
    certificate = models.ForeignKey("EdgeCertificate", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")


class EdgeCertificate(models.Model):
    """A client certificate. The gates' port checks its serial on every call."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    edge = models.ForeignKey(Edge, on_delete=models.PROTECT, related_name="certificates")
    serial = models.CharField(max_length=40, unique=True)  # hex
    pem = models.TextField()
    not_after = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ScopedManager(venue="venue")


class Question(models.Model):
    """Staff ask an edge why it would refuse something at a lane. Kept for a day; what was presented only until it
    is answered or too late."""

    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    number = models.BinaryField(max_length=16, unique=True)  # random: what the edge answers to
    edge = models.ForeignKey(Edge, on_delete=models.CASCADE)
    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    credential_kind = models.PositiveSmallIntegerField()  # paifang.records.CredentialKind
    sealed_credential = models.BinaryField()
    at = models.DateTimeField(null=True)  # when it would be presented; none: now
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answer = models.BinaryField(null=True)  # the serialized paifang.v1.Explanation

    objects = ScopedManager(venue="venue")

    class Meta:
        indexes = [
            models.Index(fields=["edge", "expires_at"], name="question_open", condition=models.Q(answered_at=None))
        ]


class EdgeHealth(models.Model):
    """The last report of an edge: the serialized paifang.v1.EdgeStatus, for the live page."""

    edge = models.OneToOneField(Edge, on_delete=models.CASCADE, primary_key=True, related_name="health")
    venue = models.ForeignKey(Venue, on_delete=models.PROTECT)
    reported_at = models.DateTimeField()
    status = models.BinaryField()

    objects = ScopedManager(venue="venue")
