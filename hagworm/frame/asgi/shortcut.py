"""A whole response written to uvicorn's transport in one piece: what its two ASGI messages do, for less.

This reaches into uvicorn's request cycle, so it is taken only where every attribute that it touches is there and
nothing unusual is going on; otherwise the messages are sent.
"""

from typing import Any

from hagworm.facade.exchange import ClientDisconnected, HeaderPairs

__all__ = ("is_open", "write_whole")

MODULE = "uvicorn.protocols.http.httptools_impl"
NEEDED = (
    "access_log",
    "default_headers",
    "disconnected",
    "flow",
    "keep_alive",
    "message_event",
    "on_response",
    "response_complete",
    "response_started",
    "transport",
    "waiting_for_100_continue",
)
CLOSE = (b"connection", b"close")

# What has been found out of each class, so that it is found out once.
known: dict[type, dict[int, bytes] | None] = {}


def examine(cycle: Any) -> dict[int, bytes] | None:
    """Return the status lines of uvicorn where `cycle` is what we know, None where it is anything else."""
    kind = type(cycle)

    if kind not in known:
        lines = None

        if kind.__module__ == MODULE and kind.__name__ == "RequestResponseCycle":
            if all(hasattr(cycle, name) for name in NEEDED):
                from uvicorn.protocols.http.httptools_impl import STATUS_LINE

                lines = STATUS_LINE

        known[kind] = lines

    return known[kind]


class DefaultHeaders:
    """The block of headers that uvicorn adds; it makes a new list of them once a second."""

    __slots__ = ("block", "pairs")

    def __init__(self) -> None:
        self.pairs: list[tuple[bytes, bytes]] | None = None
        self.block = b""

    def of(self, pairs: list[tuple[bytes, bytes]]) -> bytes:
        """Return `pairs` as they stand on the wire."""
        if pairs is not self.pairs:
            self.pairs = pairs
            self.block = b"".join([b"%b: %b\r\n" % pair for pair in pairs])

        return self.block


defaults = DefaultHeaders()


def is_open(cycle: Any) -> bool:
    """Whether a response may be written straight to the transport of `cycle`, the owner of an ASGI `send`."""
    return (
        examine(cycle) is not None
        and not cycle.response_started
        and not cycle.flow.write_paused
        # Somebody wants uvicorn's own access log: its line is written when the message goes by.
        and not cycle.access_log
    )


def write_whole(cycle: Any, status: int, headers: HeaderPairs, body: bytes) -> None:
    """Write head and body at once and leave `cycle` as its own `send` would. Raises `ClientDisconnected`."""
    if cycle.disconnected:
        raise ClientDisconnected("the client went away before the response")

    lines = examine(cycle)
    assert lines is not None, "is_open() says whether this may be called"
    last = b"\r\n"

    if CLOSE in headers:
        cycle.keep_alive = False
    elif not cycle.keep_alive:
        last = b"connection: close\r\n\r\n"

    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    fields = [b"%b: %b\r\n" % pair for pair in headers]
    cycle.transport.write(b"".join([lines[status], defaults.of(cycle.default_headers), *fields, last, body]))
    cycle.response_complete = True
    cycle.message_event.set()

    if not cycle.keep_alive:
        cycle.transport.close()

    cycle.on_response()
