"""The kit's values: charts, tables, texts, icons."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.template import Context, Template
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as some

from cloud.admin.kit import icons, table, text, verdict
from cloud.admin.kit.chart import Bar, bar_chart, nice_steps
from cloud.admin.kit.pill import Pill, Tone
from paifang.reasons import Reason


@given(some.integers(0, 10**9))
def test_an_axis_is_round_short_and_high_enough(highest):
    steps = nice_steps(highest)
    assert steps[0] == 0
    assert steps[-1] >= highest
    assert 2 <= len(steps) <= 6
    step = steps[1]
    assert [one - other for one, other in zip(steps[1:], steps, strict=False)] == [step] * (len(steps) - 1)
    assert str(step).rstrip("0") in ("1", "2", "5")


@pytest.mark.parametrize(
    ("highest", "steps"), [(0, (0, 1)), (3, (0, 1, 2, 3)), (7, (0, 2, 4, 6, 8)), (130, (0, 50, 100, 150))]
)
def test_axes(highest, steps):
    assert nice_steps(highest) == steps


def test_bars_fill_their_places_to_scale():
    chart = bar_chart([Bar("a", 50), Bar("b", 100, current=True)], title="t", summary="s", unit="u", gap=0.5)
    assert [(one.x, one.y, one.width, one.height) for one in chart.bars] == [(12.5, 50, 25, 50), (62.5, 0, 25, 100)]
    assert [(line.value, line.y) for line in chart.lines] == [(0, 100), (50, 50), (100, 0)]
    assert not chart.empty
    assert bar_chart([Bar("a", 0)], title="t", summary="s", unit="u").empty
    assert bar_chart([], title="t", summary="s", unit="u").bars == ()


def test_a_chart_is_also_text():
    chart = bar_chart([Bar("09:14", 1200, current=True)], title="Admitted", summary="1,200 at 09:14", unit="persons")
    page = Template("{% load kit %}{% bar_chart chart %}").render(Context({"chart": chart}))
    assert 'role="img" aria-label="1,200 at 09:14"' in page
    assert '<th scope="row">09:14</th><td>1200</td>' in page
    assert "pf-chart-current" in page
    assert "style=" not in page  # the content policy allows none


@pytest.mark.parametrize(
    ("fen", "written"),
    [
        (0, "¥0.00"),
        (5, "¥0.05"),
        (12000, "¥120.00"),
        (128050, "¥1,280.50"),
        (-150, "-¥1.50"),
        (10**9, "¥10,000,000.00"),
    ],
)
def test_money(fen, written):
    assert text.money(fen) == written


@given(some.integers(-(10**12), 10**12))
def test_money_loses_nothing(fen):
    written = text.money(fen).replace("¥", "").replace(",", "").replace(".", "")
    assert int(written) == fen


def test_names_follow_the_language_and_fall_back():
    both, only = SimpleNamespace(name_zh="西门", name_en="West"), SimpleNamespace(name_zh="东门", name_en="")
    with translation.override("en"):
        assert (text.named(both), text.named(only)) == ("West", "东门")
    with translation.override("zh-hans"):
        assert (text.named(both), text.named(only)) == ("西门", "东门")


def test_times_are_short_today_and_dated_otherwise(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 22, 1, 0, tzinfo=UTC))
    with timezone.override("Asia/Shanghai"):
        assert text.stamp(datetime(2026, 11, 21, 16, 0, 3, tzinfo=UTC)) == "00:00:03"
        assert text.stamp(datetime(2026, 11, 21, 15, 59, tzinfo=UTC)) == "2026-11-21 23:59"
        assert text.clock(datetime(2026, 11, 22, 1, 14, 3, tzinfo=UTC)) == "09:14:03"
        assert text.clock(None) == text.stamp(None) == "–"


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_name_and_advice(reason):
    for language in ("en", "zh-hans"):
        with translation.override(language):
            assert verdict.reason_label(reason)
            assert verdict.reason_advice(reason)
            assert "{" not in verdict.reason_advice(reason)


def test_a_pill_says_its_state_in_words_and_escapes_them():
    page = Template("{% load kit %}{% pill one %}").render(
        Context({"one": Pill("<i>Open</i>", Tone.BUSY, "door-open")})
    )
    assert "&lt;i&gt;Open&lt;/i&gt;" in page
    assert "pf-tone-busy" in page
    assert 'aria-hidden="true"' in page


def test_icons_are_drawings_with_an_optional_name():
    assert 'role="img" aria-label="a &quot;b&quot;"' in icons.icon("door-open", label='a "b"')
    with pytest.raises(KeyError):
        icons.icon("no-such-icon")


@pytest.mark.parametrize(
    ("wanted", "number", "rows", "more"),
    [("", 1, range(25), True), ("2", 2, range(25, 50), True), ("3", 3, range(50, 60), False), ("9", 9, range(0), False),
     ("0", 1, range(25), True), ("-3", 1, range(25), True), ("x", 1, range(25), True), ("99999", 400, range(0), False)],
)  # fmt: skip
def test_pages(wanted, number, rows, more):
    page = table.page_of(list(range(60)), wanted)
    assert (page.number, list(page.items), page.more) == (number, list(rows), more)


def test_a_table_names_each_cell_for_phones():
    made = table.Table(
        "Orders",
        (table.Column("Order", main=True), table.Column("Total", numeric=True)),
        (table.Row("order-1", (table.Cell("1<2"), table.Cell("¥1.00", note="paid")), url="/orders/1"),),
        table.Empty("None", "Nothing here"),
    )
    page = Template("{% load kit %}{% table made %}").render(Context({"made": made}))
    assert '<caption class="visually-hidden">Orders</caption>' in page
    assert '<a class="pf-row-link" href="/orders/1">1&lt;2</a>' in page
    assert 'data-title="Total" class="pf-num' in page
    assert "<small>paid</small>" in page


@pytest.mark.parametrize(
    ("flag", "signed_only", "says"),
    [("", False, None), ("", True, "On its signature alone"), ("unknown", True, "No such ticket here"),
     ("ended", False, "Had been revoked or refunded")],
)  # fmt: skip
def test_what_is_out_of_the_ordinary_about_an_admission(flag, signed_only, says):
    with translation.override("en"):
        pill = verdict.remark(flag=flag, signed_only=signed_only)
    assert (pill.text if pill else None) == says
