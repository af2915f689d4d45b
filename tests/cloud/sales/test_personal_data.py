"""No ID number is anywhere in clear: not in a table, not in the audit, not in the file or the logs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection
from django_scopes import scopes_disabled

from cloud.catalog.models import TicketProduct
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.sales.personal import masked_name
from cloud.sales.services import issue_order, revoke_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.venues.models import Venue
from tests.support.venue import SYSTEM, make_id_number


@pytest.mark.spec("T-19", "O-04")
@pytest.mark.django_db(transaction=True)
def test_no_id_number_is_kept_in_clear(venue: Venue, adult: TicketProduct, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    number = make_id_number(77)
    line = OrderLine(adult, 1, today(venue), [VisitorInput("王小明", number)])
    order = issue_order(actor=SYSTEM, venue=venue, lines=[line], idempotency_key="k1")
    revoke_order(actor=SYSTEM, venue=venue, order=order, why="下错单")
    twice = OrderLine(adult, 2, today(venue), [VisitorInput("王", number), VisitorInput("李", number)])
    with pytest.raises(DomainError) as refused:
        issue_order(actor=SYSTEM, venue=venue, lines=[twice], idempotency_key="k2")
    assert number not in str(refused.value)

    with scopes_disabled():
        for model in apps.get_models():
            for row in model._base_manager.values_list():
                for value in row:
                    kept = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    assert number.encode() not in kept, model
    if connection.vendor == "sqlite":
        file = Path(connection.settings_dict["NAME"])
        for part in (file, file.with_name(file.name + "-wal")):
            assert not part.exists() or number.encode() not in part.read_bytes()
    own = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert not any(number in message for message in own)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("王小明", "王**"), ("王", "王*"), ("欧阳娜娜", "欧***"), (" John ", "J***"), ("", ""), ("  ", "")],
)
def test_masked_names(name: str, shown: str) -> None:
    assert masked_name(name) == shown
