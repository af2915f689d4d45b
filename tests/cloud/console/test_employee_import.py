"""Employees from a table, and the one-time passwords of many: seen once, kept nowhere."""

from __future__ import annotations

import io
import re
from typing import Any

import openpyxl
import pytest
from django.test import Client

from cloud.core.models import AuditRow, Job, JobPart, JobRow
from cloud.staff import services as staff
from cloud.staff.models import Employee, RoleGrant
from cloud.venues.models import Station, Venue
from tests.cloud.console.test_conformance import text_of
from tests.cloud.console.test_imports import applied, checked, lines, problems
from tests.support import venue as make

pytestmark = pytest.mark.django_db
HEADER = "User name,Name,Phone,Role,Only at these stations"
PASSWORD = re.compile(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}")


def taken_in(client: Any, *rows: str) -> Job:
    trial = checked(client, lines(*rows, header=HEADER), "employees")
    assert problems(trial) == []
    job = applied(client, trial)
    assert job.state == Job.State.DONE, (job.message_en, job.error)
    return job


def roles_of(username: str) -> list[tuple[str, list[int]]]:
    grants = RoleGrant.objects.filter(employee__username=username).select_related("role").order_by("role_id")
    return [(grant.role.key, [station.pk for station in grant.stations.all()]) for grant in grants]


@pytest.mark.spec("E-02")
def test_a_table_of_employees(venue: Venue, west: Station, east: Station, log_in: Any) -> None:
    client = log_in()
    rows = ("chen,陈一,,Viewer,", "li,李二,13800000000,闸口主管,West gate")
    job = taken_in(client, *rows)
    assert Employee.objects.filter(username__in=("chen", "li")).count() == 2
    assert roles_of("li") == [("gate_supervisor", [west.pk])]
    assert not Employee.objects.get(username="li").has_usable_password()
    assert 'href="/employees/passwords"' in text_of(client.get(f"/work/{job.pk}"))
    assert checked(client, lines(*rows, header=HEADER), "employees").outcome["same"] == 2
    taken_in(client, "li,李贰,13800000000,Viewer,East gate", "chen,陈一,,Viewer,West gate")
    assert Employee.objects.get(username="li").first_name == "李贰"
    assert roles_of("li") == [("viewer", [east.pk])]
    assert roles_of("chen") == [("viewer", [west.pk])]


def test_what_is_wrong_is_named(venue: Venue, west: Station, log_in: Any) -> None:
    client = log_in()
    taken_in(client, "Chen,陈一,,Viewer,", "li,李二,,Viewer,")
    li = Employee.objects.get(username="li")
    staff.grant_role(actor=make.SYSTEM, employee=li, role="gate_supervisor", venue=venue)
    job = checked(
        client,
        lines("chen,陈二,,Viewer,", "li,李二,,Product manager,", "x y,某,,Viewer,", "z,某,12,Boss,", header=HEADER),
        "employees",
    )
    assert [(line, column) for line, column, _text in problems(job)] == [
        (2, "User name"), (3, "Role"), (4, "User name"), (5, "Role"),
    ]  # fmt: skip
    texts = [text for _line, _column, text in problems(job)]
    assert "only capitals differ" in texts[0]
    assert "several roles" in texts[1]
    assert Employee.objects.get(username="Chen").first_name == "陈一"


def test_nobody_gives_by_a_table_what_they_may_not_give(venue: Venue, log_in: Any) -> None:
    role = staff.create_role(
        actor=make.SYSTEM, venue=venue, name_zh="人事", permissions=["staff.manage", "live.view", "order.view"]
    )
    boss = make.make_actor(venue, None, "hr").employee
    staff.grant_role(actor=make.SYSTEM, employee=boss, role=role.key, venue=venue)
    client = Client()
    client.force_login(boss, backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["django_language"] = "en"
    job = checked(client, lines("new,新人,,Administrator,", header=HEADER), "employees")
    assert problems(job)[0][:2] == (2, "Role")
    assert job.outcome["next"] == "again"
    assert log_in("viewer").get("/employees/import").status_code == 403


def test_passwords_are_shown_in_one_answer_and_kept_nowhere(venue: Venue, log_in: Any) -> None:
    client = log_in()
    taken_in(client, "chen,陈一,,Viewer,", "li,李二,,Viewer,")
    page = client.get("/employees/passwords")
    assert [one.ticked for one in page.context["waiting"]] == [True, True]
    assert not PASSWORD.search(text_of(page))
    values = [one.value for one in page.context["waiting"]]
    shown = client.post("/employees/passwords", {"for": values})
    assert shown["Cache-Control"] == "no-store"
    passwords = PASSWORD.findall(text_of(shown))
    assert len(set(passwords)) == 2
    by_name = {one.employee.username: one.password for one in shown.context["given"]}
    assert Employee.objects.get(username="li").check_password(by_name["li"])
    # Asked for again by a reload, nothing is made anew: what was printed stays good.
    again = client.post("/employees/passwords", {"for": values})
    assert again["Location"] == "/employees/passwords"
    page = client.get("/employees/passwords")
    assert "Nobody chosen still waits" in text_of(page)
    assert [one.ticked for one in page.context["waiting"]] == [False, False]  # given, not used yet
    kept = [str(list(model.objects.values())) for model in (AuditRow, Job, JobRow, Employee)]
    kept += [str(dict(client.session)), str([bytes(part.content) for part in JobPart.objects.all()])]
    assert not [one for one in passwords if any(one in text for text in kept)]


def test_passwords_as_a_workbook(venue: Venue, log_in: Any) -> None:
    client = log_in()
    taken_in(client, "chen,=HYPERLINK(1),,Viewer,")
    values = [one.value for one in client.get("/employees/passwords").context["waiting"]]
    response = client.post("/employees/passwords", {"for": values, "file": "xlsx"})
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Disposition"].startswith('attachment; filename="one-time-passwords-')
    header, line = openpyxl.load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True)
    assert header[:3] == ("Name", "User name", "One-time password")
    assert line[0].lstrip("'") == "=HYPERLINK(1)"
    assert line[0] != "=HYPERLINK(1)"
    assert line[4] == "http://testserver/login"
    assert Employee.objects.get(username="chen").check_password(line[2])
    assert not Job.objects.exclude(kind__startswith="import").exists()


def test_who_is_chosen_wrongly(venue: Venue, log_in: Any) -> None:
    client = log_in()
    mine = Employee.objects.get(username="u-administrator")
    for sent in ([], ["x"], ["7~nonsense"], ["7~2026-99-99T00:00"], [f"{10**30}~"]):
        client.post("/employees/passwords", {"for": sent})
        assert "Choose some rows first." in text_of(client.get("/employees/passwords"))
    client.post("/employees/passwords", {"for": f"{mine.pk}~"})
    assert "Not to your own account" in text_of(client.get("/employees/passwords"))
    assert "Nobody waits for a password" in text_of(client.get("/employees/passwords"))
    assert log_in("viewer").get("/employees/passwords").status_code == 403
