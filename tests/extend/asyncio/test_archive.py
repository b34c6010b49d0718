"""Archives are packed and unpacked beside the loop, and a cancellation leaves what there was."""

import asyncio
import os
from pathlib import Path

import pytest

from hagworm.extend.asyncio.archive import create_archive, extract_archive
from hagworm.extend.error import BadArchive
from hagworm.testing.sweep import cancel_sweep

CONTENT = {"a.txt": b"a" * 200_000, "b/c.bin": bytes(300_000)}


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
async def test_what_was_packed_is_unpacked_and_told_on_the_loop(tmp_path: Path, name: str) -> None:
    told: list[int] = []
    packed = await create_archive(tmp_path / name, CONTENT, progress=told.append)
    unpacked = await extract_archive(tmp_path / name, tmp_path / "out", progress=told.append)
    await asyncio.sleep(0)
    assert [member.name for member in packed] == [member.name for member in unpacked if not member.is_folder]
    assert {key: (tmp_path / "out" / key).read_bytes() for key in CONTENT} == CONTENT
    assert told.count(500_000) >= 2


async def test_what_is_not_safe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 and nothing more")

    with pytest.raises(BadArchive):
        await extract_archive(tmp_path / "no.zip", tmp_path / "out")

    assert not (tmp_path / "out").exists()


async def test_a_cancellation_leaves_what_there_was(tmp_path: Path) -> None:
    target, out = tmp_path / "a.zip", tmp_path / "out"
    target.write_bytes(b"old")

    def check() -> None:
        left = {path.name for path in tmp_path.iterdir()}
        assert left in ({"a.zip"}, {"a.zip", "out"})

        if target.read_bytes() != b"old":
            target.write_bytes(b"old")

        if out.exists():
            assert {path.name for path in out.iterdir()} == {"a.txt", "b"}
            out.rename(tmp_path.parent / f"{tmp_path.name}-{next(numbers)}")

    numbers = iter(range(100))

    async def use() -> None:
        await create_archive(target, CONTENT)
        await extract_archive(target, out)

    assert (await cancel_sweep(use, check)).suspensions >= 2


async def test_who_is_not_waited_for_any_more_ends_early(tmp_path: Path) -> None:
    seen = asyncio.Event()
    told: list[int] = []

    def tell(count: int) -> None:
        told.append(count)
        seen.set()

    (tmp_path / "big").touch()
    os.truncate(tmp_path / "big", 256 << 20)
    task = asyncio.create_task(create_archive(tmp_path / "a.zip", {"a": tmp_path / "big"}, progress=tell))
    await seen.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert [path.name for path in tmp_path.iterdir()] == ["big"]
    assert told[-1] < 256 << 20
