"""Signatures are those of the standards, and no others."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.crypto.key import Kind, PrivateKey, PublicKey
from hagworm.extend.crypto.signature import (
    legacy_sign_pkcs1,
    legacy_sign_pkcs1_sha1,
    legacy_verify_pkcs1,
    legacy_verify_pkcs1_sha1,
)
from hagworm.extend.error import BadSignature, KeyRefused
from tests.extend.crypto.vectors import blocks, lines_of

KEYS: dict[Kind, PrivateKey] = {
    "ed25519": PrivateKey.generate(),
    "p-256": PrivateKey.generate("p-256"),
    "rsa": PrivateKey.generate("rsa", bits=2048),
}
FOLDER = "asymmetric/RSA/FIPS_186-2"


def rsa_key(fields: dict[str, str]) -> PublicKey:
    return PublicKey(rsa.RSAPublicNumbers(int(fields["e"], 16), int(fields["n"], 16)).public_key())


def check(
    verify: Callable[[PublicKey, bytes, bytes], None], key: PublicKey, fields: dict[str, str], signature: bytes
) -> bool:
    """Return whether the vector says that it is valid, after looking at whether we say so."""
    message = bytes.fromhex(fields["msg"])

    if fields["result"].startswith("P"):
        verify(key, signature, message)
        return True

    with pytest.raises(BadSignature):
        verify(key, signature, message)

    return False


@pytest.mark.parametrize(
    ("name", "digest", "verify"),
    [
        ("SigVerPSS_186-3.rsp", "SHA256", PublicKey.verify),
        ("SigVer15_186-3.rsp", "SHA256", legacy_verify_pkcs1),
        ("SigVer15_186-3.rsp", "SHA1", legacy_verify_pkcs1_sha1),
    ],
    ids=["pss", "pkcs1", "pkcs1-sha1"],
)
def test_r49_vectors_of_rsa(name: str, digest: str, verify: Callable[[PublicKey, bytes, bytes], None]) -> None:
    seen = [
        check(verify, rsa_key(fields), fields, bytes.fromhex(fields["s"]))
        for section, fields in blocks(f"{FOLDER}/{name}")
        if section in ("mod = 2048", "mod = 3072") and fields["shaalg"] == digest
    ]

    assert seen.count(True) >= 3
    assert seen.count(False) >= 20


def test_r49_vectors_of_ecdsa() -> None:
    seen = []

    for section, fields in blocks("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp"):
        if section == "P-256,SHA-256":
            point = ec.EllipticCurvePublicNumbers(int(fields["qx"], 16), int(fields["qy"], 16), ec.SECP256R1())
            signature = encode_dss_signature(int(fields["r"], 16), int(fields["s"], 16))
            seen.append(check(PublicKey.verify, PublicKey(point.public_key()), fields, signature))

    assert len(seen) == 15
    assert any(seen)


def test_r49_vectors_of_ed25519() -> None:
    for line in lines_of("asymmetric/Ed25519/sign.input")[::8]:
        secret, _, message, signed = (bytes.fromhex(field) for field in line.split(":")[:4])
        key = PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32]))

        assert key.sign(message) == signed[:64]
        key.public.verify(signed[:64], message)


@pytest.mark.parametrize("kind", KEYS)
@settings(deadline=None, max_examples=20)
@given(data=st.binary(), place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_signature_is_for_one_data_under_one_key(kind: Kind, data: bytes, place: int, bit: int) -> None:
    key = KEYS[kind]
    signature = key.sign(data)
    key.public.verify(signature, data)
    changed = bytearray(signature)
    changed[place % len(changed)] ^= 1 << bit

    for wrong, said in ((bytes(changed), data), (signature, data + b"x"), (signature[:-1], data), (b"", data)):
        with pytest.raises(BadSignature):
            key.public.verify(wrong, said)


@pytest.mark.parametrize("kind", KEYS)
def test_no_key_verifies_what_another_has_signed(kind: Kind) -> None:
    for other in KEYS.values():
        if other.kind != kind:
            with pytest.raises(BadSignature):
                KEYS[kind].public.verify(other.sign(b"data"), b"data")


def test_k1_what_is_old_has_a_name_that_says_so() -> None:
    key = KEYS["rsa"]
    legacy_verify_pkcs1(key.public, legacy_sign_pkcs1(key, b"data"), b"data")
    legacy_verify_pkcs1_sha1(key.public, legacy_sign_pkcs1_sha1(key, b"data"), b"data")

    for signature in (legacy_sign_pkcs1(key, b"data"), legacy_sign_pkcs1_sha1(key, b"data")):
        with pytest.raises(BadSignature):
            key.public.verify(signature, b"data")

    with pytest.raises(BadSignature):
        legacy_verify_pkcs1(key.public, legacy_sign_pkcs1_sha1(key, b"data"), b"data")


def test_old_signatures_are_for_rsa() -> None:
    with pytest.raises(KeyRefused, match="ed25519"):
        legacy_sign_pkcs1(KEYS["ed25519"], b"data")

    with pytest.raises(KeyRefused, match="p-256"):
        legacy_verify_pkcs1(KEYS["p-256"].public, b"", b"data")
