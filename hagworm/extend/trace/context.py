"""Which trace running code belongs to, as W3C Trace Context puts it into a header (www.w3.org/TR/trace-context)."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace

from hagworm.extend.error import TraceError

__all__ = ("CURRENT", "TraceContext", "continue_trace", "current_trace", "parse_traceparent", "trace_id")

PARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")
LENGTH = 55
SAMPLED = 1

MEMBER = re.compile(r"[a-z0-9][a-z0-9_\-*/]{0,255}(?:@[a-z][a-z0-9_\-*/]{0,13})?=[ -+\--<>-~]{0,255}[!-+\--<>-~]")
MOST, LONGEST = 32, 512
"""Members of a tracestate, and its characters, beyond which it is not passed on."""


def random_hex(size: int) -> str:
    """Return so many random bytes in hexadecimal, never all zeros, which would be no id."""
    while not any(found := os.urandom(size)):
        continue

    return found.hex()


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A place in a trace: the trace, the span that is running, whether it is recorded, what vendors have added."""

    trace_id: str
    span_id: str
    flags: int = SAMPLED
    state: str = ""

    @property
    def is_sampled(self) -> bool:
        """Whether whoever began the trace records it."""
        return bool(self.flags & SAMPLED)

    @property
    def traceparent(self) -> str:
        """The header `traceparent` for what is asked of others; `state` is their `tracestate`."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags & SAMPLED:02x}"

    def child(self, new_id: Callable[[int], str] = random_hex) -> "TraceContext":
        """Return the context of a span below this one."""
        return replace(self, span_id=new_id(8))


CURRENT: ContextVar[TraceContext | None] = ContextVar("hagworm.trace", default=None)
"""Where the running code is; spans set it and put it back."""


def parse_traceparent(header: str, state: str = "") -> TraceContext:
    """Read a header `traceparent`, and `tracestate` beside it, which is dropped where it breaks a rule.

    Later versions than 00 are read as far as they are known. Raises `TraceError` for anything else than the standard
    allows: capitals, ids of zeros, version ff, more text.
    """
    text = header.strip(" \t")
    match = PARENT.match(text)

    if (
        match is None
        or match["version"] == "ff"
        or not match["trace"].strip("0")
        or not match["span"].strip("0")
        or (match["version"] == "00" and len(text) != LENGTH)
        or text[LENGTH : LENGTH + 1] not in ("", "-")
    ):
        raise TraceError(header)

    return TraceContext(match["trace"], match["span"], int(match["flags"], 16), clean_state(state))


def clean_state(state: str) -> str:
    """Return a tracestate that may be passed on: all of it, or nothing."""
    members = [member.strip(" \t") for member in state.split(",")]
    members = [member for member in members if member]
    keys = {member.partition("=")[0] for member in members}
    clean = ",".join(members)
    is_whole = len(keys) == len(members) <= MOST and len(clean) <= LONGEST and all(map(MEMBER.fullmatch, members))
    return clean if is_whole else ""


def continue_trace(
    header: str | None = None, state: str = "", *, new_id: Callable[[int], str] = random_hex
) -> TraceContext:
    """Return the context that a header speaks of, or a new trace where there is none that can be believed."""
    if header:
        with suppress(TraceError):  # the standard asks for a new trace then
            return parse_traceparent(header, state)

    return TraceContext(new_id(16), new_id(8))


def current_trace() -> TraceContext | None:
    """Return where the running code is, None outside of every span."""
    return CURRENT.get()


def trace_id() -> str | None:
    """Return the id of the trace the running code belongs to; fit for `read_field("trace_id", trace_id)` of logging."""
    found = CURRENT.get()
    return None if found is None else found.trace_id
