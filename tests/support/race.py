"""Lets functions run against each other: real threads, each with its own database connection."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection
from django_scopes import scope

DEADLINE_S = 60


def race(venue: Any, *functions: Callable[[], Any]) -> list[Any]:
    """Starts the functions at one instant, each in a thread within the venue's scope.

    What each returned, or the exception it raised, in the functions' order. Needs `django_db(transaction=True)`.
    """
    line = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)

    def run(place: int, function: Callable[[], Any]) -> None:
        try:
            with scope(venue=venue):
                connection.ensure_connection()
                line.wait(DEADLINE_S)
                results[place] = function()
        except Exception as problem:  # noqa: BLE001 - handed to the test, which asserts what it is
            results[place] = problem
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive(), "a transaction never ended"
    return results
