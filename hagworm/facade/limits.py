"""How much one request may ask for; a limit that is passed answers with the status named beside it."""

from dataclasses import dataclass

__all__ = ("Limits",)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request or connection. Sizes are bytes, times are seconds, None means no bound.

    An application, a router or a route may carry its own; the innermost wins as a whole.
    """

    target: int = 8000
    """Raw request target, path and query together (414)."""
    headers: int = 100
    """Number of header lines (431)."""
    header_bytes: int = 32 * 1024
    """Names and values of all headers together (431)."""
    body: int | None = 16 * 1024 * 1024
    """Request body, counted as it arrives (413)."""
    body_idle: float | None = 30.0
    """The longest silence between two pieces of a body (408)."""
    query_params: int = 1000
    """Number of query parameters (400)."""
    form_fields: int = 1000
    """Number of fields of a form, files included (413)."""
    field_bytes: int = 1024 * 1024
    """One form field that is not a file (413)."""
    spool: int = 1024 * 1024
    """An uploaded file larger than this is kept on disk instead of in memory."""
    ws_message: int = 1024 * 1024
    """One WebSocket message (close code 1009)."""
    ws_queue: int = 16
    """Messages received but not yet asked for, before the socket is no longer read."""
    concurrency: int | None = None
    """Requests in flight in one process (503 with Retry-After)."""
