"""What is encrypted by RSA only the other half decrypts."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.crypto.key import PrivateKey
from hagworm.extend.crypto.oaep import decrypt_rsa, encrypt_rsa, open_rsa, seal_rsa
from hagworm.extend.error import DecryptFailed, KeyRefused, LimitExceeded
from tests.extend.crypto.vectors import numbered

KEY = PrivateKey.generate("rsa", bits=2048)


def test_r49_vectors_of_oaep() -> None:
    seen = 0

    for example in numbered("asymmetric/RSA/oaep-custom/oaep-sha256-sha256.txt"):
        values: dict[str, list[str]] = {}

        for title, value in example:
            values.setdefault(title, []).append(value)

        if "Prime 1" not in values:
            continue

        modulus, exponent = int(values["Modulus"][-1], 16), int(values["Public exponent"][0], 16)
        private, first, second = (int(values[name][-1], 16) for name in ("Exponent", "Prime 1", "Prime 2"))
        numbers = rsa.RSAPrivateNumbers(
            first,
            second,
            private,
            rsa.rsa_crt_dmp1(private, first),
            rsa.rsa_crt_dmq1(private, second),
            rsa.rsa_crt_iqmp(first, second),
            rsa.RSAPublicNumbers(exponent, modulus),
        )
        key = PrivateKey(numbers.private_key())

        for message, sealed in zip(values["Message"], values["Encryption"], strict=True):
            assert decrypt_rsa(key, bytes.fromhex(sealed)) == bytes.fromhex(message)
            seen += 1

    assert seen >= 50


@settings(deadline=None, max_examples=20)
@given(data=st.binary(max_size=190), label=st.binary(max_size=20))
def test_decrypt_is_the_inverse_of_encrypt(data: bytes, label: bytes) -> None:
    sealed = encrypt_rsa(KEY.public, data, label)

    assert decrypt_rsa(KEY, sealed, label) == data

    with pytest.raises(DecryptFailed):
        decrypt_rsa(KEY, sealed, label + b"x")


@settings(deadline=None, max_examples=20)
@given(data=st.binary(max_size=2000), associated=st.binary(max_size=20))
def test_open_is_the_inverse_of_seal(data: bytes, associated: bytes) -> None:
    assert open_rsa(KEY, seal_rsa(KEY.public, data, associated), associated) == data


def test_r49_what_is_wrong_with_a_seal_is_not_told() -> None:
    sealed = seal_rsa(KEY.public, b"attack at dawn", b"orders")
    wrong = [sealed[:length] for length in (0, 1, 100, 256, 257, 270, len(sealed) - 1)]

    for place in range(0, 8 * len(sealed), 13):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        wrong.append(bytes(changed))

    told = set()

    for bad in [*wrong, sealed + b"\0"]:
        with pytest.raises(DecryptFailed) as caught:
            open_rsa(KEY, bad, b"orders")

        told.add((str(caught.value), caught.value.__cause__, caught.value.__suppress_context__))

    assert told == {(str(DecryptFailed()), None, True)}


def test_more_than_a_key_holds_is_for_a_seal() -> None:
    with pytest.raises(LimitExceeded, match="190"):
        encrypt_rsa(KEY.public, bytes(191))


def test_only_rsa_encrypts() -> None:
    other = PrivateKey.generate()

    with pytest.raises(KeyRefused):
        seal_rsa(other.public, b"data")

    with pytest.raises(KeyRefused):
        open_rsa(other, b"data")
