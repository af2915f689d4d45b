"""The permission matrix: what each role permits. The venue's own roles are ticked, then said again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core import signing
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from cloud.admin.desk import Desk
from cloud.admin.kit.cells import history_table
from cloud.admin.kit.page import page, report, show
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.permission_words import ROOMS, Words, title_of
from cloud.core.errors import DomainError
from cloud.core.trail import trail_of
from cloud.staff import selectors
from cloud.staff.models import Role
from cloud.staff.permissions import Permission, known
from cloud.staff.services import set_role_permissions

_SALT = "console.role-matrix"


@dataclass(frozen=True, slots=True)
class Mark:
    """One box. `fixed`: of a built-in role, or of a permission the person does not have to give."""

    role: int
    name: str
    code: str
    ticked: bool
    fixed: bool


@dataclass(frozen=True, slots=True)
class Line:
    words: Words
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one role."""

    role: Role
    name: str
    people: int
    added: tuple[str, ...]
    removed: tuple[str, ...]


@require_http_methods(["GET", "HEAD", "POST"])
@page(Permission.STAFF_MANAGE)
def matrix(request: HttpRequest, desk: Desk) -> HttpResponse:
    roles = list(selectors.roles(desk.venue))
    own = {role.pk: role for role in roles if not role.built_in}
    if request.method != "POST":
        return _draw(request, desk, roles, {pk: known(role.permissions) for pk, role in own.items()})
    wanted = {pk: known(request.POST.getlist(f"r{pk}")) for pk in own}
    seen = _seen(request, own)
    changes = [_change(own[pk], seen[pk], wanted[pk]) for pk in own if wanted[pk] != seen[pk]]
    if not changes:
        messages.info(request, _("Nothing is different."))
        return redirect("console:role-matrix")
    if request.POST.get("agreed") != "1":
        return show(request, desk, "console/roles/matrix_confirm.html", {
            "changes": changes, "seen": request.POST.get("seen", ""),
            "kept": [(f"r{pk}", code.value) for pk, codes in wanted.items() for code in sorted(codes)],
        })  # fmt: skip
    try:
        with transaction.atomic():
            for change in changes:
                set_role_permissions(
                    **actor_of(desk), role=change.role, permissions=wanted[change.role.pk], seen=seen[change.role.pk]
                )
    except DomainError as error:
        report(request, error)
        return _draw(request, desk, list(selectors.roles(desk.venue)), wanted, 409)
    done = ngettext("%(count)d role is changed, at once.", "%(count)d roles are changed, at once.", len(changes))
    messages.success(request, done % {"count": len(changes)})
    return redirect("console:role-matrix")


def _draw(
    request: HttpRequest, desk: Desk, roles: Sequence[Role], ticked: dict[int, frozenset[Permission]], status: int = 200
) -> HttpResponse:
    rooms = [(room, [_line(one, roles, ticked, desk) for one in entries]) for room, entries in ROOMS]
    shown = {str(role.pk): sorted(known(role.permissions)) for role in roles if not role.built_in}
    context: dict[str, Any] = {
        "roles": [(role, named(role)) for role in roles],
        "rooms": rooms,
        "columns": len(roles) + 1,
        "own": any(not role.built_in for role in roles),
        "seen": signing.dumps(shown, salt=_SALT, compress=True),
        "history": history_table(trail_of([role for role in roles if not role.built_in], limit=50)),
    }
    return show(request, desk, "console/roles/matrix.html", context, status)


def _line(words: Words, roles: Sequence[Role], ticked: dict[int, frozenset[Permission]], desk: Desk) -> Line:
    code = words.permission
    return Line(words, tuple(
        Mark(
            role.pk, named(role), code.value,
            ticked=code in ticked.get(role.pk, known(role.permissions)),
            fixed=role.built_in or code not in desk.permissions,
        )
        for role in roles
    ))  # fmt: skip


def _seen(request: HttpRequest, own: dict[int, Role]) -> dict[int, frozenset[Permission]]:
    """What the person was shown of each role; of one it says nothing about, what it permits now."""
    try:
        kept = signing.loads(request.POST.get("seen", ""), salt=_SALT)
    except signing.BadSignature:
        kept = {}
    return {pk: known(kept.get(str(pk), role.permissions)) for pk, role in own.items()}


def _change(role: Role, before: frozenset[Permission], after: frozenset[Permission]) -> Change:
    return Change(
        role=role,
        name=named(role),
        people=len({grant.employee_id for grant in role.grants_here}),  # type: ignore[attr-defined]
        added=tuple(title_of(code) for code in sorted(after - before)),
        removed=tuple(title_of(code) for code in sorted(before - after)),
    )
