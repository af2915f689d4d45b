"""Signing keys: what the venue's passes and its messages to the gates are signed with. Renewed, and killed if lost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from cloud.admin.desk import Desk
from cloud.admin.kit import filters
from cloud.admin.kit.forms import SectionForm
from cloud.admin.kit.pill import Pill, Tone
from cloud.admin.kit.registry import register
from cloud.admin.kit.section import Action, Section, Value, actor_of
from cloud.entitlements import keys
from cloud.entitlements.models import Entitlement, SigningKey
from cloud.staff.permissions import Permission

PURPOSES = (
    ("pass", _("Passes (QR codes)")),
    ("feed", _("Messages to the gates")),
    ("root", _("The key the others are vouched for by")),
)


class KillForm(SectionForm):
    why = forms.CharField(label=_("Why"), max_length=200, help_text=_("Kept in the audit."))


def _label(key: SigningKey) -> str:
    return f"{dict(PURPOSES)[key.purpose]} · {key.key_id}"


def state_pill(key: SigningKey) -> Pill:
    now = timezone.now()
    if key.killed_at is not None:
        return Pill(str(_("Killed")), Tone.BAD, "ban")
    if key.not_after < now:
        return Pill(str(_("Expired")), Tone.IDLE, "clock")
    if key.not_before > now:
        return Pill(str(_("Takes over soon")), Tone.BUSY, "hourglass")
    return Pill(str(_("Valid")), Tone.GOOD, "shield-check")


def _living(key: SigningKey) -> bool:
    return key.purpose != SigningKey.Purpose.ROOT and key.killed_at is None and key.not_after > timezone.now()


def _fingerprint(key: SigningKey) -> str:
    """The first half of the public key's SHA-256, to compare with what a gate prints."""
    digest = hashlib.sha256(bytes(key.public)).hexdigest()[:32]
    return " ".join(digest[at : at + 4] for at in range(0, len(digest), 4))


def _says_renewed(desk: Desk, rows: Sequence[Any]) -> Iterable[Any]:
    minutes = keys.LEAD.seconds // 60
    yield _("A new key takes over in %(minutes)d minutes, once every connected gate holds it.") % {"minutes": minutes}
    yield _("Tickets sold until now stay good: this key stays valid. No code is given out anew.")


def _says_killed(desk: Desk, rows: Sequence[Any]) -> Iterable[Any]:
    key = rows[0]
    yield _("Nothing signed with key %(key)s counts any more, from the moment a gate hears of it.") % {
        "key": key.key_id
    }
    if key.purpose == SigningKey.Purpose.PASS:
        tickets = Entitlement.objects.filter(
            venue=desk.venue, pass_key_id=key.key_id, not_after__gte=timezone.now()
        ).count()
        yield ngettext_lazy(
            "%(tickets)d ticket that is still valid was signed with it.",
            "%(tickets)d tickets that are still valid were signed with it.",
            tickets,
        ) % {"tickets": tickets}
        yield _(
            "Gates that hold a ticket's record go on admitting it; where it is not there yet the ticket is refused."
        )
    else:
        yield _("Gates take no message of this key any more; a successor signs at once if it was the last.")
    yield _("It cannot be undone. Do it if somebody else may have the key; to renew it, choose Renew instead.")


VALUES = (
    Value("name", _("Key"), _label, main=True),
    Value("state", _("State"), state_pill),
    Value("number", _("Number"), lambda one: str(one.key_id), order=("key_id",), numeric=True),
    Value("from", _("Valid from"), lambda one: one.not_before, order=("not_before",)),
    Value("until", _("Valid until"), lambda one: one.not_after, order=("not_after",)),
    Value("killed", _("Killed at"), lambda one: one.killed_at, order=("killed_at",)),
    Value("fingerprint", _("Fingerprint"), _fingerprint, listed=False),
)


KEYS = register(
    Section(
        key="keys",
        group="system",
        icon="key-round",
        title=_("Signing keys"),
        one=_("Signing key"),
        view=Permission.KEY_MANAGE,
        rows=lambda desk: SigningKey.objects.filter(venue=desk.venue),
        label=_label,
        values=VALUES,
        order=("purpose", "-not_before"),
        filters={"purpose": filters.choice(_("Purpose"), "purpose", PURPOSES)},
        state=state_pill,
        actions=(
            Action(
                "renew", _("Renew"), Permission.KEY_MANAGE, _says_renewed, _("Renewed: %(name)s"),
                run=lambda desk, row, values: keys.rotate(**actor_of(desk), purpose=row.purpose),
                fits=_living, icon="refresh-cw", bulk=False,
            ),
            Action(
                "kill", _("Kill"), Permission.KEY_MANAGE, _says_killed, _("Killed: %(name)s"),
                run=lambda desk, row, values: keys.kill(
                    **actor_of(desk), purpose=row.purpose, key_id=row.key_id, why=values["why"]
                ),
                fits=_living, form=KillForm, icon="ban", grave=True, bulk=False,
            ),
        ),
        empty=_("Keys are made with the venue."),
        place=20,
    )
)  # fmt: skip
