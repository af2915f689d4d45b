"""The calendar's page and its Excel: what is sent is saved whole or not at all, and said."""

from __future__ import annotations

import io
import json
import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_scopes import scope
from openpyxl import Workbook, load_workbook
from playwright.sync_api import expect

from cloud.capacity.calendars import edit_calendar
from cloud.capacity.models import Entry
from cloud.capacity.services import Wish, take
from cloud.catalog.calendar_edits import Change, Chosen, Own, SetCells
from cloud.catalog.models import CalendarCell, Spec
from cloud.catalog.offers import WHOLE_DAY
from cloud.catalog.rules import ProductRules, Times
from cloud.core.business_day import today
from cloud.core.models import Job
from cloud.venues.models import CalendarDay, Venue
from tests.support import venue as make
from tests.support.browser import fits

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def spec(venue: Venue) -> Spec:
    return make.make_product(venue).specs.get()


@pytest.fixture
def timed(venue: Venue) -> Spec:
    slots = (Times(540, 600), Times(600, 660, (5, 6)))
    return make.make_product(venue, "timed", rules=ProductRules(slots=slots)).specs.get()


def url(spec: Spec, **query: object) -> str:
    asked = "&".join(f"{name}={value}" for name, value in {"spec": spec.pk, **query}.items())
    return f"/products/{spec.product_id}/calendar?{asked}"


def chosen(first: date, last: date, **more: object) -> dict[str, object]:
    return {"first": first.isoformat(), "last": last.isoformat(), **more}


def save(client: Client, spec: Spec, *edits: object, seen: int = 0) -> Any:
    return client.post(url(spec), {"edits": json.dumps(edits), "seen": seen}, follow=True)


def own(spec: Spec) -> dict[tuple[date, int], Own]:
    with scope(venue=spec.venue):
        rows = CalendarCell.objects.filter(spec=spec)
        return {(row.day, row.slot): Own(row.price_fen, row.stock, row.closed) for row in rows}


def sell(spec: Spec, day: date, count: int, why: str = Entry.Why.SOLD) -> None:
    with transaction.atomic():
        take(spec.venue, [Wish(spec.pk, day, quantity=count)], why=why, reference=f"order:{why}")


@pytest.mark.spec("T-13")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Prices and stock", "500 of 500 left", "no limit", "New year", "Calendar ticket for one day")),
        ("zh-hans", ("价格和库存", "余 500 / 500", "不限量", "元旦", "日历票（单日票）")),
    ],
)
def test_a_month_with_prices_stock_and_holidays(log_in, venue, spec, language, words) -> None:
    first = (today(venue).replace(day=1) + 32 * DAY).replace(day=1)
    CalendarDay.objects.create(venue=venue, day=first, kind="holiday", name_zh="元旦", name_en="New year")
    edit_calendar(
        actor=make.SYSTEM, venue=venue, spec=spec,
        edits=[SetCells(Chosen(first, first), Change(stock=500, price_fen=12_000))],
    )  # fmt: skip
    page = log_in(language=language).get(url(spec, month=f"{first:%Y-%m}")).content.decode()
    for word in (*words, "¥120.00", "¥80.00", f'data-day="{first}"'):
        assert word in page, word
    assert page.count("data-cell ") == (first + 32 * DAY).replace(day=1).toordinal() - first.toordinal()


def test_the_figures_of_a_cell(log_in, venue, spec) -> None:
    now = today(venue)
    days = [SetCells(Chosen(now, now + 2 * DAY), Change(stock=10))]
    edit_calendar(actor=make.SYSTEM, venue=venue, spec=spec, edits=days)
    sell(spec, now, 3)
    sell(spec, now, 2, Entry.Why.HELD)
    fewer = [SetCells(Chosen(now, now), Change(stock=4)), SetCells(Chosen(now + DAY, now + DAY), Change(closed=True))]
    edit_calendar(actor=make.SYSTEM, venue=venue, spec=spec, edits=fewer)
    page = log_in("viewer").get(url(spec)).content.decode()
    cell = re.search(rf'<td[^>]*data-day="{now}".*?</td>', page, re.DOTALL)
    assert cell is not None
    for word in ("0 of 4 left", "3 sold · 2 held", "1 too many", 'aria-current="date"'):
        assert word in cell[0], word
    assert "Closed" in page or (now + DAY).month != now.month
    assert "data-edit" not in page  # who only looks has no form


