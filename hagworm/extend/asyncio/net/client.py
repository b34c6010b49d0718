"""Asking other services over HTTP: pooled, bounded, and repeated only where that does nothing twice."""

import ssl
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.asyncio.net.order import Order, join_url, next_order, read_url
from hagworm.extend.asyncio.net.resolver import Lookup, Resolver, lookup
from hagworm.extend.asyncio.net.response import Response, StreamedResponse, read_body
from hagworm.extend.asyncio.net.tls import check_context, tls_context
from hagworm.extend.asyncio.net.translation import Translated
from hagworm.extend.asyncio.net.upload import (
    Body,
    Content,
    Upload,
    encode_form,
    encode_json,
    encode_multipart,
    read_content,
)
from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker
from hagworm.extend.asyncio.resilience.hedge import Hedge
from hagworm.extend.asyncio.resilience.registry import Registry
from hagworm.extend.asyncio.resilience.retry import Retry
from hagworm.extend.error import (
    BodyDamaged,
    BodyTooLong,
    Closed,
    DeadlineExceeded,
    NetworkError,
    Overloaded,
    StatusFailed,
    TooManyRedirects,
    extra,
)
from hagworm.extend.net.headers import Headers, check_fields, is_token
from hagworm.extend.net.policy import URLPolicy, hide_secrets
from hagworm.extend.net.redirect import PORTABLE
from hagworm.extend.net.repetition import is_idempotent, may_repeat_status, read_retry_after
from hagworm.extend.resilience.budget import RetryBudget

if TYPE_CHECKING:
    import aiohttp

__all__ = ("ClientStatistics", "HTTPClient", "default_breaker", "default_retry", "speaks_of_host")

Fields = Mapping[str, Any] | Iterable[tuple[str, Any]]
Files = Mapping[str, Upload | bytes | Path] | Iterable[tuple[str, Upload | bytes | Path]]

ERROR_BYTES = 8192
"""How much of the body of an error is kept."""

SMALL = 1 << 20
"""Up to so many bytes are given to aiohttp in one piece."""


A = TypeVar("A", Response, StreamedResponse)


@dataclass(frozen=True, slots=True)
class ClientStatistics:
    """What a client is doing, and has done."""

    active: int
    """Requests that are under way."""
    requests: int
    sent: int
    """How often one was sent: retries, copies and redirections count."""
    redirected: int
    failed: int
    """Requests that ended with an error, those cancelled among them."""
    retried: int
    refused: int
    """Requests that were not taken, as too many were under way."""
    circuits: dict[str, str]
    """The state of the circuit of each host."""


def speaks_of_host(error: Exception) -> bool:
    """Return whether an error says that the host is not well, and not that the request is wrong."""
    if isinstance(error, StatusFailed):
        return error.status >= 500

    return isinstance(error, NetworkError | BodyDamaged | DeadlineExceeded)


def default_retry(attempts: int = 3) -> Retry:
    """Return what a client retries by: growing pauses, at least as long as asked for, one budget for all its calls."""
    return Retry(attempts, on=(NetworkError, StatusFailed, BodyDamaged), budget=RetryBudget(), name="HTTPClient")


def default_breaker(origin: str) -> CircuitBreaker:
    """Return the circuit of a host: open for 10 s when half of the last 50 calls, or of the first 10, have failed."""
    return CircuitBreaker(window=50, open_for=10.0, on=speaks_of_host, name=origin)


