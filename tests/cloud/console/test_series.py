"""Charts of several series, and the line in a tile."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.utils import translation

from cloud.admin.kit.series import MOST, Block, Place, Series, line_chart, sparkline, stacked_chart

PLACES = [Place("09:00", "9"), Place("10:00", "10"), Place("11:00", "11", current=True)]


def draw(text: str, **values: object) -> str:
    return Template("{% load kit %}" + text).render(Context(values))


def test_a_stack_is_to_scale_and_starts_at_the_bottom():
    chart = stacked_chart(
        PLACES[:2], [Series("OK", (1, 2)), Series("Used up", (None, 2))], title="t", summary="s", unit="u"
    )
    assert chart.series[0].blocks == (Block(7, 75, 36, 25), Block(57, 50, 36, 50))
    assert chart.series[1].blocks == (Block(57, 0, 36, 50),)
    assert [(line.value, line.y) for line in chart.lines] == [(0, 100), (1, 75), (2, 50), (3, 25), (4, 0)]
    assert not chart.empty


def test_a_line_has_gaps_and_lonely_points():
    chart = line_chart(PLACES, [Series("a", (2, None, 4)), Series("b", (0, 4, 2))], title="t", summary="s", unit="u")
    assert [one.path for one in chart.series] == ["M16.667 50h0 M83.333 0h0", "M16.667 100 L50 0 L83.333 50"]
    assert [column.text for column in chart.columns] == ["09:00 · a 2 · b 0 u", "10:00 · b 4 u", "11:00 · a 4 · b 2 u"]


def test_the_smallest_of_many_series_are_added_up_in_the_order_given():
    series = [Series(f"s{n}", (n, n)) for n in (1, 9, 2, 8, 3, 7, 4, 6)]
    with translation.override("en"):
        chart = stacked_chart(PLACES[:2], series, title="t", summary="s", unit="u")
    assert [one.series.name for one in chart.series] == ["s9", "s8", "s7", "s4", "s6", "Others"]
    assert chart.series[-1].series.values == (6, 6)
    assert len(chart.series) == MOST


def test_a_series_without_a_value_for_each_place_is_a_mistake():
    with pytest.raises(ValueError, match="one value for each place"):
        line_chart(PLACES, [Series("a", (1,))], title="t", summary="s", unit="u")


@pytest.mark.parametrize("chart", [line_chart, stacked_chart])
def test_a_chart_is_also_a_text_and_a_table(chart):
    made = chart(PLACES, [Series("<b>", (1200, None, 3))], title="Admitted", summary="1,203 today", unit="persons")
    page = draw("{% series_chart chart %}", chart=made)
    assert 'role="img" aria-label="1,203 today"' in page
    assert '<th scope="row">09:00</th><td>1,200</td>' in page
    assert '<th scope="row">10:00</th><td>–</td>' in page
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "style=" not in page


@pytest.mark.parametrize("chart", [line_chart, stacked_chart])
def test_nothing_to_draw(chart):
    assert chart([], [], title="t", summary="s", unit="u").empty
    made = chart(PLACES, [Series("a", (0, None, 0))], title="t", summary="Nothing yet", unit="u")
    assert made.empty
    assert '<p class="pf-chart-empty">Nothing yet</p>' in draw("{% series_chart chart %}", chart=made)


def test_a_tile_has_a_line_and_a_page_behind_it():
    spark = sparkline((0, 5, 10), "Rising to 10")
    assert spark.path == "M0 100 L50 50 L100 0"
    page = draw("{% tile 'Inside' '10' spark=spark url='/live' %}", spark=spark)
    assert 'aria-label="Rising to 10"' in page
    assert '<a class="pf-tile-link" href="/live">Inside</a>' in page
    assert sparkline((7,), "one").path == ""
    assert "<svg" not in draw("{% tile 'Inside' '10' spark=spark %}", spark=sparkline((), "none"))
    assert sparkline((1, None, 2), "gap").area == ""
