"""Conditional requests: what the validators of a representation make of `If-*` and `Range` (RFC 9110 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hagworm.facade.dates import parse_date
from hagworm.facade.ranges import ByteRange, parse_ranges

__all__ = ("Decision", "check_preconditions", "decide", "matches_strongly", "matches_weakly", "parse_etags")

ETAG = re.compile(rb'[ \t]*((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")?[ \t]*(?:,|\Z)')
READING = ("GET", "HEAD")

HeaderIndex = Mapping[bytes, bytes]
"""One value per header name in lower case, as `index_headers` makes it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How to answer: 200, 206 with its parts, 304, 412, or 416."""

    status: int
    ranges: tuple[ByteRange, ...] = ()


def parse_etags(value: bytes) -> list[bytes]:
    """Return the entity tags of a list, `W/` and quotes included, up to the first thing that is none."""
    etags: list[bytes] = []
    place = 0

    while place < len(value) and (match := ETAG.match(value, place)):
        place = match.end()

        if match[1]:
            etags.append(match[1])

    return etags


def matches_strongly(value: bytes, etag: bytes | None) -> bool:
    """Tell whether a list of tags, or `*`, names `etag` byte for byte; a weak tag never does (RFC 9110 8.8.3.2)."""
    if value.strip(b" \t") == b"*":
        return True

    return etag is not None and not etag.startswith(b"W/") and etag in parse_etags(value)


def matches_weakly(value: bytes, etag: bytes | None) -> bool:
    """Tell whether a list of tags, or `*`, names `etag`, weak or not."""
    if value.strip(b" \t") == b"*":
        return True

    return etag is not None and etag.removeprefix(b"W/") in [tag.removeprefix(b"W/") for tag in parse_etags(value)]


def check_preconditions(
    method: str, index: HeaderIndex, *, etag: bytes | None = None, modified: int | None = None
) -> int:
    """Return 200 where the request may go on, 304 where the client has this state, 412 where it expects another.

    `etag` (as it is sent, quotes included) and `modified` (seconds since 1970) are those of what exists now. Also for
    methods that change it, before they do. Follows the order of RFC 9110 13.2.2.
    """
    if (value := index.get(b"if-match")) is not None:
        if not matches_strongly(value, etag):
            return 412
    elif (date := read_date(index, b"if-unmodified-since")) is not None and modified is not None and modified > date:
        return 412

    if (value := index.get(b"if-none-match")) is not None:
        if matches_weakly(value, etag):
            return 304 if method in READING else 412
    elif method in READING and modified is not None:
        if (date := read_date(index, b"if-modified-since")) is not None and modified <= date:
            return 304

    return 200


def decide(
    method: str, index: HeaderIndex, *, etag: bytes | None, modified: int | None, size: int, now: float
) -> Decision:
    """Return how to answer for a representation of `size` bytes. `modified` and `now` are seconds since 1970.

    A range counts for GET only, and not where `If-Range` names another state.
    """
    if (status := check_preconditions(method, index, etag=etag, modified=modified)) != 200:
        return Decision(status)

    value = index.get(b"range")

    if value is None or method != "GET" or not is_range_current(index, etag, modified, now):
        return Decision(200)

    ranges = parse_ranges(value, size)

    if ranges is None:
        return Decision(200)

    return Decision(206, ranges) if ranges else Decision(416)


def is_range_current(index: HeaderIndex, etag: bytes | None, modified: int | None, now: float) -> bool:
    value = index.get(b"if-range")

    if value is None:
        return True

    value = value.strip(b" \t")

    if value.endswith(b'"'):
        return etag is not None and value == etag and not etag.startswith(b"W/")

    # Within its own second a date does not tell one state from the next (RFC 9110 8.8.2.2).
    return modified is not None and now - modified >= 1 and read_date(index, b"if-range") == modified


def read_date(index: HeaderIndex, name: bytes) -> int | None:
    """Return the date of a field, None where it is absent or malformed: then the field is ignored."""
    value = index.get(name)
    return None if value is None else parse_date(value.decode("latin-1").strip(" \t"))
