"""Who acts: an employee, or a named part of the system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser


@dataclass(frozen=True, slots=True)
class Actor:
    """Passed to every service as `actor`. Without an employee it is trusted code acting by itself."""

    employee: AbstractBaseUser | None
    name: str

    @classmethod
    def system(cls, name: str = "system") -> Actor:
        """Trusted code: a job, the demo, an edge speaking through its certificate ("edge West gate")."""
        return cls(None, name)

    @classmethod
    def of(cls, user: Any) -> Actor:
        """The actor behind a request's user.

        Raises:
            ValueError: nobody is logged in. A view lets only logged-in users come this far.
        """
        if not user.is_authenticated:
            raise ValueError("an anonymous user cannot act")
        return cls(user, user.get_full_name() or user.get_username())
