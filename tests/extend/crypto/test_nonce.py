"""No nonce comes twice."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from hagworm.extend.crypto.aead import AEAD
from hagworm.extend.crypto.nonce import NONCE_SIZE, CounterNonces, Nonces, RandomNonces
from hagworm.extend.error import BadValue, NoncesUsedUp

COUNT = 1 << 20 if os.environ.get("HAGWORM_LONG") == "1" else 1 << 14


@pytest.mark.parametrize("nonces", [RandomNonces(), CounterNonces(b"host")], ids=["random", "counter"])
def test_r49_what_is_encrypted_never_repeats_a_nonce(nonces: Nonces) -> None:
    aead = AEAD(bytes(32), nonces=nonces)

    with ThreadPoolExecutor(4) as threads:
        pieces = threads.map(lambda _: [aead.encrypt(b"")[:NONCE_SIZE] for _ in range(COUNT // 4)], range(4))

    assert len({nonce for piece in pieces for nonce in piece}) == COUNT


def test_a_counter_goes_up_from_its_start() -> None:
    nonces = CounterNonces(b"node", start=7)

    assert [nonces.take(), nonces.take()] == [b"node" + bytes(7) + b"\x07", b"node" + bytes(7) + b"\x08"]


def test_a_counter_ends_where_it_is_full() -> None:
    nonces = CounterNonces(b"nodenode", start=(1 << 32) - 2)
    taken = {nonces.take(), nonces.take()}

    assert taken == {b"nodenode\xff\xff\xff\xfe", b"nodenode\xff\xff\xff\xff"}

    for _ in range(2):
        with pytest.raises(NoncesUsedUp, match="rotate"):
            nonces.take()


def test_random_nonces_end_at_their_limit() -> None:
    nonces = RandomNonces(2)
    aead = AEAD(bytes(32), nonces=nonces)
    assert aead.decrypt(aead.encrypt(b"one")) + aead.decrypt(aead.encrypt(b"two")) == b"onetwo"

    for _ in range(2):
        with pytest.raises(NoncesUsedUp, match="rotate"):
            aead.encrypt(b"three")


def test_a_counter_does_not_come_along_into_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    nonces = CounterNonces(b"node")
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)

    with pytest.raises(NoncesUsedUp, match="fork"):
        nonces.take()


@pytest.mark.parametrize("prefix", [b"", b"123456789"], ids=["none", "long"])
def test_a_prefix_has_1_to_8_bytes(prefix: bytes) -> None:
    with pytest.raises(BadValue, match="prefix"):
        CounterNonces(prefix)


def test_limits_and_starts_are_checked() -> None:
    for limit in (0, (1 << 32) + 1):
        with pytest.raises(BadValue, match="limit"):
            RandomNonces(limit)

    for start in (-1, 1 << 64):
        with pytest.raises(BadValue, match="start"):
            CounterNonces(b"node", start=start)

    assert "4294967296" in repr(RandomNonces())
    assert "6e6f6465" in repr(CounterNonces(b"node"))