class HTTPClient:
    """A client with a pool of connections: `async with HTTPClient("https://api.example") as client: …`.

    `request` and its kin (`get`, `head`, `post`, `put`, `patch`, `delete`) answer with a `Response` that has been read;
    400 and above raise `StatusFailed` unless `check` is false. URLs without a scheme go behind `base_url`. `headers`
    are sent with each request; those that may hold credentials go only to the origin of `base_url`, where there is one.

    `timeout` is what one call may take, in seconds, with all its attempts; the caller's deadline (`within`) bounds it
    further. `connect_timeout` is for a connection, waiting for its turn included; `read_timeout` for silence.

    `retry` (attempts, a `Retry`, None: never) tries again what failed to connect, and whatever may be repeated: GET,
    HEAD, OPTIONS, TRACE, PUT, DELETE and what carries an `idempotency-key`, or is said to be `idempotent`, as long as
    its body can be sent again. `breaker` makes the circuit breaker of an origin (None: none). `hedge` sends a
    second copy of what may be repeated and is slow.

    At most `limit` connections, `limit_per_host` to one host; `waiting` requests more may wait, then `Overloaded` is
    raised. A body longer than `max_bytes`, unpacked, is `BodyTooLong`. `redirects` are followed, credentials stay with
    the origin they were for. Cookies are ignored, or kept by the rules for hosts and paths. `tls` has to verify.

    A `policy` says which URLs may be asked for; give one when the URLs come from strangers. Proxies, `.netrc` and
    the environment are not looked at. Cancelling a call closes its connection and leaves nothing behind.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        read_timeout: float | None = 30.0,
        retry: Retry | int | None = 3,
        breaker: Callable[[str], CircuitBreaker] | None = default_breaker,
        hedge: Hedge | float | None = None,
        limit: int = 100,
        limit_per_host: int = 20,
        waiting: int = 1000,
        max_bytes: int = 64 << 20,
        redirects: int = 5,
        cookies: Literal["ignore", "keep"] = "ignore",
        policy: URLPolicy | None = None,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = lookup,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not 1 <= limit_per_host <= limit:
            raise ValueError(f"limits: 1 <= limit_per_host <= limit is needed, got {limit_per_host!r} and {limit!r}")

        if cookies not in ("ignore", "keep"):
            raise ValueError(f"cookies: {cookies!r} is neither 'ignore' nor 'keep'")

        for name, value in (("timeout", timeout), ("connect_timeout", connect_timeout), ("max_bytes", max_bytes)):
            if not value > 0:
                raise ValueError(f"{name}: {value!r} is not a number above zero")

        self.base_url = base_url
        self.base_origin = read_url(base_url).origin() if base_url else None
        self.headers = check_fields(headers or {})
        self.timeout = timeout
        self.connect_timeout = connect_timeout
        self.read_timeout = read_timeout
        self.retry = default_retry(retry) if isinstance(retry, int) else retry
        self.breakers = None if breaker is None else Registry(breaker)
        self.hedge = Hedge(hedge) if isinstance(hedge, int | float) else hedge
        self.limit = limit
        self.limit_per_host = limit_per_host
        self.waiting = waiting
        self.max_bytes = max_bytes
        self.redirects = redirects
        self.cookies = cookies
        self.policy = policy
        self.tls = None if tls is None else check_context(tls)
        self.resolver = Resolver(policy, lookup=lookup)
        self.clock = clock
        self.opened: aiohttp.ClientSession | None = None
        self.is_closed = False
        self.active = self.requests = self.sent = self.redirected = self.failed = self.refused = 0
        fetch = self.fetch if self.hedge is None else self.hedge.wrap_async(self.fetch)
        self.fetch_once = self.guarded(self.fetch)
        self.fetch_copies = self.guarded(fetch)
        self.fetch_again = self.repeated(self.fetch_once)
        self.fetch_copies_again = self.repeated(self.fetch_copies)
        self.open_again = self.repeated(self.guarded(self.open))

    def __repr__(self) -> str:
        where = f" of {hide_secrets(self.base_url)}" if self.base_url else ""
        state = "closed" if self.is_closed else f"{self.active} active, limit {self.limit}"
        return f"<HTTPClient{where}, {state}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections; requests that are under way fail. May be called more than once."""
        self.is_closed = True

        if (session := self.opened) is not None:
            self.opened = None
            await session.close()

    def statistics(self) -> ClientStatistics:
        """Return what the client is doing, and has done."""
        return ClientStatistics(
            active=self.active,
            requests=self.requests,
            sent=self.sent,
            redirected=self.redirected,
            failed=self.failed,
            retried=0 if self.retry is None else self.retry.statistics()["retried"],
            refused=self.refused,
            circuits={}
            if self.breakers is None
            else {str(origin): self.breakers[origin].state.value for origin in self.breakers},
        )

    async def get(self, url: str, **options: Any) -> Response:
        """Ask for what is at `url`; the options are those of `request`."""
        return await self.request("GET", url, **options)

    async def head(self, url: str, **options: Any) -> Response:
        """Ask for the headers of what is at `url`; the options are those of `request`."""
        return await self.request("HEAD", url, **options)

    async def post(self, url: str, **options: Any) -> Response:
        """Send something to `url`; the options are those of `request`."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> Response:
        """Put something at `url`; the options are those of `request`."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> Response:
        """Change what is at `url`; the options are those of `request`."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> Response:
        """Remove what is at `url`; the options are those of `request`."""
        return await self.request("DELETE", url, **options)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Fields | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Fields | None = None,
        files: Files | None = None,
        data: Content | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
        redirects: int | None = None,
        idempotent: bool | None = None,
        check: bool = True,
    ) -> Response:
        """Send a request and return its answer, read.

        `params` are put behind what the URL asks already. The body is one of `json`, a `form`, a form with `files`,
        or `data`: bytes, text, pieces, or a function that makes the pieces, which can be sent again. `timeout`,
        `max_bytes`, `redirects` are those of the client unless given. `idempotent` says whether the request may
        be repeated, where the method does not tell.

        Raises `StatusFailed`, `BodyTooLong`, `BodyDamaged`, `TooManyRedirects`; `ConnectFailed`, `Untrusted`,
        `ConnectionLost`, `PeerSilent`, `FrameError`; `DeadlineExceeded`; `CircuitOpen`, `Overloaded`; `URLRefused`,
        and ValueError for what cannot be sent.
        """
        body = choose_body(json, form, files, data)
        order = self.make_order(method, url, params, headers, body, max_bytes or self.max_bytes, redirects, idempotent)
        order = order if check else replace(order, wants_errors=True)

        if order.may_repeat and self.hedge is not None:
            perform = self.fetch_copies_again
        else:
            perform = self.fetch_again

        with Place(self), within(timeout or self.timeout):
            try:
                return await self.travel(order, perform)
            except StatusFailed as error:
                if check:
                    raise

                # What it carries is the whole answer, as it was wanted.
                assert isinstance(error.headers, Headers)
                return Response(error.method, vars(error)["full_url"], error.status, error.headers, error.body)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        params: Fields | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Fields | None = None,
        files: Files | None = None,
        data: Content | None = None,
        timeout: float | None = None,
        max_bytes: int | None = None,
        redirects: int | None = None,
        idempotent: bool | None = None,
        check: bool = True,
    ) -> AsyncIterator[StreamedResponse]:
        """Send a request and give its answer as soon as it begins: `async for piece in answer: …`.

        The arguments are those of `request`; `timeout` is for the beginning, after that only `read_timeout` and the
        caller's deadline hold, and `max_bytes` bounds the body where it is given. What has begun is not tried again.
        """
        body = choose_body(json, form, files, data)
        order = self.make_order(method, url, params, headers, body, max_bytes, redirects, idempotent)
        order = order if check else replace(order, wants_errors=True)

        with Place(self):
            with within(timeout or self.timeout):
                answer = await self.travel(order, self.open_again)

            try:
                yield answer
            finally:
                await answer.aclose()

    def make_order(
        self,
        method: str,
        url: str,
        params: Fields | None,
        headers: Mapping[str, str] | None,
        body: Body,
        max_bytes: int | None,
        redirects: int | None,
        idempotent: bool | None,
    ) -> Order:
        if not is_token(method):
            raise ValueError(f"{method!r} is not a method")

        target = read_url(join_url(self.base_url, url))

        if params is not None:
            pairs = params.items() if isinstance(params, Mapping) else params
            target = target.extend_query([(name, shown(one)) for name, value in pairs for one in listed(value)])

        fields = self.headers

        if self.base_origin is not None and target.origin() != self.base_origin:
            fields = {name: value for name, value in fields.items() if name in PORTABLE}

        fields = {**fields, **check_fields(headers or {})}

        if body.content_type is not None:
            fields.setdefault("content-type", body.content_type)

        if target.user is not None:
            if self.policy is not None:
                self.policy.check_url(str(target))

            login = f"{target.user}:{target.password or ''}".encode()
            fields.setdefault("authorization", f"Basic {b64encode(login).decode()}")
            target = target.with_user(None)

        method = method.upper()
        repeats = is_idempotent(method, key="idempotency-key" in fields) if idempotent is None else idempotent
        return Order(
            method=method,
            url=target.with_fragment(None) if target.raw_fragment else target,
            headers=fields,
            body=body,
            is_idempotent=repeats,
            max_bytes=max_bytes,
            wants_errors=False,
            redirects=self.redirects if redirects is None else redirects,
        )

    def session(self) -> "aiohttp.ClientSession":
        if self.is_closed:
            raise Closed(f"{self!r} is closed")

        if self.opened is None:
            with extra("http"):
                import aiohttp

            jar = aiohttp.CookieJar() if self.cookies == "keep" else aiohttp.DummyCookieJar()
            connector = aiohttp.TCPConnector(
                limit=self.limit,
                limit_per_host=self.limit_per_host,
                ssl=self.tls or tls_context(),
                resolver=self.resolver,  # type: ignore[arg-type]  # its two methods are all that is asked for
                use_dns_cache=False,
                socket_factory=self.resolver.make_socket,
            )
            self.opened = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=jar,
                timeout=aiohttp.ClientTimeout(
                    total=None,
                    connect=self.connect_timeout,
                    sock_connect=self.connect_timeout,
                    sock_read=self.read_timeout,
                ),
                headers={"user-agent": "hagworm"},
                trust_env=False,
            )
            # It would send what was lost once more by itself, uncounted and without a pause.
            self.opened._retry_connection = False

        return self.opened

    def repeated(self, perform: Callable[[Order], Awaitable[A]]) -> Callable[[Order], Awaitable[A]]:
        return perform if self.retry is None else self.retry.wrap_async(perform)

    def guarded(self, perform: Callable[[Order], Awaitable[A]]) -> Callable[[Order], Awaitable[A]]:
        """Put the circuit breaker of the host that an order goes to before `perform`."""
        if (breakers := self.breakers) is None:
            return perform

        async def call(order: Order) -> A:
            with breakers[order.origin].guard():
                return await perform(order)

        return call

    async def travel(self, order: Order, perform: Callable[[Order], Awaitable[A]]) -> A:
        """Return the answer that stands at the end of all redirections."""
        wanted = order.redirects

        while True:
            order.check(self.policy)
            answer = await perform(order)

            try:
                following = next_order(order, answer)
            except BaseException:
                await answer.aclose()
                raise

            if following is None:
                if order.redirects == 0 < wanted and 300 <= answer.status < 400 and "location" in answer.headers:
                    await answer.aclose()
                    raise TooManyRedirects(hide_secrets(str(order.url)), answer.status)

                return answer

            await answer.aclose()
            self.redirected += 1
            order = following

    async def fetch(self, order: Order) -> Response:
        """Send an order once and read what comes."""
        answer = await self.send(order)
        status = answer.status

        try:
            with Translated(str(order.url), status, repeat=order.may_repeat):
                if status >= 400:
                    raise await self.failure(order, answer)

                limit = self.max_bytes if order.max_bytes is None else order.max_bytes
                body = await read_body(answer, str(order.url), limit)
        finally:
            answer.close()

        return Response(order.method, str(order.url), status, Headers(answer.headers.items()), body)

    async def open(self, order: Order) -> StreamedResponse:
        """Send an order once and return what begins to come."""
        answer = await self.send(order)

        try:
            if answer.status >= 400 and not order.wants_errors:
                with Translated(str(order.url), answer.status, repeat=order.may_repeat):
                    raise await self.failure(order, answer)
        except BaseException:
            answer.close()
            raise

        return StreamedResponse(
            order.method, str(order.url), Headers(answer.headers.items()), answer, order.max_bytes, order.may_repeat
        )

    async def failure(self, order: Order, answer: "aiohttp.ClientResponse") -> StatusFailed:
        """Return the error that an answer of 400 or above is."""
        url = str(order.url)

        if order.wants_errors:
            body = await read_body(answer, url, self.max_bytes if order.max_bytes is None else order.max_bytes)
        else:
            try:
                body = (await read_body(answer, url, ERROR_BYTES))[:ERROR_BYTES]
            except BodyTooLong:
                body = await answer.content.read(ERROR_BYTES)

        error = StatusFailed(
            order.method,
            hide_secrets(url),
            answer.status,
            headers=Headers(answer.headers.items()),
            body=body,
            retry_after=read_retry_after(answer.headers.get("retry-after"), self.clock()),
            retryable=order.body.is_repeatable and may_repeat_status(answer.status, idempotent=order.is_idempotent),
        )
        error.full_url = url  # type: ignore[attr-defined]  # for the answer that is made of it, not for the text
        return error

    async def send(self, order: Order) -> "aiohttp.ClientResponse":
        """Send an order once and return the beginning of the answer."""
        session = self.session()
        self.sent += 1
        body = order.body
        headers = order.headers
        carried = Carried(body)

        if body.data is None and body.pieces is not None and body.size is not None:
            headers = {**headers, "content-length": str(body.size)}

        with Translated(str(order.url), 0, repeat=order.may_repeat):
            try:
                return await session.request(
                    order.method, order.url, headers=headers, data=carried.payload(), allow_redirects=False
                )
            except Exception:
                if carried.error is not None:
                    # What was to be sent failed, not the connection.
                    raise carried.error from None

                if self.is_closed:
                    raise Closed(f"{self!r} is closed") from None

                raise


class Place:
    """The block that is one request of a client."""

    __slots__ = ("client",)

    def __init__(self, client: HTTPClient) -> None:
        self.client = client

    def __enter__(self) -> None:
        client = self.client

        if client.is_closed:
            raise Closed(f"{client!r} is closed")

        if client.active >= client.limit + client.waiting:
            client.refused += 1
            raise Overloaded(f"{client!r}: as many requests as may are under way")

        client.active += 1
        client.requests += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.active -= 1
        self.client.failed += kind is not None


class Carried:
    """The body of one attempt, and the error that its pieces ended with."""

    __slots__ = ("body", "error")

    def __init__(self, body: Body) -> None:
        self.body = body
        self.error: Exception | None = None

    def payload(self) -> bytes | AsyncIterator[bytes] | None:
        """Return what aiohttp sends."""
        return self.body.data if self.body.pieces is None else self.pieces()

    async def pieces(self) -> AsyncIterator[bytes]:
        assert self.body.pieces is not None

        try:
            async for piece in self.body.pieces():
                yield piece
        except Exception as error:
            self.error = error
            raise


def choose_body(json: Any, form: Fields | None, files: Files | None, data: Content | None) -> Body:
    if (json is not None) + (form is not None or files is not None) + (data is not None) > 1:
        raise ValueError("a request has one body: json, or a form with or without files, or data")

    if json is not None:
        return encode_json(json)

    if files is not None:
        return encode_multipart(form or {}, files)

    if form is not None:
        return encode_form(form)

    return Body() if data is None else read_content(data)


def listed(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case _:
            raise TypeError(f"params: {value!r} is neither text nor a number")
