"""What can be done with one ticket of an order, and what gates will do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit.depends import Depends
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.section import actor_of
from cloud.admin.kit.text import named
from cloud.admin.sections.rule_fields import period
from cloud.admin.sections.ticket_state import Ticket, kinds
from cloud.bookings.services import book_visit, cancel_visit
from cloud.core.business_day import calendar_of
from cloud.entitlements import attach, lifecycle
from cloud.entitlements.models import Entitlement
from cloud.sales import terms
from cloud.sales.models import RefundCase
from cloud.staff.permissions import Permission
from cloud.venues.models import Station
from cloud.venues.workplaces import workplaces
from paifang.records import CredentialKind
from paifang.rulesets import Activation, RuleFlag

_State = Entitlement.State
_CARDS = (CredentialKind.CARD_UID, CredentialKind.MEMBER, CredentialKind.CHANNEL)
_QUIET = {"autocomplete": "off", "spellcheck": "false"}


@dataclass(frozen=True, slots=True)
class TicketAction:
    """One thing to do. `says`: what will follow. `done` is said afterwards. `form` asks for what it needs."""

    key: str
    verb: str | Promise
    icon: str
    permission: Permission
    fits: Callable[[Ticket], bool]
    says: Callable[[Ticket], Iterable[str]]
    done: str | Promise
    run: Callable[[Desk, Ticket, dict[str, Any]], object]
    form: type[SectionForm] | None = None
    grave: bool = False


class CollectForm(SectionForm):
    """As which station: one that hands this product out, else it is refused (S-08)."""

    station = forms.ModelChoiceField(Station.objects.none(), label=gettext_lazy("Station"), required=False)
    where = forms.CharField(
        label=gettext_lazy("Where"), max_length=80, required=False,
        help_text=gettext_lazy("The counter or kiosk, for the record."), widget=forms.TextInput(attrs=_QUIET),
    )  # fmt: skip

    def prepare(self) -> None:
        field, needed = self.fields["station"], Permission.ENTITLEMENT_MANAGE
        field.queryset = workplaces(self.desk.actor, self.desk.venue, needed)  # type: ignore[attr-defined]
        field.label_from_instance = named  # type: ignore[attr-defined]
        field.required = not self.desk.reach(needed).everywhere


class WhyForm(SectionForm):
    why = forms.CharField(
        label=gettext_lazy("Why"), max_length=200, help_text=gettext_lazy("Kept in the audit with your name."),
        widget=forms.TextInput(attrs=_QUIET),
    )  # fmt: skip


class BookForm(SectionForm):
    """`row` is a Ticket: its product's slots on the days it is valid."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    slot = forms.TypedChoiceField(label=gettext_lazy("Slot"), coerce=int, empty_value=None)

    def prepare(self) -> None:
        ticket: Ticket = self.row
        calendar, slots = calendar_of(self.desk.venue), ticket.product.slots
        entitlement = ticket.entitlement
        first = max(calendar.day(entitlement.not_before), calendar.day(timezone.now()))
        last = calendar.day(entitlement.not_after)
        day = self.fields["day"]
        day.initial = calendar.day(entitlement.slot_from) if entitlement.slot_from else first
        day.widget.attrs.update(min=first.isoformat(), max=last.isoformat())
        self.fields["slot"].choices = [("", "–"), *((one.start, period(one)) for one in slots)]  # type: ignore[attr-defined]

        def on(day: date | None) -> list[int]:
            return [one.start for one in slots if day is None or not one.days or day.weekday() in one.days]

        self.depends = (Depends("slot", ("day",), shown=lambda _day: bool(slots), choices=on),)


class AttachForm(SectionForm):
    """`row` is a Ticket: what its rules let gates take."""

    kind = forms.TypedChoiceField(label=gettext_lazy("Kind"), coerce=int)
    value = forms.CharField(
        label=gettext_lazy("Number or code"), max_length=80,
        help_text=gettext_lazy("As a reader reads it: a card's number in hex, say 04:A3:2F:1C."),
        widget=forms.TextInput(attrs=_QUIET),
    )  # fmt: skip

    def prepare(self) -> None:
        names = kinds()
        self.fields["kind"].choices = [(int(kind), names[kind]) for kind in _attachable(self.row)]  # type: ignore[attr-defined]


