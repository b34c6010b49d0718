"""Compressed responses, for clients that ask and content that gains from it (RFC 9110 8.4 and 12.5.3)."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from hagworm.facade.headers import MutableHeaders
from hagworm.facade.negotiation import best_encoding
from hagworm.facade.response import Rendered, Response, StreamedResponse

if TYPE_CHECKING:
    from hagworm.facade.request import Request

__all__ = ("CODINGS", "COMPRESSIBLE", "Compress", "Encoder", "is_compressible")

LEVEL = 5
MINIMUM = 1024
# A body larger than this is compressed in a thread: zlib takes about 20 ms for a megabyte.
INLINE = 128 * 1024
BODILESS = frozenset((204, 206, 304))

COMPRESSIBLE = frozenset(
    (
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/rtf",
        "application/vnd.apple.mpegurl",
        "application/wasm",
        "application/x-ndjson",
        "application/xml",
        "application/yaml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/svg+xml",
    )
)
"""Media types beside `text/*`, `*+json` and `*+xml` that gain from compression."""


class Encoder(Protocol):
    """One stream of compressed bytes."""

    def encode(self, data: bytes) -> bytes:
        """Return compressed bytes from which all of `data` so far can be read."""

    def finish(self) -> bytes:
        """Return what ends the stream."""


class Gzip:
    """RFC 1952 without a time stamp, so that equal content gives equal bytes."""

    def __init__(self) -> None:
        self.stream = zlib.compressobj(LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)

    def encode(self, data: bytes) -> bytes:
        return self.stream.compress(data) + self.stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self.stream.flush()

    @staticmethod
    def whole(data: bytes) -> bytes:
        return zlib.compress(data, LEVEL, zlib.MAX_WBITS | 16)


class Brotli:
    """RFC 7932."""

    QUALITY = 4

    def __init__(self) -> None:
        self.stream = import_module("brotli").Compressor(quality=self.QUALITY)

    def encode(self, data: bytes) -> bytes:
        return bytes(self.stream.process(data) + self.stream.flush())

    def finish(self) -> bytes:
        return bytes(self.stream.finish())

    @classmethod
    def whole(cls, data: bytes) -> bytes:
        return bytes(import_module("brotli").compress(data, quality=cls.QUALITY))


class Zstandard:
    """RFC 8878."""

    LEVEL = 3

    def __init__(self) -> None:
        zstandard = import_module("zstandard")
        self.flush_block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        self.stream = zstandard.ZstdCompressor(level=self.LEVEL).compressobj()

    def encode(self, data: bytes) -> bytes:
        return bytes(self.stream.compress(data) + self.stream.flush(self.flush_block))

    def finish(self) -> bytes:
        return bytes(self.stream.flush())

    @classmethod
    def whole(cls, data: bytes) -> bytes:
        return bytes(import_module("zstandard").ZstdCompressor(level=cls.LEVEL).compress(data))


CODINGS: dict[str, tuple[str, Any]] = {
    "zstd": ("zstandard", Zstandard),
    "br": ("brotli", Brotli),
    "gzip": ("zlib", Gzip),
}
"""By name: the module that it needs, and the class. The order is ours where the client does not mind."""


class Compress:
    """Middleware that compresses whole bodies of at least `minimum` bytes, and streams piece by piece.

    gzip always, zstd and brotli where the packages `zstandard` and `brotli` are installed; `codings` may say less. Left
    alone: partial content, content that is encoded already or marked `no-transform`, event streams, and media types
    that gain nothing. A strong ETag becomes a weak one, as the bytes are no longer those it was made for.

    Do not compress pages that hold both a secret and text of the visitor's choosing (BREACH): mark them `no-transform`.
    Raises ValueError for a coding that is unknown or not installed.
    """

    def __init__(self, *, minimum: int = MINIMUM, codings: Collection[str] | None = None) -> None:
        installed = tuple(name for name, (module, _) in CODINGS.items() if find_spec(module))

        if codings is not None and (unknown := sorted(set(codings) - set(installed))):
            raise ValueError(f"Compress: {unknown[0]!r} is not one of {', '.join(installed)}, which are installed here")

        self.minimum = minimum
        self.codings = tuple(name for name in installed if codings is None or name in codings)

    def __repr__(self) -> str:
        return f"<Compress {', '.join(self.codings)} from {self.minimum} bytes>"

    async def __call__(self, request: "Request", call_next: "Callable[[Request], Awaitable[Response]]") -> Response:
        response = await call_next(request)

        if response.status == 304:
            # It varies as the response would that it stands for (RFC 9110 15.4.5).
            response.headers.vary("Accept-Encoding")
            return response

        if response.streaming:
            return CompressedStream(self, response) if isinstance(response, StreamedResponse) else response

        if len(response.body) < self.minimum or not self.is_candidate(response):
            return response

        if (coding := self.choose(request, response.headers)) is None:
            return response

        compress, body = CODINGS[coding][1].whole, response.body
        data = compress(body) if len(body) <= INLINE else await asyncio.to_thread(compress, body)
        # A new one: a handler may return one response many times, and the next client may want it plain.
        compressed = Rendered(data, response.status, list(response.raw_headers))
        compressed.background = response.background
        compressed.close = response.close
        mark(compressed.headers, coding)
        return compressed

    def is_candidate(self, response: Response) -> bool:
        """Whether the response may be compressed for a client that accepts it."""
        if response.status in BODILESS:
            return False

        found = dict(response.raw_headers)
        return (
            b"content-encoding" not in found
            and b"content-range" not in found
            and b"no-transform" not in found.get(b"cache-control", b"").lower()
            and is_compressible(found.get(b"content-type", b""))
        )

    def choose(self, request: "Request", headers: MutableHeaders) -> str | None:
        """Return the coding for this client; from here on the response depends on what it accepts."""
        headers.vary("Accept-Encoding")
        coding = best_encoding(request.index.get(b"accept-encoding"), self.codings)
        return None if coding == "identity" else coding


class CompressedStream(StreamedResponse):
    """A streamed response whose pieces are compressed one by one, where its head turns out to allow it."""

    __slots__ = ("encoder", "inner", "rule")

    def __init__(self, rule: Compress, inner: StreamedResponse) -> None:
        self.rule = rule
        self.inner = inner
        self.encoder: Encoder | None = None
        self.status = inner.status
        self.body = b""
        # One list for both: what outer middleware adds must be there when the inner response prepares its head.
        self.raw_headers = inner.raw_headers
        self.background = inner.background
        self.close = inner.close

    def __repr__(self) -> str:
        return f"<CompressedStream of {self.inner!r}>"

    async def prepare(self, request: "Request") -> None:
        self.inner.status = self.status
        await self.inner.prepare(request)
        self.status = self.inner.status
        self.raw_headers = self.inner.raw_headers
        headers = self.headers
        length = int(headers.get("content-length", self.rule.minimum))

        if length < self.rule.minimum or not self.rule.is_candidate(self):
            return

        if (coding := self.rule.choose(request, headers)) is not None:
            mark(headers, coding)
            self.encoder = CODINGS[coding][1]()

    async def chunks(self) -> AsyncIterator[bytes]:
        from hagworm.facade.streaming import closing

        async with closing(self.inner.chunks()) as source:
            if (encoder := self.encoder) is None:
                async for piece in source:
                    yield piece

                return

            async for piece in source:
                if piece:
                    yield (
                        encoder.encode(piece)
                        if len(piece) <= INLINE
                        else await asyncio.to_thread(encoder.encode, piece)
                    )

            yield encoder.finish()


def mark(headers: MutableHeaders, coding: str) -> None:
    """Say in the head that the content is compressed, and take back what is true of the plain content only."""
    headers["content-encoding"] = coding
    headers.remove("content-length")
    headers.remove("accept-ranges")

    if (etag := headers.get("etag", "")).startswith('"'):
        headers["etag"] = f"W/{etag}"


def is_compressible(content_type: bytes) -> bool:
    """Whether content of this type gains from compression; event streams do not, as they must not wait."""
    essence = content_type.partition(b";")[0].strip().lower().decode("latin-1")
    return (
        essence in COMPRESSIBLE
        or (essence.startswith("text/") or essence.endswith(("+json", "+xml")))
        and essence != "text/event-stream"
    )
