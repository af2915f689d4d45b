"""The second factor: an authenticator app (TOTP, RFC 6238) and recovery codes for the day it is lost.

Checks answer with a value instead of raising: a wrong code must stay counted, and a refusal rolls back.
"""

from __future__ import annotations

import secrets
import time
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django_otp.oath import TOTP

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.sealing import lookup_hash, seal, unseal
from cloud.staff.models import Employee, LoginPolicy, RecoveryCode, SecondFactor
from cloud.staff.permissions import POWERS, Permission, powers_of_grants, require
from cloud.staff.services.guard import not_oneself, require_over

KEY_PURPOSE, CODE_PURPOSE = "staff/second-factor", "staff/recovery-code"
KEY_BYTES = 20
TOLERANCE = 1  # steps of 30 s either way
CODES = 10
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_CODE_LENGTH = 12  # 59 bits


class Checked(Enum):
    """What became of a code."""

    RIGHT = auto()
    RECOVERY = auto()  # right, and one recovery code fewer
    WRONG = auto()
    WAIT = auto()  # not looked at: too soon after wrong ones


@dataclass(frozen=True, slots=True)
class Answer:
    """`until`: when another try will be looked at, after wrong ones."""

    checked: Checked
    until: datetime | None = None

    @property
    def right(self) -> bool:
        return self.checked in (Checked.RIGHT, Checked.RECOVERY)


@dataclass(frozen=True, slots=True)
class Setup:
    """What an authenticator app is told: `uri` for its camera, `secret` for its keyboard."""

    uri: str
    secret: str


def has_second_factor(employee: Employee) -> bool:
    return SecondFactor.objects.filter(user=employee, confirmed=True).exists()


def second_factor_required(employee: Employee) -> bool:
    """Whether the installation (PAIFANG_REQUIRE_SECOND_FACTOR) or a venue they work at asks one of them."""
    policies = LoginPolicy.objects.exclude(second_factor=LoginPolicy.SecondFactor.NOBODY)
    if not employee.is_superuser:
        policies = policies.filter(venue__in=employee.grants.values("venue"))
    by_venue = dict(policies.values_list("venue_id", "second_factor"))
    asked = {settings.REQUIRE_SECOND_FACTOR, *by_venue.values()} - {LoginPolicy.SecondFactor.NOBODY.value}
    if not asked:
        return False
    if employee.is_superuser or LoginPolicy.SecondFactor.EVERYBODY in asked:
        return True
    grants = employee.grants.all()
    if settings.REQUIRE_SECOND_FACTOR != LoginPolicy.SecondFactor.POWER:
        grants = grants.filter(venue__in=by_venue)
    places = set(grants.values_list("venue_id", flat=True))
    return any(powers_of_grants(grants.filter(venue=place)).permissions & POWERS for place in places)


@transaction.atomic
def prepare_second_factor(*, employee: Employee) -> Setup:
    """The key of a new app, the same until it is confirmed. Raises DomainError "second_factor.there"."""
    Employee.objects.select_for_update(no_key=True).get(pk=employee.pk)
    factor = SecondFactor.objects.filter(user=employee).first()
    if factor is not None and factor.confirmed:
        raise _there()
    if factor is None:
        sealed = seal(KEY_PURPOSE, secrets.token_bytes(KEY_BYTES))
        factor = SecondFactor.objects.create(user=employee, name="app", confirmed=False, sealed_key=sealed)
    secret = b32encode(unseal(KEY_PURPOSE, bytes(factor.sealed_key))).decode("ascii")
    label = quote(f"Paifang:{employee.username}")
    asked = {"secret": secret, "issuer": "Paifang", "algorithm": "SHA1", "digits": 6, "period": 30}
    return Setup(f"otpauth://totp/{label}?{urlencode(asked)}", secret)


@transaction.atomic
def confirm_second_factor(*, employee: Employee, code: str, now: float | None = None) -> tuple[Answer, list[str]]:
    """With a code of the app the new factor is in use from now on. Then its recovery codes, to be shown once.

    Raises:
        DomainError: "second_factor.there", "second_factor.none".
    """
    factor = _locked(employee)
    if factor is None:
        raise _none()
    if factor.confirmed:
        raise _there()
    answer = _check_app(factor, code, now)
    if not answer.right:
        return answer, []
    factor.confirmed = True
    factor.save(update_fields=["confirmed"])
    codes = _fresh_codes(employee)
    audit.write(Actor.of(employee), "second_factor.set_up", employee, None)
    return answer, codes


