"""A ring decrypts what one of its keys has encrypted for the same use, and nothing else."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.ring import KeyRing, new_key
from hagworm.extend.error import BadValue, DecryptFailed, KeyRefused, TokenExpired, TokenRefused

OLD, NEW = "old-" + "o" * 40, "new-" + "n" * 40
NOW = 1_800_000_000.125


def ring(*keys: str, purpose: str = "test", now: float = NOW) -> KeyRing:
    return KeyRing(*keys, purpose=purpose, clock=lambda: now)


@settings(deadline=None, max_examples=50)
@given(data=st.binary(), associated=st.binary())
def test_decrypt_is_the_inverse_of_encrypt(data: bytes, associated: bytes) -> None:
    keys = ring(NEW)

    assert keys.decrypt(keys.encrypt(data, associated), associated, max_age=0) == data
    assert keys.decrypt_text(keys.encrypt_text(data, associated), associated, max_age=0) == data


def test_text_is_encrypted_as_utf_8() -> None:
    assert ring(NEW).decrypt(ring(NEW).encrypt("grün")) == "grün".encode()


def test_rotation_loses_nothing() -> None:
    token = ring(OLD).encrypt(b"data", b"user 7")
    both = ring(NEW, OLD, now=NOW + 100)

    assert both.decrypt(token, b"user 7") == b"data"
    assert both.needs_rotation(token)

    rotated = both.rotate(token, b"user 7")

    assert not both.needs_rotation(rotated)
    assert ring(NEW).decrypt(rotated, b"user 7") == b"data"
    assert both.made_at(rotated, b"user 7") == NOW
    assert not both.needs_rotation(both.encrypt(b"data"))

    with pytest.raises(DecryptFailed):
        ring(NEW).decrypt(token, b"user 7")


def test_r49_every_bit_and_every_length_counts() -> None:
    keys = ring(NEW, OLD)
    token = keys.encrypt(b"attack at dawn", b"orders")
    wrong = [token[:length] for length in range(len(token))] + [token + b"\0", b"\0" + token]

    for place in range(8 * len(token)):
        changed = bytearray(token)
        changed[place // 8] ^= 1 << place % 8
        wrong.append(bytes(changed))

    told = set()

    for bad in wrong:
        with pytest.raises(DecryptFailed) as caught:
            keys.decrypt(bad, b"orders", max_age=10)

        told.add((type(caught.value), str(caught.value), caught.value.__cause__))

    for other in (ring(OLD), ring(NEW, purpose="else"), KeyRing(NEW, purpose="test", algorithm="chacha20-poly1305")):
        with pytest.raises(DecryptFailed) as caught:
            other.decrypt(token, b"orders")

        told.add((type(caught.value), str(caught.value), caught.value.__cause__))

    with pytest.raises(DecryptFailed):
        keys.decrypt(token, b"order")

    assert told == {(DecryptFailed, str(DecryptFailed()), None)}


def test_a_token_has_one_text() -> None:
    keys = ring(NEW)
    text = keys.encrypt_text(b"data!")
    places = [
        text[:place] + letter + text[place + 1 :] for place in range(len(text)) for letter in {"A", "+"} - {text[place]}
    ]

    for bad in [*places, text + "=", text + "A", text[:-1], f" {text}", f"{text}\n", "", "é"]:
        with pytest.raises(DecryptFailed):
            keys.decrypt_text(bad)


@pytest.mark.parametrize("age", [0.0, 9.9, 10.0])
def test_a_token_is_taken_up_to_its_age(age: float) -> None:
    assert ring(NEW, now=NOW + age).decrypt(ring(NEW).encrypt(b"data"), max_age=10) == b"data"


def test_a_token_that_is_over_is_one_of_ours_and_old() -> None:
    token = ring(NEW).encrypt(b"data")

    with pytest.raises(TokenExpired):
        ring(NEW, now=NOW + 10.1).decrypt(token, max_age=10)

    assert ring(NEW, now=NOW + 1e6).decrypt(token) == b"data"


def test_a_token_from_the_future_is_refused() -> None:
    token = ring(NEW).encrypt(b"data")
    assert ring(NEW, now=NOW - 60).decrypt(token, max_age=10) == b"data"

    with pytest.raises(TokenRefused, match="future"):
        ring(NEW, now=NOW - 61).decrypt(token, max_age=10)


@pytest.mark.parametrize("age", [-1.0, float("nan")])
def test_an_age_is_not_negative(age: float) -> None:
    with pytest.raises(BadValue, match="age"):
        ring(NEW).decrypt(ring(NEW).encrypt(b"data"), max_age=age)


def test_keys_are_long_and_not_twice() -> None:
    with pytest.raises(KeyRefused, match="32 bytes, not 5"):
        KeyRing("short")

    with pytest.raises(KeyRefused, match="once"):
        KeyRing(NEW, Secret(NEW))

    assert new_key() != new_key()
    assert KeyRing(new_key(), NEW).decrypt(KeyRing(Secret(NEW)).encrypt(b"data")) == b"data"


def test_a_ring_shows_no_key() -> None:
    keys = KeyRing(Secret("canary-" * 6))

    assert "canary" not in repr(keys)

    with pytest.raises(TypeError):
        pickle.dumps(keys)
