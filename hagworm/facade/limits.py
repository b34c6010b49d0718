"""How much one request may ask for; a limit that is passed answers with the status named beside it."""

from dataclasses import dataclass
from typing import Annotated

from hagworm.extend.config import Range

__all__ = ("Limits",)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request or connection. Sizes are bytes, times are seconds, None means no bound.

    An application, a router or a route may carry its own; the innermost wins as a whole.
    """

    target: Annotated[int, Range(0)] = 8000
    """Raw request target, path and query together (414)."""
    headers: Annotated[int, Range(0)] = 100
    """Number of header lines (431)."""
    header_bytes: Annotated[int, Range(0)] = 32 * 1024
    """Names and values of all headers together (431)."""
    body: Annotated[int | None, Range(0)] = 16 * 1024 * 1024
    """Request body, counted as it arrives (413)."""
    body_idle: Annotated[float | None, Range(0)] = 30.0
    """The longest silence between two pieces of a body (408)."""
    query_params: Annotated[int, Range(0)] = 1000
    """Number of query parameters (400)."""
    form_fields: Annotated[int, Range(0)] = 1000
    """Number of fields of a form, files included (413)."""
    field_bytes: Annotated[int, Range(0)] = 1024 * 1024
    """One form field that is not a file (413)."""
    spool: Annotated[int, Range(0)] = 1024 * 1024
    """An uploaded file larger than this is kept on disk instead of in memory."""
    ws_message: Annotated[int, Range(0)] = 1024 * 1024
    """One WebSocket message (close code 1009)."""
    ws_queue: Annotated[int, Range(0)] = 16
    """Messages received but not yet asked for, before the socket is no longer read."""
    concurrency: Annotated[int | None, Range(0)] = None
    """Requests in flight in one process (503 with Retry-After)."""
