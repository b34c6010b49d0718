"""Files are read and written without blocking the loop, in order, and never by halves."""

import asyncio
import bz2
import errno
import gzip
import lzma
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.file import Fetched, FileLoader, open_file, read_file, replace_file, write_file
from hagworm.extend.error import Closed, FetchFailed
from hagworm.testing.sweep import MOMENTS, Moment, run_once

LINES = [b"line %d\n" % number for number in range(5000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(LINES))
    return path


async def test_lines_come_in_order_and_to_the_end(path: Path) -> None:
    async with open_file(path) as file:
        assert [line async for line in file] == LINES

    async with open_file(path, "r") as text:
        assert [line async for line in text.lines(batch_bytes=10)] == [line.decode() for line in LINES]


async def test_lines_come_in_batches(path: Path) -> None:
    async with open_file(path) as file:
        lines = file.lines()
        batches = []

        while batch := await lines.next_batch():
            batches.append(batch)

    assert [line for batch in batches for line in batch] == LINES
    assert len(batches) <= 3


async def test_a_file_is_read_in_pieces(path: Path) -> None:
    async with open_file(path) as file:
        assert [len(piece) async for piece in file.chunks(40_000)] == [40_000, path.stat().st_size - 40_000]
        assert await file.seek(0) == 0
        assert await file.readline() == b"line 0\n"
        assert await file.tell() == 7
        assert len(await file.read()) == path.stat().st_size - 7
        assert await file.read() == b""


async def test_a_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "new"

    async with open_file(path, "w") as file:
        assert await file.write("grüß\n") == 5
        await file.writelines(["a\n", "b\n"])
        await file.flush()
        await file.sync()

    assert path.read_text("utf-8") == "grüß\na\nb\n"

    async with open_file(path, "r+b") as binary:
        await binary.truncate(3)

    assert path.stat().st_size == 3


async def test_writes_of_many_tasks_stay_whole_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "new"

    async with open_file(path, "wb") as file:
        await asyncio.gather(*(file.write(b"%03d" % number * 1000) for number in range(50)))

    assert path.read_bytes() == b"".join(b"%03d" % number * 1000 for number in range(50))


@pytest.mark.parametrize(
    ("suffix", "decompress"), [(".gz", gzip.decompress), (".bz2", bz2.decompress), (".xz", lzma.decompress)]
)
async def test_files_are_compressed_as_their_suffix_says(
    tmp_path: Path, suffix: str, decompress: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / ("lines" + suffix)
    await write_file(path, b"".join(LINES), compression="auto")
    assert decompress(path.read_bytes()) == b"".join(LINES)

    async with open_file(path, compression="auto") as file:
        assert [line async for line in file] == LINES

    assert await read_file(path, compression="auto") == b"".join(LINES)


async def test_zstandard_is_an_extra(tmp_path: Path) -> None:
    pytest.importorskip("zstandard")
    path = tmp_path / "lines.zst"
    await write_file(path, b"".join(LINES), compression="auto")
    assert path.stat().st_size < 20_000

    async with open_file(path, compression="auto") as file:
        assert [line async for line in file] == LINES


async def test_a_bomb_does_not_go_off(tmp_path: Path) -> None:
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(1 << 24)))

    with pytest.raises(OSError) as caught:
        await read_file(path, compression="auto", max_bytes=1 << 20)

    assert caught.value.errno == errno.EFBIG


