"""A journal gives back what was written, in order, and never half of anything."""

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.buffer import Journal, QueueBuffer
from hagworm.extend.asyncio.buffer.segments import Segments
from hagworm.extend.error import BufferClosed, JournalError
from hagworm.extend.journal import HEADER_BYTES, Damaged, encode_header, encode_item, encode_mark, scan
from hagworm.extend.resilience.backoff import RetrySchedule


def filled(folder: Path, items: list[bytes], *, limit: int = 1 << 20, settled: int = 0) -> list[Path]:
    segments = Segments(folder, limit)
    start = segments.open()
    assert start == []

    for item in items:
        segments.commit([item], settled, sync=False)

    abandon(segments)
    return sorted(folder.glob("*.segment"))


def abandon(segments: Segments) -> None:
    """Leave the files as a process does that is killed."""
    for number in (segments.file, segments.lock):
        if number is not None:
            os.close(number)


def reopened(folder: Path) -> list[bytes]:
    segments = Segments(folder, 1 << 20)
    items = segments.open()
    abandon(segments)
    return items


ITEMS = [b"item %d" % number * (number % 5) for number in range(20)]


def test_a_segment_cut_anywhere_gives_its_whole_records() -> None:
    data = encode_header(5, 2)
    ends = [len(data)]

    for number, item in enumerate(ITEMS, 5):
        data += encode_item(number, item)
        ends.append(len(data))

    for length in range(HEADER_BYTES, len(data) + 1):
        found = scan(data[:length])
        whole = sum(end <= length for end in ends) - 1
        assert found.items == ITEMS[:whole]
        assert found.is_torn == (length not in ends)
        assert found.end == ends[whole]


def test_a_changed_byte_ends_a_segment_and_is_never_delivered() -> None:
    data = encode_header(0, 0) + b"".join(encode_item(number, item) for number, item in enumerate(ITEMS))

    for position in range(HEADER_BYTES, len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x55
        items = scan(bytes(changed)).items
        assert items == ITEMS[: len(items)]
        assert len(items) < len(ITEMS)


def test_a_record_of_another_place_is_none() -> None:
    assert scan(encode_header(0, 0) + encode_item(1, b"x")).items == []


def test_what_is_no_segment_is_refused() -> None:
    for data in (b"", b"HWJ1", b"\0" * HEADER_BYTES, b"X" * 100):
        with pytest.raises(Damaged):
            scan(data)


def test_marks_say_how_far_it_is_settled() -> None:
    data = encode_header(0, 0) + encode_item(0, b"a") + encode_item(1, b"b") + encode_mark(1)
    found = scan(data)
    assert (found.items, found.settled, found.is_torn) == ([b"a", b"b"], 1, False)


@pytest.mark.parametrize("settled", [0, 7, 19])
@pytest.mark.parametrize("limit", [1, 100, 1 << 20])
def test_what_was_not_settled_comes_again_until_it_is(tmp_path: Path, limit: int, settled: int) -> None:
    segments = Segments(tmp_path, limit)
    segments.open()

    for item in ITEMS:
        segments.commit([item], 0, sync=False)

    segments.commit([], settled, sync=False)
    abandon(segments)

    for _ in range(3):
        assert reopened(tmp_path) == ITEMS[settled:]


def test_segments_of_which_all_is_settled_are_removed(tmp_path: Path) -> None:
    segments = Segments(tmp_path, 100)
    segments.open()

    for number in range(200):
        segments.commit([b"x" * 30], number, sync=False)

    assert len(list(tmp_path.glob("*.segment"))) <= 3
    segments.commit([], 200, sync=False)
    segments.close()
    assert list(tmp_path.glob("*.segment")) == []


def test_a_torn_end_is_passed_over(tmp_path: Path) -> None:
    (path,) = filled(tmp_path, ITEMS)

    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 3)

    segments = Segments(tmp_path, 1 << 20)
    assert segments.open() == ITEMS[:-1]
    assert segments.torn == 1
    segments.commit([b"next"], 0, sync=False)
    abandon(segments)
    assert reopened(tmp_path) == [*ITEMS[:-1], b"next"]


def test_a_segment_that_was_damaged_costs_no_other(tmp_path: Path) -> None:
    paths = filled(tmp_path, ITEMS, limit=100)
    assert len(paths) > 3
    middle = bytearray(paths[1].read_bytes())
    lost = scan(bytes(middle)).items
    middle[0] ^= 1
    paths[1].write_bytes(middle)
    left = [item for item in ITEMS if item not in lost or item == b""]

    for _ in range(3):
        assert [item for item in reopened(tmp_path) if item] == [item for item in left if item]

    assert len(list(tmp_path.glob("*.damaged"))) == 1


