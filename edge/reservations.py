"""Uses reserved and not yet on the disk: the overlay through which the verifier sees them at once.

Reservations on one usage record form a chain, each made from the one before. A chain breaks when one of
its members is not committed: those behind it were made from a value that never came to be and will conflict.
The overlay then goes back to the store, and what is decided from there starts a new chain.
"""

from __future__ import annotations


class Chain:
    """The reservations on one usage record that are on their way to the disk."""

    __slots__ = ("key", "pending")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.pending = 0


class Reservations:
    """Keeps Verifier.inflight true. Belongs to the trio thread."""

    def __init__(self, overlay: dict[bytes, bytes]) -> None:
        self._overlay = overlay
        self._chains: dict[bytes, Chain] = {}

    def __len__(self) -> int:
        """Usage records with a reservation on its way."""
        return len(self._chains)

    def reserve(self, key: bytes, usage: bytes) -> Chain:
        """From now on the verifier decides on `usage`."""
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = Chain(key)
        chain.pending += 1
        self._overlay[key] = usage
        return chain

    def release(self, chain: Chain, *, committed: bool) -> None:
        """A reservation was answered. The store speaks again once it holds the chain's end, or will never."""
        chain.pending -= 1
        if self._chains.get(chain.key) is chain and (not committed or chain.pending == 0):
            del self._chains[chain.key]
            del self._overlay[chain.key]
