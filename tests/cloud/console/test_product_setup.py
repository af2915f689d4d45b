"""The guided form of a product: each block by itself, what is missing, what is seen beside it, two at once."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client
from PIL import Image

from cloud.admin.kit.forms import SectionForm
from cloud.admin.sections.product_setup.blocks import blocks_of
from cloud.admin.sections.product_setup.refund import tiers_of
from cloud.catalog import product_services, services
from cloud.catalog.booking import BookingRules
from cloud.catalog.card_rules import CardRules
from cloud.catalog.compile import rules_of
from cloud.catalog.models import TicketProduct
from cloud.catalog.refund_rules import RefundRules
from cloud.catalog.rules import Times
from cloud.catalog.sale_rules import Limit, SaleRules
from cloud.core.business_day import today
from cloud.entitlements import live_services
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from cloud.venues.models import Venue
from tests.support import venue as make
from tests.support.race import race

WHO = {"actor": make.SYSTEM}
KINDS = ("ticket", "package", "annual")


@pytest.fixture(autouse=True)
def media_of_its_own(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


def draft(venue: Venue, kind: str = "ticket", name: str = "成人票") -> TicketProduct:
    return product_services.create_draft(**WHO, venue=venue, kind=kind, name_zh=name, name_en="Adult")


def url(product: TicketProduct, block: str) -> str:
    return f"/products/{product.pk}/setup/{block}"


def shown(client: Client, product: TicketProduct, block: str) -> tuple[QueryDict, SectionForm]:
    """What a browser would send of a block as it is, and its form."""
    response = client.get(url(product, block))
    assert response.status_code == 200
    form = response.context["form"]
    data = QueryDict(mutable=True)
    for name, value in form.shown().items():
        form.put(data, name, value)
    data["_seen"] = response.context["seen"]
    return data, form


def save(client: Client, product: TicketProduct, block: str, **typed: Any) -> Any:
    data, _form = shown(client, product, block)
    for name, value in typed.items():
        data.setlist(name.replace("__", "-"), value if isinstance(value, list) else [value])
    return client.post(url(product, block), sent(data))


def sent(data: QueryDict) -> dict[str, list[str]]:
    """All values of each name: the client takes just the last of a QueryDict's."""
    return dict(data.lists())


