"""A Tornado application mounted in the facade, on any engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tornado.httputil import HTTPInputError, HTTPServerConnectionDelegate

from hagworm.facade.exchange import HttpExchange
from hagworm.facade.failure import BadRequest
from hagworm.frame.tornado.handshake import Handshake
from hagworm.frame.tornado.passage import Passage, cut_prefix

__all__ = ("NativeMount", "mount")


def mount(application: HTTPServerConnectionDelegate, prefix: str) -> "NativeMount":
    """Return what lets `application` answer below `prefix`, on any engine. It sees paths without the prefix.

    Raises TypeError for what is no Tornado application.
    """
    if not isinstance(application, HTTPServerConnectionDelegate):
        raise TypeError(f"{application!r} is no Tornado application: it takes no connections")

    return NativeMount(application, prefix)


class NativeMount:
    """A Tornado application at a prefix."""

    def __init__(self, application: HTTPServerConnectionDelegate, prefix: str) -> None:
        self.application = application
        self.prefix = prefix

    def __repr__(self) -> str:
        return f"<NativeMount of {self.application!r} at {self.prefix or '/'}>"

    async def http(self, exchange: HttpExchange) -> None:
        """Let the application answer. Raises `ClientDisconnected`, and `HTTPError` for what Tornado cannot read."""
        with refusing():
            passage = Passage(self.application, exchange, cut_prefix(exchange.path, self.prefix))

        await passage.run([])

    async def websocket(self, exchange: Any) -> None:
        """Let the application take the handshake and what follows. Raises as `http`."""
        with refusing():
            handshake = Handshake(self.application, exchange, cut_prefix(exchange.path, self.prefix))

        await handshake.run([])

    async def startup(self) -> None:
        """Do nothing: a Tornado application has no lifespan."""

    async def shutdown(self) -> None:
        """Do nothing, likewise."""


@contextmanager
def refusing() -> Iterator[None]:
    """Answer 400 where Tornado does not take a head that the facade has let pass."""
    try:
        yield
    except HTTPInputError as exc:
        raise BadRequest(str(exc)) from exc
