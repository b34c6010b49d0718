"""Bytes come out as they went in, whole, and the end is the end."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest

from hagworm.extend.asyncio.buffer import FileBuffer
from hagworm.extend.error import BufferClosed
from hagworm.testing.sweep import MOMENTS, Moment, run_once


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_q4_nothing_is_empty_but_the_end() -> None:
    """Q4: read returned b"" at each boundary between slices, though there was more."""
    async with FileBuffer(100, max_memory=10) as buffer:
        for _ in range(20):
            await buffer.write(b"x" * 50)

        buffer.finish()
        sizes = []

        while data := await buffer.read(150):
            sizes.append(len(data))

        assert sum(sizes) == 1000
        assert await buffer.read(10) == b""
        assert await buffer.read() == b""


async def test_q5_what_is_incomplete_does_not_end_like_what_is_complete() -> None:
    """Q5: a download that broke off ended with a clean terminator."""
    async with FileBuffer() as buffer:
        await buffer.write(b"half")
        buffer.finish(ConnectionError("broken"))
        assert await buffer.read(10) == b"half"

        with pytest.raises(ConnectionError):
            await buffer.read(10)


@pytest.mark.parametrize("seed", range(5))
async def test_bytes_come_out_as_they_went_in(seed: int) -> None:
    chance = random.Random(seed)
    sent = chance.randbytes(200_000)
    got = bytearray()

    async with FileBuffer(7000, max_memory=5000, max_bytes=chance.choice([None, 20_000])) as buffer:

        async def write() -> None:
            position = 0

            while position < len(sent):
                size = chance.randrange(1, 3000)
                await buffer.write(sent[position : position + size])
                position += size

                if chance.random() < 0.1:
                    await asyncio.sleep(0)

            buffer.finish()

        task = asyncio.create_task(write())

        while data := await buffer.read(chance.randrange(1, 4000)):
            got += data

            if chance.random() < 0.2:
                await asyncio.sleep(0)

        await task

    assert got == sent


async def test_writers_wait_while_it_is_full() -> None:
    async with FileBuffer(max_bytes=10) as buffer:
        await buffer.write(b"12345678")
        task = asyncio.create_task(buffer.write(b"abcdef"))
        await turns()
        assert not task.done()
        assert await buffer.read(4) == b"1234"
        await task
        assert len(buffer) == 10


async def test_what_piles_up_goes_to_disk() -> None:
    async with FileBuffer(1 << 20, max_memory=1 << 16) as buffer:
        for _ in range(64):
            await buffer.write(b"x" * (1 << 16))

        assert buffer.statistics().disk > 1 << 20
        assert buffer.statistics().memory <= 3 << 16
        target = bytearray(1000)
        assert await buffer.readinto(target) == 1000


async def test_readers_wait_for_bytes_and_for_the_end() -> None:
    async with FileBuffer() as buffer:
        first = asyncio.create_task(buffer.read(10))
        await turns()
        await buffer.write(b"abc")
        assert await first == b"abc"
        rest = asyncio.create_task(buffer.read())
        await turns()
        await buffer.write(b"d")
        buffer.finish()
        assert await rest == b"d"

        with pytest.raises(BufferClosed):
            await buffer.write(b"e")


async def test_a_broken_disk_is_told_at_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FileBuffer(max_memory=10) as buffer:

        def fail(_: Any) -> None:
            raise OSError("full")

        monkeypatch.setattr(buffer, "store", fail)
        await buffer.write(b"x" * 20)

        with pytest.raises(OSError, match="full"):
            while True:
                await buffer.write(b"y" * 20)

        with pytest.raises(OSError, match="full"):
            await buffer.read(1)


async def test_closing_wakes_who_waits() -> None:
    buffer = FileBuffer()
    task = asyncio.create_task(buffer.read(1))
    await turns()
    await buffer.aclose()

    with pytest.raises(BufferClosed):
        await task


@pytest.mark.parametrize("method", ["read", "read_all", "write", "aclose"])
async def test_cancelled_anywhere_no_byte_is_lost_or_doubled(method: str) -> None:
    for moment in MOMENTS:
        number = 1

        while await run(method, number, moment):
            number += 1


async def run(method: str, number: int, moment: Moment) -> bool:
    text = bytes(range(200))
    buffer = FileBuffer(30, max_memory=20, max_bytes=250)

    for start in range(0, 200, 10):
        await buffer.write(text[start : start + 10])

    if method == "read_all":
        buffer.finish()

    calls: dict[str, Callable[[], Any]] = {
        "read": lambda: buffer.read(70),
        "read_all": buffer.read,
        "write": lambda: buffer.write(b"end"),
        "aclose": buffer.aclose,
    }

    async def check() -> None:
        if method != "aclose" and not (buffer.read_ and method == "read_all"):
            start = buffer.read_
            buffer.finish()
            assert await buffer.read() in (text[start:], text[start:] + b"end")

        await buffer.aclose()

    _, _, struck = await run_once(calls[method], check, number, moment, 5.0, True)
    return bool(struck)
