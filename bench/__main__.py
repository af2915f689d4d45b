"""The speed suite: `python -m bench [names]` prints a table and writes bench/results/latest.json."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable

from bench import admit, claims, console, contended, verify, wire
from bench.results import FILE, Result, save, table

BENCHES: dict[str, Callable[[], Iterable[Result]]] = (
    verify.BENCHES | contended.BENCHES | admit.BENCHES | wire.BENCHES | claims.BENCHES | console.BENCHES
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHES)}; all of them without")
    names = parser.parse_args().names or list(BENCHES)
    for name in names:
        if name not in BENCHES:
            parser.error(f"there is no bench {name!r}: choose of {', '.join(BENCHES)}")
    results: list[Result] = []
    for name in names:
        start = time.monotonic()
        results += BENCHES[name]()
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    save(results)
    print(f"\n{table(results)}\n\n{FILE}")


if __name__ == "__main__":
    main()
