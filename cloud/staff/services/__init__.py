"""What is done about employees, roles and logins. Each is one transaction: permission, locks, change, audit."""

from cloud.staff.services.employees import (
    admit_employee,
    create_employee,
    edit_employee,
    hire_employee,
    set_employee_active,
)
from cloud.staff.services.grants import grant_role, withdraw_role
from cloud.staff.services.passwords import change_password, give_one_time_password, reset_login
from cloud.staff.services.roles import create_role, delete_role, edit_role, ensure_roles, set_role_permissions
from cloud.staff.services.second_factor import (
    Answer,
    Checked,
    check_second_factor,
    confirm_second_factor,
    disable_second_factor,
    has_second_factor,
    prepare_second_factor,
    remove_second_factor,
    renew_recovery_codes,
    second_factor_required,
    set_login_policy,
)
from cloud.staff.services.sessions import (
    begin_session,
    clean_up_sessions,
    end_other_sessions,
    end_own_session,
    end_sessions,
    end_this,
    note_refused_login,
    note_second_factor,
    resume_session,
)

__all__ = [
    "Answer",
    "Checked",
    "admit_employee",
    "begin_session",
    "change_password",
    "check_second_factor",
    "clean_up_sessions",
    "confirm_second_factor",
    "create_employee",
    "create_role",
    "delete_role",
    "disable_second_factor",
    "edit_employee",
    "edit_role",
    "end_other_sessions",
    "end_own_session",
    "end_sessions",
    "end_this",
    "ensure_roles",
    "give_one_time_password",
    "grant_role",
    "has_second_factor",
    "hire_employee",
    "note_refused_login",
    "note_second_factor",
    "prepare_second_factor",
    "remove_second_factor",
    "renew_recovery_codes",
    "reset_login",
    "resume_session",
    "second_factor_required",
    "set_employee_active",
    "set_login_policy",
    "set_role_permissions",
    "withdraw_role",
]
