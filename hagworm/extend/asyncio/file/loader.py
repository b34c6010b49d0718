"""Files and URLs that are read often and change seldom."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from hagworm.extend.asyncio.file.whole import read_now
from hagworm.extend.error import Closed, FetchFailed

__all__ = ("Fetch", "Fetched", "FileLoader", "LoaderStatistics", "fetch_url")


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its status code, its headers with lower-case names, its body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Fetch = Callable[[str, Mapping[str, str]], Awaitable[Fetched]]
"""Asks for a URL with some headers."""


@dataclass(frozen=True, slots=True)
class LoaderStatistics:
    """What a loader is doing, and has done."""

    entries: int
    bytes: int
    loading: int
    hits: int
    """How often the content was there and still the right one."""
    loads: int
    """How often it had to be read."""


@dataclass(slots=True)
class Entry:
    """What was found, how to ask whether it is still that, and when that was asked last."""

    data: bytes
    tag: Any
    checked: float


class FileLoader:
    """Keep the contents of at most `maxsize` files and URLs, and at most `max_bytes` in all; the least used ones go.

    A content is looked at again when that was done more than `ttl` seconds ago (0: each time): a file by its identity,
    size and time of modification, a URL by its entity tag or date. It is read again only if it has changed. Many who
    want the same at the same time share one look. A failure raises, and is not kept. `fetch` asks for URLs.
    """

    def __init__(
        self,
        maxsize: int = 128,
        *,
        max_bytes: int = 64 << 20,
        ttl: float = 0.0,
        fetch: "Fetch | None" = None,
    ) -> None:
        if maxsize < 1 or max_bytes < 1:
            raise ValueError(f"a loader keeps at least one file of one byte, not {maxsize} of {max_bytes}")

        self.maxsize = maxsize
        self.max_bytes = max_bytes
        self.ttl = ttl
        self.fetch_url: Fetch = fetch or (lambda url, headers: fetch_url(url, headers, max_bytes=max_bytes))
        self.entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self.bytes = 0
        self.loading: dict[Hashable, asyncio.Task[bytes]] = {}
        self.is_closed = False
        self.hits = 0
        self.loads = 0

    def __repr__(self) -> str:
        return f"<FileLoader {len(self.entries)} entries, {self.bytes} bytes, {len(self.loading)} loading>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def read(self, path: str | os.PathLike[str]) -> bytes:
        """Return what is in the file at `path` now. Raises OSError, EFBIG for more than `max_bytes`."""
        name = os.fspath(path)
        return await self.get(("file", name), lambda entry: self.load_file(name, entry))

    async def fetch(self, url: str, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return what is at `url`; answers to different `headers` are kept apart.

        Raises `FetchFailed` for a status other than 200, and what `fetch` raises.
        """
        asked = {name.lower(): value for name, value in (headers or {}).items()}
        key = ("url", url, *sorted(asked.items()))
        return await self.get(key, lambda entry: self.load_url(key, url, asked, entry))

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.bytes = 0

    async def aclose(self) -> None:
        """Forget everything, and cancel what is being loaded."""
        self.is_closed = True
        self.clear()

        while self.loading:
            for task in self.loading.values():
                task.cancel()

            await asyncio.wait(list(self.loading.values()))

    def statistics(self) -> LoaderStatistics:
        """Return what the loader is doing, and has done."""
        return LoaderStatistics(len(self.entries), self.bytes, len(self.loading), self.hits, self.loads)

    async def get(self, key: Hashable, load: Callable[[Entry | None], Awaitable[bytes]]) -> bytes:
        if self.is_closed:
            raise Closed(f"{self!r} is closed")

        loop = asyncio.get_running_loop()
        entry = self.entries.get(key)

        if entry is not None and loop.time() - entry.checked < self.ttl:
            self.entries.move_to_end(key)
            self.hits += 1
            return entry.data

        task = self.loading.get(key)

        if task is None:
            task = loop.create_task(self.load(key, load, entry), context=Context())
            self.loading[key] = task
            task.add_done_callback(partial(self.loaded, key), context=Context())

        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and self.is_closed:
                raise Closed(f"{self!r} is closed") from None

            raise

    async def load(self, key: Hashable, load: Callable[[Entry | None], Awaitable[bytes]], entry: Entry | None) -> bytes:
        try:
            return await load(entry)
        except BaseException:
            self.forget(key)
            raise

    def loaded(self, key: Hashable, task: asyncio.Task[bytes]) -> None:
        del self.loading[key]

        # An error that nobody may ask for any more.
        if not task.cancelled():
            task.exception()

    async def load_file(self, name: str, entry: Entry | None) -> bytes:
        known = None if entry is None else entry.tag
        loop = asyncio.get_running_loop()
        data, tag = await loop.run_in_executor(None, read_changed, name, known, self.max_bytes)
        return self.keep(("file", name), data, tag, entry)

    async def load_url(self, key: Hashable, url: str, asked: dict[str, str], entry: Entry | None) -> bytes:
        condition = {} if entry is None else dict(entry.tag)
        answer = await self.fetch_url(url, {**asked, **condition})

        if answer.status == 304 and entry is not None:
            return self.keep(key, None, entry.tag, entry)

        if answer.status != 200:
            raise FetchFailed(url, answer.status)

        tag = []

        if etag := answer.headers.get("etag"):
            tag.append(("if-none-match", etag))

        if modified := answer.headers.get("last-modified"):
            tag.append(("if-modified-since", modified))

        if "no-store" in answer.headers.get("cache-control", "").lower() or answer.headers.get("vary") == "*":
            self.loads += 1
            self.forget(key)
            return answer.body

        return self.keep(key, answer.body, tuple(tag), entry)

    def keep(self, key: Hashable, data: bytes | None, tag: Any, entry: Entry | None) -> bytes:
        """Keep `data`, or, where that is None, what there was."""
        now = asyncio.get_running_loop().time()

        if data is None:
            assert entry is not None
            self.hits += 1
            entry.checked = now

            if key in self.entries:
                self.entries.move_to_end(key)

            return entry.data

        self.loads += 1
        self.forget(key)

        if len(data) <= self.max_bytes and not self.is_closed:
            self.entries[key] = Entry(data, tag, now)
            self.bytes += len(data)

            while len(self.entries) > self.maxsize or self.bytes > self.max_bytes:
                self.bytes -= len(self.entries.popitem(last=False)[1].data)

        return data

    def forget(self, key: Hashable) -> None:
        entry = self.entries.pop(key, None)

        if entry is not None:
            self.bytes -= len(entry.data)


