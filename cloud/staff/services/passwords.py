"""Passwords: what is good enough, one-time ones given by an administrator, and one's own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from axes.utils import reset as forget_failures
from django.contrib.auth.hashers import PBKDF2PasswordHasher, get_hasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.errors import DomainError
from cloud.core.locks import lock_row, lock_rows
from cloud.staff.models import Employee, LoginSession
from cloud.staff.permissions import Permission, require, require_installation
from cloud.staff.services.guard import not_oneself, require_over
from cloud.staff.services.sessions import end_all

ONE_TIME_LIFE = timedelta(days=3)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is read as another
_GROUPS, _GROUP_LENGTH = 4, 4  # 79 bits
_ROUNDS = 1_000  # of the hash of one: 79 random bits cannot be searched, and many are made while somebody waits
AT_MOST = 200  # given at once

# Django's own texts are not all in Chinese.
_WEAK = {
    "password_too_short": ("至少需要 {min_length} 个字符", "it needs at least {min_length} characters"),
    "password_too_common": ("过于常见", "too many people use it"),
    "password_too_similar": ("与用户名或姓名太相似", "it is too much like the user name or the name"),
}


@transaction.atomic
def give_one_time_password(*, actor: Actor, venue: models.Model, employee: Employee) -> str:
    """A password for one login, to be replaced at it; good for three days. This return value is its only trace.

    The old one and every session end at once, and wrong guesses are forgotten.

    Raises:
        DomainError: "permission.denied", "employee.unknown", "employee.above", "employee.self", "employee.inactive".
    """
    require_over(actor, employee, venue)
    not_oneself(actor, employee)
    employee = lock_row(Employee, employee.pk)
    if not employee.is_active:
        raise DomainError(
            "employee.inactive", "该账号已停用，请先启用。", "This account is deactivated. Activate it first."
        )
    password = _give(employee)
    audit.write(actor, "employee.password_reset", employee, venue)
    return password


@dataclass(frozen=True, slots=True)
class Given:
    employee: Employee
    password: str


@transaction.atomic
def give_first_passwords(*, actor: Actor, venue: models.Model, seen: Mapping[int, datetime | None]) -> list[Given]:
    """One-time passwords for those who wait for one, as `give_one_time_password`, in the order of their names.

    `seen`: whom, by id, and when their password last changed as whoever asks was shown it. Where that is no longer
    so, or they have a password of their own by now, they are left out: what somebody else just gave them holds.

    Raises:
        DomainError: "permission.denied", "employee.unknown", "employee.above", "employee.self", "row.gone",
            "employee.too_many", "employee.none_waits": nobody is left.
    """
    require(actor, Permission.STAFF_MANAGE, venue)
    if len(seen) > AT_MOST:
        raise DomainError(
            "employee.too_many",
            f"一次最多 {AT_MOST} 人，请分批生成。",
            f"At most {AT_MOST} people at a time: make the others afterwards.",
        )
    given = []
    for employee in lock_rows(Employee, seen):
        require_over(actor, employee, venue)
        not_oneself(actor, employee)
        if waits_for_password(employee) and employee.password_changed_at == seen[employee.pk]:
            given.append(Given(employee, _give(employee)))
            audit.write(actor, "employee.password_reset", employee, venue)
    if not given:
        raise DomainError(
            "employee.none_waits",
            "所选员工均已有密码，或刚由他人生成。请刷新页面后再选。",
            "Nobody chosen still waits: they have passwords, or somebody has just made them. Look at the list anew.",
        )
    return sorted(given, key=lambda one: (one.employee.first_name, one.employee.username))


def waits_for_password(employee: Employee) -> bool:
    """Active, and never logged in with a password of their own since the last was taken or given."""
    return employee.is_active and (not employee.has_usable_password() or employee.must_change_password())


@transaction.atomic
def reset_login(*, actor: Actor, username: str, second_factor: bool = True) -> str:
    """For whoever locked themselves out: from the machine itself, by trusted code and superusers.

    A one-time password; the account is active again, and without a second factor unless told to keep it.

    Raises:
        DomainError: "permission.denied", "employee.unknown".
    """
    require_installation(actor)
    found = Employee.objects.filter(username=username).first()
    if found is None:
        raise DomainError("employee.unknown", f"没有员工 {username}。", f"There is no employee {username}.")
    employee = lock_row(Employee, found.pk)
    if not employee.is_active:
        employee.is_active = True
        employee.save(update_fields=["is_active"])
    password = _give(employee)
    if second_factor:
        employee.secondfactor_set.all().delete()
        employee.recovery_codes.all().delete()
    audit.write(actor, "employee.login_reset", employee, None, second_factor=second_factor)
    return password


@transaction.atomic
def change_password(*, employee: Employee, password: str, session: int | None = None) -> Employee:
    """Sets one's own, known to be them by the caller; all their other sessions end.

    Raises:
        DomainError: "employee.password".
    """
    employee = lock_row(Employee, employee.pk)
    if employee.check_password(password):
        raise DomainError(
            "employee.password",
            "新密码不能与当前密码相同。",
            "Choose another password than the one you have.",
            "password",
        )
    check_password(password, employee)
    employee.set_password(password)
    employee.one_time_until, employee.password_changed_at = None, timezone.now()
    employee.save(update_fields=["password", "one_time_until", "password_changed_at"])
    end_all(employee, LoginSession.Ended.PASSWORD, but=session)
    audit.write(Actor.of(employee), "employee.password", employee, None)
    return employee


def check_password(password: str, employee: Employee) -> None:
    """Raises DomainError "employee.password" for one that is too weak, and says why."""
    try:
        validate_password(password, employee)
    except ValidationError as problem:
        zh, en = _too_weak(problem)
        raise DomainError(
            "employee.password", f"密码太弱：{zh}。", f"The password is too weak: {en}.", "password"
        ) from None


def one_time_password() -> str:
    """Sixteen letters and digits in groups, to be read out and typed in."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def _give(employee: Employee) -> str:
    password = one_time_password()
    employee.password = _hashed(password)
    employee.one_time_until, employee.password_changed_at = timezone.now() + ONE_TIME_LIFE, timezone.now()
    employee.save(update_fields=["password", "one_time_until", "password_changed_at"])
    end_all(employee, LoginSession.Ended.PASSWORD)
    forget_failures(username=employee.username)
    return password


def _hashed(password: str) -> str:
    """By the hash in force, with fewer rounds where it has such. Wrong guesses still take as long as ever."""
    hasher = get_hasher()
    if isinstance(hasher, PBKDF2PasswordHasher):
        return hasher.encode(password, hasher.salt(), iterations=_ROUNDS)
    return hasher.encode(password, hasher.salt())


def _too_weak(problem: ValidationError) -> tuple[str, str]:
    """What is wrong with a password, in Chinese and English."""
    wrong = [(_WEAK[one.code or ""], one.params or {}) for one in problem.error_list]
    return (
        "，".join(zh.format(**params) for (zh, _), params in wrong),
        ", ".join(en.format(**params) for (_, en), params in wrong),
    )