def errors(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 422
    return {name: list(texts) for name, texts in response.context["form"].errors.items()}


@pytest.mark.spec("T-06", "T-36", "T-48")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_block_of_every_kind_is_shown_and_saved_as_it_is(venue, adult, log_in, kind, language):
    made, client = draft(venue, kind), log_in(language=language)
    if kind == "package":
        live_services.set_package_parts(
            **WHO, venue=venue, package=made, parts=[live_services.Part(adult.specs.get(), 2)]
        )
    if kind == "annual":
        rides = [live_services.Ride(adult, 10, 3, 1)]
        live_services.set_card_parts(**WHO, venue=venue, card=made, rides=rides, rules=CardRules(months=12))
    before = TicketProduct.objects.values().get(pk=made.pk)
    for block in blocks_of(kind):
        response = save(client, made, block.key)
        assert response.status_code == 302, (block.key, response.context["form"].errors)
    after = TicketProduct.objects.values().get(pk=made.pk)
    changed = {name for name in after if after[name] != before[name]} - {"revision", "updated_at"}
    assert changed == set()
    assert client.get(f"/products/{made.pk}/setup").status_code == 302
    assert client.get(url(made, "nonsense")).status_code == 404


def test_the_next_block_follows_and_the_first_that_lacks_something_is_where_one_goes_on(venue, log_in):
    made, client = draft(venue), log_in()
    assert client.get(f"/products/{made.pk}/setup")["Location"] == url(made, "price")
    assert save(client, made, "price", specs__0__price="80", _next="1")["Location"] == url(made, "order")
    assert client.get(f"/products/{made.pk}/setup")["Location"] == url(made, "gate")
    page = client.get(url(made, "publish")).content.decode()
    assert f'<a href="{url(made, "gate")}">Pick-up and verification</a>' in page
    assert "No station verifies it." in page


@pytest.mark.spec("T-06", "T-12")
def test_what_lacks_something_is_refused_with_what_it_lacks(venue, west, log_in):
    made, client = draft(venue), log_in()
    response = save(client, made, "publish", specs__0__status="on")
    assert errors(response) == {
        "__all__": [
            "Adult cannot be put on sale yet: It has no price: enter one, or price days in the calendar. "
            "No station verifies it."
        ]
    }
    save(client, made, "price", specs__0__price="80")
    save(client, made, "gate", stations=[str(west.pk)])
    timed = {"specs__0__status": "timed", "specs__0__listing": "at"}
    assert errors(save(client, made, "publish", **timed)) == {"specs": ["Enter when it goes on sale."]}
    assert save(client, made, "publish", **timed, specs__0__on_at="2099-05-01T10:00:00").status_code == 302
    spec = made.specs.get()
    assert (spec.status, spec.on_at.isoformat()) == ("timed", "2099-05-01T02:00:00+00:00")  # the venue's ten o'clock


@pytest.mark.spec("T-07")
def test_a_place_fills_in_and_all_of_it_stays_editable(venue, log_in):
    product_services.create_place(
        **WHO, venue=venue, name_zh="断桥", address_zh="北山街", latitude=Decimal("30.26"),
        longitude=Decimal("120.15"),
    )  # fmt: skip
    made, client = draft(venue), log_in()
    page = client.get(url(made, "basics")).content.decode()
    assert '"name": "\\u65ad\\u6865"' in page
    typed = {"poi": "断桥", "area_zh": "西湖断桥", "latitude": "30.26", "longitude": "120.15"}
    assert save(client, made, "basics", **typed).status_code == 302
    made.refresh_from_db()
    assert (made.info["poi"], made.info["area_zh"], made.info["system"]) == ("断桥", "西湖断桥", "GCJ-02")
    assert errors(save(client, made, "basics", latitude="91"))["latitude"]


@pytest.mark.spec("T-15", "T-16", "T-17", "T-18", "T-19", "T-20", "T-21", "T-22", "T-23", "T-24")
def test_order_rules_are_stored_as_typed(venue, log_in):
    made, client = draft(venue), log_in()
    response = save(
        client, made, "order", date_kind="timed", slots="09:00-10:00\n10:00-11:00", early_minutes="15",
        latest_days="1", latest_time="18:00", slot_closes="start", slot_closes_minutes="30", real_name="all",
        age_min="6", age_max="60", notice_zh="高空项目", group_min="10", group_refund="reprice", group_single="95.5",
        pay_methods=["cash", "wechat"], pay_minutes="15", channels=["shop"],
        limits=["0"], limits__0__per="id", limits__0__most="12", limits__0__span="visit_day",
    )  # fmt: skip
    assert response.status_code == 302, response.context["form"].errors
    made.refresh_from_db()
    assert SaleRules.from_json(made.sale_rules) == SaleRules(
        channels=("shop",), real_name="all", age_min=6, age_max=60, notice_zh="高空项目", group_min=10,
        group_refund="reprice", group_single_fen=9550, pay_methods=("cash", "wechat"), pay_minutes=15,
        limits=(Limit("id", "visit_day", 12),),
    )  # fmt: skip
    assert BookingRules.from_json(made.booking_rules) == BookingRules(
        latest_days=1, latest_minute=1080, slot_closes="start", slot_closes_minutes=30
    )
    assert (rules_of(made).slots, rules_of(made).early_minutes) == ((Times(540, 600), Times(600, 660)), 15)
    looser = save(client, made, "order", real_name="one", date_kind="open", valid_days="30", valid_until="2027-12-31")
    assert looser.status_code == 302
    made.refresh_from_db()
    assert (made.validity, made.valid_days, made.valid_until) == ("open", 30, date(2027, 12, 31))
    assert SaleRules.from_json(made.sale_rules).aged is False  # an age limit goes with the names it needs


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"date_kind": "timed"}, "slots"),
        ({"real_name": "all", "age_min": "60", "age_max": "6"}, "age_max"),
        ({"latest_days": "5", "earliest_days": "3"}, "latest_days"),
        ({"group_min": "10", "group_refund": "reprice"}, "group_single"),
        ({"limits": ["0"], "limits__0__per": "id", "limits__0__most": "2"}, "limits"),
        ({"channels": ["ctrip"]}, "channels"),
        ({"notice_en": "High up"}, "notice_zh"),
    ],
)
def test_order_rules_that_do_not_fit_are_said_beside_their_field(venue, log_in, typed, field):
    made = draft(venue)
    assert set(errors(save(log_in(), made, "order", **typed))) == {field}
    made.refresh_from_db()
    assert made.sale_rules == {}


