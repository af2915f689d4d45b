"""Who comes to a gate and with what: plain values, and codes nobody sold."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloud.core.idnumber import check_character
from paifang import passes, rotating

# What a day's visits are made of. The odd ones are rarer at a real gate; here each should be seen.
MIX = {
    "adult": 34,
    "child": 8,
    "family": 12,
    "combined": 7,
    "cable": 8,
    "id_card": 9,
    "annual": 5,
    "rides": 4,
    "package": 4,
    "timed": 5,
    "night": 3,
    "live_code": 8,
    "picture": 3,
    "goes": 5,
    "leaves": 10,
    "repeat": 6,
    "replaced": 3,
    "stale": 3,
    "revoked": 3,
    "wrong_station": 2,
    "forged": 2,
    "altered": 2,
    "foreign": 3,
}
HESITATE, TURN_BACK = 0.04, 0.03  # shares of those who may walk


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody, or a family on one pass, on the way to a gate.

    Attributes:
        kind: a key of MIX.
        group: key of the exclusion group whose lanes it goes to ("gates", "cable", "out").
        label: written on its bodies: the entitlement's id, or something no ticket is called.
        line: what the scanner reads; empty when an ID card is shown.
        live: of a rotating pass, as issued and its key of the day: the phone makes the line when it is shown.
        card: ID number and name.
        behaviour: of each body: walk, hesitate, turn_back.
        good: they have a right to enter, and try again when they did not get in.
        then: what follows once they are in: the same pass shown again, at the cable car, or at the exit.
    """

    kind: str
    group: str
    label: str
    line: bytes = b""
    card: tuple[str, str] | None = None
    live: tuple[bytes, bytes] | None = None
    bodies: int = 1
    behaviour: str = "walk"
    good: bool = True
    then: Visit | None = None
    tries: int = 1

    def shown(self, now_ms: int) -> bytes:
        """What the scanner reads now."""
        return self.line if self.live is None else rotating.line(*self.live, now_ms)

    def again(self) -> Visit:
        """The same people once more, decided this time."""
        return replace(self, behaviour="walk", tries=self.tries + 1)


def draw(count: int, source: random.Random) -> list[str]:
    """`count` kinds by MIX."""
    return source.choices(list(MIX), list(MIX.values()), k=count)


def behaviour(source: random.Random) -> str:
    """What somebody with a good pass does before the open arms."""
    what = source.random()
    return "hesitate" if what < HESITATE else "turn_back" if what < HESITATE + TURN_BACK else "walk"


def forged(genuine: bytes, source: random.Random) -> bytes:
    """A pass that says it is signed by the key of `genuine` (a raw pass) and is not."""
    shown = passes.parse(genuine)
    claims = replace(shown.claims, entitlement_id=secrets.randbits(62))
    key_id = shown.key_id if source.random() < 0.5 else shown.key_id ^ 0x5555
    signature = Ed25519PrivateKey.generate().sign(passes.signed_bytes(key_id, claims))
    return passes.line(passes.assemble(key_id, claims, signature))


def altered(genuine: bytes) -> bytes:
    """The same pass claiming to admit three more people, its signature as it was."""
    shown = passes.parse(genuine)
    claims = replace(shown.claims, persons=shown.claims.persons + 3)
    return passes.line(passes.assemble(shown.key_id, claims, shown.signature))


def foreign(source: random.Random) -> bytes:
    """What people hold before a scanner that is no ticket: an address, a payment code, noise."""
    return source.choice(
        (
            b"https://shop.example/order/%d" % source.randrange(10**8),
            b"%018d" % source.randrange(13 * 10**16, 14 * 10**16),
            bytes(source.randrange(33, 127) for _ in range(source.randrange(3, 60))),
        )
    )


def id_number(source: random.Random) -> str:
    """A well-formed resident ID number (GB 11643) of a region that does not exist, so nobody's."""
    digits = f"99{source.randrange(10**4):04d}19{source.randrange(55, 99)}{source.randrange(1, 13):02d}"
    digits += f"{source.randrange(1, 29):02d}{source.randrange(1000):03d}"
    return digits + check_character(digits)
