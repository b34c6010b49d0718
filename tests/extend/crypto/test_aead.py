"""What is encrypted comes back whole, or not at all."""

import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.aead import AEAD, OVERHEAD, Algorithm
from hagworm.extend.error import DecryptFailed, KeyRefused
from tests.extend.crypto.vectors import blocks

ALGORITHMS: list[Algorithm] = ["aes-256-gcm", "chacha20-poly1305"]
KEY = bytes(range(32))


@dataclass(frozen=True)
class Fixed:
    """Nonces of a vector."""

    nonce: bytes

    def take(self) -> bytes:
        return self.nonce


def test_r49_vectors_of_aes_gcm() -> None:
    seen = 0

    for section, fields in blocks("ciphers/AES/GCM/gcmEncryptExtIV256.rsp"):
        if "IVlen = 96" in section and "Taglen = 128" in section:
            field = {name: bytes.fromhex(fields[name]) for name in ("key", "iv", "pt", "aad", "ct", "tag")}
            aead = AEAD(field["key"], nonces=Fixed(field["iv"]))
            sealed = aead.encrypt(field["pt"], field["aad"])

            assert sealed == field["iv"] + field["ct"] + field["tag"]
            assert aead.decrypt(sealed, field["aad"]) == field["pt"]
            seen += 1

    assert seen >= 300


def test_r49_vectors_of_aes_gcm_that_are_wrong() -> None:
    failed = 0

    for section, fields in blocks("ciphers/AES/GCM/gcmDecrypt256.rsp"):
        if "IVlen = 96" in section and "Taglen = 128" in section:
            field = {name: bytes.fromhex(fields[name]) for name in ("key", "iv", "aad", "ct", "tag")}
            aead, sealed = AEAD(field["key"]), field["iv"] + field["ct"] + field["tag"]

            if "pt" in fields:
                assert aead.decrypt(sealed, field["aad"]) == bytes.fromhex(fields["pt"])
            else:
                failed += 1

                with pytest.raises(DecryptFailed):
                    aead.decrypt(sealed, field["aad"])

    assert failed >= 50


def test_r49_vectors_of_chacha20_poly1305() -> None:
    wrong = 0

    for _, fields in blocks("ciphers/ChaCha20Poly1305/openssl.txt"):
        field = {name: bytes.fromhex(fields[name]) for name in ("key", "iv", "aad", "tag", "plaintext", "ciphertext")}

        if len(field["iv"]) != 12:
            continue

        aead = AEAD(field["key"], "chacha20-poly1305", nonces=Fixed(field["iv"]))
        sealed = field["iv"] + field["ciphertext"] + field["tag"]

        if "result" in fields:
            wrong += 1

            with pytest.raises(DecryptFailed):
                aead.decrypt(sealed, field["aad"])
        else:
            assert aead.encrypt(field["plaintext"], field["aad"]) == sealed
            assert aead.decrypt(sealed, field["aad"]) == field["plaintext"]

    assert wrong


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@settings(deadline=None, max_examples=50)
@given(data=st.binary(), associated=st.binary())
def test_decrypt_is_the_inverse_of_encrypt(algorithm: Algorithm, data: bytes, associated: bytes) -> None:
    aead = AEAD(KEY, algorithm)
    sealed = aead.encrypt(data, associated)

    assert aead.decrypt(sealed, associated) == data
    assert len(sealed) == len(data) + OVERHEAD
    assert aead.encrypt(data, associated) != sealed

    with pytest.raises(DecryptFailed):
        aead.decrypt(sealed, associated + b"x")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_r49_every_bit_and_every_length_counts(algorithm: Algorithm) -> None:
    aead = AEAD(KEY, algorithm)
    sealed = aead.encrypt(b"attack at dawn", b"orders")
    texts = set()

    for place in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8

        with pytest.raises(DecryptFailed) as caught:
            aead.decrypt(bytes(changed), b"orders")

        texts.add(str(caught.value))

    for length in range(len(sealed)):
        with pytest.raises(DecryptFailed) as caught:
            aead.decrypt(sealed[:length], b"orders")

        texts.add(str(caught.value))

    with pytest.raises(DecryptFailed) as caught:
        AEAD(bytes(32), algorithm).decrypt(sealed, b"orders")

    assert {*texts, str(caught.value)} == {str(DecryptFailed())}


@pytest.mark.parametrize("key", [b"", b"k" * 16, b"k" * 31, b"k" * 33], ids=len)
def test_a_key_has_32_bytes(key: bytes) -> None:
    with pytest.raises(KeyRefused, match="32 bytes"):
        AEAD(key)


def test_a_key_is_not_shown_nor_pickled() -> None:
    aead = AEAD(Secret("canary-of-thirty-two-bytes-long!"))

    assert "canary" not in repr(aead)

    with pytest.raises(TypeError):
        pickle.dumps(aead)

    with pytest.raises(KeyRefused, match="des"):
        AEAD(KEY, "des")  # type: ignore[arg-type]  # on purpose
