"""What has been acknowledged survives the process that was killed."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.buffer import Journal, QueueBuffer

RUNS = 100 if os.environ.get("HAGWORM_LONG") else 8


async def killed(folder: Path, mode: str, first: int, chance: random.Random) -> list[bytes]:
    """Let a process write to a journal, kill it some time after its first word, and return what it has said."""
    fsync = chance.choice(["always", "never"])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("writer.py")),
        str(folder),
        fsync,
        mode,
        str(first),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline()]

    # A number of words, not of seconds: it is killed wherever it happens to be then.
    lines.extend([await process.stdout.readline() for _ in range(chance.randrange(300))])

    process.send_signal(signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return [line for line in lines if line.endswith(b"\n")]


async def recovered(folder: Path) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    journal = Journal(folder)

    async with QueueBuffer[dict[str, Any]](items.extend, journal=journal, maxsize=1_000_000):
        pass

    return items


def numbers(lines: list[bytes], kind: bytes) -> list[int]:
    return [int(line[1:]) for line in lines if line[:1] == kind]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("run", range(RUNS))
def test_every_acknowledged_item_is_replayed_once_and_in_order(tmp_path: Path, run: int) -> None:
    asyncio.run(replay(tmp_path, run))


async def replay(tmp_path: Path, run: int) -> None:
    chance = random.Random(run)

    # Two lives of the process: the second one takes over what the first one left.
    first = await killed(tmp_path, "keeps", 0, chance)
    acknowledged = numbers(first, b"a")
    start = 1_000_000
    second = await killed(tmp_path, "keeps", start, chance)
    acknowledged += numbers(second, b"a")
    items = await recovered(tmp_path)
    found = [item["number"] for item in items]

    assert set(acknowledged) <= set(found)
    assert len(set(found)) == len(found)
    assert found == sorted(found)
    # The last ones may have been on disk when there was no time left to say so; there is no gap before them.
    assert [n for n in found if n < start] == list(range(len([n for n in found if n < start])))
    assert [n for n in found if n >= start] == list(range(start, start + len([n for n in found if n >= start])))
    assert all(item["text"] == "x" * (item["number"] * 37 % 900) for item in items)
    assert await recovered(tmp_path) == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize("run", range(max(2, RUNS // 4)))
def test_what_was_handled_before_the_kill_and_what_comes_after_it_are_everything(tmp_path: Path, run: int) -> None:
    asyncio.run(complete(tmp_path, run))


async def complete(tmp_path: Path, run: int) -> None:
    lines = await killed(tmp_path, "handles", 0, random.Random(1000 + run))
    handled = numbers(lines, b"h")
    found = [item["number"] for item in await recovered(tmp_path)]

    assert handled == list(range(len(handled)))
    # At least once: what was handled in the last moment may come again, but nothing is missing and nothing in disorder.
    assert found == list(range(found[0], found[0] + len(found))) if found else True
    assert not found or found[0] <= len(handled)
    assert max(numbers(lines, b"a")) < max([*handled, *found]) + 1
