"""The application: routes, middleware and lifespans, and the one place where they become something that serves."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Any, ClassVar, Protocol, TypeVar

from hagworm.extend.error import DefinitionError, nearest
from hagworm.facade.binding import location_of
from hagworm.facade.connection import State
from hagworm.facade.conversation import serve_socket
from hagworm.facade.engine import load_engine
from hagworm.facade.exchange import HeaderPairs
from hagworm.facade.health import Readiness
from hagworm.facade.lifespan import Lifespan, as_manager
from hagworm.facade.limits import Limits
from hagworm.facade.metrics import Metrics
from hagworm.facade.params import Depends
from hagworm.facade.proxies import Prefixed
from hagworm.facade.router import Router
from hagworm.facade.runtime import Runtime
from hagworm.facade.service_routes import service_routes
from hagworm.facade.settings import FrameSettings
from hagworm.facade.target import quote_segment

__all__ = ("App", "Mount", "MountTarget")

F = TypeVar("F", bound=Callable[..., Any])

SLASHES = ("strict", "redirect")
SHAPES = (None, "problem", "fastapi")


class MountTarget(Protocol):
    """What stands behind a mount: another application, or an adapter of a native one."""

    async def startup(self) -> None: ...
    async def shutdown(self) -> None: ...
    def start_draining(self) -> None: ...
    async def drained(self, timeout: float) -> bool: ...


@dataclass(frozen=True, slots=True)
class Mount:
    """A prefix, without its last slash, and what answers below it."""

    prefix: str
    target: Any

    def stamp(self, id_bytes: bytes) -> HeaderPairs:
        """Return the headers to add to what the target answers: an `App` adds the request id itself."""
        return () if isinstance(self.target, Runtime) else [(b"x-request-id", id_bytes)]

    async def http(self, exchange: Any, id_bytes: bytes) -> None:
        """Let the target answer."""
        if isinstance(self.target, Runtime):
            await self.target.serve(Prefixed(exchange, self.prefix), id_bytes)
        else:
            await self.target.http(exchange)

    async def websocket(self, exchange: Any, id_bytes: bytes) -> None:
        """Let the target serve a WebSocket."""
        if isinstance(self.target, Runtime):
            await serve_socket(self.target, Prefixed(exchange, self.prefix), id_bytes)
        else:
            await self.target.websocket(exchange)


class NativeTarget:
    """A native application behind a mount; it has nothing to drain that the facade does not count itself."""

    def __init__(self, adapter: Any) -> None:
        self.http = adapter.http
        self.websocket = adapter.websocket
        self.startup = adapter.startup
        self.shutdown = adapter.shutdown

    def start_draining(self) -> None:
        """Nothing: its requests are counted by the application that it is mounted in."""

    async def drained(self, timeout: float) -> bool:
        """True: as above."""
        return True


class App(Router):
    """A business service. Any engine serves it; it is an ASGI 3 application too.

    `settings` is a frozen dataclass, or a pydantic model, whose fields are the service's own sections of the
    configuration. `limits` replaces the section `limits`. `trailing_slash` is `strict` (a path with another slash at
    its end is another path) or `redirect`. `compat="fastapi"` answers errors in FastAPI's shapes. `websocket_origins`
    are those that may open WebSockets beside the service's own. `openapi_extra` is merged over the description.
    """

    __argument__: ClassVar[str] = "app"
    """Handlers and dependencies get it by its type."""

    def __init__(
        self,
        *,
        title: str = "hagworm",
        version: str = "0.1.0",
        description: str = "",
        settings: type | None = None,
        limits: Limits | None = None,
        trailing_slash: str = "strict",
        compat: str | None = None,
        debug: bool | None = None,
        middleware: Sequence[Callable[..., Any]] = (),
        dependencies: Sequence[Depends] = (),
        websocket_origins: Sequence[str] = (),
        openapi_extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(middleware=middleware, dependencies=dependencies)

        if trailing_slash not in SLASHES:
            raise DefinitionError(f"App: trailing_slash={trailing_slash!r} is not one of {', '.join(SLASHES)}")

        if compat not in SHAPES:
            raise DefinitionError(f"App: compat={compat!r} is not one of None, 'problem', 'fastapi'")

        self.title = title
        self.version = version
        self.description = description
        self.settings_class = settings
        self.limits = limits
        self.trailing_slash = trailing_slash
        self.compat = compat
        self.debug = debug
        self.openapi_extra = openapi_extra
        self.websocket_origins = frozenset(websocket_origins)
        self.state = State()
        self.natives: dict[str, Any] = {}
        self.mounts: list[Mount] = []
        self.inner_apps: list[App] = []
        self.lifespans: list[Lifespan] = []
        self.readiness_checks = Readiness()
        self.metrics = Metrics()
        self.keep_errors = False
        self.last_error: BaseException | None = None
        self._settings: Any = None
        self._outer: App | None = None
        self._runtime: Runtime | None = None
        self._asgi: Callable[..., Awaitable[None]] | None = None
        self._overrides: dict[Any, Callable[..., Any]] = {}

    def __repr__(self) -> str:
        return f"<App {self.title!r}>"

    # Configuration ----------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Any:
        """The configuration, read on first use and frozen. Raises `ConfigError`."""
        if self._settings is None:
            from hagworm.extend.config import load_settings

            family = [app.settings_class for app in self.family() if app is not self and app.settings_class]
            self._settings = load_settings(self.settings_class, frame=FrameSettings, beside=family)

        return self._settings

    def family(self) -> "list[App]":
        """Every application that this one is mounted with: they share the places of their configuration."""
        root = self

        while root._outer is not None:
            root = root._outer

        found = [root]

        for app in found:
            found += [inner for inner in app.inner_apps if inner not in found]

        return found

    def configure(self, settings: Any) -> None:
        """Use `settings` instead of reading the configuration. Raises RuntimeError once the application is frozen."""
        self.check_open()
        self._settings = settings

    # Declaration ------------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise RuntimeError where the application is frozen: what it serves has been compiled."""
        if self._runtime is not None:
            raise RuntimeError(
                f"{self!r} is frozen, as it has been started or inspected; declare everything before that"
            )

    def lifespan(self, function: F) -> F:
        """Enter `async def name(app): ...; yield; ...` before the first request and leave it after the last.

        Several are entered in the order declared and left in reverse.
        """
        self.check_open()
        as_manager(function)
        self.lifespans.append(function)
        return function

    def readiness(self, function: F) -> F:
        """Ask the (async) function on `/-/ready`: what it raises, or returns as false, makes the service not ready."""
        return self.readiness_checks.add(function)

    def static(self, path: str, directory: str, **options: Any) -> None:
        """Serve the files of `directory` below `path`; options are those of `hagworm.facade.files.StaticFiles`."""
        from hagworm.facade.files import StaticFiles

        files = StaticFiles(directory, **options)
        self.add(f"{path.rstrip('/')}/{{path:path}}", files.answer, include_in_schema=False, name=f"static {path}")

    def mount(self, path: str, app: "App") -> None:
        """Let another `App`, its own middleware and errors included, answer what no route does below `path`."""
        self.check_open()

        if not isinstance(app, App):
            raise DefinitionError(f"mount({path!r}): {app!r} is not an App; use mount_native for other applications")

        if app is self:
            raise DefinitionError(f"mount({path!r}): an application cannot be mounted in itself")

        app._outer = self
        self.inner_apps.append(app)
        self.mounts.append(Mount(self.mount_prefix(path), app))

    def mount_native(self, path: str, application: Any) -> None:
        """Let a FastAPI, ASGI, WSGI or Tornado application answer what is below `path` and no route, on any engine.

        At `/` it takes whatever is left.
        """
        self.check_open()
        prefix = self.mount_prefix(path)
        self.mounts.append(Mount(prefix, NativeTarget(native_adapter(application, prefix))))

    @staticmethod
    def mount_prefix(path: str) -> str:
        if not path.startswith("/") or "{" in path:
            raise DefinitionError(f"mount path {path!r} must begin with a slash and hold no placeholder")

        return path.rstrip("/")

    def native(self, engine: str) -> Any:
        """Return the real framework object behind this application: a `fastapi.FastAPI`, a `tornado.web.Application`.

        What no route matches goes to it, when that engine serves.
        """
        if engine not in self.natives:
            self.natives[engine] = load_engine(engine).native(self)

        return self.natives[engine]

    def url(self, name: str, **params: Any) -> str:
        """Return the path of the route called `name`. Raises LookupError for an unknown name or a missing parameter."""
        templates = self.freeze().assembly.templates

        if (template := templates.get(name)) is None:
            raise LookupError(f"no route is named {name!r}{nearest(name, templates)}")

        if wrong := set(template.names) ^ set(params):
            raise LookupError(
                f"route {name!r} takes {', '.join(template.names) or 'nothing'}; check {', '.join(sorted(wrong))}"
            )

        values = iter(template.names)
        parts = []

        for part in template.segments:
            if isinstance(part, str):
                parts.append(part)
            elif part.name == "path":
                parts.append("/".join(map(quote_segment, str(params[next(values)]).split("/"))))
            else:
                parts.append(quote_segment(params[next(values)]))

        return "/".join(parts)

    # Serving ----------------------------------------------------------------------------------------------------------

    def freeze(self) -> Runtime:
        """Compile everything that was declared, once. Raises `DefinitionError`, and `ConfigError` from the settings."""
        if self._runtime is None:
            for mount in list(self.mounts):
                if isinstance(mount.target, App):
                    self.mounts[self.mounts.index(mount)] = Mount(mount.prefix, mount.target.freeze())

            self.declare_service_routes()
            self._runtime = Runtime(self)

        return self._runtime

    def declare_service_routes(self) -> None:
        """Add what every service has, where the settings want it and the business has nothing of its own there."""
        taken = {route.path for route in self.flatten()}

        for path, handler in service_routes(self).items():
            if path not in taken:
                self.add(path, handler, name=path, include_in_schema=False)

    @contextmanager
    def override(self, dependency: Callable[..., Any], replacement: Callable[..., Any]) -> Iterator[None]:
        """Use `replacement` for `dependency` inside the block, in tests; overrides nest."""
        runtime = self.freeze()
        before = self._overrides
        self._overrides = {**before, dependency: replacement}

        try:
            with runtime.overridden(self._overrides):
                yield
        finally:
            self._overrides = before

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve as an ASGI 3 application, under any ASGI server."""
        if self._asgi is None:
            name = self.settings.server.engine
            self._asgi = load_engine(name if name in ("asgi", "fastapi") else "asgi").build(self)

        await self._asgi(scope, receive, send)


def native_adapter(application: Any, prefix: str) -> Any:
    """Return what serves `application` over the waist; rooms of frameworks are found by name, never imported."""
    if any(kind.__module__.partition(".")[0] == "tornado" for kind in type(application).__mro__):
        return import_module("hagworm.frame.tornado.native").mount(application, prefix)

    if not callable(application):
        raise DefinitionError(f"mount_native: {application!r} is neither an ASGI, a WSGI nor a Tornado application")

    try:
        count = len([p for p in signature(application).parameters.values() if p.default is p.empty])
    except (TypeError, ValueError) as exc:
        raise DefinitionError(f"mount_native: the signature of {application!r} cannot be read") from exc

    if count == 3:
        return import_module("hagworm.frame.asgi.mount").mount(application, prefix)

    if count == 2:
        return import_module("hagworm.frame.asgi.wsgi").mount_wsgi(application, prefix)

    raise DefinitionError(
        f"{location_of(application)}: mount_native takes an ASGI application (scope, receive, send), a WSGI one "
        f"(environ, start_response) or a Tornado one, not something of {count} arguments"
    )
