"""The access log: one line for each request that was answered."""

import asyncio
import logging
from collections.abc import Callable
from contextvars import Context
from time import time
from typing import Any

from hagworm.extend.logging import JsonFormatter, LineHandler, TextFormatter, quote

__all__ = ("NAME", "AccessLog", "access_logger")

NAME = "hagworm.access"
"""The logger of the lines."""
DELAY = 0.05
"""How long a line may wait for others that are written together with it, in seconds."""

AccessLog = Callable[[str, bytes, int, int, float, str | None, bytes], None]
"""Takes method, raw target, status, bytes of the response body, seconds, address of the client, request id."""

# What could end the quoted field or the line; bytes that are not ASCII are spelled out as well.
ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0x100), ord('"'), ord("\\"))}
EMPTY = Context()
SHORT, LONG = 500, 1500
"""Bytes of a target that are always told, and that are told where each of them is one character."""


def access_logger(settings: Any) -> AccessLog | None:
    """Return what writes the line of a request, or None where the settings want none.

    Where `hagworm.extend.logging.configure` has set up logging, the line goes past the machinery of `logging` and is
    written together with others after at most `DELAY`; with any other set-up it is a record of the logger
    `hagworm.access`, with the fields as its `extra`. To be called within a running loop.
    """
    if not settings.server.access_log:
        return None

    logger = logging.getLogger(NAME)
    handler = direct_handler(logger)

    if handler is None:
        return log_to(logger)

    if isinstance(handler.formatter, JsonFormatter):
        return write_json(handler, handler.formatter)

    assert isinstance(handler.formatter, TextFormatter)
    return write_text(handler, handler.formatter)


def direct_handler(logger: logging.Logger) -> LineHandler | None:
    """Return our own handler where nothing else would see a record of `logger`."""
    if not logger.isEnabledFor(logging.INFO) or logger.filters:
        return None

    handlers = []
    node: logging.Logger | None = logger

    while node is not None:
        handlers += node.handlers
        node = node.parent if node.propagate else None

    match handlers:
        case [LineHandler(formatter=TextFormatter() | JsonFormatter(), filters=[]) as handler]:
            return handler

    return None


def brief(target: bytes) -> str:
    """Return a target as text, without its end where the line of it would be too long, spelled out as it may be."""
    if len(target) <= SHORT:
        return target.decode("latin-1")

    text = target[:LONG].decode("latin-1")
    return text if len(target) <= LONG and text.isascii() and text.isprintable() else f"{text[:SHORT]}[...]"


def request_line(method: str, target: bytes) -> str:
    """Return method and target with everything spelled out that could forge a field or a line."""
    text = f"{method[:SHORT]} {brief(target)}"

    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return text

    return text.translate(ESCAPES)


def write_text(handler: LineHandler, formatter: TextFormatter) -> AccessLog:
    def write(
        method: str, target: bytes, status: int, sent: int, seconds: float, client: str | None, request_id: bytes
    ) -> None:
        text = (
            f'{client or "-"} "{request_line(method, target)}" {status} {sent} {seconds * 1000:.1f}ms '
            f"{request_id.decode('latin-1')}"
        )

        if handler.keep(formatter.line(time(), "INFO", NAME, text)):
            asyncio.get_running_loop().call_later(DELAY, handler.flush, context=EMPTY)

    return write


def write_json(handler: LineHandler, formatter: JsonFormatter) -> AccessLog:
    def write(
        method: str, target: bytes, status: int, sent: int, seconds: float, client: str | None, request_id: bytes
    ) -> None:
        line = (
            f"{formatter.head(time(), 'INFO', NAME)}, "
            f'"message": {quote(f"{request_line(method, target)} {status}")}, "method": {quote(method[:SHORT])}, '
            f'"target": {quote(brief(target))}, "status": {status}, '
            f'"sent": {sent}, "seconds": {seconds:.6f}, "client": {quote(client) if client else "null"}, '
            f'"request_id": "{request_id.decode("latin-1")}"}}'
        )

        if handler.keep(line):
            asyncio.get_running_loop().call_later(DELAY, handler.flush, context=EMPTY)

    return write


def log_to(logger: logging.Logger) -> AccessLog:
    def write(
        method: str, target: bytes, status: int, sent: int, seconds: float, client: str | None, request_id: bytes
    ) -> None:
        if not logger.isEnabledFor(logging.INFO):
            return

        name = request_id.decode("latin-1")
        logger.info(
            '%s "%s" %d %d %.1fms %s',
            client or "-",
            request_line(method, target),
            status,
            sent,
            seconds * 1000,
            name,
            extra={
                "method": method[:SHORT],
                "target": brief(target),
                "status": status,
                "sent": sent,
                "seconds": round(seconds, 6),
                "client": client,
                "request_id": name,
            },
        )

    return write
