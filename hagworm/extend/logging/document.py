"""Records as JSON, one object on each line."""

import json
import logging
import os
import time
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from hagworm.extend.logging.fields import READERS, bound, known
from hagworm.extend.logging.levels import level_name
from hagworm.extend.logging.text import LIMIT, extras, shorten, show

__all__ = ("JsonFormatter", "quote")

FIXED = frozenset({"time", "pid", "level", "logger", "message"})


class JsonFormatter(logging.Formatter):
    """One JSON object per record: time (UTC), pid, level, logger, message, exception, the fields of the context and
    whatever `extra` held, secrets masked.

    A field named like one of the fixed ones gets a `_` behind its name. What is too long is shortened, longest first.
    """

    deferred = False
    redacts = False

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__()
        self.limit = limit
        self.clock = (0, "")
        """A second and how it is written; replaced as a whole, so that threads need no lock."""

    def format(self, record: logging.LogRecord) -> str:
        head = self.head(record.created, level_name(record), record.name)
        message = record.getMessage()
        more = extras(record)

        if READERS or bound():
            more = known() | more

        if not (more or record.exc_info or record.exc_text or record.stack_info):
            line = f'{head}, "message": {quote(message)}}}'
            return line if len(line) <= self.limit else self.fit(head, {"message": message})

        fields: dict[str, Any] = {"message": message}
        fields |= {f"{name}_" if name in FIXED else name: show(name, value) for name, value in more.items()}

        if record.exc_text:
            fields["exception"] = record.exc_text
        elif record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)

        if record.stack_info:
            fields["stack"] = record.stack_info

        line = join(head, fields)
        return line if len(line) <= self.limit else self.fit(head, fields)

    def fit(self, head: str, fields: dict[str, Any]) -> str:
        """Return a line that is short enough."""
        texts = {
            name: value if isinstance(value, str) else json.dumps(value, default=str) for name, value in fields.items()
        }
        room = self.limit - len(head)

        # What JSON makes of a character can be six times as long.
        for share in (2, 4, 8, 16, 32, 64):
            line = join(head, {name: shorten(text, max(room // share, 64)) for name, text in texts.items()})

            if len(line) <= self.limit:
                return line

        return join(head, {"message": shorten(texts["message"], room // 16), "left_out": len(fields) - 1})

    def head(self, created: float, level: str, name: str) -> str:
        """Return the beginning of an object, up to the first field of its own."""
        second = int(created)
        known_second, prefix = self.clock

        if second != known_second:
            prefix = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self.clock = (second, prefix)

        milliseconds = int((created - second) * 1000)
        when = f"{prefix}.{milliseconds:03}Z"
        return f'{{"time": "{when}", "pid": {os.getpid()}, "level": "{level.lower()}", "logger": {quote(name)}'


def join(head: str, fields: dict[str, Any]) -> str:
    return f"{head}, {json.dumps(fields, default=str)[1:]}"
