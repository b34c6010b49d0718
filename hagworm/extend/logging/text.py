"""Records as lines for people: one line each, then `  | ` before what belongs to it."""

import logging
import os
import time
from typing import Any

from hagworm.extend.config.secret import is_secret_name, mask
from hagworm.extend.logging.fields import bound
from hagworm.extend.logging.levels import level_name

__all__ = (
    "COLOURS",
    "LIMIT",
    "ColourFormatter",
    "PlainFormatter",
    "TextFormatter",
    "extras",
    "one_line",
    "shorten",
    "show",
)

LIMIT = 8192
"""Bytes that a record takes at most; what is longer loses its middle."""

# C0, DEL, C1 and the two separators that some viewers break a line at.
ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    0x09: "\t",
    0x0A: "\\n",
    0x0D: "\\r",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
USUAL = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
PLAIN = len(vars(logging.makeLogRecord({})))

COLOURS = ((logging.CRITICAL, "1;31"), (logging.ERROR, "31"), (logging.WARNING, "33"), (logging.INFO, "32"), (0, "34"))


def one_line(text: str) -> str:
    """Return `text` with its control characters and line breaks spelled out, so that it cannot forge a record."""
    return text if text.isprintable() else text.translate(ESCAPES)


def shorten(text: str, limit: int) -> str:
    """Return `text`, without its middle where it has more than `limit` bytes; says how many characters are missing."""
    # No character has more than four bytes.
    if len(text) * 4 <= limit or len(encoded := text.encode("utf-8", "replace")) <= limit:
        return text

    half = max(limit - 40, 0) // 2
    head = encoded[:half].decode("utf-8", "ignore")
    tail = encoded[len(encoded) - half :].decode("utf-8", "ignore")
    return f"{head}[… {len(text) - len(head) - len(tail)} characters …]{tail}"


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """Return what `extra` gave to a record, by name."""
    values = vars(record)

    if len(values) <= PLAIN and "message" not in values:
        return {}

    return {name: value for name, value in values.items() if name not in USUAL}


def show(name: str, value: Any) -> Any:
    """Return what may be shown of the field called `name`: a mask, where its name, or a type in it, says secret."""
    return mask(value, secret=is_secret_name(name))


def pair(name: str, value: Any) -> str:
    text = str(show(name, value))
    return f"{name}={text}" if text and not any(mark in text for mark in ' "=') else f"{name}={text!r}"


class TextFormatter(logging.Formatter):
    """`2026-11-22 03:37:01.123 [4711] INFO hagworm: serving 'Orders' …`, then `  | ` before more lines.

    The fields of the context (`bind`) stand at the end of the line, as `name=value`.
    """

    deferred = False
    """Whether the record itself waits for the writer, as formatting it takes long."""
    redacts = False
    """Whether secrets are hidden here already, and not in the line."""

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__()
        self.limit = limit
        self.clock = (0, "")
        """A second and how it is written; replaced as a whole, so that threads need no lock."""

    def format(self, record: logging.LogRecord) -> str:
        # This is the way of most of what is logged: nothing is called that need not be.
        message = record.getMessage()

        if not message.isprintable():
            message = message.translate(ESCAPES)

        if fields := bound():
            message += "".join(f" {one_line(pair(name, value))}" for name, value in fields.items())

        level = record.levelname

        if level[:6] == "Level ":
            level = level_name(record)

        text = self.line(record.created, level, record.name, message)

        if len(text) * 4 > self.limit:
            text = shorten(text, self.limit // 2 if record.exc_info or record.stack_info else self.limit)

        if not (record.exc_info or record.exc_text or record.stack_info):
            return text

        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)

        more = ""

        for block in (record.exc_text, record.stack_info and self.formatStack(record.stack_info)):
            if block:
                more += "".join(f"\n  | {one_line(line)}" for line in block.split("\n"))

        return text + self.cut(more)

    def cut(self, more: str) -> str:
        """Return the lines below a record without those in the middle that are too much."""
        if len(more.encode("utf-8", "replace")) <= self.limit // 2:
            return more

        lines = more.split("\n")[1:]
        room = self.limit // 2 - 100
        head: list[str] = []
        tail: list[str] = []

        # The beginning says how it came about, the end what it was: that is worth twice as much.
        while lines:
            line, kept = (lines.pop(), tail) if len(tail) <= 2 * len(head) else (lines.pop(0), head)
            line = shorten(line, self.limit // 8)
            room -= len(line.encode("utf-8", "replace")) + 1

            if room < 0:
                lines.append(line)
                break

            kept.append(line)

        missing = [f"  | [… {len(lines)} lines …]"] if lines else []
        return "".join(f"\n{line}" for line in (*head, *missing, *reversed(tail)))

    def line(self, created: float, level: str, name: str, message: str) -> str:
        """Return the line of a record whose message holds no line break."""
        second = int(created)
        known, prefix = self.clock

        if second != known:
            return f"{self.moment(created)} [{os.getpid()}] {level} {name}: {message}"

        return f"{prefix}.{int((created - second) * 1000):03} [{os.getpid()}] {level} {name}: {message}"

    def moment(self, created: float) -> str:
        second = int(created)
        known, prefix = self.clock

        if second != known:
            prefix = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
            self.clock = (second, prefix)

        return f"{prefix}.{int((created - second) * 1000):03}"


class ColourFormatter(TextFormatter):
    """The text format with the level in its colour, for a terminal."""

    def line(self, created: float, level: str, name: str, message: str) -> str:
        """Return the line of a record whose message holds no line break."""
        number = logging.getLevelName(level)
        colour = next(code for least, code in COLOURS if not isinstance(number, int) or number >= least)
        grey = f"\x1b[2m{self.moment(created)} [{os.getpid()}]\x1b[0m"
        return f"{grey} \x1b[{colour}m{level}\x1b[0m \x1b[36m{name}\x1b[0m: {message}"


class PlainFormatter(TextFormatter):
    """`INFO hagworm: serving 'Orders' …`, for places that add the time and the process themselves."""

    def line(self, created: float, level: str, name: str, message: str) -> str:
        """Return the line of a record whose message holds no line break."""
        return f"{level} {name}: {message}"
