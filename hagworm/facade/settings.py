"""The sections of the configuration that hagworm itself reads."""

from dataclasses import dataclass, field

from hagworm.facade.limits import Limits

__all__ = ("DocsSettings", "FrameSettings", "LogSettings", "ServerSettings")


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Section `server`: who serves, where, and how long things may take (seconds)."""

    engine: str = "fastapi"
    host: str = "127.0.0.1"
    port: int = 8000
    uds: str | None = None
    """Path of a Unix socket to listen on instead of host and port."""
    workers: int = 1
    backlog: int = 2048
    loop: str = "auto"
    """`auto` (uvloop where it is installed), `uvloop` or `asyncio`."""
    http: str = "auto"
    """Parser of the ASGI server: `auto`, `httptools` or `h11`."""
    asgi_server: str = "uvicorn"
    """Who serves the engines `asgi` and `fastapi`: `uvicorn`, `granian` or `hypercorn`."""
    keep_alive: float = 75.0
    """How long a connection may wait for its next request."""
    header_timeout: float = 10.0
    """How long a client may take for the head of a request, where the engine can tell."""
    drain_timeout: float = 30.0
    """How long requests in flight may take once the service has been told to stop."""
    threads: int = 40
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


@dataclass(frozen=True, slots=True)
class DocsSettings:
    """Section `docs`: the paths of the API description; an empty path switches it off."""

    openapi: str = "/openapi.json"
    ui: str = "/docs"
    health: str = "/-"
    """Prefix of `live`, `ready` and `metrics`."""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Section `log`."""

    level: str = "info"
    format: str = "text"
    """`text` or `json`."""


@dataclass(frozen=True, slots=True)
class FrameSettings:
    """The whole of what hagworm reads; an application's own sections stand beside these."""

    environment: str = "development"
    """`development` or `production`; defaults that are unsafe in production are refused there."""
    debug: bool = False
    """Error answers carry the traceback, to loopback clients only."""
    server: ServerSettings = field(default_factory=ServerSettings)
    limits: Limits = field(default_factory=Limits)
    docs: DocsSettings = field(default_factory=DocsSettings)
    log: LogSettings = field(default_factory=LogSettings)
