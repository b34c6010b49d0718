"""Going on with a download: what to ask for, and what the answer means (RFC 9110 section 14)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ("Next", "Progress", "Span", "judge_answer", "read_content_range", "resume_headers")

CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(?:(\d{1,18})|\*)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of something: from byte `first` to byte `last`, both included, of `total` (None: not known)."""

    first: int
    last: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download has come, in bytes; `total` None: not known."""

    received: int
    total: int | None
    resumed: int
    """Where the last attempt began; 0 where it began at the beginning."""


class Next(Enum):
    """What to do with an answer."""

    APPEND = "append"
    """It goes on where we had stopped."""
    RESTART = "restart"
    """It begins at the beginning: what we have is worth nothing."""
    COMPLETE = "complete"
    """There is no more: we have all of it."""
    ASK_AGAIN = "ask again"
    """It is about something else: ask again, for everything."""


def read_content_range(text: str | None) -> Span | None:
    """Return what a Content-Range header says, or None where it says nothing that makes sense.

    `bytes */5`, which says only how much there is, gives the empty span from 0 to -1.
    """
    match = CONTENT_RANGE.fullmatch(text.strip()) if text is not None else None

    if match is None:
        return None

    first, last, total = (None if group is None else int(group) for group in match.groups())

    if first is None or last is None:
        return None if total is None else Span(0, -1, total)

    return Span(first, last, total) if first <= last and (total is None or last < total) else None


def resume_headers(have: int, tag: str | None) -> dict[str, str]:
    """Return the headers that ask for what comes after the first `have` bytes of what `tag` names.

    Without a strong entity tag nothing can be resumed: nobody would know whether it is still the same thing.
    """
    return {"range": f"bytes={have}-", "if-range": tag} if have and is_strong(tag) and tag else {}


def is_strong(tag: str | None) -> bool:
    return tag is not None and len(tag) > 2 and tag.startswith('"') and tag.endswith('"')


def judge_answer(status: int, headers: Mapping[str, str], have: int, tag: str | None) -> Next:
    """Return what to do with an answer to a request for what comes after `have` bytes of what `tag` names."""
    if status == 206:
        span = read_content_range(headers.get("content-range"))
        is_same = headers.get("etag", tag) == tag
        return Next.APPEND if have and span is not None and span.first == have and is_same else Next.ASK_AGAIN

    if status == 416 and have:
        span = read_content_range(headers.get("content-range"))
        is_all = span is not None and span.total == have and headers.get("etag") == tag
        return Next.COMPLETE if is_all else Next.ASK_AGAIN

    return Next.RESTART
