"""Actions on everything a list finds: asked about, done in the background row by row, resumed, reported."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from cloud.admin.kit import action_view, background, bulk_view, registry
from cloud.core import jobs
from cloud.core.models import AuditRow, Job, JobRow
from cloud.venues.models import Edge, Venue
from tests.cloud.console.test_conformance import TOY, text_of
from tests.support import venue as make


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy section, where three rows are few and six are too many."""
    for module in (action_view, bulk_view):
        monkeypatch.setattr(module, "ACTION_ROWS", 3)
    monkeypatch.setattr(bulk_view, "ACTION_MOST", 6)
    monkeypatch.setattr(bulk_view, "CHUNK", 2)
    registry.register(TOY)
    yield
    registry.unregister(TOY.key)


@pytest.fixture
def five(venue: Venue) -> list[Edge]:
    return [make.make_edge(venue, name) for name in ("a", "b stays", "c", "d", "e")]


def ask(client: Any) -> Any:
    return client.get("/toys/do/retire", {"all": "1", "next": "/toys?q="})


def answer(client: Any, confirm: Any) -> Any:
    return client.post(confirm.url, dict(confirm.hidden))


def begun(client: Any) -> Job:
    response = answer(client, ask(client).context["confirm"])
    assert response.status_code == 302
    assert response["Location"].startswith("/work/")
    return Job.objects.get()


def outcomes(job: Job) -> list[tuple[str, str]]:
    return list(job.rows.order_by("number").values_list("label", "outcome"))


def test_the_question_counts_and_the_report_names_every_row(venue, five, log_in):
    Edge.objects.filter(pk=five[2].pk).update(retired_at=timezone.now())
    client = log_in()
    page = text_of(ask(client))
    assert "Retire: 4 rows?" in page
    assert "1 is left as it is." in page
    assert "It is done in the background." in page
    assert 'name="pk"' not in page
    job = begun(client)
    assert job.title_en == "Retire: Toys, 5 rows"
    assert not Edge.objects.filter(retired_at__isnull=False).exclude(pk=five[2].pk).exists()
    background.carry_out.func(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    assert job.outcome == {"rows": 5, "done": 3, "left": 1, "failed": 1}
    assert outcomes(job) == [("a", "done"), ("b stays", "failed"), ("c", "left"), ("d", "done"), ("e", "done")]
    page = text_of(client.get(f"/work/{job.pk}"))
    assert "This one stays." in page
    assert "Done, but not all of it" in page
    file = b"".join(client.get(f"/work/{job.pk}/file").streaming_content).decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(file)))
    assert lines[2] == ["2", "b stays", "", "Failed", "This one stays."]
    assert len(lines) == 6


def test_a_job_begun_again_does_no_row_twice(venue, five, log_in, monkeypatch):
    client = log_in()
    job = begun(client)
    step, seen = jobs.step, []

    def die(job: Job, done: int, *args: Any, **kwargs: Any) -> None:
        seen.append(done)
        if len(seen) == 4:
            raise SystemExit  # as a killed worker: nothing more happens
        step(job, done, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "step", die)
        with pytest.raises(SystemExit):
            background.carry_out.func(job.pk)
    job.refresh_from_db()
    assert (job.state, job.rows.count()) == (Job.State.RUNNING, 3)
    before = Edge.objects.get(name="a").retired_at
    background.carry_out.func(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.DONE, 2)
    assert job.rows.count() == 5
    assert Edge.objects.get(name="a").retired_at == before


def test_a_row_that_came_since_is_not_touched(venue, five, log_in):
    client = log_in()
    confirm = ask(client).context["confirm"]
    late = make.make_edge(venue, "late")
    response = answer(client, confirm)
    assert response.status_code == 302
    background.carry_out.func(Job.objects.get().pk)
    late.refresh_from_db()
    assert late.retired_at is None


def test_the_question_is_put_again_where_more_rows_fit_now(venue, five, log_in):
    client = log_in()
    confirm = ask(client).context["confirm"]
    hidden = dict(confirm.hidden) | {"count": "4"}
    response = client.post(confirm.url, hidden)
    assert response.status_code == 422
    assert "The list changed while you were asked" in text_of(response)
    assert not Job.objects.exists()


def test_too_many_few_and_none(venue, five, log_in):
    client = log_in()
    for name in ("f", "g"):
        make.make_edge(venue, name)
    assert ask(client)["Location"] == "/toys?q="
    assert "At most 6 rows at a time" in text_of(client.get("/toys"))
    few = client.get("/toys/do/retire", {"all": "1", "next": "/toys?q=stays"})
    assert few.context["confirm"].hidden[1] == ("pk", str(five[1].pk))
    Edge.objects.update(retired_at=timezone.now())
    Edge.objects.filter(name="g").delete()
    assert ask(client)["Location"] == "/toys?q="
    assert "Nothing to do" in text_of(client.get("/toys"))


def test_cancelling_stops_it_and_keeps_what_is_done(venue, five, log_in, monkeypatch):
    client = log_in()
    job = begun(client)
    note = jobs.note

    def cancel(job: Job, number: int, *args: Any, **kwargs: Any) -> None:
        note(job, number, *args, **kwargs)
        if number == 2:
            client.post(f"/work/{job.pk}/cancel")
            job.beat_at = None  # the next step looks at once

    monkeypatch.setattr(jobs, "note", cancel)
    background.carry_out.func(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert job.rows.count() == 2
    assert "What was done until then stays done" in text_of(client.get(f"/work/{job.pk}"))
    client.post(f"/work/{job.pk}/cancel")
    assert "It has ended already" in text_of(client.get(f"/work/{job.pk}"))


def test_a_waiting_job_is_cancelled_at_once(venue, five, log_in):
    client = log_in()
    job = begun(client)
    client.post(f"/work/{job.pk}/cancel")
    background.carry_out.func(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.CANCELLED, 0)
    assert not JobRow.objects.exists()


def test_a_role_taken_away_meanwhile_stops_it(venue, five, log_in):
    job = begun(log_in())
    job.employee.grants.all().delete()
    background.carry_out.func(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert "Not permitted" in job.message_en
    assert "没有权限" in job.message_zh
    assert not AuditRow.objects.filter(action="toy.save").exists()


def test_after_a_lost_session_the_same_question_is_put(venue, five, log_in, client):
    confirm = ask(log_in()).context["confirm"]
    response = answer(client, confirm)
    assert response["Location"].startswith("/login?next=/toys/do/retire%3F")
    assert "all%3D1" in response["Location"]
