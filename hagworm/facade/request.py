"""One HTTP request, the same object for middleware, handlers, dependencies and error handlers."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from hagworm.extend.asyncio.base.deadline import finish_within
from hagworm.facade.admission import Refused
from hagworm.facade.connection import Connection
from hagworm.facade.exchange import BodyError, HttpExchange
from hagworm.facade.failure import BadRequest, HTTPError, PayloadTooLarge, RequestTimeout
from hagworm.facade.headers import index_headers

if TYPE_CHECKING:
    from hagworm.facade.forms import Form
    from hagworm.facade.runtime import Runtime

__all__ = ("BodyConsumed", "Request")


class BodyConsumed(RuntimeError):
    """The body has been streamed already and was not kept."""


class Request(Connection):
    """A request; what it parses on first use, it keeps."""

    __slots__ = ("_body", "received", "sent")

    def __init__(self, runtime: "Runtime", exchange: HttpExchange, id_bytes: bytes) -> None:
        # As Connection does it, written out: this runs for every request.
        self.runtime = runtime
        self.exchange = exchange
        self.id_bytes = id_bytes
        self.method = exchange.method
        self.limits = runtime.limits
        self.plan = None
        self.extras = None
        self._query = None
        self._body: bytes | None = None
        self.received = -1
        self.sent = 0

    def complete(self) -> None:
        """Set what a request that was refused before it was matched has not got."""
        if not hasattr(self, "index"):
            self.index = index_headers(self.exchange.headers)

        for name, value in (("path", ""), ("names", ()), ("values", ())):
            if not hasattr(self, name):
                setattr(self, name, value)

    @property
    def disconnected(self) -> "asyncio.Future[None]":
        """Resolved when the client goes away; handlers are not cancelled for it unless their route asks so."""
        gone: asyncio.Future[None] = self.exchange.gone
        return gone

    async def body(self) -> bytes:
        """Return the whole body, the same bytes every time.

        Raises `HTTPError` 413 over `limits.body`, 408 where the client falls silent, 400 where its framing is broken,
        `ClientDisconnected` where it leaves, and `BodyConsumed` after `stream()`.
        """
        if self._body is None:
            self.claim_body()
            body = await self.next_chunk()

            # Where the client has said how much it sends, there is no need to ask for the end.
            if body and self.index.get(b"content-length") != b"%d" % len(body):
                chunks = [body]

                while chunk := await self.next_chunk():
                    chunks.append(chunk)

                body = b"".join(chunks) if len(chunks) > 1 else body

            self._body = body

        return self._body

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives, once. Raises as `body`."""
        if self._body is not None:
            if self._body:
                yield self._body

            return

        self.claim_body()

        while chunk := await self.next_chunk():
            yield chunk

    def claim_body(self) -> None:
        if self.received >= 0:
            raise BodyConsumed("the body has been streamed already; call body() first where it is needed twice")

        self.received = 0
        self.check_length(self.limits.body)

    def check_length(self, limit: int | None) -> None:
        """Raise `PayloadTooLarge` where the client has announced more than `limit`, before a byte of it is read."""
        if limit is not None and (length := self.index.get(b"content-length")) is not None and int(length) > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes")

    async def next_chunk(self) -> bytes:
        reading = self.exchange.read()

        try:
            try:
                # Most often the piece is there already; then there is nothing to wait for, and no timer to set.
                waiting = reading.send(None)
            except StopIteration as done:
                chunk: bytes = done.value
            else:
                chunk = await finish_within(reading, waiting, self.limits.body_idle)
        except BodyError as exc:
            raise RequestTimeout(exc.detail) if exc.status == 408 else Refused(exc.status, exc.detail) from exc
        except TimeoutError as exc:
            raise RequestTimeout(f"no more of the body came within {self.limits.body_idle:g} seconds") from exc

        self.received += len(chunk)
        limit = self.limits.body

        if limit is not None and self.received > limit:
            raise PayloadTooLarge(f"the body is larger than {limit} bytes")

        return chunk

    async def text(self) -> str:
        """Return the body as UTF-8 text. Raises `HTTPError` 400 where it is not."""
        try:
            return (await self.body()).decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise BadRequest("the body is not valid UTF-8") from exc

    async def json(self) -> Any:
        """Return the body parsed as JSON, whatever its content type. Raises `HTTPError` 400, with the offset."""
        from hagworm.facade.bodies import parse_json

        return parse_json(await self.body())

    async def form(self) -> "Form":
        """Return the fields of a form, urlencoded or multipart; files are closed when the response has been sent.

        Raises `HTTPError` 415 for another content type, 400 or 413 as the form is malformed or too large.
        """
        extras = self.need_extras()

        if extras.form is None:
            from hagworm.facade.forms import FormError, read_form

            try:
                extras.form = await read_form(self.headers, self.stream(), self.limits)
            except FormError as exc:
                raise HTTPError(exc.status, exc.detail) from exc

        return extras.form
