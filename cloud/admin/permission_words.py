"""What each permission is called, and in a sentence what it allows: for the matrix, by room."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cloud.staff.permissions import WHOLE_VENUE, Permission

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Words:
    """`whole_venue`: a grant limited to some stations does not give it."""

    permission: Permission
    title: Text
    allows: Text

    @property
    def whole_venue(self) -> bool:
        return self.permission in WHOLE_VENUE


ROOMS: tuple[tuple[Text, tuple[Words, ...]], ...] = (
    (
        _("Entrance"),
        (
            Words(Permission.LIVE_VIEW, _("See what happens"),
                  _("The live page, stations, devices and edges, and how they do.")),
            Words(Permission.STATION_SWITCH, _("Switch stations and lanes"),
                  _("Take a lane or a station out of service and put it back.")),
            Words(Permission.CASE_MANAGE, _("Decide conflicts"),
                  _("Review, close and reopen what the gates could not settle by themselves.")),
        ),
    ),
    (
        _("Tickets"),
        (
            Words(Permission.ORDER_VIEW, _("See orders and admissions"),
                  _("Visitors are shown masked, and found by number, name or ID number.")),
            Words(Permission.ORDER_ISSUE, _("Issue tickets"), _("Make orders with tickets that are valid at once.")),
            Words(Permission.ORDER_PASS, _("Show a ticket's code"),
                  _("Whoever holds the code can enter by it: show and print it.")),
            Words(Permission.ORDER_REVOKE, _("Revoke orders"),
                  _("Their tickets are refused at every gate; it cannot be undone.")),
            Words(Permission.ORDER_REISSUE, _("Replace a ticket's code"),
                  _("Give out a new code; the old one is refused from then on.")),
            Words(Permission.ORDER_REFUND, _("Refund tickets"),
                  _("Give tickets back by the rules they were sold under, and note that the money went back.")),
            Words(Permission.REFUND_REVIEW, _("Review refunds"), _("Agree to refunds that wait, or refuse them.")),
            Words(Permission.REFUND_OVERRIDE, _("Refund against the rules"),
                  _("Refund what is not refundable, with a reason that is kept.")),
            Words(Permission.ENTITLEMENT_MANAGE, _("Look after tickets"),
                  _("Activate, hand out and book them, attach cards and codes.")),
            Words(Permission.ENTITLEMENT_LOCK, _("Lock and freeze tickets"),
                  _("Stop a ticket at every gate while something is decided, and let it go on.")),
            Words(Permission.ENTITLEMENT_EXPLAIN, _("Ask a gate why"),
                  _("Have a gate say, check by check, why it would refuse something.")),
            Words(Permission.PERSONAL_VIEW, _("Unmask visitors"),
                  _("See a visitor's whole name and ID number, one at a time, with a reason that is kept.")),
        ),
    ),
    (
        _("Venue"),
        (
            Words(Permission.PRODUCT_MANAGE, _("Manage products"),
                  _("What is sold, for how much, and where it is verified.")),
            Words(Permission.STATION_MANAGE, _("Manage stations and devices"),
                  _("Create, rename and move them, join them to groups, choose what they verify.")),
            Words(Permission.EDGE_MANAGE, _("Manage edges"),
                  _("Enrol the entrances' computers, cut one off, retire one.")),
            Words(Permission.VENUE_MANAGE, _("Manage the venue"),
                  _("Its names, capacity and business day.")),
            Words(Permission.KEY_MANAGE, _("Manage signing keys"),
                  _("Renew the keys tickets are signed with, or kill one that got out.")),
        ),
    ),
    (
        _("People and system"),
        (
            Words(Permission.STAFF_MANAGE, _("Manage employees and roles"),
                  _("Take people on, give roles and one-time passwords; never more than one has oneself.")),
            Words(Permission.AUDIT_VIEW, _("Read the audit"), _("Who did what at the venue, of everybody.")),
            Words(Permission.LIST_SHARE, _("Share saved filters"),
                  _("Keep a filtered list under a name for everybody at the venue.")),
        ),
    ),
)  # fmt: skip


def words() -> Iterator[Words]:
    """Of all permissions, in the matrix's order."""
    for _room, entries in ROOMS:
        yield from entries


def title_of(code: str) -> str:
    """A permission by its code, in words; the code where there are none."""
    return next((str(one.title) for one in words() if one.permission.value == code), code)