def _attachable(ticket: Ticket) -> list[CredentialKind]:
    return [kind for kind in _CARDS if ticket.takes(kind)]


# --- what will follow -------------------------------------------------------------------------------------------------


def _says_activate(ticket: Ticket) -> Iterable[str]:
    yield _("Gates admit it from now on, as its other rules allow; until now they refused it as not activated.")
    if ticket.rules.activation == Activation.HOLDER:
        yield _("Its holder could do this too, on the ticket's page on their phone.")
    yield _("It cannot be undone.")


def _says_collect(_ticket: Ticket) -> Iterable[str]:
    yield _("Gates admit it from now on, as its other rules allow; until now they refused it as not collected.")
    yield _("It cannot be undone.")


def _says_book(ticket: Ticket) -> Iterable[str]:
    rules = ticket.product
    if rules.early_minutes or rules.late_minutes:
        tolerance = {"early": rules.early_minutes, "late": rules.late_minutes}
        text = _("Gates admit it in the booked slot, and up to %(early)d minutes before and %(late)d minutes after it.")
        yield text % tolerance
    else:
        yield _(
            "Gates admit it in the booked slot or on the booked day alone; before it is too early, then it is over."
        )
    if ticket.entitlement.slot_from is not None:
        yield _("The booking it has now is replaced.")


def _says_unbook(_ticket: Ticket) -> Iterable[str]:
    yield _("Gates refuse it as not booked until another day or slot is booked.")
    yield _("Its place is free for others at once.")


def _says_freeze(_ticket: Ticket) -> Iterable[str]:
    yield _("Every gate refuses it as frozen within a moment, whatever is shown: its code, a card, an ID card.")
    yield _("Whoever is inside stays inside. It can be unfrozen at any time.")


def _says_lock(_ticket: Ticket) -> Iterable[str]:
    yield _("Every gate refuses it as being refunded within a moment, whatever is shown.")
    yield _("Nothing is paid back by this. It can be unlocked again.")


def _says_let_go(_ticket: Ticket) -> Iterable[str]:
    yield _("Gates admit it again within a moment, as its rules allow. Uses already made stay counted.")


def _says_attach(_ticket: Ticket) -> Iterable[str]:
    yield _("Within a moment every gate takes it for this ticket; the ticket's own code stays good.")
    yield _("If it stands for other tickets too, a gate takes the one that admits and ends first.")


def _says_short(_ticket: Ticket) -> Iterable[str]:
    yield _("A code of twelve characters to be typed at a lane by hand; the ticket's own code stays good.")
    yield _("It is shown beside the QR code, to whoever may see that.")


# --- what is done -----------------------------------------------------------------------------------------------------


def _service(service: Callable[..., object], *names: str) -> Callable[[Desk, Ticket, dict[str, Any]], object]:
    def run(desk: Desk, ticket: Ticket, values: dict[str, Any]) -> object:
        given = {name: values[name] for name in names}
        return service(**actor_of(desk), entitlement=ticket.entitlement, **given)

    return run


def _book(desk: Desk, ticket: Ticket, values: dict[str, Any]) -> object:
    line = ticket.unit.line
    return book_visit(
        **actor_of(desk), entitlement=ticket.entitlement, day=values["day"], start=values["slot"],
        card=terms.read(line.terms).card if line is not None else None,
    )  # fmt: skip


def _attach(desk: Desk, ticket: Ticket, values: dict[str, Any]) -> object:
    return attach.attach(
        **actor_of(desk), entitlement=ticket.entitlement, kind=CredentialKind(values["kind"]), value=values["value"]
    )


def _refund_waits(ticket: Ticket) -> bool:
    """Then it is agreed to or refused, which unlocks the ticket: not here."""
    return ticket.unit.refunds.filter(case__state=RefundCase.State.WAITING).exists()


