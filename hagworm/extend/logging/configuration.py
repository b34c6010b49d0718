"""One configuration of the standard library's logging, for hagworm and for every server it runs on."""

import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TextIO

from hagworm.extend.error import ConfigError, nearest
from hagworm.extend.logging.document import JsonFormatter
from hagworm.extend.logging.handler import LineHandler
from hagworm.extend.logging.levels import LEVELS, apply_levels, level_number
from hagworm.extend.logging.record import use_lean_records
from hagworm.extend.logging.redaction import Redactor
from hagworm.extend.logging.repeats import Repeats
from hagworm.extend.logging.servers import SERVERS, surrender
from hagworm.extend.logging.settings import LogSettings
from hagworm.extend.logging.sink import Sink
from hagworm.extend.logging.text import LIMIT, ColourFormatter, PlainFormatter, TextFormatter

__all__ = ("FORMATS", "configure", "make_formatter", "open_handler", "open_sink", "set_up")


def journald(limit: int) -> logging.Formatter:
    from hagworm.extend.logging.journald import JournaldFormatter

    return JournaldFormatter(limit)


def syslog(limit: int) -> logging.Formatter:
    from hagworm.extend.logging.syslog import SyslogFormatter

    return SyslogFormatter(limit)


def rich(limit: int) -> logging.Formatter:
    from hagworm.extend.logging.terminal import RichFormatter

    return RichFormatter(limit)


FORMATS: dict[str, Callable[[int], logging.Formatter]] = {
    "colour": ColourFormatter,
    "journald": journald,
    "json": JsonFormatter,
    "plain": PlainFormatter,
    "rich": rich,
    "syslog": syslog,
    "text": TextFormatter,
}
"""What makes the formatter of each name, for records of so many bytes."""


def configure(level: str = "info", format: str = "text", *, stream: TextIO | None = None) -> LineHandler:
    """Send everything that is logged to `stream`, at once, or to stderr, by a thread; return the handler that does.

    A second call replaces what the first one set up. Handlers of others on the root logger go too; the loggers of
    `SERVERS` lose theirs and speak through the root. Raises `ConfigError` for an unknown level or format. Whoever
    wants more of it says so in `LogSettings`, to `set_up`.
    """
    if level.lower() not in LEVELS:
        raise ConfigError(f"unknown log level {level!r}{nearest(level, LEVELS)}; known levels: {', '.join(LEVELS)}")

    settings = LogSettings(level=level.lower(), format=check_format(format))  # type: ignore[arg-type]  # checked

    if stream is None:
        return set_up(settings)

    handler = LineHandler(stream, redact=Redactor())
    handler.setFormatter(make_formatter(format))
    install(handler, settings)
    return handler


def set_up(settings: LogSettings) -> LineHandler:
    """Send everything that is logged where `settings` say; return the handler that does. Else it is `configure`."""
    level_number(settings.level)
    handler = open_handler(settings)
    install(handler, settings)
    return handler


def install(handler: LineHandler, settings: LogSettings) -> None:
    root = logging.getLogger()

    for old in [*root.handlers]:
        root.removeHandler(old)

        if isinstance(old, LineHandler):
            old.close()
        else:
            old.flush()

    use_lean_records()
    root.addHandler(handler)
    root.setLevel(level_number(settings.level))

    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] in SERVERS:
            surrender(logging.getLogger(name))

    # A debug level is meant for the business; of the loop and of file watching nobody wants every turn.
    for name in ("asyncio", "watchfiles"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))

    apply_levels(settings.levels)


def check_format(name: str) -> str:
    if name not in FORMATS:
        raise ConfigError(f"unknown log format {name!r}{nearest(name, FORMATS)}; known: {', '.join(FORMATS)}")

    return name


def make_formatter(name: str, limit: int = LIMIT) -> logging.Formatter:
    """Return a formatter by its name; raises `ConfigError` where there is none."""
    return FORMATS[check_format(name)](limit)


def open_handler(settings: LogSettings) -> LineHandler:
    """Return a handler as `settings` describe it, for any logger; whoever adds it closes it."""
    settings = paired(settings)
    formatter: Any = make_formatter(settings.format, settings.limit)
    redactor = Redactor(settings.patterns) if settings.redact else None

    if getattr(formatter, "redacts", False):
        formatter.redactor, redactor = redactor, None

    handler = LineHandler(
        open_sink(settings),
        queue=settings.queue,
        overflow=settings.overflow,
        redact=redactor,
        repeats=Repeats(settings.repeats, settings.repeat_period) if settings.repeats else None,
    )
    handler.setFormatter(formatter)
    return handler


def paired(settings: LogSettings) -> LogSettings:
    """Return settings whose format is the one that the place understands: those of syslog and journald go together."""
    to, form = settings.to, settings.format

    if to == "journald" or (form == "journald" and to == "stderr"):
        return replace(settings, to="journald", format="journald")

    if to == "syslog" or to.startswith("syslog://"):
        return replace(settings, format="syslog")

    return replace(settings, to="syslog") if form == "syslog" and to == "stderr" else settings


def open_sink(settings: LogSettings) -> Sink | TextIO | None:
    """Return where `settings.to` leads. Nothing is opened before the first line."""
    to = settings.to

    if to in ("stderr", "stdout"):
        stream: TextIO | None = getattr(sys, to)
        return stream

    if to == "journald":
        from hagworm.extend.logging.journald import JournaldSink

        return JournaldSink()

    if to == "syslog" or to.startswith("syslog://"):
        from hagworm.extend.logging.syslog import SyslogSink

        return SyslogSink(to)

    if "://" in to:
        raise ConfigError(f"cannot log to {to!r}; known: stderr, stdout, journald, syslog, syslog://host:port, a path")

    from hagworm.extend.logging.file import FileSink
    from hagworm.extend.logging.rotation import Rotation

    keep_for = settings.keep_for.total_seconds() if settings.keep_for is not None else 0
    every = settings.rotate_every.total_seconds() if settings.rotate_every is not None else 0
    return FileSink(
        to,
        Rotation(
            settings.rotate_bytes,
            every,
            keep_files=settings.keep_files,
            keep_for=keep_for,
            keep_bytes=settings.keep_bytes,
        ),
        compress=settings.compress,
    )
