"""One HTTP request, the same object for middleware, handlers, dependencies and error handlers."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from hagworm.extend.asyncio.base.deadline import patiently
from hagworm.facade.connection import Connection
from hagworm.facade.exchange import BodyError, HttpExchange
from hagworm.facade.failure import BadRequest, HTTPError, PayloadTooLarge, RequestTimeout

if TYPE_CHECKING:
    from hagworm.facade.forms import Form
    from hagworm.facade.runtime import Runtime

__all__ = ("BodyConsumed", "Request")


class BodyConsumed(RuntimeError):
    """The body has been streamed already and was not kept."""


class Request(Connection):
    """A request; what it parses on first use, it keeps."""

    __slots__ = ("_body", "_form", "received", "sent")

    def __init__(self, runtime: "Runtime", exchange: HttpExchange, id_bytes: bytes) -> None:
        super().__init__(runtime, exchange, id_bytes)
        self._body: bytes | None = None
        self._form: Form | None = None
        self.received = -1
        self.sent = 0

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

            if body and (chunk := await self.next_chunk()):
                chunks = [body, chunk]

                while chunk := await self.next_chunk():
                    chunks.append(chunk)

                body = b"".join(chunks)

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
        limits = self.limits

        try:
            chunk: bytes = await patiently(self.exchange.read(), limits.body_idle)
        except BodyError as exc:
            raise RequestTimeout(exc.detail) if exc.status == 408 else HTTPError(exc.status, exc.detail) from exc
        except TimeoutError as exc:
            raise RequestTimeout(f"no more of the body came within {limits.body_idle:g} seconds") from exc

        self.received += len(chunk)

        if limits.body is not None and self.received > limits.body:
            raise PayloadTooLarge(f"the body is larger than {limits.body} bytes")

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
        if self._form is None:
            from hagworm.facade.forms import FormError, read_form

            try:
                self._form = await read_form(self.headers, self.stream(), self.limits)
            except FormError as exc:
                raise HTTPError(exc.status, exc.detail) from exc

        return self._form

    @property
    def form_is_open(self) -> bool:
        """Whether files of a form are open."""
        return self._form is not None

    async def close_form(self) -> None:
        """Close the files of the form, if it has been read; they are gone with it."""
        if self._form is not None:
            await self._form.close()
