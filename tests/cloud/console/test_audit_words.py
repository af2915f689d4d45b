"""Every code that cloud or edge writes has words; details are told in yuan, in the venue's time, as from and to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone, translation

from cloud.admin.kit import alarm_names
from cloud.admin.kit.audit_detail import detail_text
from cloud.admin.kit.audit_names import NAMES
from cloud.core.models import AuditRow

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"[a-z_]+(\.[a-z_]+)?")
RAISES = {"alarm", "_alarm", "Alarm", "FeedError", "KeySetError"}


def calls(folder: str) -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield getattr(node.func, "attr", getattr(node.func, "id", "")), node


def strings(arguments: list[ast.expr]) -> Iterator[str]:
    for one in arguments:
        if isinstance(one, ast.IfExp):
            yield from strings([one.body, one.orelse])
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and CODE.fullmatch(one.value):
            yield one.value


def named(path: str) -> dict[str, str]:
    """The codes a module has names for, by name: ALARM = "a.code", or several at once."""
    found = {}
    for node in ast.parse((ROOT / path).read_text()).body:
        if not isinstance(node, ast.Assign):
            continue
        names, values = node.targets[0], node.value
        if isinstance(names, ast.Tuple) and isinstance(values, ast.Tuple):
            pairs = zip(names.elts, values.elts, strict=True)
            found.update({one.id: two.value for one, two in pairs if isinstance(one, ast.Name)})
    return found


def codes_of_classes() -> Iterator[str]:
    """Of errors that say their code once for all."""
    for node in ast.walk(ast.parse((ROOT / "edge/errors.py").read_text())):
        if isinstance(node, ast.ClassDef) and node.name in RAISES:
            for line in node.body:
                if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
                    yield line.value.value


def audited() -> set[str]:
    """What services write, directly or through a helper of theirs named _write, _decide or the like."""
    found: set[str] = set()
    for name, call in calls("cloud"):
        if name == "write" and len(call.args) >= 3:
            found.update(strings(call.args[1:2]))
        elif name in {"_write", "_decide", "_change", "_audit"}:
            found.update(code for code in strings(call.args) if "." in code)
    return found


def test_each_audit_code_has_words():
    found = audited()
    assert {"order.issue", "case.close", "venue.edit", "export", "key.kill"} <= found
    assert sorted(found - NAMES.keys()) == []


def test_each_alarm_of_the_cloud_has_words():
    found = {code for name, call in calls("cloud") if name == "raise_alarm" for code in strings(call.args[:1])}
    assert found == alarm_names.CLOUD.keys()


def test_each_alarm_of_an_edge_has_words():
    found = {
        code
        for name, call in calls("edge")
        if name in RAISES
        for code in strings(call.args[:1] or [word.value for word in call.keywords if word.arg == "code"])
        if "." in code
    } | set(codes_of_classes())
    found |= {
        codes[name]
        for codes in [named("edge/standing.py")]
        for raised, call in calls("edge")
        if raised in RAISES and call.args
        for name in [getattr(call.args[0], "attr", getattr(call.args[0], "id", ""))]
        if name in codes
    }
    assert {"store.full", "feed.signature", "lane.unticketed", "keyset", "store.restored"} <= found
    assert sorted(found - alarm_names.EDGE.keys()) == []
    assert sorted(alarm_names.EDGE.keys() - found) == []


@pytest.mark.parametrize(
    ("action", "detail", "said"),
    [
        ("order.issue", {"number": "2611", "units": 2, "total_fen": 128_050}, "2611 · Tickets: 2 · Total: ¥1,280.50"),
        ("product.edit", {"code": "a", "price_fen": [8000, 9000]}, "a · Price: ¥80.00 → ¥90.00"),
        ("product.edit", {"stations": [[1], [1, 2]]}, "Stations: 1 → 1, 2"),
        ("venue.edit", {"capacity": [None, 900]}, "People inside at most: – → 900"),
        ("station.join", {"stations": [1, 2]}, "Stations: 1, 2"),
        ("station.enabled", {"number": 3, "enabled": False}, "3 · Enabled: No"),
        ("alarm.edge.silent", {"last_heard": "2026-11-22T01:00:00+00:00"}, "Last heard of: 2026-11-22 09:00"),
        ("export", {"search": "=x", "filters": {"a": "b"}}, "Search: =x · Filters: a: b"),
        ("unknown.code", {"new_field": "2026-99-99T99:99"}, "new_field: 2026-99-99T99:99"),
    ],
)
def test_details_in_words(monkeypatch, action, detail, said):
    monkeypatch.setattr(timezone, "localdate", lambda: datetime(2026, 12, 1, tzinfo=UTC).date())
    with translation.override("en"), timezone.override(ZoneInfo("Asia/Shanghai")):
        assert detail_text(AuditRow(action=action, detail=detail), 200) == said
    with translation.override("zh-hans"):
        assert len(detail_text(AuditRow(action="x", detail={"note": "长" * 300}), 160)) == 160
