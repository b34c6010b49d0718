"""What engines drive: one request or WebSocket in, one answer out, whatever happens on the way."""

import asyncio
import itertools
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import StartupFailed
from hagworm.facade.access import AccessLog, access_logger
from hagworm.facade.admission import Admission
from hagworm.facade.answers import answer
from hagworm.facade.assembly import Assembly, Entry, SocketEntry, assemble
from hagworm.facade.background import BackgroundCrew, BackgroundTasks
from hagworm.facade.connection import Connection
from hagworm.facade.context import current
from hagworm.facade.engine import load_engine
from hagworm.facade.exchange import ClientDisconnected, Closed, HttpExchange, WsExchange
from hagworm.facade.failure import BadRequest, HTTPError, MethodNotAllowed, NotFound, ServiceUnavailable
from hagworm.facade.forwarded import Proxies
from hagworm.facade.injection import open_app_values
from hagworm.facade.lifespan import LifespanStack
from hagworm.facade.pipeline import compose
from hagworm.facade.proxies import Stamped
from hagworm.facade.request import Request
from hagworm.facade.response import Redirect, Rendered, Response, StreamedResponse
from hagworm.facade.router import ExceptionHandlers
from hagworm.facade.streaming import LeaveWithClient, closing
from hagworm.facade.target import BadTarget, Target, read_target
from hagworm.facade.websocket import WebSocket, WebSocketClosed, drop

if TYPE_CHECKING:
    from hagworm.facade.application import App, Mount

__all__ = ("Runtime",)

logger = logging.getLogger("hagworm")

REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")
BODILESS = (204, 304)
CLOSE = (b"connection", b"close")
# RFC 6455 7.4 and the IANA registry: 1012 is "service restart", which tells clients to come back.
SERVICE_RESTART = 1012
GOODBYE_SECONDS = 5.0
CLOSED_ELSEWHERE = Closed(1005)


