"""Laws of uploaded files: memory is bounded, the loop never waits for the disk, nothing stays open."""

import asyncio
import tempfile
import threading
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.upload import Spool, UploadFile, close_all, make_safe_name


async def spooled(limit, *pieces, **options):
    """Return what `pieces` become as an upload."""
    spool = Spool(limit)

    for piece in pieces:
        await spool.write(piece)

    return UploadFile(await spool.finish(), size=spool.size, **options)


@pytest.fixture
def disk(monkeypatch):
    """Record every temporary file and the threads that make it; `gate` holds the making back while it is cleared."""

    class Disk:
        files = []
        threads = set()
        gate = threading.Event()

    Disk.gate.set()
    make = tempfile.TemporaryFile

    def recorded(*args, **options):
        Disk.threads.add(threading.current_thread())
        Disk.files.append(make(*args, **options))
        Disk.gate.wait(10)
        return Disk.files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", recorded)
    return Disk


async def test_a_small_file_stays_in_memory(disk):
    upload = await spooled(10, b"12345", b"67890")
    assert not upload.on_disk
    assert upload.size == 10
    assert await upload.read() == b"1234567890"
    await upload.close()
    assert disk.files == []


async def test_a_large_file_goes_to_disk_in_a_thread(disk):
    upload = await spooled(10, b"12345", b"678901", b"x" * 600_000, b"end")
    assert upload.on_disk
    assert upload.size == 600_014
    assert await upload.read(3) == b"123"
    assert await upload.read(3) == b"456"
    assert await upload.read() == b"78901" + b"x" * 600_000 + b"end"
    assert await upload.read(1) == b""
    assert len(disk.files) == 1
    assert threading.main_thread() not in disk.threads
    await upload.close()
    assert disk.files[0].closed


async def test_what_waits_for_the_disk_is_bounded():
    spool = Spool(1000)

    for _ in range(100):
        await spool.write(b"x" * 60_000)
        assert spool.pending_size < 300_000

    await close_all((spool,))


@pytest.mark.parametrize("limit", [0, 100])
async def test_a_file_is_read_again_from_where_one_wants(limit):
    upload = await spooled(limit, b"0123456789")
    assert upload.on_disk is (limit == 0)
    await upload.seek(4)
    assert await upload.read(2) == b"45"
    await upload.seek(0)
    assert [chunk async for chunk in upload.chunks(4)] == [b"0123", b"4567", b"89"]
    assert upload.file.read() == b""
    await upload.close()


@pytest.mark.parametrize("limit", [0, 100])
async def test_closing_twice_is_fine_and_reading_afterwards_is_not(limit):
    upload = await spooled(limit, b"x")
    await upload.close()
    await upload.close()

    with pytest.raises(ValueError, match="closed file"):
        await upload.read()


async def test_a_cancelled_write_leaves_no_file_open(disk):
    disk.gate.clear()
    spool = Spool(0)
    writing = asyncio.ensure_future(spool.write(b"x" * 300_000))

    while not disk.files:
        await asyncio.sleep(0)

    writing.cancel()
    await asyncio.wait((writing,))
    assert writing.cancelled()
    closing = asyncio.ensure_future(close_all((spool,)))
    await asyncio.sleep(0)
    assert not closing.done()
    disk.gate.set()
    await closing
    assert disk.files[0].closed


async def test_a_cancelled_close_closes_all_the_same(disk):
    disk.gate.clear()
    spool = Spool(0)
    uploads = [await spooled(100, b"small")]
    writing = asyncio.ensure_future(spool.write(b"x" * 300_000))

    while not disk.files:
        await asyncio.sleep(0)

    writing.cancel()
    closing = asyncio.ensure_future(close_all((spool, *uploads)))
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait((writing, closing))
    assert closing.cancelled()
    disk.gate.set()

    while not disk.files[0].closed:
        await asyncio.sleep(0)

    assert uploads[0].file.closed


async def test_a_full_disk_is_told_once(monkeypatch):
    class Full(BytesIO):
        def writelines(self, lines):
            raise OSError(28, "No space left on device")

        def close(self):
            super().close()
            raise OSError(28, "No space left on device")

    class Disk:
        def __init__(self):
            self.inner = Full()

        def __getattr__(self, name):
            return getattr(self.inner, name)

    monkeypatch.setattr(tempfile, "TemporaryFile", Disk)
    spool = Spool(0)
    await spool.write(b"x")

    with pytest.raises(OSError, match="No space left"):
        await spool.finish()

    await close_all((spool,))
    assert spool.file.closed


def test_an_upload_tells_what_the_client_said():
    upload = UploadFile(BytesIO(b"x"), filename="a/b.txt", size=1, content_type="text/x", headers=[(b"x-y", b"1")])
    assert (upload.filename, upload.safe_name, upload.content_type, upload.headers["X-Y"]) == (
        "a/b.txt",
        "b.txt",
        "text/x",
        "1",
    )
    assert repr(upload) == "<UploadFile 'a/b.txt' text/x, 1 bytes>"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("naïve 文.txt", "naïve 文.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("C:a.txt", "C_a.txt"),
        ("a\0b\r\n.txt", "ab.txt"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ("..", "file"),
        ("", "file"),
        ("/", "file"),
        ("a/", "file"),
        (".htaccess", "htaccess"),
        ("a.txt. . ", "a.txt"),
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1 .x", "_com1 .x"),
        ('<a>:"b"|?*', "_a___b____"),
        ("e\u0301", "\u00e9"),
        ("x" * 300 + ".tar.gz", "x" * 197 + ".gz"),
        ("é" * 300, "é" * 100),
        ("x." + "y" * 300, "x." + "y" * 198),
    ],
)
def test_a_safe_name_is_one_part_of_a_path_and_nothing_special(name, safe):
    assert make_safe_name(name) == safe


@given(st.text(max_size=300))
def test_every_name_has_a_safe_one(name):
    safe = make_safe_name(name)
    assert 0 < len(safe.encode()) <= 200
    assert not set(safe) & set('/\\\0\n\r<>:"|?*')
    assert safe not in (".", "..")
    assert safe[0] not in " ." and safe[-1] not in " ."
    assert make_safe_name(safe) == safe


async def test_a_write_that_comes_after_the_end_opens_nothing(disk):
    spool = Spool(0)
    await spool.write(b"x")
    await close_all((spool,))
    spool.write_to_disk(threading.Lock(), [b"x"])
    assert disk.files == []
