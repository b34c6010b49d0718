"""How wide text is on a terminal or in a fixed-width font, and its full-width forms.

Wide is what Unicode's East Asian Width (UAX #11) calls wide or full-width, and pictures; marks that combine with the
character before them, and what joins pictures into one, take no room.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from hagworm.extend.error import BadValue

__all__ = ("clusters", "cut_width", "display_width", "pad_width", "to_fullwidth", "to_halfwidth")

JOINER = "\u200d"
PICTURE_SELECTOR = "\ufe0f"
KEYCAP = "\u20e3"
FULL = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
HALF = {full: half for half, full in FULL.items()}


def display_width(text: str) -> int:
    """Return how many columns `text` takes; control characters take none."""
    return len(text) if text.isascii() and text.isprintable() else sum(map(cluster_width, clusters(text)))


def cut_width(text: str, width: int, *, end: str = "") -> str:
    """Return as much of the beginning of `text` as fits in `width` columns, and no part of a character.

    What is cut ends with `end`, an ellipsis for example, which counts. Raises `BadValue` where not even that fits.
    """
    if display_width(text) <= width:
        return text

    if (room := width - display_width(end)) < 0:
        raise BadValue(f"a width of at least {width - room} columns", width)

    kept = []

    for cluster in clusters(text):
        if (room := room - cluster_width(cluster)) < 0:
            break

        kept.append(cluster)

    return "".join(kept) + end


def pad_width(text: str, width: int, *, fill: str = " ", right: bool = False) -> str:
    """Return `text` filled up to `width` columns, behind it or, to be put to the `right`, before it; never cut."""
    if display_width(fill) != 1:
        raise BadValue("one character of one column to fill with", fill)

    room = fill * max(0, width - display_width(text))
    return room + text if right else text + room


def clusters(text: str) -> Iterator[str]:
    """Iterate over what people take for characters: with their marks, joined pictures, flags, Korean syllables.

    A near form of UAX #29: nothing is lost, `"".join(clusters(text)) == text`.
    """
    begin, end = 0, 0
    flags = 0

    for index, character in enumerate(text):
        is_flag = "\U0001f1e6" <= character <= "\U0001f1ff"

        if index > begin and (
            takes_no_room(character)
            or is_skin(character)
            or (text[index - 1] == JOINER and width_of(character) == 2)
            or (is_flag and flags % 2 == 1)
        ):
            end = index + 1
        else:
            if index:
                yield text[begin : max(end, begin + 1)]

            begin, end, flags = index, index + 1, 0

        flags = flags + 1 if is_flag else 0

    if text:
        yield text[begin:]


def to_halfwidth(text: str) -> str:
    """Return `text` with the full-width forms of ASCII (U+FF01 to U+FF5E and the ideographic space) as ASCII.

    Chinese punctuation stays: `。` is no dot.
    """
    return text.translate(HALF)


def to_fullwidth(text: str) -> str:
    """Return `text` with ASCII in full-width forms: the inverse of `to_halfwidth` for what holds none of those.

    A dot becomes a full-width dot and not a full stop, so that a number stays a number.
    """
    return text.translate(FULL)


def cluster_width(cluster: str) -> int:
    """Return 0, 1 or 2."""
    width = max(map(width_of, cluster))
    return 2 if width and (PICTURE_SELECTOR in cluster or is_pair(cluster)) and KEYCAP not in cluster else width


@lru_cache(maxsize=4096)
def width_of(character: str) -> int:
    if takes_no_room(character) or unicodedata.category(character) == "Cc":
        return 0

    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@lru_cache(maxsize=4096)
def takes_no_room(character: str) -> bool:
    return (
        unicodedata.category(character) in ("Mn", "Me", "Cf")
        and character != "\u00ad"  # a soft hyphen, where it is shown at all, takes a column
        or "\u1160" <= character <= "\u11ff"  # vowels and finals of Korean syllables stand in the initial's square
        or "\U000e0020" <= character <= "\U000e007f"
    )


def is_skin(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


def is_pair(cluster: str) -> bool:
    return len(cluster) > 1 and all("\U0001f1e6" <= character <= "\U0001f1ff" for character in cluster[:2])