def read_changed(name: str, known: Any, max_bytes: int) -> tuple[bytes | None, Any]:
    """Return what is in a file unless it is still the `known` one, and what it is known by."""
    info = os.stat(name)
    tag = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns)

    if tag == known:
        return None, tag

    # Looked at before it is read: what is written meanwhile is noticed the next time.
    return read_now(name, "none", max_bytes), tag


async def fetch_url(
    url: str, headers: Mapping[str, str], *, timeout: float = 30.0, max_bytes: int = 64 << 20
) -> Fetched:
    """Ask for an `http` or `https` URL, in a thread, with the standard library; certificates are verified.

    `timeout` bounds each wait for the network, in seconds. Raises OSError, and ValueError for another kind of URL.
    Cancelled, it returns at once; the thread ends when the other side answers.
    """
    if not url.lower().startswith(("http://", "https://")):
        raise ValueError(f"only http and https can be fetched, not {url!r}")

    return await asyncio.get_running_loop().run_in_executor(None, fetch_now, url, headers, timeout, max_bytes)


def fetch_now(url: str, headers: Mapping[str, str], timeout: float, max_bytes: int) -> Fetched:
    import errno
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    try:
        with urlopen(Request(url, headers=dict(headers)), timeout=timeout) as answer:
            body = answer.read(max_bytes + 1)

            if len(body) > max_bytes:
                raise OSError(errno.EFBIG, f"more than {max_bytes} bytes", url)

            return Fetched(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)
    except HTTPError as error:
        with error:
            return Fetched(error.code, {name.lower(): value for name, value in error.headers.items()})
