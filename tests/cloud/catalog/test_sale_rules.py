"""Sale rules: what may be set, what is cleared with it, and how it is stored."""

from __future__ import annotations

import pytest

from cloud.catalog.sale_rules import Limit, SaleRules, checked
from cloud.core.errors import DomainError

ALL = SaleRules(real_name="all", age_min=6, age_max=60)


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (SaleRules(channels=("moon",)), "sale_rules.channels"),
        (SaleRules(real_name="some"), "sale_rules.real_name"),
        (SaleRules(real_name="all", age_min=60, age_max=6), "sale_rules.age_max"),
        (SaleRules(real_name="all", age_min=-1), "input.range"),
        (SaleRules(pay_methods=("shells",)), "sale_rules.pay_methods"),
        (SaleRules(pay_minutes=0), "input.range"),
        (SaleRules(group_min=128), "input.range"),
        (SaleRules(group_min=10, limits=(Limit("order", "ever", 9),)), "sale_rules.limits"),
        (SaleRules(group_min=10, group_refund="reprice"), "sale_rules.group_single_fen"),
        (SaleRules(limits=(Limit("id", "visit_day", 2),)), "sale_rules.limits"),
        (SaleRules(limits=(Limit("phone", "ever", 2), Limit("phone", "ever", 3))), "sale_rules.limits"),
        (SaleRules(limits=(Limit("phone", "ever", 0),)), "input.range"),
        (SaleRules(real_name="all", printing="together"), "sale_rules.printing"),
        (SaleRules(notice_en="Careful"), "sale_rules.notice_zh"),
        (SaleRules(notice_zh="长" * 5001), "input.too_long"),
        (SaleRules(preference="age"), "sale_rules.preference"),
        (SaleRules(preference="student", proof="sale"), "sale_rules.channels"),
        (SaleRules(proof="entry"), "sale_rules.proof"),
    ],
)
def test_what_cannot_be_set(rules: SaleRules, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked(rules)
    assert refused.value.code == code


@pytest.mark.spec("T-18")
@pytest.mark.parametrize("code", ["ctrip", "meituan", "douyin"])
def test_a_platform_that_is_not_connected_cannot_be_chosen_and_says_why(code: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked(SaleRules(channels=("desk", code)))
    assert refused.value.code == "sale_rules.channels"
    assert refused.value.en.endswith(": The venue is not connected to this platform yet.")


@pytest.mark.spec("T-20")
@pytest.mark.parametrize("level", ["none", "one"])
def test_a_looser_real_name_rule_clears_the_age_limit(level: str) -> None:
    assert checked(ALL) == ALL
    loosened = checked(SaleRules(real_name=level, age_min=6, age_max=60))
    assert (loosened.age_min, loosened.age_max) == (None, None)


def test_stored_as_json_and_back() -> None:
    full = checked(
        SaleRules(
            channels=("desk",), real_name="one", notice_zh="小心", notice_en="Careful", agreement_zh="同意",
            group_min=10, group_refund="reprice", group_single_fen=8000, pay_methods=("wechat", "cash"),
            pay_minutes=15, limits=(Limit("id", "visit_day", 20), Limit("order", "sale_day", 50)),
            pick_up_hours=24, printing="together", preference="student", policy_zh="凭学生证", proof="sale",
        )
    )  # fmt: skip
    assert full.pay_methods == ("cash", "wechat")
    assert full.limits == (Limit("order", "ever", 50), Limit("id", "visit_day", 20))
    assert SaleRules.from_json(full.to_json()) == full
    assert SaleRules().to_json() == {}
