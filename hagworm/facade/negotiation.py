"""What a client says it would rather have: `Accept` and `Accept-Encoding` with their weights (RFC 9110 12.5)."""

import re
from collections.abc import Sequence
from functools import lru_cache

from hagworm.facade.media import MediaType, parse_media_type

__all__ = ("best_encoding", "best_media_type", "parse_weighted", "prefers_html", "weigh_media_type")

# A comma inside quotes does not end an element; an open quote runs to the end.
ELEMENT = re.compile(rb'(?:[^,"]|"(?:[^"\\]|\\.)*+"?\\?)++', re.DOTALL)
WEIGHT = re.compile(rb"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")
CODING = re.compile(rb"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ][ \t]*=[ \t]*([0-9.]+)[ \t]*)?\Z")
LONGEST = 4096
MOST_ELEMENTS = 64

# RFC 9110 8.4.1: recipients treat the old names as the new ones.
ALIASES = {"x-gzip": "gzip", "x-compress": "compress"}


def split_elements(value: bytes) -> list[bytes]:
    """Return the elements of a list field, at most 64: nobody has more preferences than that."""
    value = value[:LONGEST]
    elements = ELEMENT.findall(value) if b'"' in value else value.split(b",")
    return [text for element in elements[:MOST_ELEMENTS] if (text := element.strip(b" \t"))]


def parse_weighted(value: bytes) -> list[tuple[MediaType, float]]:
    """Return the media ranges of `Accept` with their weights, in the order sent.

    An element that is no media range, or whose weight is none, is left out.
    """
    ranges: list[tuple[MediaType, float]] = []

    for element in split_elements(value):
        if (media_type := parse_media_type(element)) is None:
            continue

        names = [name for name, _ in media_type.parameters]

        if "q" not in names:
            ranges.append((media_type, 1.0))
            continue

        place = names.index("q")
        weight = media_type.parameters[place][1].encode("latin-1")

        if WEIGHT.match(weight):
            plain = MediaType(media_type.type, media_type.subtype, media_type.parameters[:place])
            ranges.append((plain, float(weight)))

    return ranges


def weigh_media_type(ranges: Sequence[tuple[MediaType, float]], offered: MediaType) -> float:
    """Return how much the client wants `offered`, from 0 (not at all) to 1: the most specific range decides."""
    best, weight = -1, 0.0

    for wanted, quality in ranges:
        if wanted.type == offered.type and wanted.subtype == offered.subtype:
            if not set(wanted.parameters) <= set(offered.parameters):
                continue

            specific = 2 + len(wanted.parameters)
        elif wanted.type == offered.type and wanted.subtype == "*":
            specific = 1
        elif wanted.type == wanted.subtype == "*":
            specific = 0
        else:
            continue

        if specific > best or (specific == best and quality > weight):
            best, weight = specific, quality

    return weight


def best_media_type(accept: bytes | None, offered: Sequence[str]) -> str | None:
    """Return which of `offered` the client wants most, the earlier one where it does not mind.

    None where it wants none of them. Without the header, or with nothing readable in it, it is the first.
    """
    if not offered:
        return None

    ranges = parse_weighted(accept) if accept else []

    if not ranges:
        return offered[0]

    best, weight = None, 0.0

    for name in offered:
        media_type = parse_media_type(name.encode("latin-1"))

        if media_type is not None and (quality := weigh_media_type(ranges, media_type)) > weight:
            best, weight = name, quality

    return best


def prefers_html(accept: bytes | None) -> bool:
    """Tell whether the client wants HTML more than JSON, as browsers do; `*/*` alone is no such wish."""
    # Most programs send nothing or `*/*`, and neither can name HTML.
    return accept is not None and b"text/" in accept.lower() and wants_html(accept[:LONGEST])


@lru_cache(maxsize=64)
def wants_html(accept: bytes) -> bool:
    ranges = parse_weighted(accept)
    html = weigh_media_type(ranges, MediaType("text", "html"))
    other = max(weigh_media_type(ranges, MediaType("application", kind)) for kind in ("json", "problem+json"))
    return html > other


def best_encoding(accept_encoding: bytes | None, offered: Sequence[str]) -> str:
    """Return which of `offered` content codings to use, the earlier one of equals, or `identity` for none.

    Without the header nothing is encoded. A coding must be named (or covered by `*`) with a weight above zero and not
    below that of `identity`.
    """
    return choose_encoding(accept_encoding[:LONGEST], tuple(offered)) if accept_encoding else "identity"


@lru_cache(maxsize=64)
def choose_encoding(accept_encoding: bytes, offered: tuple[str, ...]) -> str:
    weights: dict[str, float] = {}

    for element in accept_encoding.split(b",")[:MOST_ELEMENTS]:
        if match := CODING.match(element):
            name = match[1].lower().decode("ascii")

            if match[2] is None:
                weight = 1.0
            elif WEIGHT.match(match[2]):
                weight = float(match[2])
            else:
                continue

            name = ALIASES.get(name, name)
            weights[name] = max(weight, weights.get(name, 0.0))

    others = weights.get("*", 0.0)
    best, quality = "identity", weights.get("identity", 0.0)

    for name in offered:
        weight = weights.get(name, others)

        # At equal weight the encoded form wins over the plain one, and the earlier offer over the later.
        if weight > 0 and (weight > quality or (best == "identity" and weight == quality)):
            best, quality = name, weight

    return best
