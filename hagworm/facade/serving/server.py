"""A server inside a running event loop: an application, an engine and the sockets between them."""

import dataclasses
import socket
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from hagworm.extend.error import ConfigError, HagwormError, nearest
from hagworm.facade.engine import Engine, Listener, load_engine
from hagworm.facade.serving.drain import drain
from hagworm.facade.serving.sockets import bind_tcp, bind_unix, close_all, remove_files, url_of
from hagworm.facade.settings import ServerSettings

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.facade.runtime import Runtime

__all__ = ("Server", "bind", "choose_options")


def choose_options(app: "App", settings: Any = None, **changes: Any) -> ServerSettings:
    """Return the section `server` for this start: the settings of the application, with `changes` that are not None.

    `settings` replaces the settings of the application first, which must not be frozen then. Raises `ConfigError`.
    """
    if settings is not None:
        app.configure(settings)

    options: ServerSettings = app.settings.server
    known = [field.name for field in dataclasses.fields(options)]

    for name in changes:
        if name not in known:
            raise ConfigError(f"there is no setting server.{name}{nearest(name, known)}")

    options = dataclasses.replace(options, **{name: value for name, value in changes.items() if value is not None})

    if not 0 <= options.port <= 65535:
        raise ConfigError(f"server.port: must be between 0 and 65535, got {options.port}")

    if options.workers < 1:
        raise ConfigError(f"server.workers: must be at least 1, got {options.workers}")

    return options


def bind(options: ServerSettings) -> list[socket.socket]:
    """Return the listening sockets that the settings ask for. Raises `PortInUse`."""
    if options.uds:
        return bind_unix(options.uds, backlog=options.backlog)

    return bind_tcp(options.host, options.port, backlog=options.backlog)


class Server:
    """Serves an application while an `async with` block runs: `async with Server(app, port=0) as server`.

    Entering binds, starts the application and listens; leaving answers what was accepted, closes everything and stops
    the application. Every other keyword is a field of `ServerSettings` that replaces the one of the settings, `options`
    is that section as a whole; sockets that are bound already may be given instead of an address. Neither signals nor
    logging are touched.

    Entering raises `DefinitionError`, `EngineNotFound`, `ConfigError`, `PortInUse` or `StartupFailed`, and leaves
    nothing behind then.
    """

    def __init__(
        self,
        app: "App",
        *,
        engine: str | None = None,
        host: str | None = None,
        port: int | None = None,
        uds: str | None = None,
        settings: Any = None,
        sockets: Sequence[socket.socket] | None = None,
        options: ServerSettings | None = None,
        **changes: Any,
    ) -> None:
        self.app = app
        self.options = options or choose_options(app, settings, engine=engine, host=host, port=port, uds=uds, **changes)
        self.given = sockets is not None
        self.sockets = [] if sockets is None else [*sockets]
        self.urls: list[str] = []
        self.engine: Engine | None = None
        self.runtime: Runtime | None = None
        self.listener: Listener | None = None

    def __repr__(self) -> str:
        where = ", ".join(self.urls) or "nowhere yet"
        return f"<Server {self.app.title!r} on {where}, engine {self.options.engine}>"

    @property
    def url(self) -> str:
        """Where clients reach the first socket, without a slash at the end; `unix:` and the path for a Unix socket."""
        if not self.urls:
            raise HagwormError("the server has not been started: enter it with `async with`")

        return self.urls[0]

    @property
    def port(self) -> int:
        """The port, chosen by the system where 0 was asked for; 0 for a Unix socket."""
        return 0 if self.url.startswith("unix:") else int(self.url.rpartition(":")[2])

    @property
    def active(self) -> int:
        """How many requests are being answered."""
        return 0 if self.runtime is None else self.runtime.active

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Bind, start the application and listen."""
        runtime = self.app.freeze()
        engine = self.engine = load_engine(self.options.engine)

        if not self.given:
            self.sockets = bind(self.options)

        try:
            self.urls = [url_of(sock) for sock in self.sockets]
            await runtime.startup()

            try:
                self.listener = await engine.listen(self.app, self.sockets, self.options)
            except BaseException:
                await runtime.shutdown()
                raise
        except BaseException:
            self.close()
            raise

        self.runtime = runtime

    async def stop(
        self,
        *,
        linger: float = 0.0,
        alone: bool | None = None,
        hurry: Callable[[], Awaitable[None]] | None = None,
    ) -> bool:
        """Drain as `drain` does, stop the application; return whether everything was answered.

        `alone` is taken for granted where this server bound its sockets itself. A second call does nothing.
        """
        runtime, listener = self.runtime, self.listener

        if runtime is None or listener is None:
            return True

        self.runtime = self.listener = None

        try:
            return await drain(
                runtime,
                listener,
                self.sockets,
                timeout=self.options.drain_timeout,
                linger=linger,
                alone=not self.given if alone is None else alone,
                hurry=hurry,
            )
        finally:
            self.close()
            await runtime.shutdown()

    def close(self) -> None:
        if not self.given:
            remove_files(self.sockets)

        close_all(self.sockets)
