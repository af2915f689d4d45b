"""Inline rows and dependent fields: what is sent, checked, kept and compared."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.http import QueryDict
from django.template import Context, Template
from django.utils import translation

from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SEEN, SectionForm
from cloud.admin.kit.rows import RowForm, Rows
from cloud.core.errors import DomainError


class PartRow(RowForm):
    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(label="Name", max_length=10)
    count = forms.IntegerField(label="Count", min_value=1, initial=1)
    spare = forms.BooleanField(label="Spare", required=False)


class ToyForm(SectionForm):
    kind = forms.ChoiceField(label="Kind", choices=[("car", "Car"), ("doll", "Doll")])
    wheels = forms.IntegerField(label="Wheels", min_value=1, required=False)
    colour = forms.ChoiceField(label="Colour", required=False, choices=[("", "–"), ("red", "Red"), ("pink", "Pink")])
    extras = forms.MultipleChoiceField(
        label="Extras", required=False, choices=[("bell", "Bell"), ("hat", "Hat")], widget=forms.CheckboxSelectMultiple
    )
    parts = Rows(
        PartRow, label="Parts", one="Part", add="Add a part", min_rows=1, max_rows=3, ordered=True, distinct="name"
    )
    depends = (
        Depends(
            "wheels", ("kind",), shown=lambda kind: kind == "car", required=lambda kind: kind == "car", otherwise=0
        ),
        Depends("colour", ("kind",), choices=lambda kind: ["red"] if kind == "car" else ["red", "pink"]),
        Depends("extras", ("kind",), choices=lambda kind: ["bell"] if kind == "car" else ["hat"]),
    )


@pytest.fixture(autouse=True)
def english() -> Any:
    with translation.override("en"):
        yield


def part(name: str, pk: int | None = None, count: int = 1, spare: bool = False) -> SimpleNamespace:
    return SimpleNamespace(id=pk, name=name, count=count, spare=spare)


def toy(*parts: SimpleNamespace, **values: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"kind": "car", "wheels": 4, "colour": "red", "extras": [], "parts": parts, **values})


def sent(form: SectionForm | None = None, **values: Any) -> QueryDict:
    """What a browser sends of a form as it was shown, with some of it changed; None leaves a name out."""
    data = QueryDict(mutable=True)
    data.update({"kind": "car", "wheels": "4"})
    if form is not None:
        for name, value in form.shown().items():
            form.put(data, name, value)
        data[SEEN] = form.token()
    for name, value in values.items():
        if value is None:
            data.pop(name, None)
        else:
            data.setlist(name, value if isinstance(value, list) else [value])
    return data


def posted(row: Any = None, **values: Any) -> ToyForm:
    """Row 7 is called "a", row 2 "b", unless told; they are sent in this order."""
    usual = {"parts": ["7", "2"], "parts-7-name": "a", "parts-7-count": "2", "parts-2-name": "b", "parts-2-count": "1"}
    return ToyForm(SimpleNamespace(), row, sent(**{**usual, **values}))


def draw(text: str, **values: Any) -> str:
    return Template("{% load kit %}" + text).render(Context(values))


def drawn(form: SectionForm) -> str:
    return draw('{% include "console/kit/form_parts.html" %}', form=form)


# --- rows


def test_rows_are_cleaned_in_the_order_they_were_sent():
    form = posted(**{"parts-2-spare": "on"})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["parts"] == [
        {"id": None, "name": "a", "count": 2, "spare": False},
        {"id": None, "name": "b", "count": 1, "spare": True},
    ]


def test_rows_left_empty_do_not_count_but_old_ones_do():
    form = posted(parts=["7", "9"], **{"parts-9-count": "1"})
    assert form.is_valid(), form.errors
    assert [one["name"] for one in form.cleaned_data["parts"]] == ["a"]
    form = posted(parts=["7", "9"], **{"parts-9-count": "1", "parts-9-id": "5"})
    assert form.errors["parts"] == ["Look at row 2."]


def test_each_row_shows_its_own_errors_and_the_summary_leads_to_them():
    form = posted(**{"parts-7-name": "much too long a name", "parts-2-count": "x"})
    assert form.errors["parts"] == ["Look at rows 1, 2."]
    page = draw("{% form_errors form %}", form=form) + drawn(form)
    assert '<a href="#id_parts-7-name">Row 1, Name</a>: Ensure this value has at most 10' in page
    assert '<a href="#id_parts-2-count">Row 2, Count</a>: Enter a whole number.' in page
    assert 'id="id_parts-7-name_error"' in page
    assert 'value="much too long a name"' in page


@pytest.mark.parametrize(
    ("numbers", "said"),
    [([], "At least 1 is needed."), (["7", "2", "3", "4"], "At most 3 are possible."), (["x", "7", "7"], None)],
)
def test_there_must_and_may_be_so_many(numbers, said):
    form = posted(
        parts=numbers, **{"parts-3-name": "c", "parts-3-count": "1", "parts-4-name": "d", "parts-4-count": "1"}
    )
    assert form.errors.get("parts", [None])[0] == said


def test_no_two_rows_say_the_same_where_they_must_differ():
    form = posted(**{"parts-2-name": " a "})
    assert not form.is_valid()
    assert form["parts"].forms[1].errors == {"name": ["The same as in row 1."]}


@pytest.mark.parametrize(
    ("command", "after"),
    [
        ("parts.add", ["7", "2", "8"]), ("parts.remove.7", ["2"]), ("parts.down.7", ["2", "7"]),
        ("parts.up.2", ["2", "7"]), ("parts.up.7", ["7", "2"]), ("parts.down.2", ["7", "2"]),
        ("parts.remove.99", ["7", "2"]), ("nothing.add", ["7", "2"]), ("kind.add", ["7", "2"]), ("parts", ["7", "2"]),
    ],
)  # fmt: skip
def test_without_a_script_buttons_change_the_rows(command, after):
    form = posted(_rows=command, wheels="many")
    assert form.asked_again()
    assert [one.number for one in form["parts"].forms] == after
    page = drawn(form)
    assert 'value="many"' in page
    assert "pf-error" not in page  # nothing is checked


def test_no_more_rows_are_added_than_may_be():
    form = posted(parts=["7", "2", "3"], _rows="parts.add")
    assert form.asked_again()
    assert len(form["parts"].forms) == 3
    assert 'data-row-do="add" disabled' in drawn(form)


def test_a_form_begins_with_the_rows_it_needs():
    page = drawn(ToyForm(SimpleNamespace(), None))
    assert page.count('name="parts" value="0"') == 1
    row = toy(part("a", 1), part("b", 2))
    form = ToyForm(SimpleNamespace(), row, initial=ToyForm.initial_of(row))
    assert [one["name"].value() for one in form["parts"].forms] == ["a", "b"]
    assert 'name="parts-1-id" value="2"' in drawn(form)


def test_a_service_refuses_one_field_of_one_row():
    form = posted(**{"parts-2-name": "b"})
    assert form.is_valid()
    form.refuse(DomainError("x", "没有", "No such part.", "parts.1.name"))
    assert form["parts"].forms[1].errors["name"] == ["No such part."]
    form.refuse(DomainError("x", "没有", "All of it.", "elsewhere.0"))
    assert form.non_field_errors() == ["All of it."]


def test_rows_somebody_else_changed_are_told_and_taken_unless_touched():
    before = toy(part("a", 1), part("b", 2))
    shown = ToyForm(SimpleNamespace(), before)
    now = toy(part("a", 1), part("c", 3, count=5))
    form = ToyForm(SimpleNamespace(), now, sent(shown, wheels="6"))
    assert not form.compare()
    (changed,) = form.changed
    assert (changed.before, changed.now, changed.typed) == ("a · 1 · No; b · 1 · No", "a · 1 · No; c · 5 · No", "")
    assert form.is_valid(), form.errors
    assert [one["name"] for one in form.cleaned_data["parts"]] == ["a", "c"]
    assert form.cleaned_data["wheels"] == 6

    form = ToyForm(SimpleNamespace(), now, sent(shown, **{"parts-1-name": "mine"}))
    assert not form.compare()
    assert form.changed[0].typed == "a · 1 · No; mine · 1 · No"
    assert [one["name"].value() for one in form["parts"].forms] == ["a", "mine"]


def test_the_order_of_rows_counts_as_a_change():
    shown = ToyForm(SimpleNamespace(), toy(part("a", 1), part("b", 2)))
    same = ToyForm(SimpleNamespace(), toy(part("a", 1), part("b", 2)), sent(shown))
    other = ToyForm(SimpleNamespace(), toy(part("b", 2), part("a", 1)), sent(shown))
    assert same.compare()
    assert not other.compare()


# --- dependent fields


def test_a_field_that_does_not_apply_is_not_looked_at():
    form = posted(kind="doll", wheels="nonsense")
    assert form.is_valid(), form.errors
    assert form.cleaned_data["wheels"] == 0
    assert form.unfit.keys() == {"wheels"}
    assert "pf-unfit" in drawn(form)
    assert 'name="wheels" value="nonsense"' in drawn(form)  # still there if the choice is taken back


def test_a_field_that_applies_may_be_required():
    assert posted(wheels="").errors == {"wheels": ["This field is required."]}
    assert "pf-unfit" not in drawn(posted())


def test_choices_follow_another_field_and_the_server_decides():
    assert posted(colour="red", extras=["bell"]).is_valid()
    form = posted(colour="pink", extras=["hat"])
    assert set(form.errors) == {"colour", "extras"}
    page = drawn(form)
    assert '<option value="pink" selected data-unfit>' in page  # all are drawn: pages work without a script
    assert '<option value="red">' in page
    assert posted(kind="doll", colour="pink", extras=["hat"]).is_valid()


def test_a_choice_that_makes_no_sense_decides_nothing():
    form = posted(kind="<b>")
    assert "kind" in form.errors
    assert "wheels" in form.unfit
    assert "<b>" not in drawn(form)


def test_what_others_depend_on_is_marked_for_the_script():
    page = drawn(ToyForm(SimpleNamespace(), None))
    assert page.count("data-decides") == 1
    assert 'name="kind" class="form-select" data-decides' in page
