"""Setting up a product through the services: drafts, specs, categories, copies, prices, who was there first."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from cloud.catalog import listing, pinyin, product_services
from cloud.catalog import services as catalog
from cloud.catalog.info import ProductInfo, checked_texts
from cloud.catalog.models import CalendarCell, Category, Spec, TicketProduct
from cloud.catalog.product_services import Change, Publishing, SpecInput
from cloud.catalog.readiness import missing
from cloud.catalog.selectors import specs_on_sale
from cloud.core.business_day import today
from cloud.core.errors import DomainError
from cloud.core.models import AuditRow
from cloud.entitlements import live_services
from cloud.sales.services import issue_order
from cloud.sales.values import OrderLine
from tests.support import venue as make
from tests.support.race import race

WHO = {"actor": make.SYSTEM}


def draft(venue, name="成人票", kind="ticket", **fields):
    return product_services.create_draft(**WHO, venue=venue, kind=kind, name_zh=name, **fields)


def category(venue, name="单门票"):
    return product_services.create_category(**WHO, venue=venue, name_zh=name)


def refusal(service, **arguments):
    with pytest.raises(DomainError) as refused:
        service(**WHO, **arguments)
    return refused.value


@pytest.mark.spec("T-06")
def test_a_draft_waits_in_the_warehouse_and_says_what_it_lacks(venue, west):
    made = draft(venue)
    assert (made.code, made.kind, made.specs.get().status, made.specs.get().price_fen) == (
        "T0001", "ticket", "warehouse", None,
    )  # fmt: skip
    assert [(one.block, one.code) for one in missing(made) if one.needed] == [("price", "price"), ("gate", "stations")]
    refused = refusal(catalog.set_on_sale, venue=venue, product=made, on_sale=True)
    assert refused.code == "product.incomplete"
    assert refused.zh == "“成人票”还不能上架：没有价格：填写价格，或在日历中定价；没有验票站点。"
    assert not specs_on_sale(venue).exists()
    live_services.edit_product(**WHO, venue=venue, product=made, price_fen=8000, stations=[west])
    catalog.set_on_sale(**WHO, venue=venue, product=made, on_sale=True)
    assert [spec.product for spec in specs_on_sale(venue)] == [made]


@pytest.mark.spec("T-06", "T-37", "T-48")
@pytest.mark.parametrize(
    ("kind", "code", "lacks"),
    [("package", "P0001", ("contents", "parts")), ("annual", "A0001", ("contents", "rides"))],
)
def test_packages_and_cards_lack_their_tickets_first(venue, kind, code, lacks):
    made = draft(venue, kind=kind)
    assert made.code == code
    assert next((one.block, one.code) for one in missing(made) if one.needed) == lacks


def test_codes_are_free_ones_and_two_drafts_at_once_have_two(venue):
    make.make_product(venue, "T0002", name_zh="占用")
    assert draft(venue).code == "T0003"
    assert refusal(product_services.create_draft, venue=venue, kind="goods", name_zh="x").code == "product.kind"


@pytest.mark.django_db(transaction=True)
def test_drafts_made_at_one_instant_get_codes_of_their_own(venue):
    made = race(venue, lambda: draft(venue), lambda: draft(venue))
    assert sorted(one.code for one in made) == ["T0001", "T0002"]


@pytest.mark.spec("T-07")
def test_the_place_is_kept_with_its_system_of_coordinates(venue):
    made = draft(venue)
    info = ProductInfo(area_zh="西湖", latitude=Decimal("30.2431"),
                       longitude=Decimal("120.15"), phone="0571-8888 转 1")  # fmt: skip
    product_services.set_basics(**WHO, venue=venue, product=made, name_zh="成人票", info=info)
    made.refresh_from_db()
    assert made.info == {
        "area_zh": "西湖", "latitude": "30.243100", "longitude": "120.150000", "phone": "0571-8888 转 1",
        "system": "GCJ-02",
    }  # fmt: skip
    assert ProductInfo.from_json(made.info).area_zh == "西湖"
    for bad, field in ((ProductInfo(phone="call me"), "phone"), (ProductInfo(latitude=info.latitude), "longitude")):
        assert refusal(
            product_services.set_basics, venue=venue, product=made, name_zh="x", info=bad
        ).field == field  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_of_two_who_saw_the_same_revision_one_is_told(venue):
    made = draft(venue)
    texts = {"introduction": {"zh": "<p>好</p>"}}

    def save():
        return product_services.set_texts(**WHO, venue=venue, product=made, texts=texts, revision=made.revision)

    def rename():
        return product_services.set_basics(
            **WHO, venue=venue, product=made, name_zh="新", info=ProductInfo(), revision=made.revision
        )

    results = race(venue, save, rename)
    assert sorted(getattr(one, "code", "?") for one in results) == ["T0001", "product.revision"]
    made.refresh_from_db()
    assert made.revision == 2


@pytest.mark.spec("T-10")
def test_texts_are_cleaned_and_the_audit_names_them(venue):
    made = draft(venue)
    texts = {"introduction": {"zh": "<p>好<script>x</script></p>"}, "safety": {"en": "Mind the gap"}}
    product_services.set_texts(**WHO, venue=venue, product=made, texts=texts)
    made.refresh_from_db()
    assert made.texts == {"introduction": {"zh": "<p>好</p>"}, "safety": {"en": "Mind the gap"}}
    assert AuditRow.objects.get(action="product.texts").detail["texts"] == ["introduction", "safety"]
    assert checked_texts({"nonsense": {"zh": "x"}}) == {}


@pytest.mark.spec("T-11")
def test_specs_are_added_sorted_and_removed_each_with_its_own(venue):
    made, single = draft(venue), category(venue)
    first = made.specs.get()
    specs = [
        SpecInput(pk=first.pk, code=first.code, name_zh="成人", category=single, price_fen=8000, stock=100),
        SpecInput(name_zh="儿童", code="6901234567892", price_fen=4000),
    ]
    product_services.set_specs(**WHO, venue=venue, product=made, specs=specs)
    child = made.specs.get(code="6901234567892")
    assert [(one.position, one.name_zh, one.price_fen, one.stock) for one in made.specs.all()] == [
        (1, "成人", 8000, 100), (2, "儿童", 4000, None),
    ]  # fmt: skip
    turned = [SpecInput(pk=child.pk, code=child.code, name_zh="儿童", price_fen=4500), specs[0]]
    product_services.set_specs(**WHO, venue=venue, product=made, specs=turned)
    assert [one.name_zh for one in made.specs.all()] == ["儿童", "成人"]
    product_services.set_specs(**WHO, venue=venue, product=made, specs=specs[:1])
    assert made.specs.get() == first
    made.refresh_from_db()
    assert made.pinyin == "crp chengrenpiao cr chengren"


@pytest.mark.spec("T-11")
@pytest.mark.parametrize(
    ("specs", "code", "field"),
    [
        ([], "spec.count", "specs"),
        ([{"name_zh": "a"}, {}], "spec.name", "specs.1.name_zh"),
        ([{"name_zh": "a"}, {"name_zh": "A"}], "spec.name_zh", "specs.1.name_zh"),
        ([{"name_zh": "a", "code": "x"}, {"name_zh": "b", "code": "X"}], "spec.code", "specs.1.code"),
        ([{"code": "taken"}], "spec.code", "specs.0.code"),
        ([{"code": "no blanks"}], "spec.code", "specs.0.code"),
        ([{"price_fen": -1}], "input.range", "specs.0.price_fen"),
        ([{"stock": 10_000_001}], "input.range", "specs.0.stock"),
        ([{"name_zh": str(n)} for n in range(101)], "spec.count", "specs"),
    ],
)
def test_bad_specs_are_refused_where_they_stand_and_nothing_is_kept(venue, specs, code, field):
    make.make_product(venue, "taken")
    made = draft(venue)
    refused = refusal(product_services.set_specs, venue=venue, product=made, specs=[SpecInput(**one) for one in specs])
    assert (refused.code, refused.field) == (code, field)
    assert [spec.code for spec in made.specs.all()] == ["T0002"]


def test_a_spec_that_was_sold_cannot_go(venue, adult):
    issue_order(**WHO, venue=venue, lines=[OrderLine(adult, 1, today(venue))], idempotency_key="k")
    specs = [SpecInput(name_zh="新", price_fen=1)]
    refused = refusal(product_services.set_specs, venue=venue, product=adult, specs=specs)
    assert refused.code == "spec.used"
    assert adult.specs.count() == 1


@pytest.mark.spec("T-12", "T-49", "T-37")
def test_a_timed_spec_is_sold_from_its_second_until_before_its_last(venue, adult):
    spec = adult.specs.get()
    on, off = timezone.now() + timedelta(days=2), timezone.now() + timedelta(days=3)
    publishing = Publishing("timed", "at", on, "at", off)
    product_services.publish(**WHO, venue=venue, spec=spec, publishing=publishing)

    def sold_at(moment):
        listed = listing.listed(venue, moment).get(pk=adult.pk)
        fresh = Spec.objects.select_related("category").get()
        assert (listing.state_of(listed), specs_on_sale(venue, moment).exists()) == (
            listing.spec_state(fresh, moment), listing.state_of(listed) == "on",
        )  # fmt: skip
        return listing.state_of(listed)

    second = timedelta(seconds=1)
    assert [sold_at(one) for one in (on - second, on, off - second, off)] == ["warehouse", "on", "on", "off"]


@pytest.mark.spec("T-12", "T-49")
@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Publishing("timed", "at"), "on_at"),
        (Publishing("on", "now", None, "at"), "off_at"),
        (Publishing("sold"), "status"),
        (Publishing("timed", "at", timezone.now(), "at", timezone.now() - timedelta(days=1)), "off_at"),
    ],
)
def test_times_that_make_no_sense_are_refused_beside_them(venue, adult, wanted, field):
    refused = refusal(
        product_services.set_publishing, venue=venue, product=adult, wanted={adult.specs.get().pk: wanted}
    )
    assert refused.field == f"specs.0.{field}"
    assert adult.specs.get().status == "on"


def test_what_lacks_something_is_not_published_and_keeps_its_status(venue, west):
    made = draft(venue)
    pk = made.specs.get().pk
    refused = refusal(product_services.set_publishing, venue=venue, product=made, wanted={pk: Publishing("on")})
    assert refused.code == "product.incomplete"
    assert made.specs.get().status == "warehouse"
    product_services.set_publishing(**WHO, venue=venue, product=made, wanted={pk: Publishing("off")})
    assert made.specs.get().status == "off"


@pytest.mark.spec("T-05", "T-04")
def test_each_product_is_in_one_tab_and_soon_off_is_on_sale(venue, west):
    now = timezone.now()
    for n, off in enumerate((None, now + timedelta(days=6), now + timedelta(days=8), now - timedelta(seconds=1))):
        one = make.make_product(venue, f"p{n}", stations=[west])
        Spec.objects.filter(product=one).update(off_at=off)
    draft(venue)
    assert listing.counts(listing.listed(venue)) == {"all": 5, "on": 3, "off": 1, "soon": 1, "warehouse": 1}
    product_services.set_sale_settings(**WHO, venue=venue, soon_days=9)
    assert listing.counts(listing.listed(venue))["soon"] == 2
    assert [one.code for one in listing.in_state(listing.listed(venue), "off")] == ["p3"]
    assert refusal(product_services.set_sale_settings, venue=venue, soon_days=0).field == "soon_days"


@pytest.mark.spec("T-02", "T-03")
def test_categories_are_named_once_hidden_and_deleted_only_unused(venue, adult, gate):
    single, other = category(venue), category(venue, "特色票")
    assert [one.position for one in Category.objects.all()] == [1, 2]
    assert refusal(product_services.create_category, venue=venue, name_zh="单门票").code == "category.name"
    assert refusal(product_services.create_category, venue=venue, name_zh="长" * 31).code == "input.too_long"
    product_services.set_category(**WHO, venue=venue, product=adult, category=single)
    product_services.set_category_for_sale(**WHO, venue=venue, category=single, for_sale=False)
    assert not specs_on_sale(venue).exists()
    with pytest.raises(DomainError, match=r"order\.off_sale"):
        issue_order(**WHO, venue=venue, lines=[OrderLine(adult, 1, today(venue))], idempotency_key="k")
    refused = refusal(product_services.delete_category, venue=venue, category=single)
    assert (refused.code, "移到别的分类" in refused.zh) == ("category.used", True)
    assert product_services.move_specs(**WHO, venue=venue, category=single, to=other) == 1
    product_services.delete_category(**WHO, venue=venue, category=single)
    assert adult.specs.get().category == other
    assert specs_on_sale(venue).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.spec("T-03")
def test_a_category_is_not_deleted_while_a_spec_gets_it(venue):
    made, single = draft(venue), category(venue)
    results = race(
        venue,
        lambda: product_services.set_category(**WHO, venue=venue, product=made, category=single),
        lambda: product_services.delete_category(**WHO, venue=venue, category=single),
    )
    left = Category.objects.filter(pk=single.pk).exists()
    assert left == (made.specs.get().category_id is not None)
    assert len([one for one in results if isinstance(one, Exception)]) == 1


def test_a_copy_has_all_blocks_and_days_to_come_if_wanted(venue, west, adult):
    product_services.set_texts(**WHO, venue=venue, product=adult, texts={"safety": {"zh": "当心"}})
    spec = adult.specs.get()
    for days in (-1, 0, 1):
        CalendarCell.objects.create(
            venue=venue, spec=spec, day=today(venue) + timedelta(days=days), price_fen=100 + days
        )
    copied = product_services.copy_product(**WHO, venue=venue, product=adult, name_zh="成人票（副本）", calendars=True)
    new = copied.specs.get()
    assert (copied.texts, list(copied.stations.all()), new.price_fen, new.status) == (
        {"safety": {"zh": "当心"}}, list(adult.stations.all()), 8000, "warehouse",
    )  # fmt: skip
    assert [cell.price_fen for cell in new.cells.order_by("day")] == [100, 101]
    assert (copied.product_class != adult.product_class, copied.code) == (True, "T0002")
    assert not product_services.copy_product(**WHO, venue=venue, product=adult, name_zh="x").specs.get().cells.exists()
    adult.refresh_from_db()
    assert adult.texts == {"safety": {"zh": "当心"}}


@pytest.mark.parametrize(
    ("change", "price"),
    [(Change(fen=500), 8500), (Change(fen=-8000), 0), (Change(hundredths=-1000), 7200), (Change(hundredths=1), 8001)],
)
def test_prices_change_by_an_amount_or_a_percentage(venue, adult, change, price):
    CalendarCell.objects.create(venue=venue, spec=adult.specs.get(), day=today(venue), price_fen=8000)
    product_services.change_prices(**WHO, venue=venue, product=adult, change=change, calendars=True)
    spec = adult.specs.get()
    assert (spec.price_fen, spec.cells.get().price_fen, spec.cells.get().revision) == (price, price, 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [(Change(), "price.change"), (Change(fen=1, hundredths=1), "price.change"), (Change(fen=-8001), "price.range")],
)
def test_prices_that_are_none_change_nothing(venue, adult, change, code):
    assert refusal(product_services.change_prices, venue=venue, product=adult, change=change).code == code
    assert adult.specs.get().price_fen == 8000


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("成人票", "crp chengrenpiao"),
        ("音乐节", "yyj yinyuejie"),
        ("Night 票", "np nightpiao"),
    ],
)
def test_names_are_written_in_letters(name, letters):
    assert pinyin.of_names([name]).startswith(letters)
    assert pinyin.typed(" Cheng REN ") == "chengren"
    assert len(pinyin.of_names(["乐" * 80] * 9)) <= 600


def test_whoever_lacks_the_permission_is_refused(venue, viewer, adult):
    with pytest.raises(DomainError, match=r"permission\.denied"):
        product_services.set_texts(actor=viewer, venue=venue, product=adult, texts={})
    assert TicketProduct.objects.get().texts == {}
