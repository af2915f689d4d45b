"""The style page: there where debugging is on, for administrators, made of the kit's own parts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cloud import admin

KIT = Path(admin.__file__).parent / "templates" / "console" / "kit"
FRAME = {"language", "mark", "palette", "palette_found"}  # of the page around, or a dialog's


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_it_shows_every_element_with_its_own_partial(log_in, settings, language):
    settings.DEBUG = True
    client = log_in(language=language)
    used = set()
    for address in ("/style", "/style/plain", "/style/grave", "/style/form"):
        response = client.get(address)
        assert response.status_code == 200
        used |= {template.name for template in response.templates if template.name}
        assert "style=" not in response.content.decode()
    there = {f"console/kit/{path.name}" for path in KIT.glob("*.html") if path.stem not in FRAME}
    assert there - used == set(), "show them on the style page"


def test_no_id_is_there_twice(log_in, settings):
    settings.DEBUG = True
    page = re.sub(r"<template.*?</template>", "", log_in().get("/style").content.decode(), flags=re.DOTALL)
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert {one for one in ids if ids.count(one) > 1} == set()


def test_it_is_nowhere_else(log_in, settings):
    client = log_in()
    for address in ("/style", "/style/plain"):
        assert client.get(address).status_code == 404
    assert 'href="/style"' not in client.get("/").content.decode()
    settings.DEBUG = True
    assert 'href="/style"' in client.get("/").content.decode()
    assert client.get("/style/nothing").status_code == 404
    assert log_in("viewer").get("/style").status_code == 403
