"""The way from loguru to us, and from us to loguru, for programs that use both."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from hagworm.extend.error import MissingExtra

__all__ = ("LoguruHandler", "intercept_loguru", "take_over", "take_warnings")

SINKS: list[int] = []
"""Our sinks in loguru: one at most."""


def take_over(*names: str) -> None:
    """Let loggers that others have set up (`sqlalchemy`, with all below it) speak through the root only."""
    from hagworm.extend.logging.servers import surrender

    for name in names:
        found = [known for known in [*logging.root.manager.loggerDict] if known.startswith(f"{name}.")]

        for each in (name, *found):
            surrender(logging.getLogger(each))


def take_warnings(take: bool = True) -> None:
    """Let warnings of Python (`warnings.warn`) be records of the logger `py.warnings`, or again lines of stderr."""
    logging.captureWarnings(take)


def loguru() -> Any:
    try:
        from loguru import logger
    except ImportError as exc:
        raise MissingExtra("loguru", "loguru") from exc

    return logger


def intercept_loguru(level: str | int = 0) -> Callable[[], None]:
    """Send what loguru is given through the standard library's logging; return what ends that.

    loguru's other sinks are removed. Records carry the module as their logger's name, the caller's file, line and
    function, the exception, the level (SUCCESS is 25, TRACE 5) and what was bound as `extra`. A second call replaces
    the first. Raises `MissingExtra` without loguru.
    """
    logger = loguru()

    if not SINKS:
        logger.remove()

    stop_intercepting()
    SINKS.append(logger.add(pass_on, level=level, format="{message}", catch=False))
    return stop_intercepting


def stop_intercepting() -> None:
    while SINKS:
        with suppress(ValueError):  # the program has removed all sinks
            loguru().remove(SINKS.pop())


def pass_on(message: Any) -> None:
    """Make a record of the standard library out of loguru's."""
    given = message.record
    logger = logging.getLogger(given["name"] or "loguru")
    level = given["level"]

    if not logger.isEnabledFor(level.no):
        return

    failure = given["exception"]
    record = logger.makeRecord(
        logger.name,
        level.no,
        given["file"].path,
        given["line"],
        given["message"],
        (),
        None if failure is None else (failure.type, failure.value, failure.traceback),
        given["function"],
    )
    record.created = given["time"].timestamp()
    record.levelname = level.name
    record.__dict__.update({name: value for name, value in given["extra"].items() if name not in record.__dict__})
    logger.handle(record)


class LoguruHandler(logging.Handler):
    """Sends records of the standard library to loguru, for a program whose sinks are loguru's.

    The caller is the one that logged, at whatever depth. A level that loguru does not know goes by its number, so that
    no call to a logger fails for it. Raises `MissingExtra` without loguru.
    """

    def __init__(self, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self.logger = loguru()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over; whatever loguru has to say to it is handled as with any handler."""
        try:
            level: str | int = self.logger.level(record.levelname).name
        except ValueError:
            level = record.levelno

        try:
            self.logger.opt(depth=depth_of(record), exception=record.exc_info).log(level, "{}", record.getMessage())
        except Exception:
            self.handleError(record)


def depth_of(record: logging.LogRecord) -> int:
    """Return how many frames stand between `emit` and the call that made a record; 0 where that is not on the stack."""
    frame: FrameType | None = sys._getframe(1)
    depth = 0

    while frame is not None:
        if frame.f_code.co_filename == record.pathname and frame.f_lineno == record.lineno:
            return depth

        frame, depth = frame.f_back, depth + 1

    return 0
