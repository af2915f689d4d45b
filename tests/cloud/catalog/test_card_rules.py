"""How long a card is valid, and what its rules refuse."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cloud.catalog.card_rules import CardRules, checked, term_end
from cloud.catalog.contents import Term, card_term
from cloud.catalog.models import TicketProduct
from cloud.core.errors import DomainError


@pytest.mark.spec("T-59")
@pytest.mark.parametrize(
    ("first", "months", "days", "last"),
    [
        (date(2027, 1, 31), 1, 0, date(2027, 2, 28)),
        (date(2028, 1, 31), 1, 0, date(2028, 2, 29)),
        (date(2027, 1, 28), 1, 0, date(2027, 2, 27)),
        (date(2027, 5, 3), 12, 0, date(2028, 5, 2)),
        (date(2028, 2, 29), 12, 0, date(2029, 2, 28)),
        (date(2027, 12, 1), 1, 0, date(2027, 12, 31)),
        (date(2027, 1, 1), 12, 0, date(2027, 12, 31)),
        (date(2027, 12, 31), 2, 0, date(2028, 2, 29)),
        (date(2027, 5, 3), 0, 1, date(2027, 5, 3)),
        (date(2027, 5, 3), 0, 365, date(2028, 5, 1)),
    ],
)
def test_a_term_ends_with_its_last_day(first: date, months: int, days: int, last: date) -> None:
    assert term_end(first, months, days) == last


@pytest.mark.spec("T-59")
@pytest.mark.parametrize(
    ("rules", "term"),
    [
        ({}, Term(date(2027, 5, 3), date(2028, 5, 2))),
        ({"valid_from": "activation", "months": 1, "activate_within_days": 90},
         Term(date(2027, 5, 3), date(2027, 7, 31), 1)),
        ({"valid_from": "first_use", "months": 0, "days": 30, "activate_within_days": 90},
         Term(date(2027, 5, 3), date(2027, 8, 29))),
        ({"valid_from": "dates", "first_day": date(2027, 6, 1), "last_day": date(2027, 8, 31)},
         Term(date(2027, 6, 1), date(2027, 8, 31))),
    ],
)  # fmt: skip
def test_the_days_of_a_card(rules: dict[str, Any], term: Term) -> None:
    stored = CardRules(**rules).to_json()
    assert CardRules.from_json(stored) == CardRules(**rules)
    assert card_term(TicketProduct(card_rules=stored), date(2027, 5, 3)) == term


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"pool_total": 10}, "card.pool_total"),
        ({"days": 30}, "card.months"),
        ({"months": 0}, "card.months"),
        ({"valid_from": "first_use"}, "card.days"),
        ({"valid_from": "dates"}, "card.first_day"),
        ({"valid_from": "dates", "first_day": date(2027, 5, 2), "last_day": date(2027, 5, 1)}, "card.last_day"),
        ({"activate_within_days": 30}, "card.activate_within_days"),
        ({"no_show": "blocked"}, "card.block_days"),
        ({"block_days": 3}, "card.block_days"),
        ({"months": 121}, "input.range"),
        ({"combination": "none"}, "card.combination"),
    ],
)
def test_rules_that_do_not_fit_are_refused(rules: dict[str, Any], code: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked(CardRules(**rules))
    assert refused.value.code == code