@pytest.mark.spec("T-18")
def test_a_channel_that_is_not_connected_cannot_be_ticked_and_says_why(venue, log_in):
    page = log_in().get(url(draft(venue), "order")).content.decode()
    assert "Ctrip (The venue is not connected to this platform yet.)" in page
    box = page[page.index('value="ctrip"') :]
    assert "disabled" in box[: box.index(">")]


TIERS = {
    "kind": "conditional", "fee": "tiers", "tiers": ["0", "1", "2"],
    "tiers__0__since": "start", "tiers__0__value": "0", "tiers__0__kind": "percent", "tiers__0__means": "kept",
    "tiers__1__since": "before", "tiers__1__count": "24", "tiers__1__unit": "60", "tiers__1__value": "15",
    "tiers__1__kind": "percent", "tiers__1__means": "kept",
    "tiers__2__since": "after", "tiers__2__count": "0", "tiers__2__unit": "60", "tiers__2__value": "0",
    "tiers__2__kind": "fixed", "tiers__2__means": "returned",
}  # fmt: skip


@pytest.mark.spec("T-31", "T-33", "T-34", "T-35")
def test_refund_tiers_are_stored_and_tried_out_while_they_are_typed(venue, log_in):
    made, client = draft(venue), log_in()
    assert save(client, made, "refund", **TIERS, review="review", on_expiry="refund").status_code == 302
    made.refresh_from_db()
    rules = RefundRules.from_json(made.refund_rules)
    assert [(one.start, one.end, one.amount.value) for one in rules.tiers] == [
        (None, -1440, 0), (-1440, 0, 1500), (0, None, 0),
    ]  # fmt: skip
    assert (rules.review, rules.on_expiry) == ("review", "refund")
    asked = {"sim_paid": "100", "sim_check_in": "2027-05-04T09:00", "sim_at": "2027-05-03T17:00", "look": "en"}
    data, _form = shown(client, made, "refund")
    data.update(asked)
    page = client.post(f"{url(made, 'refund')}/look", sent(data)).content.decode()
    assert "returns 85.00 of 100.00, keeps 15.00 (from 1 d before check-in until the check-in time)" in page
    data["tiers-1-value"] = "40"  # not saved: only tried out
    page = client.post(f"{url(made, 'refund')}/look", sent(data)).content.decode()
    assert "returns 60.00 of 100.00, keeps 40.00" in page
    made.refresh_from_db()
    assert RefundRules.from_json(made.refund_rules) == rules


@pytest.mark.spec("T-30", "T-31", "T-32", "T-44", "T-61")
@pytest.mark.parametrize(
    ("kind", "typed", "field"),
    [
        ("ticket", TIERS | {"tiers": ["1"]}, "tiers"),
        ("ticket", TIERS | {"tiers__1__count": "0"}, "tiers"),
        ("ticket", {"kind": "any", "fee": "fixed"}, "fee_yuan"),
        ("ticket", {"kind": "none", "on_expiry": "refund"}, "on_expiry"),
        ("ticket", {"kind": "parts"}, "kind"),
        ("package", {"kind": "any"}, "kind"),
        ("annual", {"kind": "parts"}, "kind"),
    ],
)
def test_refund_rules_that_do_not_fit_are_said_beside_their_field(venue, log_in, kind, typed, field):
    made = draft(venue, kind)
    assert set(errors(save(log_in(), made, "refund", **typed))) == {field}
    made.refresh_from_db()
    assert made.refund_rules == {}


