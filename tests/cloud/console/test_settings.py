"""The venue's settings and its signing keys."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cloud.admin.kit.forms import SEEN
from cloud.core.models import AuditRow
from cloud.entitlements import keys
from cloud.entitlements.models import SigningKey
from cloud.venues.models import Venue


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def sent(client: Any, venue: Venue, **changes: Any) -> dict[str, Any]:
    form = client.get(f"/settings/{venue.pk}/edit").context["form"]
    shown = {name: value for name, value in form.shown().items() if value != ""}
    return shown | {SEEN: form.token()} | changes


@pytest.mark.spec("Y-30")
def test_the_calendar_changes_once_somebody_read_what_that_means(log_in, venue: Venue):
    client, url = log_in(), f"/settings/{venue.pk}/edit"
    assert client.get("/settings")["Location"] == f"/settings/{venue.pk}"
    wanted = sent(client, venue, day_start="04:30", time_zone="Asia/Tokyo")
    refused = client.post(url, wanted)
    assert refused.status_code == 422
    text = text_of(refused)
    assert "What is recorded already keeps its business day: no report of the past changes." in text
    assert "0 tickets that are still valid stay valid between the instants they were sold for." in text
    done = client.post(url, wanted | {"understood": "on"}, follow=True)
    assert "Settings are saved." in text_of(done)
    assert "Business day starts at 04:30" in text_of(done)
    venue.refresh_from_db()
    assert (venue.time_zone, venue.day_start_minutes) == ("Asia/Tokyo", 270)
    assert AuditRow.objects.filter(action="venue.edit").count() == 1


def test_other_settings_need_no_such_thing(log_in, venue: Venue):
    client = log_in()
    done = client.post(f"/settings/{venue.pk}/edit", sent(client, venue, name_en="Lake", capacity="1200"), follow=True)
    assert done.redirect_chain == [(f"/settings/{venue.pk}", 302)]
    assert "People inside at most 1,200" in text_of(done)


def test_two_who_edit_the_settings_at_once(log_in, venue: Venue):
    client, url = log_in(), f"/settings/{venue.pk}/edit"
    mine = sent(client, venue, name_en="mine")
    assert client.post(url, sent(client, venue, name_en="theirs")).status_code == 302
    assert client.post(url, mine).status_code == 409


@pytest.mark.parametrize("role", ["viewer", "product_manager", "gate_supervisor"])
def test_only_administrators_see_settings_and_keys(log_in, venue: Venue, role: str):
    client = log_in(role)
    for address in ("/settings", f"/settings/{venue.pk}", f"/settings/{venue.pk}/edit", "/keys"):
        assert client.get(address).status_code == 403
    page = client.get("/").content.decode()
    assert 'href="/settings"' not in page
    assert 'href="/keys"' not in page


def test_the_venue_says_which_languages_there_are(log_in, venue: Venue):
    client = log_in(language="en")
    assert ">中文</span>" in client.get("/").content.decode()
    Venue.objects.filter(pk=venue.pk).update(languages=["zh-hans"], default_language="zh-hans")
    page = client.get("/").content.decode()
    assert "<h1>概览</h1>" in page
    assert "English</span>" not in page
    Venue.objects.filter(pk=venue.pk).update(languages=["zh-hans", "en"], default_language="en")
    del client.cookies["django_language"]
    assert "<h1>Overview</h1>" in client.get("/").content.decode()
    asked_for = {"HTTP_ACCEPT_LANGUAGE": "fr-FR,xx;q=0.9,zh-CN;q=0.8"}
    assert "<h1>概览</h1>" in client.get("/", **asked_for).content.decode()


def test_keys_are_renewed_and_killed(log_in, venue: Venue):
    keys.ensure_venue_keys(venue)
    client = log_in()
    first = SigningKey.objects.get(purpose="pass")
    asked = text_of(client.get("/keys/do/renew", {"pk": first.pk}))
    assert "A new key takes over in 10 minutes" in asked
    client.post("/keys/do/renew", {"pk": first.pk})
    second = SigningKey.objects.filter(purpose="pass").latest("pk")
    assert "Takes over soon" in text_of(client.get(f"/keys/{second.pk}"))
    asked = text_of(client.get("/keys/do/kill", {"pk": first.pk}))
    assert f"Nothing signed with key {first.key_id} counts any more" in asked
    assert "It cannot be undone." in asked
    assert client.post("/keys/do/kill", {"pk": first.pk, "why": " "}).status_code == 422
    client.post("/keys/do/kill", {"pk": first.pk, "why": "a laptop was stolen"})
    first.refresh_from_db()
    assert first.killed_at is not None
    assert AuditRow.objects.get(action="key.kill").detail["why"] == "a laptop was stolen"
    root = SigningKey.objects.get(purpose="root")
    assert "/do/" not in client.get(f"/keys/{root.pk}").content.decode()
    assert "private" not in client.get(f"/keys/{first.pk}").content.decode()
