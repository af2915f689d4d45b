"""Who owns the store, who else may open it when, and that either implementation reads what the other wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from edge import verifier
from paifang.records import Table

MAP = 1 << 22


@pytest.fixture
def environment(core: ModuleType, tmp_path: Path) -> Iterator[Any]:
    environment = core.Environment(str(tmp_path / "store"), MAP)
    yield environment
    environment.close()


def put(environment: Any, table: int, *rows: tuple[bytes, bytes]) -> None:
    txn = environment.begin()
    for key, value in rows:
        txn.put(table, key, value)
    txn.commit()


class TestOwnership:
    def test_a_second_open_in_this_process_is_refused(self, core: ModuleType, environment: Any) -> None:
        for name in verifier.MODULES:
            with pytest.raises(verifier.StoreError, match=f"already open by process {os.getpid()}$"):
                verifier.load(name).Environment(environment.path, MAP)
        put(environment, Table.META, (b"k", b"v"))

    def test_a_second_process_is_refused(self, core: ModuleType, environment: Any) -> None:
        code = (
            "import sys; from edge import verifier\n"
            "try: verifier.load(sys.argv[1]).Environment(sys.argv[2], 1 << 22)\n"
            "except verifier.StoreError as problem: print(problem, end='')"
        )
        asked = [sys.executable, "-c", code, core.IMPLEMENTATION, environment.path]
        said = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        assert said.stdout == f"{environment.path}: already open by process {os.getpid()}"

    def test_the_lock_goes_with_a_process_that_is_killed(self, core: ModuleType, tmp_path: Path) -> None:
        code = (
            "import os, signal, sys; from edge import verifier\n"
            "environment = verifier.load(sys.argv[1]).Environment(sys.argv[2], 1 << 22)\n"
            "txn = environment.begin(); txn.put(19, b'k', b'kept'); txn.commit()\n"
            "txn = environment.begin(); txn.put(19, b'k', b'lost')\n"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        asked = [sys.executable, "-c", code, core.IMPLEMENTATION, str(tmp_path)]
        assert subprocess.run(asked, check=False, cwd=Path(__file__).parents[2]).returncode == -9
        environment = core.Environment(str(tmp_path), MAP)
        assert environment.get(Table.META, b"k") == b"kept"
        put(environment, Table.META, (b"k", b"goes on"))
        environment.close()

    def test_closing_gives_it_up(self, core: ModuleType, tmp_path: Path) -> None:
        for n in range(3):
            environment = core.Environment(str(tmp_path / "a b 牌坊"), MAP)
            assert environment.get(Table.META, b"n") == (b"%d" % (n - 1) if n else None)
            put(environment, Table.META, (b"n", b"%d" % n))
            environment.close()
            environment.close()

    def test_a_closed_store_says_so(self, core: ModuleType, tmp_path: Path) -> None:
        environment = core.Environment(str(tmp_path), MAP)
        environment.close()
        calls = [
            lambda: environment.get(Table.META, b"k"), lambda: environment.scan(Table.META, b"", 1), environment.begin,
            lambda: environment.last(Table.META), lambda: environment.entries(Table.META), environment.used_permille,
            lambda: core.Verifier(environment, b"pepper"),
        ]  # fmt: skip
        for call in calls:
            with pytest.raises(core.StoreError, match="closed"):
                call()

    def test_an_unusable_directory_leaves_no_lock(self, core: ModuleType, tmp_path: Path) -> None:
        (tmp_path / "data.mdb").write_bytes(b"not a store" * 1000)
        for _ in range(2):
            with pytest.raises(core.StoreError) as caught:
                core.Environment(str(tmp_path), MAP)
            assert caught.value.code == -30793
        (tmp_path / "data.mdb").unlink()
        core.Environment(str(tmp_path), MAP).close()


@pytest.mark.parametrize(("writes", "reads"), [("compiled", "twin"), ("twin", "compiled")])
def test_each_opens_what_the_other_wrote(tmp_path: Path, writes: str, reads: str) -> None:
    rows = [(n.to_bytes(8, "big"), b"value %d" % n) for n in range(500)]
    environment = verifier.load(writes).Environment(str(tmp_path), MAP)
    for table in Table:
        put(environment, table, *rows)
    environment.close()
    environment = verifier.load(reads).Environment(str(tmp_path), MAP)
    for table in Table:
        assert environment.scan(table, b"", 9999) == rows
    put(environment, Table.USAGE, (b"from the other", b"1"))
    environment.close()
    environment = verifier.load(writes).Environment(str(tmp_path), MAP)
    assert environment.get(Table.USAGE, b"from the other") == b"1"
    environment.close()


def test_lmdb_itself_opens_what_the_core_wrote(core: ModuleType, tmp_path: Path) -> None:
    environment = core.Environment(str(tmp_path), MAP)
    put(environment, Table.META, (b"k", b"v"))
    environment.close()
    code = (
        "import lmdb, sys\n"
        "env = lmdb.open(sys.argv[1], max_dbs=32, lib_version=0, readonly=True)\n"
        "txn = env.begin(db=env.open_db(b'meta', create=False))\n"
        "print(env.lib_version()[:2], txn.get(b'k'), end='')"
    )
    said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert said.stdout == "(0, 9) b'v'"