def test_a_tier_ends_where_the_next_begins():
    row = {"unit": "60", "value": Decimal(5), "kind": "percent", "means": "kept"}
    rows = [row | {"since": "after", "count": 1}, row | {"since": "start", "count": None},
            row | {"since": "before", "count": 2}]  # fmt: skip
    assert [(one.start, one.end) for one in tiers_of(rows)] == [(None, -120), (-120, 60), (60, None)]


@pytest.mark.spec("T-38", "T-40")
def test_a_package_names_its_tickets_by_code_or_name_and_says_what_it_inherits(venue, adult, log_in):
    made, client = draft(venue, "package", "套票"), log_in()
    live_services.edit_product(**WHO, venue=venue, product=adult, sale_rules=SaleRules(real_name="all", age_min=6))
    assert client.get("/products/tickets", {"of": "specs", "q": "crp"}).content.decode().count("<option") == 1
    added = {"parts": ["0"], "parts__0__spec": "Adult [adult]", "parts__0__quantity": "2", "parts__0__weight": "50"}
    assert save(client, made, "contents", **added).status_code == 302
    part = made.parts.get()
    assert (part.spec.product, part.quantity, part.weight_fen) == (adult, 2, 5000)
    page = client.get(url(made, "contents")).content.decode()
    assert "Every visitor&#x27;s, because of Adult" in page
    assert "Youngest: 6, because of Adult" in page
    wrong = save(client, made, "contents", **added | {"parts__0__spec": "Nobody"})
    assert "There is no single ticket “Nobody”" in wrong.content.decode()
    assert errors(save(client, made, "contents", **added | {"parts__0__quantity": "0"})) == {
        "parts": ["Look at row 1."]
    }


@pytest.mark.spec("T-51", "T-59")
def test_a_card_names_its_rides_and_limits(venue, adult, log_in):
    made, client = draft(venue, "annual", "年卡"), log_in()
    typed = {
        "rides": ["0"], "rides__0__product": "adult", "rides__0__total": "10", "rides__0__per_month": "3",
        "rides__0__per_day": "1", "rides__0__weekdays": ["0", "1"], "rides__0__holidays": "refused",
        "valid_from": "activation", "months": "6", "activate_within_days": "90",
    }  # fmt: skip
    assert save(client, made, "contents", **typed).status_code == 302
    made.refresh_from_db()
    ride = made.card_parts.get()
    assert (ride.product, ride.total, ride.per_month, ride.per_day) == (adult, 10, 3, 1)
    assert ride.times == {"weekdays": [0, 1], "holidays": "refused"}
    assert made.card_rules == {"valid_from": "activation", "months": 6, "activate_within_days": 90}
    assert errors(save(client, made, "contents", months="6", days="6")) == {"months": ["Say either months or days."]}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_one_block_at_one_instant_one_is_told_and_keeps_what_was_typed(venue, log_in):
    made, client = draft(venue), log_in()
    data, _form = shown(client, made, "basics")

    def saves(name: str) -> Callable[[], Any]:
        mine = data.copy()
        mine["name_zh"] = name
        other = Client()
        other.cookies = client.cookies
        return lambda: other.post(url(made, "basics"), sent(mine))

    responses = race(venue, saves("甲票"), saves("乙票"))
    assert sorted(one.status_code for one in responses) == [302, 409]
    told = next(one for one in responses if one.status_code == 409).content.decode()
    made.refresh_from_db()
    lost = {"甲票": "乙票", "乙票": "甲票"}[made.name_zh]
    assert f'value="{lost}"' in told
    assert f"is “{made.name_zh}” now" in told


def test_two_who_save_different_blocks_do_not_meet(venue, log_in):
    made, client = draft(venue), log_in()
    data, _form = shown(client, made, "basics")
    assert save(client, made, "price", specs__0__price="80").status_code == 302
    data["name_zh"] = "儿童票"
    assert client.post(url(made, "basics"), sent(data)).status_code == 302


