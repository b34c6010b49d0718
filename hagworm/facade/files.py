"""Files as responses: one of them, or all below a folder; conditional, in parts, and read in threads."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import quote

from hagworm.extend.error import DefinitionError
from hagworm.facade.conditional import Decision, decide
from hagworm.facade.dates import format_date, parse_date
from hagworm.facade.disk import ABSENT, Found, Source, look, resolve
from hagworm.facade.disposition import content_disposition
from hagworm.facade.failing import answer_any
from hagworm.facade.failure import HTTPError, NotFound
from hagworm.facade.headers import HeaderSource
from hagworm.facade.media import media_type_of_name
from hagworm.facade.negotiation import best_encoding
from hagworm.facade.ranges import ByteRange, byteranges, content_range, unsatisfied_range
from hagworm.facade.request import Request
from hagworm.facade.response import Redirect, Rendered, Response, StreamedResponse
from hagworm.facade.upload import in_file_thread

__all__ = ("File", "StaticFiles")

CHUNK = 256 * 1024
# Up to here a file is read as it is looked at: one hop to a thread, one write.
SMALL = 64 * 1024

# What RFC 9110 15.4.5 has a 304 leave out: the client has these already.
NOT_IN_304 = frozenset(
    (
        *(b"accept-ranges", b"last-modified", b"content-disposition", b"content-encoding", b"content-language"),
        *(b"content-length", b"content-range", b"content-type"),
    )
)
# What speaks of the file, and would lie about an error that is sent in its place.
NOT_IN_ERROR = NOT_IN_304 | {b"cache-control", b"etag", b"expires"}

# By coding, in our order of preference: the extension of the file that holds it.
SIBLINGS = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}

Headers = list[tuple[bytes, bytes]]
Piece = bytes | ByteRange


@dataclass(frozen=True, slots=True)
class Answer:
    """What of a file is sent, and under which head."""

    status: int
    headers: Headers
    pieces: Sequence[Piece] = ()
    length: int = 0


def settle(
    found: Found, method: str, index: Mapping[bytes, bytes], status: int, headers: Headers, now: float
) -> Answer:
    """Decide what to send of `found`. `headers` has its content type, and may have validators that outrank its own.

    Conditions and ranges count where `status` is 200. Raises `HTTPError` 412 and 416.
    """
    given = dict(headers)
    headers = [*headers, (b"accept-ranges", b"bytes")]
    etag, modified = given.get(b"etag", found.etag), found.modified

    if b"last-modified" in given:
        modified = parse_date(given[b"last-modified"].decode("latin-1")) or modified
    else:
        headers.append((b"last-modified", format_date(modified).encode("ascii")))

    if etag is not None and b"etag" not in given:
        headers.append((b"etag", etag))

    if status == 200:
        decision = decide(method, index, etag=etag, modified=modified, size=found.size, now=now)
    else:
        decision = Decision(status)

    if decision.status == 206:
        return cut(decision.ranges, found.size, headers)

    if decision.status == 304:
        return Answer(304, without(headers, NOT_IN_304))

    if decision.status == 412:
        raise HTTPError(412, "the file is not in the state that the request expects")

    if decision.status == 416:
        detail = f"the file has {found.size} bytes, and none of those asked for"
        raise HTTPError(416, detail, headers={"content-range": unsatisfied_range(found.size)})

    return Answer(status, headers, (ByteRange(0, found.size),), found.size)


def cut(parts: tuple[ByteRange, ...], size: int, headers: Headers) -> Answer:
    if len(parts) == 1:
        headers.append((b"content-range", content_range(parts[0], size).encode("ascii")))
        return Answer(206, headers, parts, parts[0].size)

    boundary = token_hex(16)
    pieces, length = byteranges(parts, size, dict(headers)[b"content-type"].decode("latin-1"), boundary)
    headers = without(headers, frozenset((b"content-type",)))
    headers.append((b"content-type", f"multipart/byteranges; boundary={boundary}".encode("ascii")))
    return Answer(206, headers, pieces, length)


def without(headers: Headers, names: frozenset[bytes]) -> Headers:
    return [pair for pair in headers if pair[0] not in names]


async def read_pieces(found: Found, pieces: Sequence[Piece]) -> AsyncIterator[bytes]:
    """Yield the content of `pieces`. Raises `FileChanged` where the file is no longer what it was."""
    source = Source(found)

    try:
        for piece in pieces:
            if isinstance(piece, bytes):
                yield piece
                continue

            for place in range(piece.start, piece.stop, CHUNK):
                size = min(CHUNK, piece.stop - place)

                if found.data is not None:
                    yield found.data[place : place + size]
                else:
                    yield await in_file_thread(source.read, place, size)
    finally:
        if found.data is None:
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, source.close))


class File(StreamedResponse):
    """A file on disk, as the response to one request.

    The media type is that of the name unless given. With `download` the client saves it, as `filename` or under its own
    name; without, `filename` is what it suggests when the user saves. `etag` is `"stat"` (size and time of
    modification), `"content"` (a hash, remembered while the file stays as it is), a tag in quotes, or None for none.

    A GET may ask for parts, and conditions are honoured, unless `status` is another than 200. A file that is missing is
    a failure of the service (500); one that changes while it is sent aborts the response.
    """

    __slots__ = ("etag", "found", "instead", "path", "pieces")

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        filename: str | None = None,
        media_type: str | None = None,
        download: bool = False,
        status: int = 200,
        headers: HeaderSource | None = None,
        etag: str | None = "stat",
        background: Any = None,
        close: bool = False,
    ) -> None:
        self.path = os.fspath(path)
        name = filename or os.path.basename(self.path)
        media_type = media_type or media_type_of_name(name)
        super().__init__(b"", status, headers, media_type=media_type, background=background, close=close)
        self.etag = etag
        self.found: Found | None = None
        self.pieces: Sequence[Piece] = ()
        self.instead: Response | None = None

        if download or filename:
            self.headers.setdefault("content-disposition", content_disposition(name, inline=not download))

    def __repr__(self) -> str:
        return f"<File {self.path!r} {self.status}>"

    async def prepare(self, request: Request) -> None:
        """Look at the file and decide what of it is sent; where that fails, the error is sent in its place."""
        try:
            if self.found is not None:
                raise RuntimeError(f"{self!r} has been sent already; make one for every request")

            limit = SMALL if request.method == "GET" else 0
            self.found = await in_file_thread(partial(look, self.path, limit=limit, etag=self.etag))
            answer = settle(self.found, request.method, request.index, self.status, self.raw_headers, time.time())
        except Exception as exc:
            await self.give_way(request, await answer_any(request, exc))
        else:
            self.status, self.pieces = answer.status, answer.pieces
            self.raw_headers[:] = answer.headers

            if answer.status != 304:
                self.raw_headers.append((b"content-length", b"%d" % answer.length))

    async def give_way(self, request: Request, response: Response) -> None:
        """Become another response, with what middleware has added to this one."""
        if isinstance(response, StreamedResponse):
            await response.prepare(request)
            length = []
        else:
            length = [(b"content-length", b"%d" % len(response.body))]

        self.instead = response
        self.status = response.status
        self.close = self.close or response.close
        own = frozenset(name for name, _ in response.raw_headers if name != b"set-cookie")
        self.raw_headers[:] = [*without(self.raw_headers, NOT_IN_ERROR | own), *response.raw_headers, *length]

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield what `prepare` has decided on. Raises `FileChanged` where the file is no longer what it was."""
        from hagworm.facade.streaming import closing

        if self.instead is not None and not isinstance(self.instead, StreamedResponse):
            yield self.instead.body
            return

        if self.instead is not None:
            source = self.instead.chunks()
        else:
            assert self.found is not None, "prepare() comes before chunks()"
            source = read_pieces(self.found, self.pieces)

        async with closing(source) as pieces:
            async for piece in pieces:
                yield piece


