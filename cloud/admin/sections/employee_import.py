"""Employees from a table: new ones taken on, others' particulars and role changed. No password is in it, nor made."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from cloud.admin.desk import Desk
from cloud.admin.kit.import_spec import Import, ImportColumn
from cloud.admin.kit.section import Link, actor_of
from cloud.admin.sections.employee_forms import HireForm, chosen
from cloud.core.errors import DomainError
from cloud.staff import services
from cloud.staff.models import Employee
from cloud.staff.permissions import Permission


class ImportForm(HireForm):
    """Of somebody with several roles here a line can only say again what the first of them is."""

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        grant = next(iter(row.grants_here), None)
        stations = sorted(station.pk for station in grant.stations.all()) if grant and grant.limited else []
        return {
            "username": row.username, "name": row.first_name, "phone": row.phone,
            "role": grant.role.key if grant else "", "stations": stations,
        }  # fmt: skip


def _change(desk: Desk, row: Employee, values: dict[str, Any], changed: set[str]) -> None:
    if row.username != values["username"]:
        raise DomainError(
            "employee.username",
            f"已有用户名 {row.username}，仅大小写不同。请核对后填写完全一致的用户名。",
            f"There is a user name {row.username}: only capitals differ. Write it exactly so, if that is who is meant.",
            "username",
        )
    if changed & {"name", "phone"}:
        services.edit_employee(**actor_of(desk), employee=row, name=values["name"], phone=values["phone"])
    if changed & {"role", "stations"}:
        _change_role(desk, row, values, changed)


def _change_role(desk: Desk, row: Employee, values: dict[str, Any], changed: set[str]) -> None:
    """Their one role becomes the line's, at the line's stations."""
    grants = row.grants_here  # type: ignore[attr-defined]
    if len(grants) > 1:
        raise DomainError(
            "employee.roles",
            "该员工在本景区有多个角色，请在员工页面修改。",
            "They have several roles here: change those on their page.",
            "role",
        )
    services.grant_role(
        **actor_of(desk), employee=row, role=values["role"], stations=chosen(values)["stations"],
    )  # fmt: skip
    if grants and "role" in changed:
        services.withdraw_role(**actor_of(desk), employee=row, role=grants[0].role.key)


IMPORT = Import(
    permission=Permission.STAFF_MANAGE,
    form=ImportForm,
    columns=(
        ImportColumn("username", example="wangxm"),
        ImportColumn("name", example="王小明"),
        ImportColumn("phone", example="13800000000"),
        ImportColumn("role"),
        ImportColumn("stations"),
    ),
    key="username",
    create=lambda desk, values: services.hire_employee(**actor_of(desk), **chosen(values)),
    change=_change,
    follow=Link(_("Make one-time passwords"), "console:first-passwords", Permission.STAFF_MANAGE, "key-round"),
)