@pytest.mark.spec("T-14")
def test_a_timed_product_shows_its_week_and_each_slots_month(log_in, venue, timed) -> None:
    client = log_in()
    now = today(venue)
    page = client.get(url(timed)).content.decode()
    assert ("data-weekly" in page, page.count('data-slot="540"'), page.count('data-slot="600"')) == (True, 7, 2)
    month = client.get(url(timed, month=f"{now:%Y-%m}", slot=600)).content.decode()
    assert "data-weekly" not in month
    assert month.count('data-slot="600"') == month.count("data-cell ") in range(8, 11)
    saved = save(client, timed, {"set": chosen(now, now + 6 * DAY, slots=[540, 600]), "change": {"stock": 5}})
    assert "9 cells are changed." in saved.content.decode()


@pytest.mark.spec("T-13")
def test_edits_are_saved_together_and_a_stock_too_low_is_told(log_in, venue, spec) -> None:
    client, now = log_in("product_manager"), today(venue)
    sell(spec, now, 3)
    answer = save(
        client, spec,
        {"set": chosen(now, now + 9 * DAY, weekdays=[5, 6]), "change": {"price_fen": 12_000}},
        {"put": [[now.isoformat(), WHOLE_DAY, 9_900, 2, 0]]},
    )  # fmt: skip
    text = answer.content.decode()
    assert f"{now}: 2, but 3 sold and 0 held" in text
    assert own(spec)[now, WHOLE_DAY] == Own(9_900, 2)
    weekend = [now + n * DAY for n in range(1, 10) if (now + n * DAY).weekday() >= 5]
    assert {day for day, _ in own(spec)} == {now, *weekend}


def test_whoever_was_overtaken_keeps_what_they_changed_and_is_told(log_in, venue, spec) -> None:
    client, now = log_in(), today(venue)
    edit = {"set": chosen(now, now), "change": {"price_fen": 9_000}}
    edit_calendar(
        actor=make.SYSTEM, venue=venue, spec=spec, edits=[SetCells(Chosen(now, now), Change(price_fen=7_000))]
    )
    answer = save(client, spec, edit)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert f"tests changed {now}." in page
    assert "¥70.00" in page  # what the other set
    assert "&quot;price_fen&quot;: 9000" in page  # what this person set is still there
    assert 'name="seen" value="1"' in page
    assert save(client, spec, edit, seen=1).status_code == 200
    assert own(spec)[now, WHOLE_DAY].price_fen == 9_000


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        ("{", "cannot be read"),
        ('[{"set": {}}]', "cannot be read"),
        ('[{"put": [["2027-02-30", -1, 1, 1, 0]]}]', "cannot be read"),
        ('[{"put": [["2027-02-28", -1, 1.5, 1, 0]]}]', "cannot be read"),
        ('[{"set": {"first": "2020-01-01", "last": "2020-01-02"}, "change": {"stock": 1}}]', "stay as they are"),
        ('[{"set": {"first": "2035-01-01", "last": "2035-01-02"}, "change": {"stock": 1}}]', "at most"),
    ],
)
def test_what_makes_no_sense_changes_nothing(log_in, spec, edits, said) -> None:
    answer = log_in().post(url(spec), {"edits": edits, "seen": "0"})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert own(spec) == {}


def test_without_a_script_one_edit_is_sent_by_its_form(log_in, venue, spec) -> None:
    client, now = log_in(), today(venue)
    sent = {"seen": "0", "first": now, "last": now + DAY, "price": "99.5", "stock": "", "sale": ""}
    assert "2 cells are changed." in client.post(url(spec), sent, follow=True).content.decode()
    assert own(spec)[now, WHOLE_DAY] == Own(9_950)
    refused = {
        "is no price": {"price": "many"},
        "is no number": {"stock": "1.5"},
        "Say what becomes": {"price": ""},
        "comes before the first": {"last": now - DAY},
    }
    for said, wrong in refused.items():
        answer = client.post(url(spec), sent | {"seen": "1"} | wrong)
        assert (answer.status_code, said in answer.content.decode()) == (422, True), wrong
    client.post(url(spec), sent | {"seen": "1", "price": "-", "last": now})
    assert own(spec)[now, WHOLE_DAY] == Own()


