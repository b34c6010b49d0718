"""Passwords are hashed beside the loop, a few at a time."""

import asyncio
import threading

import pytest

from hagworm.extend import crypto
from hagworm.extend.asyncio.password import PasswordHasher
from hagworm.extend.error import BadValue, ExecutorClosed, Overloaded
from hagworm.testing.sweep import cancel_sweep

CHEAP = crypto.PasswordHasher("argon2id", memory=64, passes=1)


async def test_a_password_is_recognised() -> None:
    async with PasswordHasher(CHEAP) as hasher:
        stored = await hasher.hash("opensesame")

        assert await hasher.verify("opensesame", stored)
        assert not await hasher.verify("opensesam", stored)
        assert not await hasher.verify("opensesame", None)
        assert not hasher.needs_rehash(stored)
        assert CHEAP.verify("opensesame", stored)

        with pytest.raises(BadValue):
            await hasher.verify("opensesame", "nothing")


async def test_r49_it_is_done_in_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        crypto.PasswordHasher, "verify", lambda *args: bool(seen.append(threading.current_thread().name))
    )

    async with PasswordHasher(CHEAP) as hasher:
        await hasher.verify("opensesame", None)

    assert seen == ["hagworm-password-1"]


async def test_more_than_may_wait_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(crypto.PasswordHasher, "hash", lambda *args: str(gate.wait(10)))

    async with PasswordHasher(CHEAP, at_once=1, queue=1) as hasher:
        first = asyncio.ensure_future(hasher.hash("a"))
        await asyncio.sleep(0)

        while hasher.statistics().queued:
            await asyncio.sleep(0)

        second = asyncio.ensure_future(hasher.hash("b"))
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await hasher.hash("c")

        assert "1" in repr(hasher)
        gate.set()
        assert await first == await second == "True"


async def test_after_its_end_it_takes_none() -> None:
    hasher = PasswordHasher(CHEAP)
    await hasher.aclose()

    with pytest.raises(ExecutorClosed):
        await hasher.hash("opensesame")


async def test_a_caller_may_leave_at_any_time() -> None:
    async with PasswordHasher(CHEAP) as hasher:
        stored = await hasher.hash("opensesame")
        await cancel_sweep(lambda: hasher.verify("opensesame", stored), lambda: None)

        assert await hasher.verify("opensesame", stored)
