"""Every declared section, walked from end to end: a new one is tested by being declared, with sample rows here.

TOY (toy.py) is a whole section as short as they come; it is walked like the others.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from html import escape
from typing import Any

import openpyxl
import pytest
from django import forms
from django.db.models import Count
from django.http import QueryDict
from django.test import Client
from django.utils import timezone, translation

from cloud.admin import urls
from cloud.admin.kit import registry
from cloud.admin.kit.desk_form import DeskForm
from cloud.admin.kit.forms import AGREED, SEEN, SectionForm
from cloud.admin.kit.rows import Rows
from cloud.admin.kit.section import Section
from cloud.admin.sections.refunds import listed as listed_refunds
from cloud.admissions.case_selectors import listed as listed_cases
from cloud.admissions.groups import groups
from cloud.admissions.models import Admission, Case
from cloud.catalog import listing, product_services
from cloud.catalog.models import Category
from cloud.core import audit
from cloud.core.actors import Actor
from cloud.core.business_day import today
from cloud.core.models import AuditRow
from cloud.entitlements import keys, live_services
from cloud.entitlements.models import SigningKey
from cloud.gates.models import EdgeCertificate
from cloud.sales import services as sales
from cloud.sales.models import Order
from cloud.sales.selectors import listed as listed_orders
from cloud.sales.values import OrderLine, VisitorInput
from cloud.staff import services as staff
from cloud.staff.permissions import Permission
from cloud.staff.reach import EVERYWHERE
from cloud.staff.selectors import employees as employees_of
from cloud.staff.selectors import roles as roles_of
from cloud.venues.models import Device, Edge, Station, Venue
from tests.cloud.console.toy import TOY
from tests.support import venue as make
from tests.support.presented import present

assert urls.app_name == "console"  # importing it registers the sections
HOSTILE = '<script>alert("x")</script>&amp;'
FORMULA = "=HYPERLINK(1)"
UNTYPED = {"keys"}  # nothing of theirs is typed by anybody


# --- sample rows: (venue, how often asked, a name or "") -> a row that is new each time


def sample_station(venue: Venue, n: int, name: str) -> Any:
    return make.make_station(venue, name or f"站点{n}", name_en=f"Station {n}")


def sample_holiday(venue: Venue, n: int, name: str) -> Any:
    day = date(2027, 1, 1) + timedelta(days=n)
    return live_services.create_calendar_day(
        actor=make.SYSTEM, venue=venue, day=day, kind="holiday", name_zh=name[:40] or f"节日{n}", name_en=f"Feast {n}"
    )


def sample_device(venue: Venue, n: int, name: str) -> Any:
    station = Station.objects.first() or make.make_station(venue, "西门")
    device = make.make_gate(venue, station, f"DEV-{n}")
    if name:
        device.name = name
        device.save()
    return device


def sample_edge(venue: Venue, n: int, name: str) -> Any:
    edge = make.make_edge(venue, name or f"edge {n}")
    make.make_gate(venue, Station.objects.first() or make.make_station(venue), f"EDGE-{n}", edge)
    EdgeCertificate.objects.create(venue=venue, edge=edge, serial=f"{edge.pk:x}", not_after=timezone.now())
    return edge


def sample_admission(venue: Venue, n: int, name: str) -> Any:
    edge = Edge.objects.first() or make.make_edge(venue)
    gate = Device.objects.first() or make.make_gate(venue, make.make_station(venue), "ADM-1", edge)
    product = make.make_product(venue, f"p{n}", name_zh=name or f"票{n}", name_en="")
    line = OrderLine(product, 1, today(venue))
    order = sales.issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key=f"order {n}")
    return present(gate, order.units.get().entitlement_id)


def sample_audit(venue: Venue, n: int, name: str) -> Any:
    return audit.write(Actor.system(name or f"tester {n}"), "venue.create", venue, venue, why=name)


def sample_toy(venue: Venue, n: int, name: str) -> Any:
    return make.make_edge(venue, name or f"toy {n}")


def sample_product(venue: Venue, n: int, name: str) -> Any:
    station = Station.objects.first() or make.make_station(venue, "西门")
    english = "" if name else f"Product {n}"
    made = make.make_product(venue, f"p-{n}", name_zh=name or f"产品{n}", name_en=english, stations=[station])
    category = Category.objects.first() or sample_category(venue, 0, "")
    product_services.set_category(actor=make.SYSTEM, venue=venue, product=made, category=category)
    return listing.listed(venue).get(pk=made.pk)


def sample_order(venue: Venue, n: int, name: str) -> Any:
    product = make.make_product(venue, f"o{n}", name_zh=name or f"票{n}", name_en="")
    visitor = VisitorInput(f"游客{n}", make.make_id_number(n))
    order = sales.issue_order(
        actor=make.SYSTEM, venue=venue, lines=[OrderLine(product, 1, today(venue), [visitor])],
        idempotency_key=f"order {n}",
    )  # fmt: skip
    return listed_orders(venue).get(pk=order.pk)


def sample_refund(venue: Venue, n: int, name: str) -> Any:
    order = Order.objects.get(pk=sample_order(venue, n, name).pk)
    case = sales.apply_refund(
        actor=make.SYSTEM, venue=venue, order=order, units=list(order.units.all()), idempotency_key=f"refund {n}",
        override=True, why=name[:200] or "x",
    )  # fmt: skip
    return listed_refunds(venue).get(pk=case.pk)


def sample_conflict(venue: Venue, n: int, name: str) -> Any:
    entry = sample_admission(venue, n, name)
    admission = Admission.objects.get(edge=entry.edge, seq=entry.seq)
    case = Case.objects.create(
        venue=venue, key=f"k{n}", kind="unticketed", at=admission.at, business_day=admission.business_day,
        edge=admission.edge, station_id=admission.station_id, device_id=admission.device_id, persons=1,
        entitlement_id=admission.entitlement_id, admission=admission, value_fen=8000,
    )  # fmt: skip
    return listed_cases(venue).get(pk=case.pk)


def sample_key(venue: Venue, n: int, name: str) -> Any:
    keys.ensure_venue_keys(venue)
    first = SigningKey.objects.filter(venue=venue, purpose="pass").order_by("pk").first()
    return first if n == 0 else keys.rotate(actor=make.SYSTEM, venue=venue, purpose="pass")


def sample_group(venue: Venue, n: int, name: str) -> Any:
    one = make.make_station(venue, name or f"组{n}")
    return groups(venue).get(pk=one.group_id)


def sample_employee(venue: Venue, n: int, name: str) -> Any:
    made = staff.hire_employee(
        actor=make.SYSTEM, venue=venue, username=f"hired{venue.pk}-{n}", name=name or f"员工{n}", role="viewer"
    )
    return employees_of(venue).get(pk=made.pk)


def sample_role(venue: Venue, n: int, name: str) -> Any:
    made = staff.create_role(actor=make.SYSTEM, venue=venue, name_zh=name or f"角色{n}", permissions=["live.view"])
    return roles_of(venue).get(pk=made.pk)


def sample_category(venue: Venue, n: int, name: str) -> Any:
    made = product_services.create_category(actor=make.SYSTEM, venue=venue, name_zh=name[:30] or f"分类{n}")
    return Category.objects.annotate(specs_count=Count("specs")).get(pk=made.pk)


def sample_place(venue: Venue, n: int, name: str) -> Any:
    return product_services.create_place(actor=make.SYSTEM, venue=venue, name_zh=name or f"景点{n}")


SAMPLES: dict[str, Callable[[Venue, int, str], Any]] = {
    "stations": sample_station,
    "devices": sample_device,
    "products": sample_product,
    "categories": sample_category,
    "pois": sample_place,
    "edges": sample_edge,
    "groups": sample_group,
    "orders": sample_order,
    "refunds": sample_refund,
    "keys": sample_key,
    "admissions": sample_admission,
    "conflicts": sample_conflict,
    "audit": sample_audit,
    "employees": sample_employee,
    "roles": sample_role,
    "holidays": sample_holiday,
    "toys": sample_toy,
}
KEYS = [*(section.key for section in registry.sections() if not section.single), TOY.key]


@pytest.fixture(autouse=True)
def toy() -> Iterator[None]:
    registry.register(TOY)
    yield
    registry.unregister(TOY.key)


@pytest.fixture(params=KEYS)
def section(request: pytest.FixtureRequest) -> Section:
    found = registry.find(request.param)
    assert found is not None
    assert found.key in SAMPLES, f"give {found.key} sample rows in SAMPLES"
    return found


def rows(section: Section, venue: Venue, count: int = 2, name: str = "") -> list[Any]:
    return [SAMPLES[section.key](venue, n, name if n == 0 else "") for n in range(count)]


def text_of(response: Any) -> str:
    return response.content.decode()


def filled(form: DeskForm, text: str) -> dict[str, Any]:
    """What somebody types into a form: `text` into every text field, the first choice of each other."""
    data: dict[str, Any] = {}
    for n, (name, field) in enumerate(form.fields.items()):
        if isinstance(field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
            data[name] = [str(key) for key, _ in field.choices][:1]
        elif isinstance(field, forms.ChoiceField):
            data[name] = next((str(key) for key, _ in field.choices if str(key)), "")
        elif isinstance(field, forms.RegexField):
            data[name] = ""  # of a form of its own; optional wherever there is one
        elif isinstance(field, Rows):
            data |= {name: ["0"]} | {f"{name}-0-{key}": one for key, one in filled(form[name].blank, text).items()}
        elif isinstance(field, forms.IntegerField | forms.DecimalField):
            data[name] = str(field.min_value if field.min_value is not None else 1)
        elif isinstance(field, forms.DateField):
            data[name] = "2026-11-22"
        elif isinstance(field, forms.CharField):
            data[name] = f"{text}{n}"[: field.max_length]
    return data


def form_of(client: Client, url: str) -> SectionForm:
    response = client.get(url)
    assert response.status_code == 200, url
    form: SectionForm = response.context["form"]
    return form


def as_shown(form: SectionForm) -> dict[str, Any]:
    data = QueryDict(mutable=True)
    for name, value in form.shown().items():
        form.put(data, name, value)
    sent = {name: values[0] if len(values) == 1 else values for name, values in data.lists() if values != [""]}
    return sent | {SEEN: form.token()}


def permitted(section: Section) -> set[Permission]:
    changes = [one.permission for one in (section.create, section.edit, *section.actions) if one]
    return {permission for permission in changes if permission not in (Permission.LIVE_VIEW, Permission.ORDER_VIEW)}


# --- the walk


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_list_in_both_languages_with_its_menu_entry(section, venue, log_in, language):
    made = rows(section, venue)
    client = log_in(language=language)
    page = text_of(client.get(section.list_url))
    with translation.override(language):
        assert f"<h1>{section.title}</h1>" in page
        for value in section.values:
            if value.listed:
                assert escape(str(value.title)) in page
    assert f'<a href="{section.list_url}" aria-current="page">' in page
    for row in made:
        assert f'href="{section.url(row)}"' in page
    assert "style=" not in page
    assert "onclick=" not in page


def test_an_empty_list_says_so(section, venue, log_in):
    page = text_of(log_in().get(section.list_url + "?q=nothing-is-called-this" if section.search else section.list_url))
    assert "pf-empty" in page or "pf-row-link" in page


def test_searching_finds_rows_by_their_names(section, venue, log_in):
    if not section.search:
        return
    made = rows(section, venue, 3)
    with translation.override("en"):
        text = section.label(made[0])
    client = log_in()
    page = text_of(client.get(section.list_url, {"q": text}))
    assert f'href="{section.url(made[0])}"' in page
    page = text_of(client.get(section.list_url, {"q": "nothing-is-called-this"}))
    assert f'href="{section.url(made[0])}"' not in page
    assert "Nothing found" in page
    for odd in ("%", "'", "\0", "9" * 30, "²", HOSTILE):
        assert client.get(section.list_url, {"q": odd}).status_code == 200


def test_filters_narrow_the_list_and_wrong_ones_say_so(section, venue, log_in):
    rows(section, venue)
    client = log_in()
    for name, bound in {one.name: one for one in client.get(section.list_url).context["filters"]}.items():
        choices = getattr(bound.field, "choices", None)
        for value in [str(key) for key, _ in choices] if choices else ["2026-11-22"]:
            assert client.get(section.list_url, {name: value}).status_code == 200
        response = client.get(section.list_url, {name: HOSTILE})
        assert response.status_code in (200, 422)  # free text may mean anything
        assert HOSTILE not in text_of(response)


def test_every_order_and_any_page(section, venue, log_in):
    made = rows(section, venue, 3)
    client = log_in()
    for value in section.values:
        for sign in ("", "-"):
            page = text_of(client.get(section.list_url, {"sort": sign + value.key, "columns": value.key}))
            assert f'href="{section.url(made[0])}"' in page
            if value.order:
                assert f'aria-sort="{"descending" if sign else "ascending"}"' in page
    for odd in ({"sort": "pk); drop"}, {"page": "x"}, {"page": "-1"}, {"page": "999999"}, {"columns": "no"}):
        assert client.get(section.list_url, odd).status_code == 200


def test_no_list_counts_or_asks_once_for_each_row(section, venue, log_in, django_assert_max_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = log_in()
    SAMPLES[section.key](venue, 0, "")
    client.get(section.list_url)
    with CaptureQueriesContext(connection) as few:
        client.get(section.list_url)
    for n in range(1, 8):
        SAMPLES[section.key](venue, n, "")
    with CaptureQueriesContext(connection) as many:
        client.get(section.list_url)
    assert len(many) <= len(few) + 1
    # The length of a list that each of a page's rows has may be shown; the rows themselves are counted for tabs and
    # for a badge alone.
    own = f'FROM "{section.rows(_desk(venue)).model._meta.db_table}"'
    counting = [sql for one in many if (sql := one["sql"]).upper().startswith("SELECT COUNT(") and own in sql]
    assert len(counting) <= bool(section.tabs) + bool(section.badge), counting


def test_columns_are_chosen_and_remembered(section, venue, log_in):
    rows(section, venue)
    client = log_in()
    other = next(value for value in section.values if not value.main)
    shown = [value.key for value in section.values if value.main or value.key == other.key]
    assert [
        value.key for value in client.get(section.list_url + f"?columns={other.key}").context["query"].values
    ] == shown
    assert [value.key for value in client.get(section.list_url).context["query"].values] == shown
    usual = [value.key for value in section.values if value.listed or value.main]
    assert [value.key for value in client.get(section.list_url + "?columns=").context["query"].values] == usual


def test_the_detail_page_escapes_what_people_typed(section, venue, log_in):
    row = SAMPLES[section.key](venue, 0, HOSTILE)
    client = log_in(language="zh-hans")
    for address in (section.list_url, section.url(row)):
        response = client.get(address)
        assert response.status_code == 200
        assert HOSTILE not in text_of(response)
    assert text_of(client.get(section.url(row))).count("<h1") == 1


def test_rows_of_another_venue_are_not_there(section, venue, log_in):
    client = log_in()
    other = make.make_venue("other", name_zh="别处")
    from django_scopes import scope

    with scope(venue=other):
        strange = SAMPLES[section.key](other, 77, "")
    assert client.get(section.url(strange)).status_code == 404
    assert client.get(f"/{section.key}/{2**63}").status_code == 404
    assert f'href="{section.url(strange)}"' not in text_of(client.get(section.list_url))
    assert client.get(section.url(strange) + "/edit").status_code == 404
    assert client.post(section.url(strange) + "/edit", {}).status_code == 404
    for action in section.actions:
        for send in (client.get, client.post):
            assert send(f"/{section.key}/do/{action.key}", {"pk": strange.pk}).status_code == 404
    assert client.get(f"/{section.key}/do/no-such-thing").status_code == 404


def test_the_viewer_sees_and_changes_nothing(section, venue, log_in):
    row = rows(section, venue, 1)[0]
    client = log_in("viewer")
    may_see = client.get(section.list_url).status_code == 200
    assert client.get(section.url(row)).status_code == (200 if may_see else 403)
    before = AuditRow.objects.count()
    paths = [f"/{section.key}/do/{action.key}?pk={row.pk}" for action in section.actions]
    paths += [f"/{section.key}/new"] if section.create else []
    paths += [section.url(row) + "/edit"] if section.edit else []
    for path in paths:
        assert client.get(path).status_code == 403, path
        assert client.post(path).status_code == 403, path
    assert AuditRow.objects.count() == before
    if may_see:
        page = text_of(client.get(section.url(row))) + text_of(client.get(section.list_url))
        assert "/do/" not in page
        assert "/new" not in page
        assert "/edit" not in page


def test_strangers_are_led_to_the_login(section, venue, client):
    for path in (section.list_url, f"/{section.key}/export.csv"):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/login?next=")


def test_an_empty_form_names_what_is_missing(section, venue, log_in):
    if section.create is None:
        return
    rows(section, venue)
    client = log_in()
    response = client.post(f"/{section.key}/new", {})
    assert response.status_code == 422
    page = text_of(response)
    form = response.context["form"]
    assert form.errors
    for name in form.errors:
        if name != "__all__":
            assert f'href="#id_{name}"' in page  # in the summary
            assert f'id="id_{name}_error"' in page  # beside the field


@pytest.mark.parametrize("typed", [HOSTILE, FORMULA, "长" * 300, "\u202e\u0007bell"])
def test_what_is_typed_is_kept_or_refused_but_never_run(section, venue, log_in, typed):
    if section.create is None:
        return
    rows(section, venue)
    client = log_in(language="zh-hans")
    url = f"/{section.key}/new"
    response = client.post(url, filled(form_of(client, url), typed))
    assert response.status_code in (302, 422)
    page = text_of(client.get(response["Location"]) if response.status_code == 302 else response)
    assert HOSTILE not in page
    assert "<script>alert" not in page


def test_creating_leads_to_the_new_row_and_its_history(section, venue, log_in):
    if section.create is None:
        return
    rows(section, venue)
    client = log_in()
    url = f"/{section.key}/new"
    data = filled(form_of(client, url), "new")
    response = client.post(url, data)
    if response.status_code == 422 and response.context["form"].question:  # what else follows is asked about first
        response = client.post(url, data | {AGREED: response.context["form"].agreement})
    assert response.status_code == 302, response.context["form"].errors if response.context else response
    page = text_of(client.get(response["Location"]))
    assert "pf-tone-good" in page  # the message
    if section.history:
        assert "Nothing recorded" not in page


def test_of_two_who_save_at_once_the_second_is_told(section, venue, log_in):
    if section.edit is None:
        return
    row = rows(section, venue)[0]
    client = log_in()
    url = section.url(row) + "/edit"
    mine = as_shown(form_of(client, url))
    theirs = dict(mine)
    text = next(name for name, field in form_of(client, url).fields.items() if isinstance(field, forms.CharField))
    mine[text], theirs[text] = "mine", "theirs"
    assert client.post(url, theirs).status_code == 302
    response = client.post(url, mine)
    assert response.status_code == 409
    page = text_of(response)
    assert "Somebody else saved this" in page
    assert "is “theirs” now" in page
    assert 'value="mine"' in page  # nothing typed is lost
    again = as_shown(response.context["form"]) | {text: "mine"}
    assert client.post(url, again).status_code == 302  # having seen it, one may
    assert as_shown(form_of(client, url))[text] == "mine"
    assert client.post(url, {**again, SEEN: "forged"}).status_code == 409


def test_each_action_says_what_will_happen_first(section, venue, log_in):
    made = [row.pk for row in rows(section, venue)]
    client = log_in()
    for action in section.actions:
        fitting = [row for row in section.rows(_desk(venue)).filter(pk__in=made) if action.fits(row)]
        if not fitting:
            continue
        before = AuditRow.objects.count()
        page = text_of(client.get(f"/{section.key}/do/{action.key}", {"pk": fitting[0].pk}))
        assert 'class="pf-confirm"' in page
        assert f'name="pk" value="{fitting[0].pk}"' in page
        assert AuditRow.objects.count() == before  # asking changes nothing


def test_actions_are_done_to_all_that_were_confirmed(section, venue, log_in):
    client = log_in()
    made = rows(section, venue, 3)
    for action in section.actions:
        url = f"/{section.key}/do/{action.key}"
        fresh = list(section.rows(_desk(venue)).filter(pk__in=[row.pk for row in made]))
        fitting = [row for row in fresh if action.fits(row)]
        if not fitting:
            continue
        chosen = fitting if action.bulk else fitting[:1]
        pks = [row.pk for row in chosen]
        shown = client.get(url, {"pk": pks, "next": f"{section.list_url}?q=x"})
        form = shown.context["confirm"].form
        data = filled(form, "new") if form is not None else {}
        if action.preview is not None:
            shown = client.post(url, {"pk": pks, "next": section.list_url, **data})
            assert shown.status_code == 200  # asked once more, and nothing is done yet
            data = {name: value for name, value in shown.context["confirm"].hidden if name != "pk"}
        response = client.post(url, {"pk": pks, "next": section.list_url, **data})
        assert response.status_code == 302, shown.context["confirm"].title
        assert response["Location"] == section.list_url
        assert "pf-tone-good" in text_of(client.get(section.list_url))
        away = client.post(url, {"pk": pks, "next": "https://elsewhere.example/", **data})
        assert "elsewhere" not in away.headers.get("Location", "")


def test_actions_on_nothing_or_too_much_are_refused(section, venue, log_in):
    client = log_in()
    for action in section.actions:
        url = f"/{section.key}/do/{action.key}"
        assert client.get(url, {"next": section.list_url})["Location"] == section.list_url
        assert client.post(url, {"pk": range(2000), "next": section.list_url})["Location"] == section.list_url
        assert "At most 1000 rows" in text_of(client.get(section.list_url))


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_exports_have_exactly_the_rows_found_and_no_formulas(section, venue, log_in, suffix):
    made = rows(section, venue, 3, name=FORMULA)
    client = log_in(language="zh-hans")
    response = client.get(f"/{section.key}/export.{suffix}", {"q": FORMULA} if section.search else {})
    assert response.status_code == 200
    lines = read(response, suffix)
    with translation.override("zh-hans"):
        shown = [value for value in section.values if value.listed or value.main]
        assert lines[0] == [str(value.title) for value in shown]
        if section.key not in UNTYPED:
            assert f"'{FORMULA}" in [cell for line in lines[1:] for cell in line]
        if section.search:
            assert len(lines) == 2
    assert not [cell for line in lines for cell in line if re.match(r"[=+@\-]", str(cell or ""))]
    noted = AuditRow.objects.filter(action="export").get()
    assert noted.detail["section"] == section.key
    assert noted.detail["rows"] == len(lines) - 1
    if section.search and not section.personal:
        assert noted.detail["search"] == FORMULA
    assert len(made) == 3


def test_the_palette_finds_its_page_and_its_rows(section, venue, log_in):
    row = rows(section, venue, 1)[0]
    client = log_in()
    assert f'href="{section.list_url}"' in text_of(client.get("/go"))
    if section.search:
        with translation.override("en"):
            page = text_of(client.get("/go", {"q": section.label(row)}))
        assert f'href="{section.url(row)}"' in page


# --- the kit, on the toy


def test_a_partial_failure_names_who_failed_and_keeps_the_rest(venue, log_in):
    one, two = make.make_edge(venue, "goes"), make.make_edge(venue, "stays here")
    client = log_in()
    client.post("/toys/do/retire", {"pk": [one.pk, two.pk], "next": "/toys"})
    page = text_of(client.get("/toys"))
    assert "Retired: goes" in page
    assert "stays here: This one stays." in page
    assert [bool(edge.retired_at) for edge in Edge.objects.order_by("name")] == [True, False]


def test_rows_an_action_does_not_fit_are_left_alone(venue, log_in):
    one, two = make.make_edge(venue, "a"), make.make_edge(venue, "b")
    Edge.objects.filter(pk=two.pk).update(retired_at=timezone.now())
    page = text_of(log_in().get("/toys/do/retire", {"pk": [one.pk, two.pk]}))
    assert "Retire: a?" in page
    assert "1 is left as it is." in page
    assert f'name="pk" value="{two.pk}"' not in page


def test_all_that_a_list_finds_is_chosen_by_its_address(venue, log_in):
    for n in range(30):
        make.make_edge(venue, f"far {n:02d}")
    make.make_edge(venue, "near")
    page = text_of(log_in().get("/toys/do/retire", {"all": "1", "next": "/toys?q=far&page=2"}))
    assert "Retire: 30 rows?" in page
    assert "far 00, far 01, far 02, far 03, far 04 and 25 more" in page
    assert page.count('name="pk"') == 30


def test_pages_keep_the_search_and_the_order(venue, log_in):
    for n in range(30):
        make.make_edge(venue, f"far {n:02d}")
    client = log_in()
    response = client.get("/toys?q=far&sort=-name")
    page = text_of(response)
    assert 'rel="next" href="?q=far&amp;sort=-name&amp;page=2"' in page
    assert page.index("far 29") < page.index("far 28")
    assert "far 04" not in page
    assert "far 04" in text_of(client.get("/toys?q=far&sort=-name&page=2"))


def test_the_venue_is_asked_for_a_permission_that_was_taken_away_meanwhile(venue, log_in):
    client = log_in("gate_supervisor")
    edge = make.make_edge(venue, "a")
    assert client.post("/toys/do/retire", {"pk": edge.pk}).status_code == 403


def _desk(venue: Venue) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(venue=venue, actor=make.SYSTEM, reach=lambda permission: EVERYWHERE)


def read(response: Any, suffix: str) -> list[list[Any]]:
    content = b"".join(response.streaming_content)
    if suffix == "csv":
        return [line for line in csv.reader(io.StringIO(content.decode("utf-8-sig")))]
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=False).active
    assert sheet is not None
    assert not [cell for line in sheet.iter_rows() for cell in line if cell.data_type == "f"]
    return [list(line) for line in sheet.iter_rows(values_only=True)]
