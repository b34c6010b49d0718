"""The sections of the configuration that hagworm itself reads."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Literal

from hagworm.extend.config import Range
from hagworm.extend.logging import LogSettings
from hagworm.facade.limits import Limits

__all__ = ("AppSettings", "DocsSettings", "FrameSettings", "LogSettings", "ServerSettings")


Count = Annotated[int, Range(1)]
Port = Annotated[int, Range(0, 65535)]
Seconds = Annotated[float, Range(0)]


@dataclass(frozen=True, slots=True)
class AppSettings:
    """Section `app`: what the command `hagworm` works on when it is not told."""

    target: str = ""
    """`package.module:attribute` of the application, or of a function that returns it."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Section `server`: who serves, where, and how long things may take (seconds)."""

    engine: str = "fastapi"
    host: str = "127.0.0.1"
    port: Port = 8000
    """0 takes any free port."""
    uds: str | None = None
    """Path of a Unix socket to listen on instead of host and port."""
    workers: Count = 1
    backlog: Count = 2048
    loop: Literal["auto", "uvloop", "asyncio"] = "auto"
    """`auto` (uvloop where it is installed), `uvloop` or `asyncio`."""
    http: Literal["auto", "httptools", "h11", "tornado"] = "auto"
    """Who reads requests: `auto` is the cheapest. `httptools` and `h11` are uvicorn's parsers, `tornado` is Tornado's
    own connection, entered at its delegates; an engine that does not have the one named takes its cheapest."""
    asgi_server: Literal["uvicorn", "granian", "hypercorn"] = "uvicorn"
    """Who serves the engines `asgi` and `fastapi`: `uvicorn`, `granian` or `hypercorn`."""
    keep_alive: Seconds = 75.0
    """How long a connection may wait for its next request."""
    header_timeout: Seconds = 10.0
    """How long a client may take for the head of a request, where the engine can tell."""
    drain_timeout: Seconds = 30.0
    """How long requests in flight may take once the service has been told to stop."""
    threads: Count = 40
    """Size of the pool that runs `def` handlers and dependencies."""
    access_log: bool = True
    server_header: str = ""
    """Value of the response header `server`; none is sent when empty."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) whose forwarded headers and request ids are believed."""
    allowed_hosts: tuple[str, ...] = ()
    """Hosts that are answered, `*.example.com` included; any when empty."""
    reload: bool = False
    control_socket: str = ""
    """Gunicorn's control socket; empty means one of its own per application, in a private directory."""

    def validate(self, environment: str) -> Iterator[str]:
        """Say what the types cannot: networks that are none, a reload in production."""
        from ipaddress import ip_network

        if not self.engine.strip():
            yield "engine: expected the name of an engine, got ''"

        for network in self.trusted_proxies:
            try:
                ip_network(network)
            except ValueError as exc:
                yield f"trusted_proxies: expected networks like '10.0.0.0/8': {exc}"

        if self.reload and environment == "production":
            yield "reload: is for development, not for environment 'production'"


@dataclass(frozen=True, slots=True)
class DocsSettings:
    """Section `docs`: the paths of the API description; an empty path switches it off."""

    openapi: str = "/openapi.json"
    ui: str = "/docs"
    health: str = "/-"
    """Prefix of `live`, `ready` and `metrics`."""

    def validate(self, environment: str) -> Iterator[str]:
        """Refuse paths that are none, and two descriptions at one path."""
        for name in ("openapi", "ui", "health"):
            path = getattr(self, name)

            if path and not path.startswith("/"):
                yield f"{name}: expected a path that starts with '/', or nothing, got {path!r}"

        if self.openapi and self.openapi == self.ui:
            yield f"ui: is the path of the description too: {self.ui!r}"


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """The whole of what hagworm reads; an application's own sections stand beside these."""

    environment: Literal["development", "test", "staging", "production"] = "development"
    """Defaults that are unsafe in production are refused in `production`."""
    debug: bool = False
    """Error answers carry the traceback, to loopback clients only."""
    app: AppSettings = field(default_factory=AppSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    limits: Limits = field(default_factory=Limits)
    docs: DocsSettings = field(default_factory=DocsSettings)
    log: LogSettings = field(default_factory=LogSettings)