@pytest.mark.spec("T-28")
def test_before_an_edit_it_says_what_holds_for_tickets_already_sold(venue, adult, log_in):
    client = log_in()
    assert "are sold and still valid" not in client.get(url(adult, "gate")).content.decode()
    issue_order(**WHO, venue=venue, lines=[OrderLine(adult, 2, today(venue))], idempotency_key="k")
    page = client.get(url(adult, "gate")).content.decode()
    assert "2 tickets of it are sold and still valid." in page
    assert "Tickets already sold keep their persons, uses and rules" in page
    assert "The stations hold for tickets already sold too: gates hear of them at once." in page


def test_the_preview_follows_what_is_typed_in_both_languages(venue, west, log_in):
    made, client = draft(venue), log_in()
    data, _form = shown(client, made, "detail")
    data["introduction_en"], data["look"] = "<p>Walk on <b>water</b><script>x()</script></p>", "en"
    page = client.post(f"{url(made, 'detail')}/look", sent(data)).content.decode()
    assert "<p>Walk on <b>water</b></p>" in page
    assert "<strong>Introduction</strong>" in page
    data["look"] = "zh"
    page = client.post(f"{url(made, 'detail')}/look", sent(data)).content.decode()
    assert "<strong>产品介绍</strong>" in page
    data, _form = shown(client, made, "gate")
    data["persons"] = "3"
    data.setlist("stations", [str(west.pk)])
    page = client.post(f"{url(made, 'gate')}/look", sent(data)).content.decode()
    assert "Admits 3 persons once, on the booked day, at West gate." in page
    data["persons"] = "nobody"
    assert "does not fit yet" in client.post(f"{url(made, 'gate')}/look", sent(data)).content.decode()
    made.refresh_from_db()
    assert (made.persons, made.texts) == (1, {})


def picture(n: int = 0, size: tuple[int, int] = (750, 750)) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", size, (n * 20, 0, 0)).save(out, "PNG")
    return SimpleUploadedFile(f"p{n}.png", out.getvalue())


@pytest.mark.spec("T-08")
def test_six_detail_pictures_in_an_order_that_stays_and_no_seventh(venue, log_in):
    made, client = draft(venue), log_in()
    add = f"/products/{made.pk}/media"
    client.post(add, {"role": "detail", "file": [picture(n) for n in range(6)]})
    ids = list(made.media.values_list("pk", flat=True))
    assert [one.name for one in made.media.all()] == [f"p{n}.png" for n in range(6)]
    page = client.post(add, {"role": "detail", "file": picture(7)}, follow=True).content.decode()
    assert "There are at most 6 detail pictures: remove one first." in page
    client.post(f"{add}/change", {"up": ids[1]})
    client.post(f"{add}/change", {"remove": ids[5]})
    assert list(made.media.values_list("pk", flat=True)) == [ids[1], ids[0], *ids[2:5]]
    client.post(f"{add}/change", {"order": list(reversed(ids[:5]))})
    assert list(made.media.values_list("pk", flat=True)) == list(reversed(ids[:5]))
    page = client.post(f"{add}/change", {"order": ids}, follow=True).content.decode()
    assert "Somebody else added or removed a picture." in page
    program = SimpleUploadedFile("cover.jpg", b"MZ\x90\0" * 100)
    page = client.post(add, {"role": "cover", "file": program}, follow=True).content.decode()
    assert "is no JPG, PNG or GIF that can be read" in page


@pytest.mark.spec("T-09")
def test_a_second_film_replaces_the_first_once_somebody_agrees(venue, log_in):
    made, client = draft(venue), log_in()
    film = b"\0\0\0\x18ftypmp42" + bytes(64)

    def post(content: bytes, **more: str) -> str:
        file = SimpleUploadedFile("film.mp4", content)
        typed = {"role": "video", "file": file, **more}
        return client.post(f"/products/{made.pk}/media", typed, follow=True).content.decode()

    post(film)
    assert "There is one already: agree to replace it." in post(film + b"2")
    first = made.media.get()
    post(film + b"2", replace="1")
    assert made.media.get().content_hash != first.content_hash


