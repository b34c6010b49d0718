"""Files from other machines: gone on with after an interruption, checked, and put in place as a whole."""

import asyncio
import errno
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from hagworm.extend.asyncio.buffer.spool import FileBuffer
from hagworm.extend.asyncio.file.lane import Lane
from hagworm.extend.asyncio.file.loader import Fetch, Fetched
from hagworm.extend.asyncio.net.client import HTTPClient
from hagworm.extend.asyncio.net.order import join_url
from hagworm.extend.asyncio.net.response import StreamedResponse
from hagworm.extend.error import BodyDamaged, BodyTooLong, StatusFailed
from hagworm.extend.net.headers import check_fields
from hagworm.extend.net.policy import hide_secrets
from hagworm.extend.net.span import Next, Progress, judge_answer, read_content_range, resume_headers

__all__ = ("Downloaded", "Expected", "download", "fetch_by", "read_checksum", "spool")

BLOCK = 1 << 18
"""So many bytes are written at a time."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The checksum that a file should have, in small hexadecimal digits."""

    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that has been put in place."""

    path: Path
    size: int
    resumed: int
    """How many bytes of it were there already."""
    etag: str | None


async def download(
    client: HTTPClient,
    url: str,
    path: str | os.PathLike[str],
    *,
    checksum: str | None = None,
    max_bytes: int | None = None,
    headers: Mapping[str, str] | None = None,
    progress: Callable[[Progress], object] | None = None,
) -> Downloaded:
    """Put what is at `url` at `path`, replacing what is there when all of the new file is there and is right.

    What has come is kept beside it, as `path` with `.part`. When the connection ends early, or the next time where this
    call fails or is cancelled, only the rest is asked for, as long as the other side vouches by a strong entity tag
    that it is the same thing (Range and If-Range, RFC 9110 section 13.1.5). `checksum` is `sha256:` and the digest in
    hexadecimal digits, or another algorithm of hashlib's. `progress` is called after every 256 KiB and at the end.

    Tries again as often as `client` does. Raises what `client.stream` raises, `BodyTooLong` for more than `max_bytes`
    (None: no bound), `BodyDamaged` for a wrong checksum, OSError; BlockingIOError where another download has the same
    `path`. The old file stays as it is in all these cases.
    """
    expected = None if checksum is None else read_checksum(checksum)
    part = Part(Path(path), join_url(client.base_url, url))
    errand = Errand(client, url, part, max_bytes, check_fields(headers or {}), progress)

    async with part:
        once: Callable[[], Awaitable[int]] = errand.attempt
        status = await (once if client.retry is None else client.retry.wrap_async(once))()

        if expected is not None:
            found = await part.lane.run(lambda: part.digest(expected.algorithm))

            if found != expected.digest:
                part.is_useless = True
                problem = f"its {expected.algorithm} is {found}, not {expected.digest}"
                raise BodyDamaged(hide_secrets(url), status, problem)

        await part.finish(part.put_in_place)

    return Downloaded(part.path, part.size, errand.resumed, part.tag)


def fetch_by(client: HTTPClient) -> Fetch:
    """Return what a `FileLoader` asks by, so that it does as `client` does: `FileLoader(fetch=fetch_by(client))`."""

    async def fetch(url: str, headers: Mapping[str, str]) -> Fetched:
        answer = await client.get(url, headers=headers, check=False)
        return Fetched(answer.status, answer.headers, answer.bytes)

    return fetch


async def spool(client: HTTPClient, url: str, buffer: FileBuffer, *, headers: Mapping[str, str] | None = None) -> int:
    """Write what is at `url` into `buffer` while others read it there; return how many bytes that were.

    The buffer is finished at the end, with the error where there is one, so that no reader takes a part for the whole.
    """
    size = 0

    try:
        async with client.stream("GET", url, headers=headers) as answer:
            async for piece in answer:
                await buffer.write(piece)
                size += len(piece)
    except BaseException as error:
        buffer.finish(error if isinstance(error, Exception) else BodyDamaged(hide_secrets(url), 0, "given up"))
        raise

    buffer.finish()
    return size


def read_checksum(text: str) -> Expected:
    """Return what `sha256:9f86…` says. Raises ValueError for an unknown algorithm or a digest of another length."""
    algorithm, _, digest = text.partition(":")
    digest = digest.lower()

    if algorithm not in hashlib.algorithms_available or algorithm.startswith("shake"):
        raise ValueError(f"checksum: {text!r} does not begin with an algorithm and a colon, like sha256:…")

    if len(digest) != 2 * hashlib.new(algorithm).digest_size or not set(digest) <= set("0123456789abcdef"):
        raise ValueError(f"checksum: {text!r} does not end with the {algorithm} of something in hexadecimal digits")

    return Expected(algorithm, digest)


class Part:
    """What has come of a file, and the entity tag of that; its blocking methods run in the lane."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.source = hashlib.sha256(url.encode()).hexdigest()
        self.name = path.with_name(f"{path.name}.part")
        self.tag_name = path.with_name(f"{path.name}.part.tag")
        self.lane: Lane[object] = Lane()
        self.file: FileIO | None = None
        self.size = 0
        self.tag: str | None = None
        self.is_useless = False
        """Whether there is nothing to go on with."""

    def __repr__(self) -> str:
        return f"<Part of {str(self.path)!r}, {self.size} bytes>"

    async def __aenter__(self) -> None:
        try:
            await self.finish(self.open)
        except BaseException:
            await self.finish(self.close)
            raise

    async def __aexit__(self, *_: object) -> None:
        await self.finish(self.close)

    async def finish(self, job: Callable[[], None]) -> None:
        """Do `job` in the lane, to its end also when the caller is cancelled: the next one wants the file unlocked."""
        work = self.lane.submit(job)
        interrupted: asyncio.CancelledError | None = None

        while not work.done():
            try:
                await asyncio.wait((work,))
            except asyncio.CancelledError as error:
                interrupted = error

        if interrupted is not None:
            raise interrupted

        work.result()

    @property
    def opened(self) -> FileIO:
        assert self.file is not None
        return self.file

    def open(self) -> None:
        file = open(self.name, "a+b", buffering=0)

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

            # Between opening and locking another download may have put this very file in place.
            if not os.path.samestat(os.fstat(file.fileno()), os.stat(self.name)):
                raise BlockingIOError(errno.EAGAIN, "another download has just ended here", str(self.path))

            self.size = file.seek(0, os.SEEK_END)

            with suppress(FileNotFoundError, UnicodeDecodeError):
                source, _, tag = self.tag_name.read_text("ascii").partition(" ")
                self.tag = tag if source == self.source else None
        except BaseException:
            file.close()
            raise

        self.file = file

    def close(self) -> None:
        if self.file is None:
            return

        # Removed before it is unlocked: nobody else can have begun to use it.
        if self.is_useless or self.size == 0 or self.tag is None:
            self.remove()

        self.file.close()
        self.file = None

    def remove(self) -> None:
        for name in (self.name, self.tag_name):
            with suppress(FileNotFoundError):
                name.unlink()

    def begin(self, tag: str | None) -> None:
        """Forget what has come; what comes from now on is what `tag` names."""
        self.opened.truncate(0)
        self.size = 0
        self.tag = None
        self.tag_name.unlink(missing_ok=True)

        if tag is not None and tag.isascii() and resume_headers(1, tag):
            self.tag_name.write_text(f"{self.source} {tag}", "ascii")
            self.tag = tag

    def write(self, data: bytes) -> None:
        view = memoryview(data)

        while view:
            written = os.write(self.opened.fileno(), view)
            self.size += written
            view = view[written:]

    def digest(self, algorithm: str) -> str:
        self.opened.seek(0)
        return hashlib.file_digest(self.opened, algorithm).hexdigest()

    def put_in_place(self) -> None:
        file = self.opened
        target = os.path.realpath(self.path)

        with suppress(FileNotFoundError):
            os.chmod(file.fileno(), os.stat(target).st_mode & 0o7777)

        os.fsync(file.fileno())
        os.replace(self.name, target)
        self.tag_name.unlink(missing_ok=True)
        file.close()
        self.file = None
        folder = os.open(os.path.dirname(target), os.O_RDONLY)

        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Errand:
    """The attempts to bring the rest of a file."""

    def __init__(
        self,
        client: HTTPClient,
        url: str,
        part: Part,
        max_bytes: int | None,
        headers: Mapping[str, str],
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self.client = client
        self.url = url
        self.part = part
        self.max_bytes = max_bytes
        self.headers = headers
        self.progress = progress
        self.resumed = 0

    async def attempt(self) -> int:
        """Bring what is missing, and return the status of the answer that it came with."""
        part = self.part

        async with self.ask() as (answer, verdict, status):
            if verdict is Next.ASK_AGAIN:
                await part.lane.run(lambda: part.begin(None))
            elif answer is not None:
                if verdict is Next.RESTART:
                    await part.lane.run(lambda: part.begin(answer.headers.get("etag")))

                self.resumed = part.size
                await self.receive(answer)
            else:
                self.resumed = part.size

            if verdict is not Next.ASK_AGAIN:
                return status

        # Now without a word about a range, so that this comes to an end.
        return await self.attempt()

    @asynccontextmanager
    async def ask(self) -> AsyncIterator[tuple[StreamedResponse | None, Next, int]]:
        """Give the answer, where it brings something, and what to do with it."""
        part = self.part
        asked = resume_headers(part.size, part.tag)
        # Packed, the bytes would be others than those that are counted.
        headers = {**self.headers, "accept-encoding": "identity", **asked}
        have = part.size if asked else 0

        try:
            async with self.client.stream("GET", self.url, headers=headers) as answer:
                yield answer, judge_answer(answer.status, answer.headers, have, part.tag), answer.status
                return
        except StatusFailed as error:
            if error.status != 416 or not asked:
                raise

            verdict = judge_answer(error.status, error.headers, have, part.tag)

        yield None, verdict, 416

    async def receive(self, answer: StreamedResponse) -> None:
        part = self.part
        total = total_of(answer, part.size)

        if self.max_bytes is not None and total is not None and total > self.max_bytes:
            raise self.too_long(answer)

        block: list[bytes] = []
        waiting = 0

        try:
            async for piece in answer:
                block.append(piece)
                waiting += len(piece)

                if self.max_bytes is not None and part.size + waiting > self.max_bytes:
                    raise self.too_long(answer)

                if waiting >= BLOCK:
                    data, block, waiting = b"".join(block), [], 0
                    await self.write(data, total)
        except BodyTooLong:
            raise
        except BaseException:
            # What has come is worth keeping.
            if block:
                await part.finish(lambda: part.write(b"".join(block)))

            raise

        await self.write(b"".join(block), total)

        if total is not None and part.size != total:
            part.is_useless = True
            problem = f"it has {part.size} bytes, not {total}"
            raise BodyDamaged(hide_secrets(self.url), answer.status, problem)

    async def write(self, data: bytes, total: int | None) -> None:
        part = self.part
        await part.finish(lambda: part.write(data))

        if self.progress is not None:
            self.progress(Progress(part.size, total, self.resumed))

    def too_long(self, answer: StreamedResponse) -> BodyTooLong:
        assert self.max_bytes is not None
        self.part.is_useless = True
        return BodyTooLong(hide_secrets(self.url), answer.status, self.max_bytes)


def total_of(answer: StreamedResponse, have: int) -> int | None:
    """Return how many bytes the whole file has, where the answer says it."""
    if answer.status == 206:
        span = read_content_range(answer.headers.get("content-range"))
        return None if span is None else span.total

    length = answer.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and "content-encoding" not in answer.headers else None
