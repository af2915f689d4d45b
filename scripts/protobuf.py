"""Generates the protobuf and gRPC code beside its .proto files, or checks that it is fresh.

python scripts/protobuf.py            writes proto/paifang/{v1,etcd}/*_pb2*.py
python scripts/protobuf.py --check    generates elsewhere and compares; exit code 1 names what differs
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
PACKAGES = (Path("paifang/v1"), Path("paifang/etcd"))


def generate(into: Path) -> None:
    """Runs the compiler over every .proto of the packages."""
    protos = sorted(
        str(path.relative_to(SOURCES)) for package in PACKAGES for path in (SOURCES / package).glob("*.proto")
    )
    outputs = [f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")]
    arguments = ["protoc", f"-I{SOURCES}", *outputs, *protos]
    if protoc.main(arguments) != 0:
        sys.exit("the protobuf compiler failed; its message is above")


def differing(fresh: Path) -> list[str]:
    """Generated files, from the source root, that differ from the committed ones or exist on one side only."""
    names = {
        str(path.relative_to(root))
        for root in (fresh, SOURCES)
        for package in PACKAGES
        for path in (root / package).glob("*_pb2*.py*")
    }
    return sorted(name for name in names if _content(fresh / name) != _content(SOURCES / name))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def main(arguments: list[str]) -> int:
    if arguments != ["--check"]:
        generate(SOURCES)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = differing(Path(folder))
    for name in stale:
        print(f"not fresh: {(SOURCES / name).relative_to(ROOT)} (make proto)")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
