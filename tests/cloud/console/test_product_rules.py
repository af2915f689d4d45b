"""A product's rules in the console: typed, refused beside their fields, shown again, and said in plain sentences."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import pytest
from django.utils import translation

from cloud.admin.sections.product_setup.gate import GateForm
from cloud.admin.sections.product_setup.order import OrderForm
from cloud.admin.sections.product_words import sentence
from cloud.catalog.compile import rules_of
from cloud.catalog.rules import Days, ProductRules, Times
from tests.support import venue as make

TYPED = {
    "persons": "1",
    "uses": "0",
    "printing": "each",
    "total": "10",
    "per_month": "3",
    "per_day": "1",
    "weekdays": ["0", "5"],
    "holidays": "refused",
    "hours": "8:00-17:30\r\n17:00 – 26:00 周五 Sat",
    "dates": "2026-12-01 至 2027-11-30",
    "blackout": "2027-01-01",
    "media": ["rotating", "id_number"],
    "rotating": "on",
    "activation": "desk",
    "reentry_minutes": "30",
    "anti_passback": "on",
}
RULES = ProductRules(
    total=10, per_month=3, per_day=1, weekdays=(0, 5), holidays="refused",
    hours=(Times(480, 1050), Times(1020, 1560, (4, 5))), dates=(Days(date(2026, 12, 1), date(2027, 11, 30)),),
    blackout=(Days(date(2027, 1, 1), date(2027, 1, 1)),), media=("rotating", "id_number"), rotating=True,
    activation="desk", reentry_minutes=30, anti_passback=True,
)  # fmt: skip
FULL = ProductRules(
    total=10,
    per_month=3,
    per_day=1,
    shared=True,
    identity=True,
    collect_first=True,
    activation="desk",
    book_first=True,
    slots=(Times(540, 600),),
    early_minutes=10,
    late_minutes=20,
    weekdays=(0,),
    holidays="refused",
    hours=(Times(480, 1050),),
    dates=(Days(date(2026, 12, 1), date(2026, 12, 1)),),
    reentry_minutes=30,
    anti_passback=True,
    after_first_days=2,
    media=("id_number", "pass"),
    blackout=(Days(date(2027, 1, 1), date(2027, 1, 2)),),
)


def save(client, product, typed):
    url = f"/products/{product.pk}/setup/gate"
    return client.post(url, typed | {"_seen": client.get(url).context["seen"]})


def test_what_is_typed_is_stored_and_shown_again(venue, west, log_in):
    client = log_in()
    card = make.make_product(venue, rules=ProductRules(book_first=True), stations=[west])
    assert save(client, card, TYPED).status_code == 302
    card.refresh_from_db()
    assert (rules_of(card), card.uses) == (replace(RULES, book_first=True), 0)  # what is another block's stays
    again = client.get(f"/products/{card.pk}/setup/gate").context["form"].initial
    assert again["hours"] == "08:00-17:30\n17:00-26:00 Fri Sat"
    assert (again["dates"], again["blackout"]) == ("2026-12-01 - 2027-11-30", "2027-01-01")
    assert (again["total"], again["at_once"], again["weekdays"]) == (10, None, [0, 5])
    assert save(client, card, TYPED | {"total": "", "hours": ""}).status_code == 302
    card.refresh_from_db()
    assert (rules_of(card).total, rules_of(card).hours, rules_of(card).per_month) == (0, (), 3)
    assert list(card.stations.all()) == []  # none was ticked


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({"hours": "8-17"}, "hours", "“8-17” is no period. Write 08:00-17:30, one a line."),
        ({"hours": "08:00-17:99"}, "hours", "“08:00-17:99” is no period. Write 08:00-17:30, one a line."),
        ({"hours": "17:30-08:00"}, "hours", "A period's end must come after its start."),
        ({"hours": "08:00-17:30 Funday"}, "hours", "“Funday” is no weekday. Write Mon, Tue, …"),
        ({"dates": "soon"}, "dates", "“soon” is no day. Write 2026-10-01 - 2026-10-07."),
        ({"blackout": "2026-02-30"}, "blackout", "There is no day 2026-02-30."),
        ({"per_day": "4"}, "per_day", "It cannot be more than 3, the limit of a longer time."),
        ({"media": ["pass"]}, "media", "A ticket with a live code must accept that code."),
        ({"at_once": "2", "together": "on"}, "at_once", "Persons who go together cannot be limited in number at once."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(venue, log_in, typed, field, says):
    response = save(log_in(), make.make_product(venue), TYPED | typed)
    assert response.status_code == 422
    assert response.context["form"].errors == {field: [says]}
    assert f'id="id_{field}_error"' in response.content.decode()


def test_every_rule_has_its_field_in_one_block():
    placed = [name for form in (OrderForm, GateForm) for name in form.base_fields]
    rules = {one.name for one in fields(ProductRules)}
    assert sorted(name for name in placed if name in rules) == sorted(rules)
    for form in (OrderForm, GateForm):
        assert sorted(name for _, names in form.layout for name in names) == sorted(form.base_fields)


def test_plain_sentences_of_every_rule(venue, west, east):
    card = make.make_product(venue, rules=FULL, stations=[west], uses=0)
    night = make.make_product(
        venue,
        "night",
        stations=[west],
        rules=ProductRules(rotating=True, hours=(Times(1020, 1560),), signed_only=5, at_once=2),
    )
    with translation.override("en"):
        assert sentence(night) == (
            "Admits 1 person once, on the booked day, 17:00-26:00, at West gate. "
            "At most 2 persons at once. By the live code on the phone; a picture of it is refused. "
            "A gate lets in up to 5 on the signature alone before it knows of the sale."
        )
        assert sentence(card) == (
            "Admits 1 person as often as wanted, on the booked day, 08:00-17:30, at West gate. "
            "At most 10 in all, 3 a month, 1 a day for each person. The tickets of one order share their uses. "
            "Only on Mon. Not on public holidays. Only on these days: 2026-12-01. "
            "Not on: 2027-01-01 - 2027-01-02. Valid for 2 days from its first use. In the booked slot: 09:00-10:00. "
            "Up to 10 minutes before and 20 minutes after the slot. The front desk activates it first. "
            "A day or slot is booked first. It is collected first. Only by: Ticket code (QR), ID card. "
            "The holder's ID card must be read. Again after 30 minutes at the earliest. "
            "Not again before its holder has left."
        )
    with translation.override("zh-hans"):
        assert sentence(night) == (
            "预订当日，17:00-26:00，在西门放行 1 人，1 次。每次最多放行 2 人。使用手机动态码，截图无效。"
            "闸口收到售票数据前，可凭签名放行最多 5 张。"
        )
        assert "每人最多共 10 次，每月 3 次，每日 1 次。" in sentence(card)
        assert not [letter for letter in sentence(card).replace("QR", "") if "a" <= letter.lower() <= "z"]
