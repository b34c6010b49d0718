"""One configuration of the standard library's logging, for hagworm and for every server it runs on."""

import json
import logging
import os
import sys
import time
from collections import deque
from json.encoder import encode_basestring_ascii as quote
from typing import Any, TextIO

from hagworm.extend.error import ConfigError, nearest

__all__ = (
    "FORMATS",
    "LEVELS",
    "SERVERS",
    "JsonFormatter",
    "LineHandler",
    "TextFormatter",
    "configure",
    "one_line",
    "quote",
    "surrender",
)

LEVELS = ("debug", "info", "warning", "error", "critical")
SERVERS = ("uvicorn", "gunicorn", "tornado", "granian", "hypercorn")
"""Loggers of the servers below hagworm: what they have to say goes where everything goes."""

# C0, DEL, C1 and the two separators that some viewers break a line at.
ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    0x09: "\t",
    0x0A: "\\n",
    0x0D: "\\r",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def configure(level: str = "info", format: str = "text", *, stream: TextIO | None = None) -> "LineHandler":
    """Send everything that is logged to `stream` (stderr), one line per record, and return the handler that does.

    A second call replaces what the first one set up. Handlers of others on the root logger go too; the loggers of
    `SERVERS` lose theirs and speak through the root. Raises `ConfigError` for an unknown level or format.
    """
    if level.lower() not in LEVELS:
        raise ConfigError(f"unknown log level {level!r}{nearest(level, LEVELS)}; known levels: {', '.join(LEVELS)}")

    if format not in FORMATS:
        raise ConfigError(f"unknown log format {format!r}{nearest(format, FORMATS)}; known: {', '.join(FORMATS)}")

    handler = LineHandler(stream or sys.stderr)
    handler.setFormatter(FORMATS[format]())
    root = logging.getLogger()

    for old in [*root.handlers]:
        root.removeHandler(old)
        old.flush()

    root.addHandler(handler)
    root.setLevel(level.upper())

    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in SERVERS:
            surrender(logging.getLogger(name))

    # A debug level is meant for the business; of the loop and of file watching nobody wants every turn.
    for name in ("asyncio", "watchfiles"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))

    return handler


def surrender(logger: logging.Logger) -> None:
    """Let a logger speak through its parent only, from the parent's level on."""
    for handler in [*logger.handlers]:
        logger.removeHandler(handler)

    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def one_line(text: str) -> str:
    """Return `text` with its control characters and line breaks spelled out, so that it cannot forge a record."""
    return text if text.isprintable() else text.translate(ESCAPES)


class LineHandler(logging.StreamHandler[TextIO]):
    """A stream handler that also takes finished lines and keeps them until it is flushed."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.kept: deque[str] = deque()
        self.lost = 0
        """Lines that the stream did not take."""

    def keep(self, line: str) -> bool:
        """Take a line without its end; return whether it is the first since the last flush, which the caller owes.

        It is written at the latest with the next record, and when the process ends. Safe in any thread.
        """
        self.kept.append(line)
        return len(self.kept) == 1

    def emit(self, record: logging.LogRecord) -> None:
        """Write what was kept, then the record."""
        self.flush()
        super().emit(record)

    def flush(self) -> None:
        """Write what was kept."""
        lines = []

        while self.kept:
            lines.append(self.kept.popleft())

        try:
            if lines:
                self.stream.write("\n".join((*lines, "")))

            super().flush()
        except (OSError, ValueError):  # the stream is full, broken or closed: nobody is left to be told
            self.lost += len(lines)


class TextFormatter(logging.Formatter):
    """`2026-11-22 03:37:01.123 [4711] INFO hagworm: serving 'Orders' …`, then `  | ` before more lines."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = (0, "")
        """A second and how it is written; replaced as a whole, so that threads need no lock."""

    def format(self, record: logging.LogRecord) -> str:
        text = self.line(record.created, record.levelname, record.name, one_line(record.getMessage()))

        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)

        for block in (record.exc_text, record.stack_info and self.formatStack(record.stack_info)):
            if block:
                text += "".join(f"\n  | {one_line(line)}" for line in block.split("\n"))

        return text

    def line(self, created: float, level: str, name: str, message: str) -> str:
        """Return the line of a record whose message holds no line break."""
        second = int(created)
        known, prefix = self.clock

        if second != known:
            prefix = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self.clock = (second, prefix)

        return f"{prefix}.{int((created - second) * 1000):03} [{os.getpid()}] {level} {name}: {message}"


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time (UTC), pid, level, logger, message, exception, and whatever `extra` held."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = (0, "")
        """A second and how it is written; replaced as a whole, so that threads need no lock."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"message": record.getMessage()}
        fields |= {name: value for name, value in vars(record).items() if name not in USUAL}

        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)

        if record.stack_info:
            fields["stack"] = record.stack_info

        return f"{self.head(record.created, record.levelname, record.name)}, {json.dumps(fields, default=str)[1:]}"

    def head(self, created: float, level: str, name: str) -> str:
        """Return the beginning of an object, up to the first field of its own."""
        second = int(created)
        known, prefix = self.clock

        if second != known:
            prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self.clock = (second, prefix)

        milliseconds = int((created - second) * 1000)
        when = f"{prefix}.{milliseconds:03}Z"
        return f'{{"time": "{when}", "pid": {os.getpid()}, "level": "{level.lower()}", "logger": {quote(name)}'


FORMATS: dict[str, type[TextFormatter | JsonFormatter]] = {"json": JsonFormatter, "text": TextFormatter}