async def test_what_is_wrong_is_told(tmp_path: Path, path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        async with open_file(tmp_path / "absent"):
            pass

    with pytest.raises(ValueError, match="zip"):
        open_file(path, compression="zip")  # type: ignore[call-overload]

    file = open_file(path)

    with pytest.raises(Closed):
        await file.read()


async def test_the_loop_goes_on_while_a_thread_reads(tmp_path: Path) -> None:
    """Q4: the original read and wrote on the loop."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)

    def write() -> None:
        with fifo.open("wb") as file:
            file.write(b"at last\n")

    thread = threading.Thread(target=write)

    async with asyncio.TaskGroup() as group:

        async def read() -> bytes:
            async with open_file(fifo) as file:
                return await file.readline()

        task = group.create_task(read())
        await asyncio.sleep(0)
        thread.start()

    thread.join()
    assert task.result() == b"at last\n"


async def test_a_replaced_file_is_old_or_new_and_never_half(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_bytes(b"old")
    path.chmod(0o600)

    with pytest.raises(ValueError, match="mine"):
        async with replace_file(path) as file:
            await file.write(b"half")
            raise ValueError("mine")

    assert path.read_bytes() == b"old"
    link = tmp_path / "link"
    link.symlink_to(path)

    async with replace_file(link) as file:
        await file.write(b"new")
        assert path.read_bytes() == b"old"

    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "settings"]


async def sweep(run: Callable[[int, Moment], Any]) -> None:
    for moment in MOMENTS:
        number = 1

        while await run(number, moment):
            number += 1

        assert number > 1


async def test_a_replacement_that_is_cancelled_anywhere_is_whole_or_none(tmp_path: Path) -> None:
    async def run(number: int, moment: Moment) -> bool:
        path = tmp_path / "file"
        path.write_bytes(b"old")

        async def check() -> None:
            # What a thread had begun it may finish.
            async with asyncio.timeout(5):
                while len(list(tmp_path.iterdir())) > 1:
                    await asyncio.sleep(0.001)

            assert path.read_bytes() in (b"old", b"new")

        _, _, struck = await run_once(lambda: write_file(path, b"new", sync=False), check, number, moment, 5.0, True)
        return bool(struck)

    await sweep(run)


@pytest.mark.parametrize("method", ["read", "readline", "lines", "write", "aclose"])
async def test_cancelled_anywhere_a_file_loses_nothing(tmp_path: Path, method: str) -> None:
    text = b"".join(LINES[:100])

    async def run(number: int, moment: Moment) -> bool:
        path = tmp_path / "file"
        path.write_bytes(b"" if method == "write" else text)
        file: Any = open_file(path, "wb" if method == "write" else "rb")
        await file.__aenter__()
        got: list[bytes] = []
        lines = file.lines(batch_bytes=100)

        async def call() -> None:
            if method == "read":
                got.append(await file.read(50))
                got.append(await file.read(50))
            elif method == "readline":
                got.append(await file.readline())
                got.append(await file.readline())
            elif method == "lines":
                while batch := await lines.next_batch():
                    got.extend(batch)
            elif method == "write":
                await file.write(b"a" * 10)
                await file.write(b"b" * 10)
            else:
                await file.aclose()

        async def check() -> None:
            if method in ("read", "readline"):
                got.append(await file.read())
                assert b"".join(got) == text
            elif method == "lines":
                got.extend([line async for line in lines])
                assert b"".join(got) == text

            await file.aclose()

            if method == "write":
                assert path.read_bytes() in (b"", b"a" * 10, b"a" * 10 + b"b" * 10)

            assert file.file is None

        _, _, struck = await run_once(call, check, number, moment, 5.0, True)
        return bool(struck)

    await sweep(run)


async def test_opening_that_is_cancelled_leaves_no_file_open(path: Path) -> None:
    async def run(number: int, moment: Moment) -> bool:
        async def call() -> None:
            async with open_file(path) as file:
                await file.read(1)

        async def check() -> None:
            async with asyncio.timeout(5):
                while str(path) in [os.path.realpath(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")]:
                    await asyncio.sleep(0.001)

        _, _, struck = await run_once(call, check, number, moment, 5.0, True)
        return bool(struck)

    await sweep(run)


async def test_n1_a_file_is_read_again_when_it_has_changed(path: Path) -> None:
    """N1: the original returned None, kept failures for an hour and did not look whether a file had changed."""
    async with FileLoader() as loader:
        assert await loader.read(path) == b"".join(LINES)
        assert await loader.read(path) == b"".join(LINES)
        assert (loader.statistics().loads, loader.statistics().hits) == (1, 1)
        path.write_bytes(b"new")
        assert await loader.read(path) == b"new"
        path.unlink()

        with pytest.raises(FileNotFoundError):
            await loader.read(path)

        path.write_bytes(b"again")
        assert await loader.read(path) == b"again"


class Web:
    """The other side: one page, its tag, and who has asked how."""

    def __init__(self) -> None:
        self.body = b"page"
        self.tag = '"1"'
        self.status = 200
        self.asked: list[dict[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, url: str, headers: Mapping[str, str]) -> Fetched:
        self.asked.append(dict(headers))
        await self.gate.wait()

        if headers.get("if-none-match") == self.tag:
            return Fetched(304)

        return Fetched(self.status, {"etag": self.tag}, self.body + headers.get("authorization", "").encode())


async def test_n1_a_url_is_asked_whether_it_has_changed() -> None:
    web = Web()

    async with FileLoader(fetch=web) as loader:
        assert await loader.fetch("http://a/") == b"page"
        assert await loader.fetch("http://a/") == b"page"
        assert web.asked == [{}, {"if-none-match": '"1"'}]
        web.body, web.tag = b"other", '"2"'
        assert await loader.fetch("http://a/") == b"other"
        web.status, web.tag = 503, '"3"'

        with pytest.raises(FetchFailed, match="503"):
            await loader.fetch("http://a/")


async def test_n1_what_one_user_gets_no_other_does() -> None:
    """N1: the key was the URL, without its headers."""
    async with FileLoader(fetch=Web(), ttl=1000) as loader:
        assert await loader.fetch("http://a/", headers={"Authorization": "me"}) == b"pageme"
        assert await loader.fetch("http://a/", headers={"Authorization": "you"}) == b"pageyou"
        assert await loader.fetch("http://a/") == b"page"


async def test_many_who_want_the_same_share_one_look() -> None:
    web = Web()
    web.gate.clear()

    async with FileLoader(fetch=web) as loader:
        tasks = [asyncio.create_task(loader.fetch("http://a/")) for _ in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks[0].cancel()
        web.gate.set()
        assert await asyncio.gather(*tasks[1:]) == [b"page"] * 9
        assert len(web.asked) == 1


async def test_a_loader_keeps_no_more_than_it_may(tmp_path: Path) -> None:
    async with FileLoader(3, max_bytes=25) as loader:
        for number in range(10):
            (tmp_path / str(number)).write_bytes(b"x" * 10)
            await loader.read(tmp_path / str(number))

        assert loader.statistics().entries == 2
        assert loader.statistics().bytes == 20

        (tmp_path / "large").write_bytes(b"x" * 26)

        with pytest.raises(OSError, match="more than 25"):
            await loader.read(tmp_path / "large")


async def test_a_closed_loader_loads_nothing() -> None:
    web = Web()
    web.gate.clear()
    loader = FileLoader(fetch=web)
    task = asyncio.create_task(loader.fetch("http://a/"))
    await asyncio.sleep(0)
    await loader.aclose()

    with pytest.raises(Closed):
        await task

    with pytest.raises(Closed):
        await loader.fetch("http://a/")


async def test_a_url_is_fetched_by_the_standard_library() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()

        if b'if-none-match: "7"' in head:
            writer.write(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
        else:
            writer.write(b'HTTP/1.1 200 OK\r\nETag: "7"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi')

        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)

    async with server, FileLoader() as loader:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await loader.fetch(url) == b"hi"
        assert await loader.fetch(url) == b"hi"
        assert loader.statistics().hits == 1

        with pytest.raises(ValueError, match="http"):
            await loader.fetch("file:///etc/passwd")
