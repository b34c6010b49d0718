"""Which request the running code belongs to, from anywhere in its task."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from hagworm.facade.request import Request
    from hagworm.facade.websocket import WebSocket

__all__ = ("current", "current_request", "request_id")

# Set once per exchange and never reset: an engine that finds it set at its entrance knows that its server has
# leaked the context of an earlier request, and starts from a clean one.
current: ContextVar[Union["Request", "WebSocket", None]] = ContextVar("hagworm.exchange", default=None)


def current_request() -> "Request | WebSocket":
    """Return the request or WebSocket that this task serves. Raises LookupError outside of one."""
    if (found := current.get()) is None:
        raise LookupError("no request is being served here; current_request() works inside handlers and what they call")

    return found


def request_id() -> str | None:
    """Return the id of the request being served, None outside of one; never raises, so loggers may call it."""
    found = current.get()
    return None if found is None else found.id
