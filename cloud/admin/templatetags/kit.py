"""The kit in templates: `{% load kit %}`. Each tag draws one value of cloud/admin/kit with one partial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField, Form
from django.forms.widgets import CheckboxInput, RadioSelect, Select
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from cloud.admin.kit import text
from cloud.admin.kit.chart import BarChart
from cloud.admin.kit.desk_form import DeskForm
from cloud.admin.kit.icons import icon as draw_icon
from cloud.admin.kit.pill import Pill
from cloud.admin.kit.rows import BoundRows, row_errors
from cloud.admin.kit.series import SeriesChart, Spark
from cloud.admin.kit.table import Empty, Table
from cloud.admin.kit.yuan import yuan as written
from cloud.admin.menu import Entry
from cloud.catalog.models import ProductMedia

register = template.Library()

register.filter("money", text.money)
register.filter("named", text.named)
register.filter("clock", text.clock)
register.filter("stamp", text.stamp)


@register.filter
def thousands(number: int) -> str:
    return f"{number:,}"


@register.filter
def yuan(fen: int) -> str:
    """ "12.50", as an input shows it."""
    return written(fen)


@register.filter
def local_input(moment: datetime) -> str:
    """An instant for `<input type="datetime-local">`, in the time zone in force."""
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")


@register.simple_tag
def said(thing: Any) -> str:
    """A value with `text(language)` in the reader's language."""
    return str(thing.text(get_language() or "zh-hans"))


@register.simple_tag
def media_url(media: ProductMedia) -> str:
    """Where a picture or film of a product is."""
    return reverse("product-media", args=[media.venue.code, media.content_hash])


@register.filter
def iso(moment: datetime) -> str:
    """The instant for `<time datetime>`."""
    return moment.isoformat(timespec="seconds")


@register.simple_tag
def icon(name: str, extra: str = "", label: str = "") -> SafeString:
    return draw_icon(name, extra, label)


@register.simple_tag(takes_context=True)
def waiting(context: dict[str, Any], entry: Entry) -> int:
    """How much waits for somebody behind a menu's entry."""
    return entry.badge(context["desk"]) if entry.badge else 0


@register.inclusion_tag("console/kit/pill.html")
def pill(value: Pill) -> dict[str, Any]:
    return {"pill": value}


@register.inclusion_tag("console/kit/tile.html")
def tile(
    label: str, value: str, note: str = "", icon: str = "", tone: str = "", share: int | None = None,
    spark: Spark | None = None, url: str = "",
) -> dict[str, Any]:  # fmt: skip
    """A figure. `share` (0..100, more is drawn as 100) adds a meter, `spark` a line, `url` a page behind it."""
    drawn = None if share is None else min(max(share, 0), 100)
    return {"label": label, "value": value, "note": note, "icon": icon, "tone": tone, "share": drawn,
            "spark": spark, "url": url}  # fmt: skip


@register.inclusion_tag("console/kit/table.html")
def table(value: Table) -> dict[str, Any]:
    return {"table": value}


@register.inclusion_tag("console/kit/empty.html")
def empty(value: Empty) -> dict[str, Any]:
    return {"empty": value}


@register.inclusion_tag("console/kit/bar_chart.html")
def bar_chart(chart: BarChart) -> dict[str, Any]:
    return {"chart": chart}


@register.inclusion_tag("console/kit/series_chart.html")
def series_chart(chart: SeriesChart) -> dict[str, Any]:
    return {"chart": chart}


@register.inclusion_tag("console/kit/part.html")
def part(url: str, title: str, failed: bool = False) -> dict[str, Any]:
    """A part of a page that is fetched after it: waiting until it comes, or saying that it did not."""
    return {"url": url, "title": title, "failed": failed}


@register.inclusion_tag("console/kit/field.html")
def field(bound: BoundField, hint: str = "") -> dict[str, Any]:
    """A labelled control with its help and its error beside it, tied together for screen readers."""
    kind = _kind(bound)
    drawn = {"field": bound, "help": hint or bound.help_text, "kind": kind, "unfit": False}
    if kind == "rows":
        drawn["unfit"] = isinstance(bound.form, DeskForm) and bound.name in bound.form.unfit
        return drawn
    attrs = _attrs(bound, kind)
    described = [f"{bound.auto_id}_help"] if drawn["help"] else []
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if isinstance(bound.form, DeskForm):
        drawn["unfit"] = bound.name in bound.form.unfit
        if bound.name in bound.form.deciding:
            attrs["data-decides"] = True
    return {**drawn, "control": bound.as_widget(attrs=attrs)}


@register.simple_tag
def control(bound: BoundField) -> SafeString:
    """The control alone, for rows of small ones that bring their own label."""
    return bound.as_widget(attrs=_attrs(bound, _kind(bound)))


_CLASSES = {"tick": "form-check-input", "choices": "pf-choice-list", "select": "form-select", "input": "form-control"}


def _attrs(bound: BoundField, kind: str) -> dict[str, Any]:
    if not bound.errors:
        return {"class": _CLASSES[kind]}
    return {"class": f"{_CLASSES[kind]} is-invalid", "aria-invalid": "true"}


def _kind(bound: BoundField) -> str:
    """How a control is laid out: one tick, a group of choices, a select, an input, or rows of small forms."""
    if isinstance(bound, BoundRows):
        return "rows"
    widget = bound.field.widget
    if isinstance(widget, CheckboxInput):
        return "tick"
    if isinstance(widget, RadioSelect):  # many ticks too
        return "choices"
    return "select" if isinstance(widget, Select) else "input"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line of the summary: what is wrong, and the control it leads to."""

    label: str
    target: str
    text: str


@register.inclusion_tag("console/kit/form_errors.html")
def form_errors(form: Form) -> dict[str, Any]:
    """The summary above a form: every error, each leading to its field."""
    wrong = []
    for bound in form.visible_fields():
        if bound.errors:
            wrong.append(Wrong(str(bound.label), bound.id_for_label or bound.auto_id, " ".join(bound.errors)))
        if isinstance(bound, BoundRows):
            wrong += [Wrong(label, one.id_for_label, " ".join(texts)) for label, one, texts in row_errors(bound)]
    hidden = [error for bound in form.hidden_fields() for error in bound.errors]
    return {"wrong": wrong, "general": [*form.non_field_errors(), *hidden]}