@transaction.atomic
def check_second_factor(*, employee: Employee, code: str, now: float | None = None) -> Answer:
    """A code of the app, each at most once, or a recovery code. Wrong ones make the next wait, twice as long each."""
    factor = _locked(employee)
    if factor is None or not factor.confirmed:
        return Answer(Checked.WRONG)
    plain = "".join(code.upper().split()).replace("-", "")
    if len(plain) != _CODE_LENGTH:
        return _check_app(factor, plain, now)
    wait = _waits(factor)
    if wait:
        return wait
    hashed = lookup_hash(CODE_PURPOSE, f"{employee.pk}:{plain}".encode())
    used = RecoveryCode.objects.filter(employee=employee, code_hash=hashed, used_at=None).update(used_at=timezone.now())
    if not used:
        return _wrong(factor)
    factor.throttle_reset()
    left = RecoveryCode.objects.filter(employee=employee, used_at=None).count()
    audit.write(Actor.of(employee), "second_factor.recovery", employee, None, left=left)
    return Answer(Checked.RECOVERY)


@transaction.atomic
def renew_recovery_codes(*, employee: Employee) -> list[str]:
    """Ten new ones, to be shown once; the old ones stop working. Raises DomainError "second_factor.none"."""
    factor = _locked(employee)
    if factor is None or not factor.confirmed:
        raise _none()
    codes = _fresh_codes(employee)
    audit.write(Actor.of(employee), "second_factor.codes", employee, None)
    return codes


@transaction.atomic
def remove_second_factor(*, employee: Employee) -> None:
    """One's own, known to be them by the caller. Raises DomainError "second_factor.required"."""
    if second_factor_required(employee):
        raise DomainError(
            "second_factor.required",
            "您的角色必须使用两步验证，不能关闭。",
            "Your role needs a second factor: it cannot be switched off.",
        )
    _remove(employee)
    audit.write(Actor.of(employee), "second_factor.remove", employee, None)


@transaction.atomic
def disable_second_factor(*, actor: Actor, venue: models.Model, employee: Employee) -> None:
    """An administrator takes it away from who lost it.

    Raises:
        DomainError: "permission.denied", "employee.unknown", "employee.above", "employee.self".
    """
    require_over(actor, employee, venue)
    not_oneself(actor, employee)
    _remove(employee)
    audit.write(actor, "second_factor.disable", employee, venue)


@transaction.atomic
def set_login_policy(*, actor: Actor, venue: models.Model, second_factor: str) -> LoginPolicy:
    """Whom the venue asks for a second factor. Raises DomainError: "permission.denied", "policy.second_factor"."""
    require(actor, Permission.STAFF_MANAGE, venue)
    if second_factor not in LoginPolicy.SecondFactor.values:
        raise DomainError("policy.second_factor", "没有这个选项。", "There is no such choice.", "second_factor")
    policy, _ = LoginPolicy.objects.select_for_update().get_or_create(venue_id=venue.pk)
    if policy.second_factor != second_factor:
        policy.second_factor = second_factor
        policy.save(update_fields=["second_factor"])
        audit.write(actor, "policy.second_factor", venue, venue, who=second_factor)
    return policy


def _locked(employee: Employee) -> SecondFactor | None:
    return SecondFactor.objects.select_for_update(no_key=True).filter(user=employee).first()


def _check_app(factor: SecondFactor, code: str, now: float | None) -> Answer:
    wait = _waits(factor)
    if wait:
        return wait
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit() and len(digits) == 6):
        return _wrong(factor)
    totp = TOTP(unseal(KEY_PURPOSE, bytes(factor.sealed_key)), drift=factor.drift)
    totp.time = time.time() if now is None else now
    if not totp.verify(int(digits), TOLERANCE, factor.last_step + 1):
        return _wrong(factor)
    factor.last_step, factor.drift = totp.t(), totp.drift
    factor.throttle_reset(commit=False)
    factor.save()
    return Answer(Checked.RIGHT)


def _waits(factor: SecondFactor) -> Answer | None:
    allowed, why = factor.verify_is_allowed()
    return None if allowed else Answer(Checked.WAIT, why["locked_until"] if why else None)


def _wrong(factor: SecondFactor) -> Answer:
    factor.throttle_increment()
    waits = _waits(factor)
    return Answer(Checked.WRONG, waits.until if waits else None)


def _fresh_codes(employee: Employee) -> list[str]:
    RecoveryCode.objects.filter(employee=employee).delete()
    codes = ["".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH)) for _ in range(CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(employee=employee, code_hash=lookup_hash(CODE_PURPOSE, f"{employee.pk}:{code}".encode()))
        for code in codes
    )
    return [f"{code[:4]}-{code[4:8]}-{code[8:]}" for code in codes]


def _remove(employee: Employee) -> None:
    SecondFactor.objects.filter(user=employee).delete()
    RecoveryCode.objects.filter(employee=employee).delete()


def _there() -> DomainError:
    return DomainError(
        "second_factor.there",
        "两步验证已启用，请先关闭再重新设置。",
        "There is a second factor already: remove it first.",
    )


def _none() -> DomainError:
    return DomainError("second_factor.none", "尚未设置两步验证。", "There is no second factor yet.")
