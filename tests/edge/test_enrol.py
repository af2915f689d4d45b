"""Enrolment: the edge's own key, the pin before anything is said, one token for one key."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from edge import __main__ as command
from edge import identity
from edge.enrol import Token, chain_at, enrol
from edge.errors import EnrolError, NotEnrolledError, PinError, TokenError
from tests.support.fake_cloud import EDGE, PEPPER, VENUE, FakeCloud

ED25519_PEM = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud().start()
    yield cloud
    cloud.stop()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_an_edge_enrols(tmp_path: Path, cloud: FakeCloud) -> None:
    enrolled = enrol(tmp_path, cloud.enrol_address, Token.parse(cloud.token()), "1.2.3")
    assert (enrolled.edge_id, enrolled.venue_id, enrolled.pepper) == (EDGE, VENUE, PEPPER)
    assert enrolled.root_key == bytes(cloud.root.verify_key)
    assert enrolled.gates_address == cloud.gates_address
    assert identity.load(tmp_path) == enrolled
    folder = tmp_path / "identity"
    assert [mode(folder), mode(folder / "edge.key"), mode(folder / "pepper")] == [0o700, 0o600, 0o600]
    assert sorted(path.name for path in folder.iterdir()) == [
        "authority.pem", "edge.key", "edge.pem", "identity.json", "pepper",
    ]  # fmt: skip
    key = serialization.load_pem_private_key(enrolled.key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert x509.load_pem_x509_certificate(enrolled.certificate_pem).public_key() == key.public_key()
    told = (folder / "identity.json").read_text()
    assert PEPPER.hex() not in told
    assert "PRIVATE" not in told


def test_a_lost_answer_is_asked_for_again_with_the_same_key(tmp_path: Path, cloud: FakeCloud) -> None:
    token = Token.parse(cloud.token())
    first = enrol(tmp_path, cloud.enrol_address, token, "1")
    for path in (tmp_path / "identity").iterdir():
        if path.name != "edge.key":  # as if the answer had never come
            path.unlink()
    with pytest.raises(NotEnrolledError, match="holds no identity"):
        identity.load(tmp_path)
    assert enrol(tmp_path, cloud.enrol_address, token, "1") == first
    assert cloud.enrolments == 2


def test_a_used_token_with_another_key_is_refused(tmp_path: Path, cloud: FakeCloud) -> None:
    token = Token.parse(cloud.token())
    enrol(tmp_path / "one", cloud.enrol_address, token, "1")
    with pytest.raises(EnrolError, match=r"Another device has used this token\. \(PERMISSION_DENIED\)"):
        enrol(tmp_path / "two", cloud.enrol_address, token, "1")
    assert not (tmp_path / "two" / "identity" / "identity.json").exists()


def test_a_wrong_fingerprint_is_refused_before_anything_is_sent(tmp_path: Path, cloud: FakeCloud) -> None:
    secret = cloud.token().split(".")[0]
    with pytest.raises(PinError, match="nothing was sent to it"):
        enrol(tmp_path, cloud.enrol_address, Token(secret, "ab" * 32), "1")
    assert cloud.enrolments == 0
    assert not (tmp_path / "identity").exists()


def test_a_stranger_who_shows_the_right_authority_cannot_speak_for_it(tmp_path: Path, cloud: FakeCloud) -> None:
    """It sends our authority's certificate along, but its own key is not of it: the handshake fails."""
    stranger = FakeCloud()
    stranger.shown_after = cloud.authority.pem
    stranger.start()
    try:
        with pytest.raises(EnrolError, match="UNAVAILABLE"):
            enrol(tmp_path, stranger.enrol_address, Token.parse(cloud.token()), "1")
    finally:
        stranger.stop()
    assert stranger.enrolments == 0


def test_nobody_there(tmp_path: Path, cloud: FakeCloud) -> None:
    address = cloud.enrol_address
    cloud.stop()
    with pytest.raises(EnrolError, match=f"no TLS answer at the enrol address {address}"):
        enrol(tmp_path, address, Token.parse(cloud.token()), "1")


def test_the_chain_has_the_authority(cloud: FakeCloud) -> None:
    chain = chain_at(cloud.enrol_address)
    assert cloud.authority.certificate.public_bytes(serialization.Encoding.DER) in chain