def test_who_may_not_and_what_is_elsewhere(log_in, venue, spec) -> None:
    assert log_in("viewer").post(url(spec), {"edits": "[]", "seen": "0"}).status_code == 403
    client = log_in()
    other = make.make_venue("other")
    with scope(venue=other):
        theirs = make.make_product(other).specs.get()
    assert client.get(f"/products/{theirs.product_id}/calendar").status_code == 404
    assert client.get(f"/products/{spec.product_id}/calendar/cells?first=2027-01-02&last=2027-01-01").status_code == 404
    cells = client.get(f"/products/{spec.product_id}/calendar/cells?first=2027-02-28&last=2027-03-01").json()
    assert cells["cells"] == [["2027-02-28", -1, None, None, False, True, False],
                              ["2027-03-01", -1, None, None, False, False, False]]  # fmt: skip


@pytest.mark.spec("T-13")
def test_a_page_costs_the_same_however_long_the_calendar_is(log_in, venue, spec) -> None:
    client, now = log_in(), today(venue)
    client.get(url(spec))  # what is looked up once a process
    counts = []
    for years in (0, 3):
        if years:
            CalendarCell.objects.bulk_create(
                CalendarCell(venue=venue, spec=spec, day=now + n * DAY, stock=n) for n in range(365 * years)
            )
        with CaptureQueriesContext(connection) as asked:
            client.get(url(spec))
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 20


# --- as a table


def table(*rows: tuple[object, ...]) -> bytes:
    book = Workbook()
    for row in (("Day", "Price in yuan", "Stock", "Sale"), *rows):
        book.active.append(row)
    return written(book)


def written(book: Workbook) -> bytes:
    output = io.BytesIO()
    book.save(output)
    return output.getvalue()


def hand_in(client: Client, spec: Spec, content: bytes, name: str = "prices.xlsx") -> Any:
    file = io.BytesIO(content)
    file.name = name
    return client.post(f"/products/{spec.product_id}/calendar/import?spec={spec.pk}", {"file": file}, follow=True)


def apply(client: Client) -> str:
    job = Job.objects.filter(kind="calendar-check").latest("pk")
    return client.post(f"/products/calendar/import/{job.pk}/apply", follow=True).content.decode()


@pytest.mark.spec("T-13")
def test_what_is_written_out_is_taken_in_again_and_changes_nothing(log_in, venue, timed) -> None:
    client, now = log_in(language="zh-hans"), today(venue)
    days = Chosen(now, now + 3 * DAY, slots=(540,))
    edit_calendar(
        actor=make.SYSTEM, venue=venue, spec=timed, edits=[SetCells(days, Change(price_fen=8_050, closed=True))]
    )
    for suffix in ("xlsx", "csv"):
        content = client.get(f"/products/{timed.product_id}/calendar/table.{suffix}").content
        page = hand_in(client, timed, content, f"x.{suffix}").content.decode()
        assert "无需导入" in page or "没有" in page, page[:200]
    sheet = load_workbook(io.BytesIO(content := client.get(
        f"/products/{timed.product_id}/calendar/table.xlsx").content)).active  # fmt: skip
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0] == ("日期", "时段", "价格（元）", "库存", "销售", "已售", "占用")
    assert (now.isoformat(), "09:00-10:00", 80.5, None, "停售", 0, 0) in rows
    assert content.startswith(b"PK")


@pytest.mark.spec("T-13")
def test_a_table_is_tried_out_then_applied_whole(log_in, venue, spec) -> None:
    client, now = log_in(), today(venue)
    sell(spec, now, 3)
    page = hand_in(client, spec, table((now, 99.5, 2, "sold"), (str(now + DAY), None, None, "停售"))).content.decode()
    assert own(spec) == {}
    for word in ("Nothing is imported yet", "the stock is below what is taken", "Apply the import"):
        assert word in page, word
    assert "2 cells are changed." in apply(client)
    assert own(spec) == {(now, WHOLE_DAY): Own(9_950, 2), (now + DAY, WHOLE_DAY): Own(None, None, True)}
    apply(client)  # asked again it leads to what was done
    assert Spec.objects.get(pk=spec.pk).calendar_revision == 1


def test_a_calendar_changed_since_the_trial_is_not_overwritten(log_in, venue, spec) -> None:
    client, now = log_in(), today(venue)
    hand_in(client, spec, table((now, 99.5, 2, "sold")))
    edit_calendar(actor=make.SYSTEM, venue=venue, spec=spec, edits=[SetCells(Chosen(now, now), Change(stock=7))])
    assert f"tests changed {now}." in apply(client)
    assert own(spec)[now, WHOLE_DAY] == Own(None, 7)


