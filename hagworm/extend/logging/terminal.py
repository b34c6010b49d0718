"""Records for a person at a terminal, drawn by rich."""

import io
import logging
import time
from collections.abc import Callable
from typing import Any

from hagworm.extend.logging.fields import bound
from hagworm.extend.logging.levels import level_name
from hagworm.extend.logging.text import COLOURS, LIMIT, extras, one_line, shorten, show

__all__ = ("RichFormatter",)

STYLES = {"1;31": "bold red", "31": "red", "33": "yellow", "32": "green", "34": "blue"}


class RichFormatter(logging.Formatter):
    """Time, level, logger and message in columns, values highlighted, tracebacks in colour.

    Drawing takes a fraction of a millisecond: the thread of the handler does it, not who logs.
    """

    deferred = True
    redacts = True

    def __init__(self, limit: int = LIMIT, *, width: int | None = None, colour: bool = True) -> None:
        super().__init__()
        self.limit = limit
        self.width = width
        self.colour = colour
        self.redactor: Callable[[str], str] | None = None
        self.console: Any = None

    def format(self, record: logging.LogRecord) -> str:
        import shutil

        from rich.console import Console
        from rich.highlighter import ReprHighlighter
        from rich.text import Text

        clean = self.redactor or str
        width = self.width or shutil.get_terminal_size((120, 24)).columns

        if self.console is None:
            self.console = Console(
                file=io.StringIO(),
                force_terminal=self.colour,
                width=width,
                color_system="256" if self.colour else None,
            )

        fields = {**bound(), **extras(record)}
        rest = "".join(f" {name}={show(name, value)}" for name, value in fields.items())
        colour = next(code for least, code in COLOURS if record.levelno >= least)
        line = Text(overflow="fold")
        line.append(time.strftime("%H:%M:%S", time.localtime(record.created)), "dim")
        line.append(f" {level_name(record):<8} ", STYLES[colour])
        line.append(f"{record.name} ", "cyan")
        line.append(ReprHighlighter()(clean(shorten(one_line(record.getMessage() + rest), self.limit))))

        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)

        for block in (record.exc_text, record.stack_info):
            if block:
                text = "\n".join(one_line(part) for part in clean(shorten(block, self.limit)).split("\n"))
                line.append("\n").append(ReprHighlighter()(text))

        console = self.console
        console.file.seek(0)
        console.file.truncate()
        console.print(line)
        written: str = console.file.getvalue()
        return written.rstrip("\n")