def test_a_draft_s_pictures_are_for_staff_and_those_on_sale_for_everybody(venue, west, log_in):
    made, client = draft(venue), log_in()
    client.post(f"/products/{made.pk}/media", {"role": "cover", "file": picture()})
    address = f"/media/{venue.code}/{made.media.get().content_hash}"
    mine = client.get(address)
    assert (mine.status_code, mine["Cache-Control"]) == (200, "private, max-age=3600, immutable")
    assert Client().get(address).status_code == 404
    live_services.edit_product(**WHO, venue=venue, product=made, price_fen=1, stations=[west])
    services.set_on_sale(**WHO, venue=venue, product=made, on_sale=True)
    public = Client().get(address)
    assert (public.status_code, public["Content-Type"]) == (200, "image/png")
    assert public["Cache-Control"] == "public, max-age=31536000, immutable"
    assert Client().get(address, HTTP_IF_NONE_MATCH=public["ETag"]).status_code == 304
    assert Client().get(f"/media/{venue.code}/{'0' * 64}").status_code == 404


def test_whoever_only_looks_sees_no_form(venue, log_in):
    made, client = draft(venue), log_in("viewer")
    assert client.get(url(made, "basics")).status_code == 403
    assert client.post(f"/products/{made.pk}/media", {"role": "cover", "file": picture()}).status_code == 403
    assert "Set up" not in client.get(f"/products/{made.pk}").content.decode()


@pytest.mark.spec("T-04", "T-05")
@pytest.mark.parametrize("typed", ["成人", "crp", "cheng ren", "CHENGREN", "T0001", "69012"])
def test_products_are_found_by_name_code_bar_code_and_pinyin(venue, log_in, typed):
    made = draft(venue)
    draft(venue, name="索道")
    specs = [product_services.SpecInput(pk=made.specs.get().pk, code="6901234567892")]
    product_services.set_specs(**WHO, venue=venue, product=made, specs=specs)
    page = log_in().get("/products", {"q": typed})
    assert [row.value for row in page.context["table"].rows] == [str(made.pk)]


@pytest.mark.spec("T-05")
def test_tabs_show_their_counts_and_keep_the_search(venue, west, log_in):
    make.make_product(venue, "on", stations=[west])
    draft(venue)
    page = log_in().get("/products", {"tab": "warehouse", "q": "成人"})
    assert [(tab.title, tab.count, tab.current) for tab in page.context["tabs"]] == [
        ("All", 2, False), ("On sale", 1, False), ("Off sale", 0, False), ("About to go off sale", 0, False),
        ("In the warehouse", 1, True),
    ]  # fmt: skip
    assert page.context["tabs"][1].url == "?q=%E6%88%90%E4%BA%BA&tab=on"


def test_bulk_prices_are_said_before_they_are_changed(venue, log_in):
    one, two = make.make_product(venue, "a"), make.make_product(venue, "b", price_fen=4000)
    client = log_in()
    typed = {"pk": [one.pk, two.pk], "way": "less", "amount": "10", "how": "percent"}
    asked = client.post("/products/do/prices", typed)
    assert asked.context["confirm"].consequences[:2] == ("Adult: ¥80.00 → ¥72.00", "Adult: ¥40.00 → ¥36.00")
    assert one.specs.get().price_fen == 8000
    hidden = QueryDict(mutable=True)
    for name, value in asked.context["confirm"].hidden:
        hidden.appendlist(name, value)
    assert client.post("/products/do/prices", sent(hidden)).status_code == 302
    assert [p.specs.get().price_fen for p in (one, two)] == [7200, 3600]


@pytest.mark.parametrize(("way", "left"), [("add", {"西门", "东门"}), ("remove", set())])
def test_bulk_stations_are_added_and_removed(venue, west, east, log_in, way, left):
    made = make.make_product(venue, stations=[west])
    chosen = [west.pk] if way == "remove" else [east.pk]
    log_in().post("/products/do/stations", {"pk": made.pk, "way": way, "stations": chosen})
    assert {one.name_zh for one in made.stations.all()} == left