class Runtime:
    """A frozen application. It is made by `App.freeze()`, and serves in one process."""

    def __init__(self, app: "App") -> None:
        settings = app.settings
        self.app = app
        self.limits = app.limits or settings.limits
        self.debug: bool = settings.debug if app.debug is None else app.debug
        self.proxies = Proxies(settings.server.trusted_proxies)
        self.admission = Admission(self.limits, tuple(settings.server.allowed_hosts))
        self.concurrency = self.limits.concurrency
        self.assembly: Assembly = self.assemble()
        self.mounts: list[Mount] = sorted(app.mounts, key=lambda mount: len(mount.prefix), reverse=True)
        self.threads = ThreadPoolExecutor(settings.server.threads, thread_name_prefix="hagworm")
        self.crew = BackgroundCrew(self.call_in_thread)
        self.lifespans = LifespanStack()
        self.access: AccessLog | None = None
        self.metrics = app.metrics
        self.observe = app.metrics.observe if settings.docs.health else None
        self.started = False
        self.draining = False
        self.active = 0
        self.served = 0
        self.sockets: set[WebSocket] = set()
        self.quiet: asyncio.Event | None = None
        self.ending = asyncio.Event()
        self.reseed()

    def __repr__(self) -> str:
        state = "draining" if self.draining else "running" if self.started else "stopped"
        return f"<Runtime of {self.app.title!r} {state}: {self.active} requests, {len(self.sockets)} websockets>"

    @property
    def plans(self) -> list[Any]:
        """Every route, compiled, in the order of declaration."""
        return list(self.assembly.plans)

    def assemble(
        self, overrides: Mapping[Any, Callable[..., Any]] | None = None, base: Assembly | None = None
    ) -> Assembly:
        return assemble(
            self.app.flatten(), limits=self.limits, failing=self.answer_known, overrides=overrides, base=base
        )

    @contextmanager
    def overridden(self, overrides: Mapping[Any, Callable[..., Any]]) -> Iterator[None]:
        """Serve with other dependencies inside the block: the routes are compiled anew, and put back after it."""
        before = self.assembly
        self.assembly = self.assemble(overrides, before)

        try:
            yield
        finally:
            self.assembly = before

    def reseed(self) -> None:
        # Ids count up behind a random prefix: unique over processes, and far cheaper than a random one each.
        self.id_prefix = secrets.token_hex(6).encode() + b"-"
        self.numbers = itertools.count(1)

    async def call_in_thread(self, function: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, function)

    # Life -------------------------------------------------------------------------------------------------------------

    async def startup(self) -> None:
        """Enter every lifespan, make every value of the scope `app`, start what is mounted.

        Raises `StartupFailed`, its cause chained, when all that had started is closed again.
        """
        self.reseed()
        self.ending = asyncio.Event()
        self.access = access_logger(self.app.settings)
        await self.lifespans.enter(self.app, self.app.lifespans)

        try:
            values = self.assembly.app_values
            values.clear()
            stack = await open_app_values(list(self.assembly.app_providers.values()), self.app, values)
            self.lifespans.push(stack.aclose)

            await self.start_natives()

            for mount in self.mounts:
                await mount.target.startup()
                self.lifespans.push(mount.target.shutdown)
        except StartupFailed:
            await self.lifespans.leave()
            raise
        except Exception as exc:
            await self.lifespans.leave()
            raise StartupFailed(f"{type(exc).__name__}: {exc}") from exc

        self.started = True

    async def start_natives(self) -> None:
        """Run the lifespans of the frameworks' own applications inside ours, where an engine has such a thing."""
        for name in self.app.natives:
            if (native_lifespan := getattr(load_engine(name), "native_lifespan", None)) is not None:
                manager = native_lifespan(self.app)
                await manager.__aenter__()
                self.lifespans.push(partial(manager.__aexit__, None, None, None))

    async def shutdown(self) -> None:
        """Leave every lifespan in reverse order, all of them, whatever fails."""
        self.started = False
        await self.lifespans.leave()
        self.threads.shutdown(wait=False, cancel_futures=True)
        # A runtime may be started again, as tests do.
        self.threads = ThreadPoolExecutor(self.app.settings.server.threads, thread_name_prefix="hagworm")
        self.draining = False

    def start_draining(self) -> None:
        """From now on every response closes its connection, and readiness is denied.

        Event streams end, and WebSockets are closed with 1012: both would go on for ever.
        """
        if self.draining:
            return

        self.draining = True
        self.ending.set()
        self.quiet = asyncio.Event()

        for mount in self.mounts:
            mount.target.start_draining()

        for socket in list(self.sockets):
            goodbye = partial(drop, socket, SERVICE_RESTART, "service restart", GOODBYE_SECONDS)
            self.crew.start([goodbye], "draining")

        self.look_quiet()

    def look_quiet(self) -> None:
        if self.quiet is not None and not self.active and not self.sockets:
            self.quiet.set()

    async def drained(self, timeout: float) -> bool:
        """Wait until nothing is in flight, at most `timeout` seconds; return whether that was reached.

        Background work counts. Call `start_draining` first.
        """
        if self.quiet is None:
            raise RuntimeError("drained() waits for what start_draining() has begun; call that first")

        try:
            async with asyncio.timeout(timeout):
                await self.quiet.wait()

                for mount in self.mounts:
                    await mount.target.drained(timeout)

                while self.crew.tasks:
                    await asyncio.wait(set(self.crew.tasks))
        except TimeoutError:
            return False

        return True

    @property
    def reason(self) -> str | None:
        """Why no requests are wanted: `starting`, `draining`, or None where they are."""
        return "draining" if self.draining else None if self.started else "starting"

    @staticmethod
    def write_access(access: AccessLog, head: Connection, status: int, sent: int, seconds: float) -> None:
        exchange = head.exchange
        target = b"%b?%b" % (exchange.path, exchange.query) if exchange.query else exchange.path
        access(head.method, target, status, sent, seconds, head.client, head.id_bytes)

    # HTTP -------------------------------------------------------------------------------------------------------------

    def next_id(self) -> bytes:
        return b"%b%x" % (self.id_prefix, next(self.numbers))

    def http(self, exchange: HttpExchange) -> Coroutine[Any, Any, None]:
        """Answer one request, completely. Raises nothing but CancelledError."""
        return self.serve(exchange, b"%b%x" % (self.id_prefix, next(self.numbers)))

    async def serve(self, exchange: Any, id_bytes: bytes) -> None:
        """Answer one request under the id that it has. Raises nothing but CancelledError."""
        request = Request(self, exchange, id_bytes)
        # Never reset: an engine that finds it set at its entrance knows that its server leaks contexts.
        current.set(request)
        began = perf_counter()
        status = 0
        self.active += 1

        try:
            response = await self.respond(request)

            if isinstance(response, int):
                status = response
            else:
                status = response.status

                if response.streaming:
                    await self.send_stream(request, response)  # type: ignore[arg-type]  # streaming says its class
                    # A file becomes 206, 304 or an error as it is looked at.
                    status = response.status
                elif (sending := self.send(request, response)) is not None:
                    await sending

                if request.extras is not None or response.background is not None:
                    await self.after(request, response)
        except ClientDisconnected:
            logger.info("%s %s: the client left before the response was sent", request.method, request.path)
        except Exception:
            logger.exception("%s %s: the response failed (request %s)", request.method, request.path, request.id)
            self.metrics.errors += 1
            exchange.abort()
        finally:
            try:
                if request.extras is not None:
                    await self.close_request(request)
            finally:
                # Not before: what it opened must be closed while the lifespans still run.
                self.active -= 1
                self.served += 1

                if self.quiet is not None:
                    self.look_quiet()

            seconds = perf_counter() - began

            if self.observe is not None:
                self.observe(request.plan, request.method, status, seconds)

            if self.access is not None:
                self.write_access(self.access, request, status, request.sent, seconds)

    async def respond(self, request: Request) -> Response | int:
        """Return the response, or the status of one that has been sent by somebody else."""
        try:
            entry = self.match(request)

            if entry is None:
                return await self.unmatched(request)

            return await entry.endpoint(request)
        except Exception as exc:
            request.complete()
            return await self.answer_any(request, exc)
        except asyncio.CancelledError as exc:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise

            # Not this request was cancelled, but something that its handler awaited.
            return await self.answer_any(request, RuntimeError(f"what the handler awaited was cancelled: {exc!r}"))

    def match(self, request: Request) -> Entry | None:
        """Admit the request and return what answers it, None where no route does. Raises `HTTPError`."""
        exchange = request.exchange
        request.index = index = self.admission.admit(exchange)
        raw: bytes = exchange.path

        if is_plain(raw):
            request.path = path = raw.decode("ascii")
            segments = None
        else:
            target = self.read_target(request)
            path, segments = target.text, target.segments

        if self.proxies and b"x-request-id" in index:
            self.adopt_id(request)

        if self.concurrency is not None and self.active > self.concurrency:
            raise ServiceUnavailable("too many requests are being served", retry_after=1)

        found = self.assembly.http.find(request.method, path, segments)

        if found is None:
            return None

        entry, request.values = found
        request.plan, request.names, request.limits = entry.plan, entry.names, entry.limits
        return entry

    def read_target(self, request: Connection) -> Target:
        try:
            target = read_target(request.exchange.path)
        except BadTarget as exc:
            if request.method == "CONNECT":
                raise HTTPError(501, "the method CONNECT is not known here") from exc

            raise BadRequest(str(exc)) from exc

        request.path = target.text

        if target.authority is not None:
            request.need_extras().authority = target.authority

        return target

    def adopt_id(self, request: Connection) -> None:
        peer = request.exchange.peer

        if (
            peer is not None
            and self.proxies.is_trusted(peer[0])
            and REQUEST_ID.fullmatch(request.index[b"x-request-id"])
        ):
            request.id_bytes = request.index[b"x-request-id"]

    async def unmatched(self, request: Request) -> Response | int:
        """What happens to a path, or to a method on it, that no route answers."""
        method, path = request.method, request.path
        segments = self.read_target(request).segments
        tree = self.assembly.http

        allowed = tree.allowed(path, segments)

        if method == "HEAD" and "GET" in allowed:
            found = tree.find("GET", path, segments)
            assert found is not None
            entry, request.values = found
            request.plan, request.names, request.limits = entry.plan, entry.names, entry.limits
            return await entry.endpoint(request)

        if not allowed and (mount := self.mount_at(path)) is not None:
            stamped = Stamped(request.exchange, mount.stamp(request.id_bytes))
            await mount.http(stamped, request.id_bytes)
            return stamped.status or 499

        async def refuse(request: Request) -> Response:
            try:
                return self.refusal(request, path, segments, allowed)
            except HTTPError as exc:
                return await self.answer_known(request, exc, (self.app.exception_handlers,))

        if not allowed and request.exchange.has_native and not self.is_ours(request, path, segments):
            status: int = await request.exchange.pass_on([(b"x-request-id", request.id_bytes)])
            return status

        # What the facade answers itself passes through the middleware of the application: a browser that asks before
        # it sends (CORS), or is told 404, must see the same headers as elsewhere.
        return await compose(self.app.middlewares, refuse)(request)

    def is_ours(self, request: Request, path: str, segments: list[str] | None) -> bool:
        """Whether the facade has something to say of a path that no route and no mount answers."""
        return bool(
            path == "*" or self.assembly.sockets.allowed(path, segments) or self.slash_twin(request, path) is not None
        )

    def refusal(self, request: Request, path: str, segments: list[str] | None, allowed: set[str]) -> Response:
        """Return, or raise, what is answered where no route answers the method on the path."""
        if path == "*" and request.method == "OPTIONS":
            return allow_response(
                {method for plan in self.assembly.plans for method in plan.methods if not plan.websocket}
            )

        if allowed:
            return self.other_method(request, allowed)

        if self.assembly.sockets.allowed(path, segments):
            response = self.answer_error(request, HTTPError(426, "this is a WebSocket"))
            # RFC 9110 15.5.22. A handler may not set it, as it belongs to the connection.
            response.raw_headers.append((b"upgrade", b"websocket"))
            return response

        if (twin := self.slash_twin(request, path)) is not None:
            return twin

        raise NotFound(f"there is nothing at {path}")

    def other_method(self, request: Request, allowed: set[str]) -> Response:
        allowed |= {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())

        if request.method == "OPTIONS":
            return allow_response(allowed)

        known = {method for plan in self.assembly.plans for method in plan.methods} | {"HEAD", "OPTIONS", "TRACE"}

        if request.method not in known and request.method not in ("PUT", "PATCH", "DELETE", "POST", "CONNECT"):
            raise HTTPError(501, f"the method {request.method} is not known here")

        raise MethodNotAllowed(allowed, f"{request.method} is not allowed on {request.path}")

    def slash_twin(self, request: Request, path: str) -> Response | None:
        """With `trailing_slash="redirect"`: the way to the same path with or without its last slash."""
        if self.app.trailing_slash != "redirect" or path == "/":
            return None

        twin = path[:-1] if path.endswith("/") else path + "/"

        # A path that begins with two slashes would be taken for a host.
        if twin.startswith("//") or not self.assembly.http.allowed(twin):
            return None

        query = request.exchange.query.decode("ascii")
        return Redirect(f"{request.base_path}{twin}{'?' if query else ''}{query}", 308)

    def mount_at(self, path: str) -> "Mount | None":
        for mount in self.mounts:
            if path.startswith(mount.prefix) and (len(path) == len(mount.prefix) or path[len(mount.prefix)] == "/"):
                return mount

        return None

    def send(self, request: Request, response: Response) -> Awaitable[None] | None:
        """Put a whole response on the wire."""
        status, body = response.status, response.body

        if status in BODILESS:
            headers = bodiless_headers(request, response)
            body = b""
        else:
            headers = [*response.raw_headers, (b"content-length", b"%d" % len(body))]

        headers.append((b"x-request-id", request.id_bytes))

        if response.close or self.draining:
            headers.append(CLOSE)

        if request.method == "HEAD":
            body = b""

        request.sent = len(body)
        sending: Awaitable[None] | None = request.exchange.reply(status, headers, body)
        return sending

    async def after(self, request: Request, response: Response) -> None:
        """Close what the response needed, then start what comes after it, in this order."""
        if request.stack is not None:
            await self.close_stack(request)

        own = None if request.extras is None else request.extras.background

        if own is not None or response.background is not None:
            self.start_background(request, own, response.background)

    async def send_stream(self, request: Request, response: StreamedResponse) -> None:
        exchange = request.exchange
        await response.prepare(request)
        headers = [*response.raw_headers, (b"x-request-id", request.id_bytes)]

        if response.close or self.draining:
            headers.append(CLOSE)

        if request.method == "HEAD" or response.status in BODILESS:
            # The pieces are never asked for: making them may cost much and have effects.
            await exchange.reply(response.status, headers, b"")
            return

        announced = next((int(value) for name, value in headers if name == b"content-length"), None)
        await exchange.start(response.status, headers)

        try:
            with LeaveWithClient(exchange.gone):
                async with closing(response.chunks()) as chunks:
                    async for chunk in chunks:
                        if announced is not None and request.sent + len(chunk) > announced:
                            raise ValueError(f"the stream is longer than the {announced} bytes that it announced")

                        if chunk:
                            await exchange.write(chunk)
                            request.sent += len(chunk)

            if announced is not None and request.sent < announced:
                raise ValueError(f"the stream ended after {request.sent} of the {announced} bytes that it announced")

            await exchange.finish()
        except BaseException as exc:
            # A truncated body must never look complete.
            exchange.abort()

            if request.stack is not None:
                await self.close_stack(request, exc)

            if isinstance(exc, Exception) and not isinstance(exc, ClientDisconnected):
                logger.exception("%s %s: the stream failed (request %s)", request.method, request.path, request.id)
                return

            raise

    async def close_stack(self, request: Connection, error: BaseException | None = None) -> None:
        stack: AsyncExitStack | None
        stack, request.stack = request.stack, None

        if stack is None:
            return

        try:
            await stack.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)
        except Exception as exc:
            if exc is not error:
                logger.exception(
                    "%s %s: a dependency failed while closing (request %s)", request.method, request.path, request.id
                )

    async def close_request(self, request: Request) -> None:
        await self.close_stack(request)

        if request.extras is not None and request.extras.form is not None:
            await request.extras.form.close()

    def start_background(self, request: Request, *sources: Any) -> None:
        calls: list[Callable[[], Any]] = []

        for source in sources:
            if isinstance(source, BackgroundTasks):
                calls += source.calls
            elif source is not None:
                calls.append(source)

        if calls:
            self.crew.start(calls, f"{request.method} {request.path} (request {request.id})")

    # Failures ---------------------------------------------------------------------------------------------------------

    async def answer_known(self, request: Request, error: Exception, tables: tuple[ExceptionHandlers, ...]) -> Response:
        """Answer an error that a table of the route or the facade itself knows; raise it where none does."""
        error = only_leaf(error)

        if (handler := find_handler(error, tables)) is not None:
            try:
                response = handler(request, error)
                response = await response if asyncio.iscoroutine(response) else response
            except HTTPError as exc:
                # It is answered here, inside the middleware, like the response of any other handler.
                return self.answer_error(request, exc)

            if not isinstance(response, Response):
                raise TypeError(f"the exception handler {handler!r} returned {type(response).__name__}, not a Response")

            return response

        if isinstance(error, HTTPError):
            return self.answer_error(request, error)

        raise error

    def answer_error(self, request: Connection, error: HTTPError) -> Response:
        if error.status in BODILESS:
            return Rendered(b"", error.status, [])

        return answer(request, error)

    async def answer_any(self, request: Request, error: Exception) -> Response:
        """Answer an error that came through all middleware, or from one."""
        if isinstance(error, ClientDisconnected):
            raise error

        try:
            return await self.answer_known(request, error, (self.app.exception_handlers,))
        except Exception as exc:
            where = request.plan.location if request.plan is not None else "no route"
            logger.error(
                "%s %s failed in %s (request %s)", request.method, request.path, where, request.id, exc_info=exc
            )
            self.metrics.errors += 1
            failure = HTTPError(500, "the service failed to answer; the request id says which log record tells why")
            failure.__cause__ = only_leaf(exc)
            self.app.last_error = exc if self.app.keep_errors else None
            return self.answer_error(request, failure)

    # WebSockets -------------------------------------------------------------------------------------------------------

    async def websocket(self, exchange: WsExchange) -> None:
        """Serve one WebSocket to its end. Raises nothing but CancelledError."""
        await self.serve_socket(exchange, self.next_id())

    async def serve_socket(self, exchange: Any, id_bytes: bytes) -> None:
        """Serve one WebSocket under the id that it has."""
        socket = WebSocket(self, exchange, id_bytes)
        current.set(socket)
        began = perf_counter()
        self.sockets.add(socket)

        try:
            try:
                await self.converse(socket)
            except (ClientDisconnected, WebSocketClosed):
                logger.debug("%s: the client has left", socket.path)
            except Exception as exc:
                await self.fail_socket(socket, exc)
            else:
                if socket.answered and socket.closed is None:
                    await socket.close(1000)
        except (ClientDisconnected, WebSocketClosed):
            logger.debug("%s: the client has left", socket.path)
        except Exception:
            logger.exception("WebSocket %s failed while closing (request %s)", socket.path, socket.id)
        finally:
            self.sockets.discard(socket)

            if self.quiet is not None:
                self.look_quiet()

            await self.close_stack(socket)

            if socket.extras is not None and socket.extras.background is not None:
                self.crew.start(socket.extras.background.calls, f"WebSocket {socket.path}")

            if self.access is not None:
                self.write_access(self.access, socket, 101 if socket.accepted else 403, 0, perf_counter() - began)

    async def converse(self, socket: WebSocket) -> None:
        socket.index = self.admission.admit(socket.exchange)
        target = self.read_target(socket)

        if self.proxies and b"x-request-id" in socket.index:
            self.adopt_id(socket)

        if self.draining:
            raise ServiceUnavailable("the service is stopping", retry_after=1)

        found = self.assembly.sockets.find("WEBSOCKET", target.text, target.segments)

        if found is None:
            await self.unmatched_socket(socket, target.text)
            return

        entry: SocketEntry
        entry, socket.values = found
        socket.plan, socket.names, socket.limits = entry.plan, entry.names, entry.limits
        self.check_origin(socket)

        try:
            await entry.endpoint(socket)
        except Exception as exc:
            if (handler := find_handler(exc, entry.exception_handlers[::-1])) is None or socket.answered:
                raise

            response = handler(socket, exc)
            response = await response if asyncio.iscoroutine(response) else response
            await self.refuse_socket(socket, response)

        if not socket.answered:
            await socket.reject(403)

    async def unmatched_socket(self, socket: WebSocket, path: str) -> None:
        if (mount := self.mount_at(path)) is not None:
            socket.answered = True
            await mount.websocket(Stamped(socket.exchange, mount.stamp(socket.id_bytes)), socket.id_bytes)
            socket.closed = socket.closed or CLOSED_ELSEWHERE
        elif socket.exchange.has_native:
            socket.answered = True
            await socket.exchange.pass_on([(b"x-request-id", socket.id_bytes)])
            socket.closed = socket.closed or CLOSED_ELSEWHERE
        else:
            raise NotFound(f"there is nothing at {path}")

    def check_origin(self, socket: WebSocket) -> None:
        """Browsers send cookies to any host and do not stop pages of others from it, so the server must look."""
        origin = socket.index.get(b"origin")

        if origin is None:
            return

        text = origin.decode("latin-1")
        allowed = self.app.websocket_origins
        authority = text.partition("://")[2]

        if authority and authority.lower() == (socket.host or "").lower():
            return

        if "*" in allowed or text in allowed:
            return

        raise HTTPError(403, f"WebSockets from the origin {text!r} are not served; see App(websocket_origins=…)")

    async def fail_socket(self, socket: WebSocket, error: Exception) -> None:
        error = only_leaf(error)

        if not isinstance(error, HTTPError):
            logger.error("WebSocket %s failed (request %s)", socket.path, socket.id, exc_info=error)

        if socket.answered:
            if isinstance(error, HTTPError):
                # RFC 6455 7.4.1: 1007 is for data that is not what the type of its message promises.
                await socket.close(1007 if error.status == 400 else 1008, str(error)[:100])
            else:
                await socket.close(1011, "internal error")

            return

        failure = error if isinstance(error, HTTPError) else HTTPError(500, "the service failed to answer")
        await self.refuse_socket(socket, self.answer_error(socket, failure))

    async def refuse_socket(self, socket: WebSocket, response: Response) -> None:
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers]
        await socket.reject(response.status, pairs, response.body)


def is_plain(raw: bytes) -> bool:
    """Whether the path is what it looks like: nothing to decode, nothing to refuse."""
    return raw[:1] == b"/" and b"%" not in raw and b"#" not in raw and raw.isascii()


def bodiless_headers(request: Request, response: Response) -> list[tuple[bytes, bytes]]:
    if response.body:
        size = len(response.body)
        logger.warning("%s %s: dropped %d bytes; %d has no body", request.method, request.path, size, response.status)

    return [pair for pair in response.raw_headers if pair[0] != b"content-type"]


def allow_response(methods: set[str]) -> Response:
    methods |= {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return Rendered(b"", 204, [(b"allow", ", ".join(sorted(methods)).encode("ascii"))])


def only_leaf(error: Exception) -> Exception:
    """Return what a group holds, where it holds one thing."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]

    return error


def find_handler(error: Exception, tables: tuple[ExceptionHandlers, ...]) -> Callable[..., Any] | None:
    """Return the handler of the most particular class, or status, in the innermost table that has one."""
    for table in tables:
        if isinstance(error, HTTPError) and (handler := table.get(error.status)) is not None:
            return handler

        for kind in type(error).__mro__:
            if (handler := table.get(kind)) is not None:
                return handler

    return None
