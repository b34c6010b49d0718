"""What an engine must offer, and the loader that turns a name into one."""

import socket
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from hagworm.extend.error import EngineNotFound
from hagworm.facade.exchange import Capabilities

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("BUILTIN_ENGINES", "Engine", "Listener", "load_engine")

BUILTIN_ENGINES = ("asgi", "fastapi", "memory", "tornado")


class Listener(Protocol):
    """A server that accepts connections for one application in one process."""

    ports: Sequence[int]

    @property
    def connections(self) -> int:
        """How many connections are open; one whose response still waits in a buffer counts."""

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections that are open live on."""

    def close_idle(self) -> None:
        """Close every connection that waits between two requests; the others close after their response.

        A connection on which part of a request has arrived, or whose last response is not all sent yet, is not idle.
        """

    async def kill(self) -> None:
        """Close whatever is left, at once, and return when nothing of the server remains."""


class Engine(Protocol):
    """One web framework or server, as the facade sees it."""

    name: str
    caps: Capabilities

    def declare(self) -> dict[str, str]:
        """Outcomes that this engine's parser owns, by row of the conformance matrix (`docs/reference/engines.md`)."""

    def native(self, app: "App") -> Any:
        """Return the framework's own application object behind `app`, made on the first call."""

    def build(self, app: "App") -> Any:
        """Return what this engine's server runs: an ASGI callable, a connection delegate."""

    async def listen(self, app: "App", sockets: Sequence[socket.socket], options: Any) -> Listener:
        """Serve `app` on bound, listening sockets; `options` is the section `server` of the settings.

        The application has been started by the caller (its lifespan has run) and is stopped by the caller.
        """


def load_engine(name: str) -> Engine:
    """Return the engine called `name`, or the object that `"package.module:ENGINE"` names.

    Raises `EngineNotFound` with the nearest valid name.
    """
    if ":" in name:
        module_name, _, attribute = name.partition(":")

        try:
            engine: Engine = getattr(import_module(module_name), attribute)
        except (ImportError, AttributeError) as exc:
            raise EngineNotFound(name, engine_names(), reason=str(exc)) from exc

        return engine

    if name in BUILTIN_ENGINES:
        engine = import_module(f"hagworm.frame.{name}").ENGINE
        return engine

    for point in entry_points(group="hagworm.engines", name=name):
        engine = point.load()
        return engine

    raise EngineNotFound(name, engine_names())


def engine_names() -> list[str]:
    """Every engine that can be named: ours and those that installed packages announce."""
    return sorted({*BUILTIN_ENGINES, *(point.name for point in entry_points(group="hagworm.engines"))})