def test_only_one_has_the_folder(tmp_path: Path) -> None:
    first = Segments(tmp_path, 100)
    first.open()

    with pytest.raises(JournalError, match="in use"):
        Segments(tmp_path, 100).open()

    first.close()
    second = Segments(tmp_path, 100)
    second.open()
    second.close()


def test_a_full_disk_is_told_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(tmp_path, 1 << 20)
    segments.open()
    segments.commit([b"one"], 0, sync=False)
    write = os.write

    def fail(number: int, data: Any) -> int:
        if len(data) > 4:
            return write(number, data[: len(data) // 2])

        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", fail)

    with pytest.raises(JournalError, match="full"):
        segments.commit([b"two"], 0, sync=False)

    monkeypatch.undo()
    segments.commit([b"three"], 0, sync=False)
    abandon(segments)
    assert reopened(tmp_path) == [b"one", b"three"]


def test_a_disk_that_refuses_once_is_not_trusted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(tmp_path, 1 << 20)
    segments.open()

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "fdatasync", fail)

    with pytest.raises(JournalError, match="broken"):
        segments.commit([b"one"], 0, sync=True)

    monkeypatch.undo()

    with pytest.raises(JournalError, match="before"):
        segments.commit([b"two"], 0, sync=True)

    segments.close()


async def test_many_writers_share_one_wait_for_the_disk(tmp_path: Path) -> None:
    items: list[int] = []
    journal = Journal(tmp_path)

    async with QueueBuffer[int](items.extend, journal=journal) as buffer:
        await asyncio.gather(*(buffer.append(number) for number in range(500)))
        assert journal.statistics().commits <= 5

    assert items == list(range(500))


async def test_an_item_is_on_disk_before_append_returns(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def handle(_: list[int]) -> None:
        await gate.wait()

    buffer = QueueBuffer[int](handle, journal=Journal(tmp_path), max_items=1)
    await buffer.open()

    for number in range(5):
        await buffer.append(number)
        (path,) = tmp_path.glob("*.segment")
        assert scan(path.read_bytes()).items == [b"%d" % n for n in range(number + 1)]

    assert await buffer.aclose(timeout=0) == list(range(5))
    items: list[int] = []

    async with QueueBuffer[int](items.extend, journal=Journal(tmp_path)):
        pass

    assert items == list(range(5))
    assert list(tmp_path.glob("*.segment")) == []


async def test_what_is_given_up_does_not_come_again(tmp_path: Path) -> None:
    def fail(_: list[int]) -> None:
        raise ValueError

    dropped: list[int] = []

    async with QueueBuffer[int](
        fail, journal=Journal(tmp_path), retry=RetrySchedule(1), on_drop=lambda items, _: dropped.extend(items)
    ) as buffer:
        await buffer.extend(range(3))

    assert dropped == [0, 1, 2]
    assert list(tmp_path.glob("*.segment")) == []


async def test_an_error_of_the_disk_reaches_who_appends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items: list[int] = []

    async with QueueBuffer[int](items.extend, journal=Journal(tmp_path), maxsize=1000) as buffer:
        await buffer.append(1)

        def fail(*_: Any, **__: Any) -> None:
            raise JournalError("full")

        with monkeypatch.context() as patch:
            patch.setattr(Segments, "commit", fail)

            with pytest.raises(JournalError):
                await buffer.append(2)

        await buffer.append(3)
        await buffer.flush()
        assert buffer.away == 0

    assert items == [1, 3]


async def test_a_buffer_with_a_journal_must_be_opened(tmp_path: Path) -> None:
    buffer = QueueBuffer[int](print, journal=Journal(tmp_path))

    with pytest.raises(BufferClosed, match="opened"):
        await buffer.append(1)

    with pytest.raises(asyncio.QueueFull):
        buffer.append_nowait(1)

    with pytest.raises(ValueError, match="one worker"):
        QueueBuffer[int](print, journal=Journal(tmp_path), workers=2)

    with pytest.raises(ValueError, match="fsync"):
        Journal(tmp_path, fsync="sometimes")  # type: ignore[arg-type]


async def test_the_disk_may_be_waited_for_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path, fsync=0.001)
    gate = asyncio.Event()

    async def handle(_: list[int]) -> None:
        await gate.wait()

    async with QueueBuffer[int](handle, journal=journal, max_items=1) as buffer:
        await buffer.append(1)
        assert journal.segments.unsynced

        async with asyncio.timeout(5):
            while journal.segments.unsynced:
                await asyncio.sleep(0.001)

        gate.set()
