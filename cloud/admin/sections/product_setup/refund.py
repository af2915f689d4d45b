"""Block 6: whether a ticket may be given back and what is kept (T-30 to T-35, T-44 to T-47, T-61 to T-64)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.rows import RowForm, Rows
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.yuan import yuan
from cloud.admin.sections.product_setup.block import Block
from cloud.catalog import product_services, refund_rules
from cloud.catalog.models import TicketProduct
from cloud.catalog.refund_rules import FIXED, KINDS_OF, MAX_MINUTES, MAX_TIERS, PERCENT, Amount, RefundRules, Tier

KINDS = (
    ("none", _("Not refundable")),
    ("conditional", _("Refundable under a condition")),
    ("any", _("Refundable at any time while unused")),
    ("parts", _("As a whole if all its tickets are refundable, else those that are")),
)
FEES = (("none", _("No fee")), ("fixed", _("A fixed amount")), ("tiers", _("By time before or after check-in")))
DEADLINES = (("check_in", _("the check-in time")), ("expiry", _("the end of its validity")))
REVIEWS = (("auto", _("Refunded by itself, the way it was paid")), ("review", _("Refunded after somebody agrees")))
ON_EXPIRY = (("nothing", _("Nothing happens")), ("refund", _("It is refunded")), ("void", _("It is void")))
SINCE = (
    ("start", _("From its sale on")),
    ("before", _("From so long before check-in")),
    ("after", _("From so long after check-in")),
)
UNITS = (("60", _("hours")), ("1440", _("days")), ("1", _("minutes")))
MEANS = (("kept", _("is kept")), ("returned", _("is returned")))
AMOUNTS = ((PERCENT, _("per cent of what was paid")), (FIXED, _("yuan a ticket")))
_NONE = {"required": False, "min_value": 0}
_PLAIN = ("kind", "own_fee", "fee", "only_unused", "only_inactive", "pro_rata", "review", "on_expiry")


class TierRow(RowForm):
    """A tier begins somewhere and goes on until the next begins: there are no gaps and no overlaps to type."""

    since = forms.ChoiceField(label=_("Begins"), choices=SINCE, initial="start")
    count = forms.IntegerField(label=_("So many"), max_value=MAX_MINUTES, **_NONE)
    unit = forms.ChoiceField(label=_("Unit"), choices=UNITS, initial="60")
    value = forms.DecimalField(label=_("Amount"), min_value=0, max_digits=12, decimal_places=2)
    kind = forms.ChoiceField(label=_("Of what"), choices=AMOUNTS, initial=PERCENT)
    means = forms.ChoiceField(label=_("Which"), choices=MEANS, initial="kept")
    depends = (
        Depends("count", ("since",), shown=lambda since: since != "start"),
        Depends("unit", ("since",), shown=lambda since: since != "start", otherwise="60"),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("kind") == PERCENT and (values.get("value") or 0) > 100:
            self.add_error("value", str(_("At most 100 per cent.")))
        return values


class RefundForm(SectionForm):
    """Fields are named as the rules: a refusal of the catalogue finds its own."""

    kind = forms.ChoiceField(label=_("Refund"), choices=KINDS, initial="none")
    deadline_count = forms.IntegerField(label=_("Until so many"), max_value=MAX_MINUTES, **_NONE)
    deadline_unit = forms.ChoiceField(label=_("Unit"), choices=UNITS, initial="60", required=False)
    deadline_side = forms.ChoiceField(
        label=_("Before or after"), choices=(("before", _("before")), ("after", _("after"))), initial="before",
        required=False,
    )  # fmt: skip
    deadline = forms.ChoiceField(label=_("Of what"), choices=DEADLINES, initial="check_in", required=False)
    own_fee = forms.BooleanField(
        label=_("Set package refund fee and rule"), required=False,
        help_text=_("Otherwise the fees of its tickets apply one by one."),
    )  # fmt: skip
    fee = forms.ChoiceField(label=_("Fee"), choices=FEES, initial="none", required=False)
    fee_yuan = forms.DecimalField(
        label=_("Kept of each ticket, in yuan"), min_value=0, decimal_places=2,
        max_value=refund_rules.MAX_FEE_FEN // 100, required=False, help_text=_("Never more than was paid for it."),
    )  # fmt: skip
    tiers = Rows(
        TierRow,
        label=_("Tiers"),
        one=_("Tier"),
        add=_("Add a tier"),
        read=lambda product: [_tier_row(tier) for tier in refund_of(product).tiers],
        max_rows=MAX_TIERS,
        help_text=_("Each goes on until the next begins; the first begins with the sale. Check-in is the first "
                    "second of the booked slot or day."),
    )  # fmt: skip
    only_unused = forms.BooleanField(label=_("Only while no use was made of it"), required=False, initial=True)
    only_inactive = forms.BooleanField(label=_("Only while it is not activated"), required=False)
    within_days = forms.IntegerField(
        label=_("Only within so many days from its sale"), max_value=refund_rules.MAX_DAYS, **_NONE
    )
    pro_rata = forms.BooleanField(label=_("Only for the days that are left"), required=False)
    review = forms.ChoiceField(label=_("Review"), choices=REVIEWS, initial="auto")
    on_expiry = forms.ChoiceField(label=_("When it expires unused"), choices=ON_EXPIRY, initial="nothing")
    layout = (
        (
            _("Refund"),
            (
                "kind", "deadline_count", "deadline_unit", "deadline_side", "deadline", "only_unused",
                "only_inactive", "within_days", "pro_rata",
            ),
        ),
        (_("Fee"), ("own_fee", "fee", "fee_yuan", "tiers")),
        (_("Afterwards"), ("review", "on_expiry")),
    )  # fmt: skip
    error_fields = {"fee_fen": "fee_yuan", "deadline_minutes": "deadline_count"}

    def prepare(self) -> None:
        kind = self.row.kind if isinstance(self.row, TicketProduct) else "ticket"
        allowed = KINDS_OF[kind]
        self.fields["kind"].choices = [one for one in KINDS if one[0] in allowed]  # type: ignore[attr-defined]
        refundable = _refundable
        timed = _conditional if kind == "ticket" else _never
        card = _conditional if kind == "annual" else _never
        package = kind == "package"
        fee = (lambda kind, own: refundable(kind) and own) if package else (lambda kind, own: refundable(kind))
        self.depends = (
            *(Depends(name, ("kind",), shown=timed) for name in ("deadline_count",)),
            Depends("deadline_unit", ("kind",), shown=timed, otherwise="60"),
            Depends("deadline_side", ("kind",), shown=timed, otherwise="before"),
            Depends("deadline", ("kind",), shown=timed, otherwise="check_in"),
            Depends("only_unused", ("kind",), shown=card, otherwise=True),
            *(Depends(name, ("kind",), shown=card) for name in ("only_inactive", "within_days", "pro_rata")),
            Depends("own_fee", ("kind",), shown=refundable if package else _never, otherwise=False),
            Depends("fee", ("kind", "own_fee"), shown=fee, otherwise="none"),
            Depends("fee_yuan", ("fee",), shown=lambda fee: fee == "fixed", required=lambda fee: fee == "fixed"),
            Depends("tiers", ("fee",), shown=lambda fee: fee == "tiers", otherwise=[]),
        )

    @classmethod
    def initial_of(cls, row: Any) -> dict[str, Any]:
        rules = refund_of(row)
        count, unit = _counted(abs(rules.deadline_minutes))
        names = (
            "kind",
            "deadline",
            "own_fee",
            "fee",
            "only_unused",
            "only_inactive",
            "pro_rata",
            "review",
            "on_expiry",
        )
        return {
            **super().initial_of(row),
            **{name: getattr(rules, name) for name in names},
            "deadline": rules.deadline if rules.deadline != "none" else "check_in",
            "deadline_count": count or None,
            "deadline_unit": unit,
            "deadline_side": "after" if rules.deadline_minutes > 0 else "before",
            "within_days": rules.within_days or None,
            "fee_yuan": yuan(rules.fee_fen) if rules.fee_fen else "",
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors:
            return values
        minutes = (values["deadline_count"] or 0) * int(values["deadline_unit"] or 60)
        return {
            "rules": RefundRules(
                **{name: values[name] for name in _PLAIN},
                deadline=values["deadline"] or "check_in",
                deadline_minutes=minutes if values["deadline_side"] == "after" else -minutes,
                fee_fen=_fen(values["fee_yuan"] or Decimal(0)),
                tiers=tiers_of(values["tiers"] or []),
                within_days=values["within_days"] or 0,
            )
        }


def tiers_of(rows: Sequence[dict[str, Any]]) -> tuple[Tier, ...]:
    """Tiers that begin where the rows say and end where the next begins. Two that begin together are left to the
    catalogue to refuse."""
    begun = sorted(((_start(one), one) for one in rows), key=lambda pair: (pair[0] is not None, pair[0] or 0))
    ends = [start for start, _one in begun[1:]] + [None] if begun else []
    return tuple(
        Tier(start, end, Amount(one["means"], one["kind"], _fen(one["value"])))
        for (start, one), end in zip(begun, ends, strict=True)
    )


def _start(row: dict[str, Any]) -> int | None:
    if row["since"] == "start":
        return None
    minutes = (row["count"] or 0) * int(row["unit"])
    return -minutes if row["since"] == "before" else minutes


def _tier_row(tier: Tier) -> dict[str, Any]:
    count, unit = _counted(abs(tier.start or 0))
    since = "start" if tier.start is None else "before" if tier.start < 0 else "after"
    return {
        "since": since,
        "count": None if tier.start is None else count,
        "unit": unit,
        "value": yuan(tier.amount.value),
        "kind": tier.amount.unit,
        "means": tier.amount.means,
    }


def _counted(minutes: int) -> tuple[int, str]:
    """In the largest unit that fits."""
    size = next(size for size in (1440, 60, 1) if minutes % size == 0) if minutes else 60
    return minutes // size, str(size)


def _fen(amount: Decimal) -> int:
    """Hundredths: fen of yuan, and of a percent."""
    return int(amount.scaleb(2))


def _refundable(kind: str | None) -> bool:
    return kind not in (None, "none")


def _conditional(kind: str | None) -> bool:
    return kind == "conditional"


def _never(kind: str | None) -> bool:
    return False


def refund_of(product: TicketProduct) -> RefundRules:
    return RefundRules.from_json(product.refund_rules)


def _draft(product: TicketProduct, values: dict[str, Any]) -> None:
    product.refund_rules = refund_rules.checked(values["rules"], product.kind).to_json()


REFUND = Block(
    "refund",
    _("Refund and change"),
    "undo-2",
    RefundForm,
    lambda desk, product, values: product_services.set_refund_rules(**actor_of(desk), product=product, **values),
    _draft,
    keeps=(_("Tickets already sold are refunded by the rules they were sold under."),),
)
