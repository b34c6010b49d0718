"""Keys for different purposes have nothing to do with each other."""

import pytest

from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.derivation import derive_key
from hagworm.extend.error import KeyRefused
from tests.extend.crypto.vectors import blocks


def test_r49_vectors_of_hkdf() -> None:
    seen, fields = 0, dict[str, str]()

    for _, block in blocks("KDF/rfc-5869-HKDF-SHA256.txt"):
        fields |= block

        if "okm" in block:
            secret, salt, info = (bytes.fromhex(fields[name]) for name in ("ikm", "salt", "info"))

            assert derive_key(secret, info, salt=salt, size=int(fields["l"])).hex() == fields["okm"]
            seen += 1

    assert seen == 3


def test_a_purpose_has_a_key_of_its_own() -> None:
    made = {derive_key(b"s" * 32, purpose) for purpose in ("", "a", "b", "ab")}

    assert len(made) == 4
    assert derive_key(Secret("s" * 32), "a") == derive_key("s" * 32, b"a")
    assert derive_key(b"s" * 32, "a", salt=b"salt") not in made


def test_a_secret_is_long_enough_not_to_be_guessed() -> None:
    with pytest.raises(KeyRefused, match="16 bytes, not 6"):
        derive_key("canary", "use")

    for size in (0, 8161):
        with pytest.raises(KeyRefused, match="size"):
            derive_key(b"s" * 32, "use", size=size)