def test_each_wrong_cell_is_named_and_nothing_is_saved(log_in, venue, spec) -> None:
    client, now = log_in(), today(venue)
    page = hand_in(
        client, spec,
        table((now, 1, 1, ""), (now, 2, 1, ""), ("31 May", 1, 1, ""), (now + DAY, "cheap", 1, ""),
              (now + 2 * DAY, 1, 1.5, ""), (now + 3 * DAY, 1, 1, "perhaps"), (now + 4 * DAY, -1, 1, ""),
              (now + 9999 * DAY, 1, 1, ""), (now + 5 * DAY, 1_000_000.01, 1, "")),
    ).content.decode()  # fmt: skip
    for word in ("It is in line 2 already", "“31 May” is no day", "“cheap” is no price", "“1.5” is no number",
                 "“perhaps” should be sold or closed", "“-1” is no price", "at most", "That is too much"):  # fmt: skip
        assert word in page, word
    assert "Apply the import" not in page
    assert own(spec) == {}


def test_formulas_merged_cells_and_foreign_columns_are_refused_at_once(log_in, venue, spec) -> None:
    client, now = log_in(), today(venue)
    merged = Workbook()
    merged.active.append(("Day", "Stock"))
    merged.active.append((str(now), 1))
    merged.active.merge_cells("A2:A3")
    foreign = Workbook()
    foreign.active.append(("Day", "Colour"))
    foreign.active.append((str(now), "red"))
    many = "Day,Stock\n" + "".join(f"{now},1\n" for _ in range(50_001))
    for content, said in (
        (table((now, "=1+1", 1, "")), "Cell B2 is a formula"),
        (written(merged), "It has merged cells"),
        (written(foreign), "There is no column “Colour”"),
        (many.encode(), "more than 50,000 rows"),
        (b"MZ\x90\0", "not a table"),
    ):
        answer = hand_in(client, spec, content)
        assert (answer.status_code, said in answer.content.decode()) == (422, True), said
    assert not Job.objects.exists()


# --- in a browser


@pytest.mark.chromium
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="pages look the same from every database")
@pytest.mark.spec("T-13")
def test_by_keyboard_and_by_mouse(park: Venue, open_page) -> None:
    with scope(venue=park):
        spec = Spec.objects.get(product__code="adult")
        first = (today(park).replace(day=1) + 32 * DAY).replace(day=1)
    page = open_page()
    page.goto(url(spec, month=f"{first:%Y-%m}"))
    cell = lambda day: page.locator(f'[data-cell][data-day="{day}"]')  # noqa: E731
    cell(first).click()
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("[data-chosen]")).to_have_text(f"2 days, {first} to {first + DAY}")
    page.keyboard.type("95.5")
    page.keyboard.press("Enter")
    expect(cell(first + DAY).locator("[data-price-text]")).to_have_text("¥95.50")
    page.keyboard.press("Control+c")
    expect(page.locator("[data-count]")).to_have_text("Copied: 2 cells")
    # By mouse: a week is chosen by dragging, and what was copied is repeated over it.
    page.mouse.move(*middle(cell(first + 7 * DAY)))
    page.mouse.down()
    page.mouse.move(*middle(cell(first + 9 * DAY)), steps=4)
    page.mouse.up()
    page.keyboard.press("Control+v")
    expect(cell(first + 9 * DAY).locator("[data-price-text]")).to_have_text("¥95.50")
    page.locator("[data-weekday-head='6']").click()
    page.select_option("[name=sale]", "closed")
    page.get_by_role("button", name="Change these days").click()
    expect(page.locator("[data-state=closed]").first).to_contain_text("Closed")
    page.keyboard.press("Control+z")
    expect(page.locator("[data-state=closed]")).to_have_count(0)
    expect(page.locator("[data-count]")).to_have_text("Changes not saved yet: 2")
    page.locator("[rel=next]").click()
    page.locator("[rel=prev]").click()
    expect(cell(first).locator("[data-price-text]")).to_have_text("¥95.50")  # not saved, and still there
    fits(page)
    page.keyboard.press("Control+s")
    expect(page.locator("[data-toast]")).to_contain_text("5 cells are changed.")
    expect(page.locator("[data-count]")).to_have_text("Nothing to save")
    assert own(spec) == {(first + n * DAY, WHOLE_DAY): Own(9_550) for n in (0, 1, 7, 8, 9)}


def middle(cell: Any) -> tuple[float, float]:
    box = cell.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
