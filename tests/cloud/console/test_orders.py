"""The orders' pages: list, detail, issuing, revoking, replacing a code, the QR itself."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import segno
import zxingcpp
from django.utils import timezone
from PIL import Image

from cloud.catalog.models import Spec, TicketProduct
from cloud.core.business_day import today
from cloud.core.models import AuditRow
from cloud.entitlements import acks, sequencer
from cloud.entitlements.models import Entitlement
from cloud.entitlements.selectors import pass_line
from cloud.sales.models import Order, OrderUnit
from cloud.sales.services import issue_order, revoke_order
from cloud.sales.values import OrderLine, VisitorInput
from cloud.staff.models import Employee
from cloud.venues.models import Device, Edge, Venue
from paifang.reasons import Reason
from paifang.v1 import feed_pb2
from tests.support import venue as make
from tests.support.presented import present

NUMBER = make.make_id_number()


def text_of(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def order(venue: Venue, adult: TicketProduct) -> Order:
    """Two adults today; the first is Wang Xiaoming."""
    lines = [OrderLine(adult, 1, today(venue), [VisitorInput("王小明", NUMBER)]), OrderLine(adult, 1, today(venue))]
    return issue_order(actor=make.SYSTEM, venue=venue, lines=lines, idempotency_key="an order")


def unit(order: Order, position: int = 1) -> OrderUnit:
    return OrderUnit.objects.select_related("entitlement").get(order=order, position=position)


def asked(venue: Venue, **changes: Any) -> dict[str, Any]:
    return {
        "idempotency_key": "k1", "product": "adult", "quantity": "2", "visit_date": today(venue).isoformat(),
        "visitors": "0", "visitors-0-name": "", "visitors-0-id_number": "", "pay_method": "cash",
    } | changes  # fmt: skip


def visitor(name: str, number: str = "", row: int = 0) -> dict[str, str]:
    return {f"visitors-{row}-name": name, f"visitors-{row}-id_number": number}


# --- the list ---------------------------------------------------------------------------------------------------------


def test_an_empty_list_says_why(log_in):
    client = log_in()
    assert "Tickets you issue appear here" in text_of(client.get("/orders"))
    assert "Nothing found" in text_of(client.get("/orders?q=missing"))
    assert "No more rows" in text_of(client.get("/orders?page=3"))


@pytest.mark.spec("O-04")
def test_orders_are_found_by_what_one_knows_of_them(log_in, order: Order):
    client = log_in()
    for query in ("", order.number, "王小", NUMBER, NUMBER.lower(), "成人", "Adult"):
        assert order.number in text_of(client.get("/orders", {"q": query})), query
    for query in ("x", "李", make.make_id_number(7), "%", "'; --", "9" * 300):
        assert "Nothing found" in text_of(client.get("/orders", {"q": query})), query
    assert client.get("/orders", {"q": "\0"}).status_code == 200


def test_pages_of_the_list(log_in, venue: Venue, adult: TicketProduct):
    numbers = [
        issue_order(
            actor=make.SYSTEM, venue=venue, lines=[OrderLine(adult, 1, today(venue))], idempotency_key=f"k{n}"
        ).number
        for n in range(27)
    ]
    client = log_in()
    first = client.get("/orders")
    assert "Rows 1–25" in text_of(first)
    assert 'rel="next"' in first.content.decode()
    assert 'rel="prev"' not in first.content.decode()
    second = text_of(client.get("/orders?page=2&q=Adult"))
    assert "Rows 26–27" in second
    assert numbers[0] in second
    assert numbers[26] not in second
    for wrong in ("0", "-1", "x", "9" * 40, "²", ""):
        assert numbers[26] in text_of(client.get("/orders", {"page": wrong}))


def test_lists_and_exports_show_no_whole_name_and_no_number(log_in, order: Order):
    client = log_in()
    page = client.get("/orders?columns=visitor").content.decode()
    assert "王**" in page
    exported = b"".join(client.get("/orders/export.csv", {"q": "王小明"}).streaming_content).decode("utf-8-sig")
    assert "王**" in exported
    assert order.number in exported
    for kept in (page, exported):
        assert "王小明" not in kept
        assert NUMBER not in kept
    noted = AuditRow.objects.get(action="export")
    assert noted.detail["searched"] is True
    assert "王小明" not in str(noted.detail)


def test_the_list_is_narrowed_to_a_state_a_product_and_a_day(log_in, venue: Venue, order: Order, week: TicketProduct):
    other = issue_order(actor=make.SYSTEM, venue=venue, lines=[OrderLine(week, 1)], idempotency_key="w")
    revoke_order(actor=make.SYSTEM, venue=venue, order=other, why="x")
    client = log_in()
    later = today(venue) + timedelta(days=2)
    for query, found in (
        ({"state": "issued"}, [order]), ({"state": "revoked"}, [other]), ({"product": week.pk}, [other]),
        ({"visit": today(venue)}, [order, other]), ({"visit": later}, [other]), ({"until": "2020-01-01"}, []),
        ({"since": timezone.localdate(timezone=ZoneInfo("Asia/Shanghai"))}, [order, other]),
    ):  # fmt: skip
        page = text_of(client.get("/orders", query))
        assert [one for one in (order, other) if one.number in page] == found, query


# --- one order --------------------------------------------------------------------------------------------------------


def test_an_order_shows_its_tickets_and_hides_its_visitors(log_in, order: Order):
    text = text_of(log_in("viewer").get(f"/orders/{order.number}"))
    assert "Total ¥160.00" in text
    assert "Adult Valid Valid on" in text
    assert "王**" in text
    assert NUMBER[-4:] in text
    assert "王小明" not in text
    assert NUMBER not in text
    assert "Order issued" in text
    assert "Not presented yet" in text


def test_an_order_shows_where_its_tickets_were_used(log_in, order: Order, gate: Device):
    first, second = unit(order, 1).entitlement_id, unit(order, 2).entitlement_id
    present(gate, first)
    present(gate, first, reason=Reason.USED_UP)
    present(gate, second, outcome="returned")
    present(gate, 424242)
    text = text_of(log_in().get(f"/orders/{order.number}"))
    assert "W-1 West gate Used up –" in text
    assert "W-1 West gate Admitted Walked through" in text
    assert "Admitted Nobody walked; use given back" in text
    assert "Adult Partly used" in text  # the east gate would still take it
    assert "Adult Valid" in text  # given back
    assert text.count("W-1") == 3


def test_names_in_an_order_are_text_not_markup(log_in, venue: Venue, adult: TicketProduct):
    TicketProduct.objects.filter(pk=adult.pk).update(name_en="<b>Adult</b>")
    line = OrderLine(adult, 1, today(venue), [VisitorInput("<img src=x onerror=alert(1)>")])
    made = issue_order(actor=make.SYSTEM, venue=venue, lines=[line], idempotency_key="k")
    client = log_in()
    for address in (f"/orders/{made.number}", f"/orders/{made.number}/1/qr", "/orders/new"):
        page = client.get(address).content.decode()
        assert "<b>Adult" not in page
        assert "&lt;b&gt;Adult&lt;/b&gt;" in page
        assert "<img" not in page


@pytest.mark.parametrize("address", ["", "/revocation", "/1/qr", "/1/reissue", "/1/presented"])
def test_orders_of_another_venue_and_missing_ones_are_not_found(log_in, order: Order, address):
    client = log_in()
    assert client.get(f"/orders/nothing{address}").status_code == 404
    assert client.get(f"/orders/%00{address}").status_code == 404, "PostgreSQL takes no such character"
    other = make.make_venue("other")
    make.grant_role(actor=make.SYSTEM, employee=Employee.objects.get(username="u-administrator"),
                    role="administrator", venue=other)  # fmt: skip
    client.post("/venue", {"venue": "other"})
    assert client.get(f"/orders/{order.number}{address}").status_code == 404


@pytest.mark.parametrize("position", ["0", "3", "99999999999", "x", "-1"])
def test_tickets_that_are_not_there_are_not_found(log_in, order: Order, position):
    assert log_in().get(f"/orders/{order.number}/{position}/qr").status_code == 404


# --- issuing ----------------------------------------------------------------------------------------------------------


def test_issuing_tickets(log_in, venue: Venue, adult: TicketProduct):
    client = log_in("product_manager")
    form = client.get("/orders/new").content.decode()
    assert re.search(r'name="idempotency_key" value="[0-9a-f]{32}"', form)
    done = client.post("/orders/new", asked(venue, **visitor(" 王小明 ", NUMBER.lower())), follow=True)
    made = Order.objects.get()
    assert done.redirect_chain == [(f"/orders/{made.number}", 302)]
    assert "Issued 2 tickets." in text_of(done)
    assert made.total_fen == 16000
    assert [bool(one.visitor) for one in made.units.all()] == [True, False]
    assert made.units.get(position=1).visitor.name == "王小明"
    assert made.units.get(position=1).visitor.id_number_last4 == NUMBER[-4:]


def test_visitors_are_bound_to_the_tickets_in_their_order(log_in, venue: Venue, adult: TicketProduct):
    rows = {**visitor("李", row=7), **visitor("王", NUMBER, row=2), **visitor("", row=3)}
    log_in().post("/orders/new", asked(venue, quantity="3", visitors=["7", "3", "2"], **rows))
    units = Order.objects.get().units.order_by("position")
    assert [one.visitor.name if one.visitor else "" for one in units] == ["李", "王", ""]


def test_without_a_script_the_server_adds_and_removes_visitors(log_in, venue: Venue, adult: TicketProduct):
    client = log_in()
    sent = asked(venue, quantity="many", visitors=["4", "2"], **visitor("李", row=4), **visitor("王", row=2))
    page = client.post("/orders/new", {**sent, "_rows": "visitors.add"}).content.decode()
    assert re.findall(r'name="visitors" value="(\d+)"', page) == ["4", "2", "5"]
    assert 'value="many"' in page  # nothing is checked yet
    assert "pf-error" not in page
    page = client.post("/orders/new", {**sent, "_rows": "visitors.remove.4"}).content.decode()
    assert re.findall(r'name="visitors" value="(\d+)"', page) == ["2"]
    assert 'value="李"' not in page
    assert Order.objects.count() == 0


def test_a_day_is_asked_for_where_the_ticket_has_one(log_in, venue: Venue, adult: TicketProduct, week: TicketProduct):
    client = log_in()
    for product, unfit in (("adult", False), ("week", True)):
        sent = {**asked(venue, product=product), "_redraw": "1"}
        part = client.post("/orders/new", sent, headers={"HX-Request": "true"}).content.decode()
        assert "<html" not in part
        # The slot and what is confirmed fit neither, the day one of them.
        assert part.count("pf-unfit") == 4 + unfit
    assert Order.objects.count() == 0


def test_sending_the_form_twice_issues_one_order(log_in, venue: Venue, adult: TicketProduct):
    client = log_in()
    first = client.post("/orders/new", asked(venue))
    second = client.post("/orders/new", asked(venue))
    assert first["Location"] == second["Location"]
    assert Order.objects.count() == 1


def test_a_form_sent_again_after_a_change_asks_once_more(log_in, venue: Venue, adult: TicketProduct):
    client = log_in()
    client.post("/orders/new", asked(venue))
    again = client.post("/orders/new", asked(venue, quantity="3"))
    assert again.status_code == 422
    assert Order.objects.count() == 1
    key = re.search(r'name="idempotency_key" value="([0-9a-f]{32})"', again.content.decode())
    assert key
    assert client.post("/orders/new", asked(venue, quantity="3", idempotency_key=key[1])).status_code == 302
    assert Order.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"product": ""}, "product", "Choose a ticket."),
        ({"product": "none"}, "product", "This ticket is not on sale."),
        ({"quantity": "0"}, "quantity", "greater than or equal to 1"),
        ({"quantity": "101"}, "quantity", "less than or equal to 100"),
        ({"quantity": "two"}, "quantity", "whole number"),
        ({"visit_date": ""}, "visit_date", "required"),
        ({"visit_date": "2026-02-30"}, "visit_date", "valid date"),
        ({"visit_date": "2020-01-01"}, "visit_date", "This day is over."),
        (visitor("x" * 61), "visitors-0-name", "at most 60"),
        (visitor("王", NUMBER[:-1]), "visitors-0-id_number", "Not a valid ID number"),
        (visitor("王", NUMBER[:-1] + ("1" if NUMBER[-1] == "0" else "0")), "visitors-0-id_number", "check"),
        (visitor("", NUMBER), "visitors-0-name", "required"),
        (visitor("", NUMBER), "visitors", "Look at row 1."),
        (
            {"quantity": "1", **visitor("王"), **visitor("李", row=1), "visitors": ["0", "1"]},
            "visitors",
            "more visitors",
        ),
        (
            {**visitor("王", NUMBER), **visitor("李", NUMBER, 1), "visitors": ["0", "1"]},
            "visitors-1-id_number",
            "row 1",
        ),
    ],
)
def test_errors_stand_beside_their_field_and_in_the_summary(log_in, venue, adult, changes, field, words):
    response = log_in().post("/orders/new", asked(venue, **changes))
    assert response.status_code == 422
    page = response.content.decode()
    beside = re.search(rf'id="id_{field}_error">(.*?)</div>', page, re.DOTALL)
    assert beside
    assert words in beside[1].replace("&#x27;", "'")
    summary = re.search(r'role="alert".*?</div>\s*</div>', page, re.DOTALL)
    assert summary
    assert f'href="#id_{field}"' in summary[0]
    assert re.search(rf'aria-describedby="[^"]*id_{field}_error"', page)
    assert Order.objects.count() == 0


def test_nothing_typed_is_lost_by_an_error(log_in, venue: Venue, adult: TicketProduct):
    page = log_in().post("/orders/new", asked(venue, quantity="0", **visitor("王小明"))).content.decode()
    assert 'value="王小明"' in page
    assert 'value="k1"' in page
    assert re.search(r'value="adult"[^>]* checked', page)


def test_an_open_ticket_needs_no_day(log_in, venue: Venue, week: TicketProduct):
    response = log_in().post("/orders/new", asked(venue, product="week", visit_date=""))
    assert response.status_code == 302
    kept = unit(Order.objects.get()).entitlement
    assert kept.not_after - kept.not_before == timedelta(days=7, seconds=-1)


def test_what_is_off_sale_is_not_offered(log_in, venue: Venue, adult: TicketProduct):
    Spec.objects.update(status="off")
    client = log_in()
    assert "Nothing is on sale" in text_of(client.get("/orders/new"))
    for product in ("adult", "nothing", "\0"):
        assert client.post("/orders/new", asked(venue, product=product)).status_code == 422
    assert Order.objects.count() == 0


# --- revoking and replacing -------------------------------------------------------------------------------------------


def test_revoking_says_what_will_happen_and_when_the_gates_have_it(
    log_in, venue: Venue, order: Order, edge: Edge, gate: Device, report
):
    client = log_in("product_manager")
    address, chosen = "/orders/do/revoke", {"pk": order.pk, "next": f"/orders/{order.number}"}
    present(gate, unit(order).entitlement_id)
    text = text_of(client.get(address, chosen))
    assert "2 tickets are refused at every gate within a moment" in text
    assert "1 of them has been used already" in text
    assert client.post(address, {**chosen, "why": " "}).status_code == 422
    done = text_of(client.post(address, {**chosen, "why": "wrong day"}, follow=True))
    assert f"Order {order.number} is revoked." in done
    assert "Why revoked wrong day" in done
    assert "Adult Revoked" in done
    assert "西门主机 has not connected yet" in done
    report(edge, gate)
    assert "西门主机 was last heard of at" in text_of(client.get(f"/orders/{order.number}/revocation"))
    sequencer.number_waiting(venue)
    assert "hx-get" in client.get(f"/orders/{order.number}/revocation").content.decode()
    seq = sequencer.head(venue, feed_pb2.STREAM_URGENT).seq
    applied = timezone.now()
    acks.record(edge, feed_pb2.STREAM_URGENT, seq, int(applied.timestamp() * 1000))
    by = f"Revoked at every gate by {(applied + timedelta(hours=8)):%H:%M:%S}"
    told = client.get(f"/orders/{order.number}/revocation")
    assert by in text_of(told)  # the edge's own time of applying it, in Shanghai
    assert "hx-get" not in told.content.decode()
    page = text_of(client.get(f"/orders/{order.number}"))
    assert "New code" not in page
    assert by in page


def test_an_order_that_stands_has_no_revocation_to_tell(log_in, order: Order):
    assert log_in().get(f"/orders/{order.number}/revocation").content == b""


@pytest.mark.parametrize("role", ["viewer", "gate_supervisor"])
def test_only_some_may_revoke(log_in, order: Order, role):
    client = log_in(role)
    assert client.post("/orders/do/revoke", {"pk": order.pk, "why": "x"}).status_code == 403
    order.refresh_from_db()
    assert order.state == Order.State.ISSUED


def test_a_new_code_replaces_the_old_one(log_in, order: Order):
    client = log_in("gate_supervisor")
    old = pass_line(unit(order).entitlement)
    assert "Give ticket 1 a new code?" in text_of(client.get(f"/orders/{order.number}/1/reissue"))
    done = client.post(f"/orders/{order.number}/1/reissue", follow=True)
    assert done.redirect_chain == [(f"/orders/{order.number}/1/qr", 302)]
    new = pass_line(unit(order).entitlement)
    assert new != old
    page = done.content.decode()
    assert "The old one is refused as replaced from now on." in page
    assert "present" not in page.split("<main")[1].split("</main>")[0].lower()  # no demo here
    assert "New code given out" in text_of(client.get(f"/orders/{order.number}"))


def test_a_revoked_ticket_gets_no_new_code(log_in, order: Order):
    client = log_in()
    client.post("/orders/do/revoke", {"pk": order.pk, "why": "x"})
    response = client.post(f"/orders/{order.number}/1/reissue", follow=True)
    assert "is revoked: no new code" in text_of(response)


# --- the QR -----------------------------------------------------------------------------------------------------------


def test_the_qr_carries_the_pass(log_in, order: Order):
    page = log_in("gate_supervisor").get(f"/orders/{order.number}/1/qr").content.decode()
    line = pass_line(unit(order).entitlement)
    assert segno.make_qr(line, error="m", boost_error=False).designator == "6-M"
    assert rendered(page) == line


def test_who_only_looks_sees_no_code(log_in, order: Order):
    client = log_in("viewer")
    assert f"/orders/{order.number}/1/qr" not in client.get(f"/orders/{order.number}").content.decode()
    assert client.get(f"/orders/{order.number}/1/qr").status_code == 403


def rendered(page: str) -> str:
    """What a scanner reads off the page's SVG: runs of dark modules, "M x y h n m dx dy h n ...", on white."""
    svg = re.search(r'<svg [^>]*viewBox="0 0 (\d+) \1".*?</svg>', page[page.index('class="pf-qr') :], re.DOTALL)
    assert svg
    size, scale = int(svg[1]), 6
    picture = Image.new("L", (size, size), 255)
    d = max(re.findall(r' d="([^"]+)"', svg[0]), key=len)
    x, y = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmhv])\s*([-\d. ]*)", d):
        values = [float(number) for number in re.findall(r"-?\d*\.?\d+", numbers)]
        if command == "M":
            x, y = values
        elif command == "m":
            x, y = x + values[0], y + values[1]
        elif command == "h":
            for at in range(int(x), int(x + values[0])):
                picture.putpixel((at, int(y)), 0)
            x += values[0]
    found = zxingcpp.read_barcodes(picture.resize((size * scale, size * scale), Image.Resampling.NEAREST))
    assert len(found) == 1
    return found[0].text


def test_a_dead_ticket_is_stamped(log_in, order: Order):
    client = log_in()
    Entitlement.objects.filter(pk=unit(order).entitlement_id).update(state=Entitlement.State.REVOKED)
    page = client.get(f"/orders/{order.number}/1/qr").content.decode()
    assert '<span class="pf-qr-stamp">Revoked</span>' in page
