"""The same story on PostgreSQL, as in production: sold, walked, cut in the middle, counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import postgres
from tests.support.demo import Demo


@pytest.fixture(scope="module")
def on_postgres() -> Iterator[Demo]:
    with postgres.cluster() as url, Demo(PAIFANG_DATABASE_URL=url) as running:
        yield running


@pytest.mark.postgres
def test_a_day_with_the_cloud_killed_in_the_middle(on_postgres: Demo) -> None:
    demo = on_postgres
    family, single, revoked = demo.sell("family"), demo.sell(), demo.sell()
    assert demo.show("WEST-1", family, bodies=4) == 4
    demo.till.ask("revoke", order=revoked["order"])
    demo.told()
    assert demo.show("WEST-2", revoked) == 0
    demo.tell("kill", "cloud")
    assert demo.show("EAST-1", single) == 1
    assert demo.show("EAST-1", family) == 0
    books = demo.drained()
    assert books["passed"] == {family["label"]: 4, single["label"]: 1}
    assert books["set_aside"] == []
    assert demo.decided(revoked, 1) == [["WEST-2", "REFUSE", "REVOKED"]]
    assert demo.decided(family, 2)[1] == ["EAST-1", "REFUSE", "USED_AT_SIBLING"]