def test_a_state_folder_stays_its_edges(tmp_path: Path, cloud: FakeCloud) -> None:
    enrol(tmp_path, cloud.enrol_address, Token.parse(cloud.token()), "1")
    path = tmp_path / "identity" / "identity.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"edge_id": 99}))
    with pytest.raises(EnrolError, match="belongs to edge 99 of venue 5; the token is for edge 7 of venue 5"):
        enrol(tmp_path, cloud.enrol_address, Token.parse(cloud.token()), "1")
    assert identity.load(tmp_path).edge_id == 99


def test_half_an_identity_says_so(tmp_path: Path, cloud: FakeCloud) -> None:
    enrol(tmp_path, cloud.enrol_address, Token.parse(cloud.token()), "1")
    (tmp_path / "identity" / "pepper").unlink()
    with pytest.raises(NotEnrolledError, match="is not whole"):
        identity.load(tmp_path)
    again = enrol(tmp_path, cloud.enrol_address, Token.parse(cloud.token()), "1")  # what the message told to do
    assert identity.load(tmp_path) == again


@pytest.mark.parametrize("data", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n", ED25519_PEM])
def test_a_key_file_that_is_none(tmp_path: Path, cloud: FakeCloud, data: bytes) -> None:
    (tmp_path / "identity").mkdir()
    (tmp_path / "identity" / "edge.key").write_bytes(data)
    with pytest.raises(NotEnrolledError, match=r"edge\.key is not a P-256 key: remove it and enrol again"):
        enrol(tmp_path, cloud.enrol_address, Token.parse(cloud.token()), "1")
    assert cloud.enrolments == 0


def test_a_state_folder_that_cannot_be_made(tmp_path: Path, cloud: FakeCloud) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(NotEnrolledError, match="this edge's key cannot be kept"):
        enrol(tmp_path / "state", cloud.enrol_address, Token.parse(cloud.token()), "1")


def test_an_identity_that_cannot_be_written(tmp_path: Path, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    token = Token.parse(cloud.token())
    with monkeypatch.context() as disk:
        disk.setattr(identity, "save", full)
        with pytest.raises(EnrolError, match=r"No space left on device\. Put that right and enrol again"):
            enrol(tmp_path, cloud.enrol_address, token, "1")
    assert enrol(tmp_path, cloud.enrol_address, token, "1").edge_id == EDGE


SECRET, PIN = "ABCDEFGHIJKLMNOPQRSTUVWX27", "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "text", [f"{SECRET}.{PIN}", f" {SECRET}.\n{PIN}\n", f"{SECRET.lower()}.{PIN.upper()}", f"{SECRET}======.{PIN}"]
)
def test_token_texts(text: str) -> None:
    assert Token.parse(text) == Token(SECRET, PIN)


@pytest.mark.parametrize(
    "text", ["", SECRET, f"{SECRET}.{PIN[:-1]}", f"{SECRET[:-1]}.{PIN}", f"{SECRET[:-1]}1.{PIN}", f"{SECRET}.{PIN}.x"]
)
def test_texts_that_are_no_tokens(text: str) -> None:
    with pytest.raises(TokenError, match="not an enrolment token"):
        Token.parse(text)


def test_the_command(tmp_path: Path, cloud: FakeCloud, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(
        f'[edge]\nname = "e"\nstate = "s"\n[cloud]\nenrol = "{cloud.enrol_address}"\n[[lane]]\ndevice = "G"\n'
        'reader = [{ driver = "line", port = "/a", baud = 9600 }]\n'
        'barrier = { driver = "ds205a", port = "/b", baud = 9600 }\n'
    )
    (tmp_path / "token").write_text(cloud.token() + "\n")
    assert command.main(["enrol", "--config", str(config), "--token-file", str(tmp_path / "token")]) == 0
    assert capsys.readouterr().out == f"enrolled as edge 7 of venue 5; the gates' port is {cloud.gates_address}\n"
    assert command.main(["enrol", "--config", str(config), "nonsense"]) == 2
    assert capsys.readouterr().err.startswith("paifang edge: this is not an enrolment token")
