"""How a text is read so that a word is found in all the ways in which it is written."""

import unicodedata
from functools import lru_cache

__all__ = ("plain_form", "read")

ACCENTS = frozenset(map(chr, range(0x300, 0x370)))


@lru_cache(8192)
def plain_form(character: str) -> str:
    """Return a character as it is compared: in one case and one width (NFKC), a Latin letter without its accents.

    Usually that is one character; of an accent alone, and of what cannot be seen, nothing is left.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", character).casefold())
    apart = unicodedata.normalize("NFD", folded)

    if all(part.isascii() or part in ACCENTS for part in apart):
        return "".join(part for part in apart if part not in ACCENTS)

    return "".join(part for part in folded if unicodedata.category(part) != "Cf")


def read(text: str, ignored: frozenset[str]) -> tuple[str, list[int]]:
    """Return `text` as it is compared, without the `ignored` characters, and of each that is left its place in it."""
    parts: list[str] = []
    places: list[int] = []

    for place, character in enumerate(text):
        if character not in ignored:
            for part in plain_form(character):
                if part not in ignored:
                    parts.append(part)
                    places.append(place)

    return "".join(parts), places
