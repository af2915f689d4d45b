"""Edges in the console: their state, revoking them, and the token that enrols a machine."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from cloud.admissions.services import ingest
from cloud.core.models import AuditRow
from cloud.gates.models import EdgeCertificate, EnrolToken
from cloud.gates.services import enrol
from cloud.venues.models import Edge, Venue
from tests.support import venue as make
from tests.support.edge_identity import new_key, request_of
from tests.support.journal import Journal

pytestmark = pytest.mark.django_db
TOKEN = re.compile(r"[A-Z2-7]{26}\.[0-9a-f]{64}")


def text_of(response) -> str:
    return response.content.decode()


def enrolled(token: str) -> EdgeCertificate:
    enrol(secret=token.split(".")[0], csr_der=request_of(new_key()), software_version="1.0")
    return EdgeCertificate.objects.get(revoked_at=None)


@pytest.mark.parametrize(("language", "word"), [("en", "Make a token"), ("zh-hans", "生成令牌")])
def test_the_token_is_shown_once_and_enrols_a_machine(edge: Edge, log_in, language, word):
    client = log_in(language=language)
    address = f"/edges/{edge.pk}/enrol"
    assert f'href="{address}"' in text_of(client.get(f"/edges/{edge.pk}"))
    before = client.get(address)
    assert word in text_of(before)
    assert not TOKEN.search(text_of(before))
    assert EnrolToken.objects.count() == 0  # asking makes none
    earliest = timezone.now() + timedelta(minutes=15)
    response = client.post(address)
    page = text_of(response)
    (token,) = set(TOKEN.findall(page))
    assert f"paifang edge enrol --config /etc/paifang/edge.toml {token}" in page
    assert "<svg" in page
    assert response["Cache-Control"] == "no-store"
    assert earliest <= response.context["expires"] <= EnrolToken.objects.get().expires_at
    for again in (address, f"/edges/{edge.pk}", "/edges"):
        assert token.split(".")[0] not in text_of(client.get(again))
    assert token.split(".")[0] not in str(dict(client.session))
    row = AuditRow.objects.get(action="edge.token")
    assert row.actor_name == "u-administrator"
    assert token.split(".")[0] not in str(list(AuditRow.objects.values()))
    assert enrolled(token).edge == edge


def test_a_second_token_ends_the_first(edge: Edge, log_in):
    client = log_in()
    for _ in range(2):
        client.post(f"/edges/{edge.pk}/enrol")
    assert EnrolToken.objects.filter(expires_at__gt=timezone.now()).count() == 1


@pytest.mark.parametrize("role", ["viewer", "gate_supervisor"])
def test_who_may_not_manage_edges_makes_no_token(edge: Edge, log_in, role):
    client = log_in(role)
    address = f"/edges/{edge.pk}/enrol"
    assert client.get(address).status_code == 403
    assert client.post(address).status_code == 403
    assert EnrolToken.objects.count() == 0
    assert address not in text_of(client.get(f"/edges/{edge.pk}"))


def test_only_edges_of_this_venue_that_are_not_retired(venue: Venue, edge: Edge, log_in):
    from django_scopes import scope

    client = log_in()
    other = make.make_venue("other")
    with scope(venue=other):
        strange = make.make_edge(other)
    Edge.objects.filter(pk=edge.pk).update(retired_at=timezone.now())
    for pk in (strange.pk, edge.pk, 2**63):
        assert client.post(f"/edges/{pk}/enrol").status_code == 404
    assert client.put(f"/edges/{edge.pk}/enrol").status_code == 405


def test_a_page_of_elsewhere_can_make_no_token(edge: Edge, log_in):
    assert log_in(csrf=True).post(f"/edges/{edge.pk}/enrol").status_code == 403
    assert EnrolToken.objects.count() == 0


def test_revoking_kills_certificate_and_token(edge: Edge, log_in):
    client = log_in()
    url = f"/edges/do/revoke?pk={edge.pk}"
    assert url not in text_of(client.get(f"/edges/{edge.pk}"))  # nothing to take back yet
    (token,) = set(TOKEN.findall(text_of(client.post(f"/edges/{edge.pk}/enrol"))))
    certificate = enrolled(token)
    page = text_of(client.get(f"/edges/{edge.pk}"))
    assert url in page
    assert certificate.serial in page
    assert "Valid" in page
    page = text_of(client.get(url))
    assert "1 certificate is dead at once" in page
    assert "Its gates go on deciding from what they hold" in page
    assert client.post(url, {"pk": edge.pk, "why": "stolen"}).status_code == 302
    certificate.refresh_from_db()
    assert certificate.revoked_at is not None
    assert AuditRow.objects.get(action="edge.revoke").detail == {"certificates": 1, "why": "stolen"}
    assert "Withdrawn</span>" in text_of(client.get(f"/edges/{edge.pk}"))


def test_retiring_says_what_it_means_and_frees_its_devices(edge: Edge, west, log_in, report):
    gate = make.make_gate(edge.venue, west, "W-7", edge)
    report(edge, gate)
    heir = make.make_edge(edge.venue, "新主机")
    client = log_in("administrator")
    url = f"/edges/do/retire?pk={edge.pk}"
    assert url in text_of(client.get(f"/edges/{edge.pk}"))
    page = text_of(client.get(url))
    assert "17 records were waiting there to be sent" in page
    assert "Its devices stay, with their stations: W-7." in page
    assert "This cannot be undone" in page
    assert f'<option value="{edge.pk}"' not in page  # it is not its own heir
    assert client.post(url, {"pk": edge.pk, "why": ""}).status_code == 422
    done = client.post(url, {"pk": edge.pk, "why": "scrapped", "heir": heir.pk})
    assert done["Location"] == "/edges"
    assert "Retired for good: 西门主机" in text_of(client.get("/edges"))
    assert client.get(f"/edges/{edge.pk}").status_code == 404
    assert [one.edge.name for one in heir.devices.all()] == ["新主机"]
    assert "It never reported." in text_of(client.get(f"/edges/do/retire?pk={heir.pk}"))
    assert log_in("gate_supervisor").get(f"/edges/do/retire?pk={heir.pk}").status_code == 403


def test_its_alarms_with_its_own_words(venue: Venue, edge: Edge, west, log_in):
    gate = make.make_gate(venue, west, "W-7", edge)
    journal = Journal(edge.pk)
    ingest(edge, [
        journal.write(alarm={"code": "reader.lost", "detail": "<b>/dev/ttyS3</b> is gone", "device_id": gate.pk}),
        journal.write(alarm={"code": "store.filling", "detail": "812 permille used"}),
    ])  # fmt: skip
    for role in ("administrator", "gate_supervisor"):
        page = text_of(log_in(role).get(f"/edges/{edge.pk}"))
        for words in ("Reader lost", "&lt;b&gt;/dev/ttyS3&lt;/b&gt; is gone", "812 permille used", "W-7", "Going on"):
            assert words in page, words


def test_an_edge_tells_how_it_is_doing(edge: Edge, west, log_in, report):
    gates = [make.make_gate(edge.venue, west, f"E-{n}", edge) for n in range(2)]
    client = log_in()
    assert "Not connected yet" in text_of(client.get("/edges"))
    report(edge, gates[0])
    page = text_of(client.get("/edges"))
    for text in ("Connected", "compiled", "1/2", "17"):
        assert text in page
    report(edge, gates[0], at=timezone.now() - timedelta(seconds=9))
    page = text_of(client.get(f"/edges/{edge.pk}"))
    assert "No contact" in page
    assert "0/2" in page
