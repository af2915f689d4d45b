"""Fuzzes one target with atheris: `python -m tests.fuzz.run TARGET [-runs=N] [-max_total_time=S] [FOLDER...]`.

The arguments after the target are libFuzzer's. Corpus: tests/fuzz/corpus/TARGET, which is read and never written.
    python -m tests.fuzz.run --seeds     writes the corpus anew
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["paifang", "edge._case_py", "edge._credentials_py", "edge._rules_py"]):
    from tests.fuzz.targets import TARGETS, seeds

CORPUS = Path(__file__).with_name("corpus")


def write_seeds() -> None:
    for target, values in seeds().items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, value in enumerate(values, start=1):
            (folder / f"{number:02}").write_bytes(value)


def main(arguments: list[str]) -> int:
    if arguments == ["--seeds"]:
        write_seeds()
        return 0
    if not arguments or arguments[0] not in TARGETS:
        print(f"which target? {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    target, *options = arguments
    with tempfile.TemporaryDirectory() as found:  # libFuzzer writes what it finds into its first folder
        atheris.Setup([target, "-print_final_stats=0", *options, found, str(CORPUS / target)], TARGETS[target])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