class Settled(StreamedResponse):
    """A large file of which it is known already what is sent."""

    __slots__ = ("found", "pieces")

    def __init__(self, found: Found, answer: Answer) -> None:
        super().__init__(b"", answer.status)
        self.raw_headers = [*answer.headers, (b"content-length", b"%d" % answer.length)]
        self.found = found
        self.pieces = answer.pieces

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield what has been decided on. Raises `FileChanged` where the file is no longer what it was."""
        return read_pieces(self.found, self.pieces)


class StaticFiles:
    """The files below `directory`, for `App.static`.

    A folder is not found, unless `index` is set: then its `index.html` is served, and the path without its last slash
    redirects. With `precompressed` a sibling `name.br`, `name.zst` or `name.gz` is sent to clients that accept it.
    Links that lead out of the folder are not found unless `follow_links` is set. `etag` is as for `File`; `headers` are
    added to every file. Raises `DefinitionError` where there is no such folder.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        index: bool = False,
        precompressed: bool = False,
        follow_links: bool = False,
        etag: str | None = "stat",
        headers: HeaderSource | None = None,
    ) -> None:
        self.root = os.path.realpath(directory)

        if not os.path.isdir(self.root):
            raise DefinitionError(f"static files: there is no folder {os.fspath(directory)!r} (looked for {self.root})")

        self.index = index
        self.precompressed = precompressed
        self.limit = None if follow_links else self.root
        self.etag = etag
        self.headers = Response(headers=headers).raw_headers

    def __repr__(self) -> str:
        return f"<StaticFiles {self.root!r}>"

    async def answer(self, request: Request, path: str) -> Response:
        """Return the file at `path`, relative and decoded. Raises `HTTPError` 404, 412 and 416."""
        accept = request.index.get(b"accept-encoding") if self.precompressed else None
        limit = SMALL if request.method == "GET" else 0
        # An escaped slash belongs to a name, and no file has one in its name.
        found = None if b"%2f" in request.raw_path.lower() else await in_file_thread(self.find, path, accept, limit)

        if found is None:
            raise NotFound(f"there is nothing at {request.path}")

        if found == "folder":
            query = request.exchange.query.decode("ascii")
            location = f"{request.base_path}{quote(request.path)}/"
            return Redirect(f"{location}?{query}" if query else location, 308)

        return self.respond(request, *found)

    def respond(self, request: Request, found: Found, media_type: str, coding: str) -> Response:
        headers = [*self.headers, (b"content-type", media_type.encode("ascii"))]

        if self.precompressed:
            headers.append((b"vary", b"Accept-Encoding"))

        if coding != "identity":
            headers.append((b"content-encoding", coding.encode("ascii")))

        answer = settle(found, request.method, request.index, 200, headers, time.time())

        if found.data is None and answer.status != 304:
            return Settled(found, answer)

        content = found.data or b""
        body = b"".join(
            piece if isinstance(piece, bytes) else content[piece.start : piece.stop] for piece in answer.pieces
        )
        return Rendered(body, answer.status, answer.headers)

    def find(self, path: str, accept: bytes | None, limit: int) -> tuple[Found, str, str] | Literal["folder"] | None:
        """Return the file that is served at `path`, its media type and its coding, or that it is a folder. Blocks."""
        *parents, last = path.split("/")
        # A last slash is the mark of a folder.
        segments = [*parents, last] if last else parents

        if not all(map(is_name, segments)):
            return None

        try:
            name = os.path.join(self.root, *segments)

            if os.path.isdir(resolve(self.limit, name)):
                name = os.path.join(name, "index.html")

                if not self.index or not os.path.isfile(resolve(self.limit, name)):
                    return None

                if last:
                    return "folder"
            elif not last:
                return None

            coding = best_encoding(accept, tuple(filter(partial(self.has_sibling, name), SIBLINGS)))
            real = resolve(self.limit, name + SIBLINGS.get(coding, ""))
            # Two codings of one file are two representations, even if they are of one size and age.
            mark = "" if coding == "identity" else f"-{coding}"
            found = look(real, limit=limit, etag=self.etag, mark=mark)
            return found, media_type_of_name(os.path.basename(name)), coding
        except OSError as exc:
            if exc.errno in ABSENT:
                return None

            raise

    def has_sibling(self, name: str, coding: str) -> bool:
        if not self.precompressed:
            return False

        try:
            return os.path.isfile(resolve(self.limit, name + SIBLINGS[coding]))
        except OSError:
            return False


def is_name(segment: str) -> bool:
    """Tell whether a segment of a path can only mean an entry of its folder, on any system."""
    return segment not in ("", ".", "..") and "\\" not in segment and "\0" not in segment