def _in(state: Entitlement.State) -> Callable[[Ticket], bool]:
    return lambda ticket: ticket.stands and ticket.state == state


_MANAGE, _LOCK = Permission.ENTITLEMENT_MANAGE, Permission.ENTITLEMENT_LOCK
ACTIONS = (
    TicketAction(
        "activate", pgettext_lazy("ticket", "Activate"), "badge-check", _MANAGE,
        lambda one: one.stands and one.rules.activation != Activation.NONE and one.entitlement.activated_at is None,
        _says_activate, gettext_lazy("Ticket %(position)s is activated."), _service(lifecycle.activate),
    ),
    TicketAction(
        "collect", gettext_lazy("Hand out"), "hand", _MANAGE,
        lambda one: one.stands and one.asks(RuleFlag.COLLECT_FIRST) and one.entitlement.collected_at is None,
        _says_collect, gettext_lazy("Ticket %(position)s is handed out."),
        _service(lifecycle.mark_collected, "where", "station"),
        CollectForm,
    ),
    TicketAction(
        "book", gettext_lazy("Book"), "calendar-check", _MANAGE,
        lambda one: one.stands and one.asks(RuleFlag.BOOK_FIRST),
        _says_book, gettext_lazy("Ticket %(position)s is booked."), _book, BookForm,
    ),
    TicketAction(
        "unbook", gettext_lazy("Take the booking back"), "calendar-x", _MANAGE,
        lambda one: one.stands and one.asks(RuleFlag.BOOK_FIRST) and one.entitlement.slot_from is not None,
        _says_unbook, gettext_lazy("Ticket %(position)s is no longer booked."), _service(cancel_visit),
    ),
    TicketAction(
        "attach", gettext_lazy("Attach a card or code"), "id-card", _MANAGE,
        lambda one: one.stands and bool(_attachable(one)) and len(one.credentials) < attach.MAX_CREDENTIALS,
        _says_attach, gettext_lazy("Gates take it for ticket %(position)s now."), _attach, AttachForm,
    ),
    TicketAction(
        "short-code", gettext_lazy("Make a short code"), "keyboard", _MANAGE,
        lambda one: one.stands
        and one.takes(CredentialKind.SHORT)
        and all(held.kind != CredentialKind.SHORT for held in one.credentials),
        _says_short, gettext_lazy("Ticket %(position)s has a short code."), _service(attach.make_short_code),
    ),
    TicketAction(
        "freeze", gettext_lazy("Freeze"), "snowflake", _LOCK, _in(_State.ACTIVE), _says_freeze,
        gettext_lazy("Ticket %(position)s is frozen."), _service(lifecycle.freeze, "why"), WhyForm, grave=True,
    ),
    TicketAction(
        "unfreeze", gettext_lazy("Unfreeze"), "sun", _LOCK, _in(_State.FROZEN), _says_let_go,
        gettext_lazy("Ticket %(position)s is no longer frozen."), _service(lifecycle.unfreeze, "why"), WhyForm,
    ),
    TicketAction(
        "lock", gettext_lazy("Lock for a refund"), "lock", _LOCK, _in(_State.ACTIVE), _says_lock,
        gettext_lazy("Ticket %(position)s is locked."), _service(lifecycle.lock, "why"), WhyForm, grave=True,
    ),
    TicketAction(
        "unlock", gettext_lazy("Unlock"), "lock-open", _LOCK,
        lambda one: one.stands and one.state == _State.LOCKED and not _refund_waits(one), _says_let_go,
        gettext_lazy("Ticket %(position)s is no longer locked."), _service(lifecycle.unlock, "why"), WhyForm,
    ),
)  # fmt: skip
_BY_KEY = {action.key: action for action in ACTIONS}


def find(key: str) -> TicketAction | None:
    return _BY_KEY.get(key)


def offered(desk: Desk, ticket: Ticket) -> list[TicketAction]:
    """What this employee can do with it now."""
    return [action for action in ACTIONS if desk.may(action.permission) and action.fits(ticket)]
