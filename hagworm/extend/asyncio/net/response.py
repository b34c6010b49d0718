"""Answers: one that has been read, and one that is still coming."""

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, TypeVar, overload

from hagworm.extend.asyncio.net.translation import Translated
from hagworm.extend.error import BodyDamaged, BodyTooLong, StatusFailed
from hagworm.extend.net.headers import Headers
from hagworm.extend.net.policy import hide_secrets

if TYPE_CHECKING:
    import aiohttp

__all__ = ("Answer", "Response", "StreamedResponse", "read_body")

T = TypeVar("T")

CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)


class Answer:
    """What an answer begins with; `url` is where it came from in the end, `headers` are found in any case."""

    __slots__ = ("headers", "method", "status", "url")

    def __init__(self, method: str, url: str, status: int, headers: Headers) -> None:
        self.method = method
        self.url = url
        self.status = status
        self.headers = headers

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status} to {self.method} {hide_secrets(self.url)}>"

    @property
    def is_success(self) -> bool:
        """Whether the status code is one of success."""
        return 200 <= self.status < 300


class Response(Answer):
    """An answer that has been read: `bytes`, `text()`, `json()`."""

    __slots__ = ("bytes",)

    def __init__(self, method: str, url: str, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(method, url, status, headers)
        self.bytes = body

    def text(self, encoding: str | None = None) -> str:
        """Return the body as text: in `encoding`, else what the answer says, else UTF-8. Raises `BodyDamaged`."""
        if encoding is None:
            match = CHARSET.search(self.headers.get("content-type", ""))
            encoding = match[1] if match else "utf-8"

        try:
            return self.bytes.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise self.damage(f"its body is no text: {error}") from error

    @overload
    def json(self) -> Any: ...

    @overload
    def json(self, type: type[T]) -> T: ...

    def json(self, type: Any = Any) -> Any:
        """Return what the body says in JSON, as `type` where one is given: a dataclass, for example.

        Raises `BodyDamaged` for what is no JSON, or not of that type.
        """
        from msgspec import DecodeError
        from msgspec.json import decode

        try:
            return decode(self.bytes, type=type)
        except (DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self.damage(f"its body is not the JSON that is wanted: {error}") from error

    def raise_for_status(self) -> "Response":
        """Return this answer, or raise `StatusFailed` for 400 and above."""
        if self.status >= 400:
            raise StatusFailed(
                self.method, hide_secrets(self.url), self.status, headers=self.headers, body=self.bytes[:8192]
            )

        return self

    def damage(self, problem: str) -> BodyDamaged:
        return BodyDamaged(hide_secrets(self.url), self.status, problem)

    async def aclose(self) -> None:
        """Do nothing: all of it is here."""


class StreamedResponse(Answer):
    """An answer whose body comes piece by piece, at most `max_bytes` of it (None: no bound), unpacked.

    `may_repeat` tells whether the request may be sent again when the body does not come to its end.
    """

    __slots__ = ("answer", "max_bytes", "may_repeat", "received")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Headers,
        answer: "aiohttp.ClientResponse",
        max_bytes: int | None,
        may_repeat: bool,
    ) -> None:
        super().__init__(method, url, answer.status, headers)
        self.answer = answer
        self.max_bytes = max_bytes
        self.may_repeat = may_repeat
        self.received = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raises `BodyTooLong`, `BodyDamaged` where it ends too early, `PeerSilent`."""
        with Translated(self.url, self.status, repeat=self.may_repeat):
            async for piece in self.pieces():
                self.received += len(piece)

                if self.max_bytes is not None and self.received > self.max_bytes:
                    raise BodyTooLong(hide_secrets(self.url), self.status, self.max_bytes)

                yield piece

    async def pieces(self) -> AsyncIterator[bytes]:
        content = self.answer.content

        try:
            while piece := await content.readany():
                yield piece
        except Exception:
            # aiohttp tells of the end of the connection before it has given what had come until then.
            if content._buffer:
                yield content._read_nowait(-1)

            raise

    async def read(self) -> bytes:
        """Return the rest of the body."""
        return b"".join([piece async for piece in self.chunks()])

    async def aclose(self) -> None:
        """Close the connection, unless the whole body has been read: then it has been given back already."""
        self.answer.close()


async def read_body(answer: "aiohttp.ClientResponse", url: str, limit: int) -> bytes:
    """Return the body of an answer. Raises `BodyTooLong` as soon as more than `limit` bytes are there, unpacked."""
    length = answer.content_length

    if length is not None and answer.method != "HEAD" and length > limit:
        raise BodyTooLong(hide_secrets(url), answer.status, limit)

    if length is not None and "content-encoding" not in answer.headers:
        return await answer.read()

    pieces = []
    size = 0

    # It is unpacked in pieces, each when it is asked for: a bomb costs no more than what is allowed.
    async for piece in answer.content.iter_any():
        size += len(piece)

        if size > limit:
            raise BodyTooLong(hide_secrets(url), answer.status, limit)

        pieces.append(piece)

    return b"".join(pieces)
