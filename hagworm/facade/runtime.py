"""What engines drive: one request or WebSocket in, one answer out, whatever happens on the way."""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from hagworm.extend.asyncio.future.pool import ThreadPool
from hagworm.extend.error import StartupFailed
from hagworm.facade.access import AccessLog, access_logger
from hagworm.facade.admission import Admission
from hagworm.facade.assembly import Assembly, Entry, assemble
from hagworm.facade.background import BackgroundCrew
from hagworm.facade.connection import Connection
from hagworm.facade.context import current
from hagworm.facade.conversation import serve_socket
from hagworm.facade.engine import load_engine
from hagworm.facade.exchange import ClientDisconnected, HttpExchange, WsExchange
from hagworm.facade.failing import answer_any, answer_known
from hagworm.facade.failure import ServiceUnavailable
from hagworm.facade.forwarded import Proxies
from hagworm.facade.injection import open_app_values
from hagworm.facade.lifespan import LifespanStack
from hagworm.facade.locating import adopt_id, is_plain, read_path
from hagworm.facade.refusal import unmatched
from hagworm.facade.request import Request
from hagworm.facade.response import Response
from hagworm.facade.sending import after, close_request, prepared, send, send_stream
from hagworm.facade.websocket import WebSocket, drop

if TYPE_CHECKING:
    from hagworm.facade.application import App, Mount

__all__ = ("Runtime",)

logger = logging.getLogger("hagworm")

# RFC 6455 7.4 and the IANA registry: 1012 is "service restart", which tells clients to come back.
SERVICE_RESTART = 1012
GOODBYE_SECONDS = 5.0


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
        self.threads = ThreadPool(settings.server.threads, name="hagworm")
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
        return assemble(self.app.flatten(), limits=self.limits, failing=answer_known, overrides=overrides, base=base)

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
        return await self.threads.run(function)

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
        self.threads = ThreadPool(self.app.settings.server.threads, name="hagworm")
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
                # A connection that is still open may bring a request after it has been quiet: look again each time.
                while self.active or self.sockets or self.crew.tasks:
                    if self.crew.tasks:
                        await asyncio.wait(set(self.crew.tasks))
                    else:
                        self.quiet.clear()
                        await self.quiet.wait()

                for mount in self.mounts:
                    await mount.target.drained(timeout)
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
        return b"%b%08x" % (self.id_prefix, next(self.numbers))

    def http(self, exchange: HttpExchange) -> Coroutine[Any, Any, None]:
        """Answer one request, completely. Raises nothing but CancelledError."""
        return self.serve(exchange, b"%b%08x" % (self.id_prefix, next(self.numbers)))

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
                if response.streaming:
                    # A file becomes 206, 304 or an error as it is looked at.
                    response = await prepared(request, response)

                status = response.status

                if response.streaming:
                    await send_stream(request, response)  # type: ignore[arg-type]  # streaming says its class
                elif (sending := send(request, response)) is not None:
                    await sending

                if request.extras is not None or response.background is not None:
                    await after(request, response)
        except ClientDisconnected:
            logger.info("%s %s: the client left before the response was sent", request.method, request.path)
        except Exception:
            logger.exception("%s %s: the response failed (request %s)", request.method, request.path, request.id)
            self.metrics.errors += 1
            exchange.abort()
        finally:
            try:
                if request.extras is not None:
                    await close_request(request)
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
                return await unmatched(request)

            return await entry.endpoint(request)
        except Exception as exc:
            request.complete()
            return await answer_any(request, exc)
        except asyncio.CancelledError as exc:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise

            # Not this request was cancelled, but something that its handler awaited.
            return await answer_any(request, RuntimeError(f"what the handler awaited was cancelled: {exc!r}"))

    def match(self, request: Request) -> Entry | None:
        """Admit the request and return what answers it, None where no route does. Raises `HTTPError`."""
        exchange = request.exchange
        request.index = index = self.admission.admit(exchange)
        raw: bytes = exchange.path

        if is_plain(raw):
            request.path = path = raw.decode("ascii")
            segments = None
        else:
            target = read_path(request)
            path, segments = target.text, target.segments

        if self.proxies and b"x-request-id" in index:
            adopt_id(request)

        if self.concurrency is not None and self.active > self.concurrency:
            raise ServiceUnavailable("too many requests are being served", retry_after=1)

        found = self.assembly.http.find(request.method, path, segments)

        if found is None:
            return None

        entry, request.values = found
        request.plan, request.names, request.limits = entry.plan, entry.names, entry.limits
        return entry

    def mount_at(self, path: str) -> "Mount | None":
        for mount in self.mounts:
            if path.startswith(mount.prefix) and (len(path) == len(mount.prefix) or path[len(mount.prefix)] == "/"):
                return mount

        return None

    # WebSockets -------------------------------------------------------------------------------------------------------

    async def websocket(self, exchange: WsExchange) -> None:
        """Serve one WebSocket to its end. Raises nothing but CancelledError."""
        await serve_socket(self, exchange, self.next_id())
