"""Who this edge is: its key, certificate, the authority it trusts, and what the cloud said at enrolment.

Files under `<state>/identity` (0700): `edge.key` and `pepper` (0600), `edge.pem`, `authority.pem` and, written
last, `identity.json`: without it there is no identity.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.errors import NotEnrolledError


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled edge. PEM fields are bytes as gRPC wants them; keys are raw."""

    edge_id: int
    venue_id: int
    root_key: bytes  # Ed25519, 32 bytes
    gates_address: str
    pepper_version: int
    pepper: bytes  # 32 bytes
    key_pem: bytes
    certificate_pem: bytes
    authority_pem: bytes


def folder(state: Path) -> Path:
    return state / "identity"


def load(state: Path) -> Identity:
    """Reads it. Raises NotEnrolledError when there is none, or it is not whole."""
    at = folder(state)
    if not (at / "identity.json").exists():
        raise NotEnrolledError(
            f"{at} holds no identity: enrol this edge first (paifang edge enrol --config FILE TOKEN)"
        )
    try:
        said = json.loads((at / "identity.json").read_text())
        return Identity(
            edge_id=int(said["edge_id"]),
            venue_id=int(said["venue_id"]),
            root_key=bytes.fromhex(said["root_key"]),
            gates_address=str(said["gates_address"]),
            pepper_version=int(said["pepper_version"]),
            pepper=(at / "pepper").read_bytes(),
            key_pem=(at / "edge.key").read_bytes(),
            certificate_pem=(at / "edge.pem").read_bytes(),
            authority_pem=(at / "authority.pem").read_bytes(),
        )
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise NotEnrolledError(f"the identity in {at} is not whole ({problem}): enrol this edge again") from problem


def whose(state: Path) -> tuple[int, int] | None:
    """The edge and the venue a state folder belongs to, be its identity whole or not; None where nothing says so."""
    try:
        said = json.loads((folder(state) / "identity.json").read_text())
        return int(said["edge_id"]), int(said["venue_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(state: Path, identity: Identity) -> None:
    """Writes it durably, secrets readable by their owner only."""
    at = folder(state)
    at.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(at / "edge.key", identity.key_pem, 0o600)
    write(at / "pepper", identity.pepper, 0o600)
    write(at / "edge.pem", identity.certificate_pem, 0o644)
    write(at / "authority.pem", identity.authority_pem, 0o644)
    said = asdict(identity)
    for part in ("pepper", "key_pem", "certificate_pem", "authority_pem"):
        del said[part]
    said["root_key"] = identity.root_key.hex()
    write(at / "identity.json", json.dumps(said, indent=1).encode() + b"\n", 0o644)


def key(state: Path) -> ec.EllipticCurvePrivateKey:
    """This edge's P-256 key; made on first use. It never leaves the machine.

    Raises NotEnrolledError where a file that is no such key is in its place, or none can be kept there.
    """
    at = folder(state)
    path = at / "edge.key"
    try:
        at.mkdir(parents=True, exist_ok=True, mode=0o700)
        if path.exists():
            held = serialization.load_pem_private_key(path.read_bytes(), None)
            if not isinstance(held, ec.EllipticCurvePrivateKey):
                raise ValueError("another kind of key")
            return held
        fresh = ec.generate_private_key(ec.SECP256R1())
        write(path, key_pem(fresh), 0o600)
        return fresh
    except OSError as problem:
        raise NotEnrolledError(f"this edge's key cannot be kept: {problem}") from problem
    except (ValueError, TypeError, UnsupportedAlgorithm) as problem:
        raise NotEnrolledError(f"{path} is not a P-256 key: remove it and enrol again") from problem


def key_pem(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write(path: Path, data: bytes, mode: int) -> None:
    """Replaces a file as a whole: never half of it, never readable by more than `mode` says, on disk on return."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
