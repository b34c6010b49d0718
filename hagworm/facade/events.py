"""Server-sent events, written as WHATWG HTML 9.2 has them read."""

import dataclasses
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ("PING", "ServerSentEvent", "encode_event")

# str.splitlines() knows more line ends than an event stream does.
LINE_END = re.compile(r"\r\n|\r|\n")

PING = b": ping\n\n"
"""A comment: clients ignore it, proxies keep the connection for it, and writing it shows whether anybody is there."""


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. `data` is text, or a value that becomes JSON; None sends no data, and then clients dispatch nothing.

    `event` is the name that listeners are registered for, `id` comes back as the header `last-event-id` when the client
    reconnects, `retry` tells it after how many milliseconds to do so. Raises ValueError for what would break the
    stream.
    """

    data: Any = None
    event: str | None = None
    id: str | None = None
    retry: int | None = None
    comment: str | None = None

    def __post_init__(self) -> None:
        if self.event is not None and LINE_END.search(self.event):
            raise ValueError(f"event {self.event!r}: the name of an event is one line")

        # A client ignores an id with NUL, and would then resume from the wrong place.
        if self.id is not None and ("\0" in self.id or LINE_END.search(self.id)):
            raise ValueError(f"event id {self.id!r}: an id is one line without NUL")

        if self.retry is not None and not (type(self.retry) is int and self.retry >= 0):
            raise ValueError(f"event retry {self.retry!r}: must be a whole number of milliseconds")


def encode_event(value: Any, dumps: Callable[[Any], bytes] | None = None) -> bytes:
    """Return the bytes of one event, blank line included. What is no `ServerSentEvent` is the data of one.

    `dumps` writes data that is not text as JSON; without it builtins and dataclasses can be written.
    """
    event = value if isinstance(value, ServerSentEvent) else ServerSentEvent(value)
    lines: list[str] = []

    if event.comment is not None:
        lines += [f": {line}" for line in LINE_END.split(event.comment)]

    if event.event is not None:
        lines.append(f"event: {event.event}")

    if event.data is not None:
        lines += [f"data: {line}" for line in LINE_END.split(write_data(event.data, dumps or plain_json))]

    if event.id is not None:
        lines.append(f"id: {event.id}")

    if event.retry is not None:
        lines.append(f"retry: {event.retry:d}")

    return ("\n".join(lines) + "\n\n").encode()


def write_data(data: Any, dumps: Callable[[Any], bytes]) -> str:
    if isinstance(data, str):
        return data

    return (data if isinstance(data, bytes) else dumps(data)).decode()


def plain_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=fields).encode()


def fields(value: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}

    raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} cannot be written as JSON")
