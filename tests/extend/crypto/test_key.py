"""Keys are loaded once, kept where only their owner reads them, and say nothing of themselves."""

import pickle
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from hagworm.extend.asyncio.net.tls import pin_of
from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.certificate import self_signed
from hagworm.extend.crypto.key import Kind, PrivateKey, PublicKey
from hagworm.extend.error import KeyRefused
from tests.extend.crypto.vectors import ROOT

KINDS: list[Kind] = ["ed25519", "p-256", "rsa"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_comes_back_from_its_file(kind: Kind, tmp_path: Path) -> None:
    key = PrivateKey.generate(kind, bits=2048)
    path = tmp_path / "key.pem"

    for passphrase in (None, "opensesame", b"opensesame", Secret("opensesame")):
        key.save(path, passphrase)
        again = PrivateKey.load(path, passphrase)

        assert again.public == key.public
        assert hash(again.public) == hash(key.public)
        assert again.kind == kind
        key.public.verify(again.sign(b"data"), b"data")

    (tmp_path / "public.pem").write_bytes(key.public.pem)
    assert PublicKey.load(tmp_path / "public.pem") == key.public


def test_only_its_owner_reads_the_file_of_a_key(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("old")
    path.chmod(0o644)
    PrivateKey.generate().save(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("passphrase", [None, "wrong", b"passphras"], ids=["none", "wrong", "short"])
def test_a_key_does_not_open_with_another_passphrase(passphrase: str | bytes | None) -> None:
    with pytest.raises(KeyRefused, match="opens with"):
        PrivateKey.from_pem(PrivateKey.generate().pem("passphrase"), passphrase)


def test_a_passphrase_for_a_key_that_is_open_is_a_mistake() -> None:
    with pytest.raises(KeyRefused):
        PrivateKey.from_pem(PrivateKey.generate().pem(), "passphrase")


def test_an_empty_passphrase_protects_nothing() -> None:
    with pytest.raises(KeyRefused, match="at least 1 byte"):
        PrivateKey.generate().pem("")


@pytest.mark.parametrize("name", ["PEM_Serialization/dsa_private_key.pem", "PKCS8/invalid-version.der"])
def test_a_key_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(KeyRefused):
        PrivateKey.from_pem((ROOT / "asymmetric" / name).read_bytes())


def test_weak_keys_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(KeyRefused, match="1024"):
        PrivateKey.generate("rsa", bits=1024)

    with pytest.raises(KeyRefused, match="'dsa'"):
        PrivateKey.generate("dsa")  # type: ignore[arg-type]  # on purpose

    weak = rsa.generate_private_key(65537, 1024)

    with pytest.raises(KeyRefused, match="1024"):
        PrivateKey.from_pem(weak.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    for raw in (ec.generate_private_key(ec.SECP384R1()), dsa.generate_private_key(1024)):
        with pytest.raises(KeyRefused):
            PublicKey.from_pem(raw.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_a_certificate_holds_a_public_key() -> None:
    made = self_signed()

    assert PublicKey.from_pem(made.pem) == made.key.public


def test_a_fingerprint_is_the_pin_of_a_certificate() -> None:
    from cryptography.x509 import load_pem_x509_certificate

    made = self_signed()

    assert made.key.public.fingerprint == pin_of(load_pem_x509_certificate(made.pem).public_bytes(Encoding.DER))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_shows_what_everybody_may_know(kind: Kind) -> None:
    key = PrivateKey.generate(kind, bits=2048)

    assert key.public.fingerprint in repr(key)
    assert repr(key.public).startswith(f"<PublicKey {kind}")
    assert (key.public == key) is False

    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        PublicKey.from_pem(text)

    with pytest.raises(KeyRefused):
        PrivateKey.from_pem(text)
