"""The query of a request: an ordered multidict, parsed as WHATWG `application/x-www-form-urlencoded`."""

import re
from binascii import a2b_qp
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

__all__ = (
    "BadQuery",
    "Pairs",
    "Query",
    "TooManyParameters",
    "decode_component",
    "parse_pairs",
    "parse_query",
    "percent_decode",
)

NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# A substitution keeps a list of what it has found, far larger than the text: it gets no more than this at a time.
BLOCK = 64 * 1024

V = TypeVar("V")


class BadQuery(ValueError):
    """A name or value is not UTF-8; `name` is the parameter as it was sent."""

    def __init__(self, name: str) -> None:
        super().__init__(f"parameter {name!r} is not valid UTF-8")
        self.name = name


class TooManyParameters(ValueError):
    """There are more parameters than `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} parameters")
        self.limit = limit


class Pairs(Generic[V]):
    """Names and values in the order sent; a name may come more than once, and `get` returns its last value."""

    __slots__ = ("last", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, V]] = ()) -> None:
        self.pairs: list[tuple[str, V]] = list(pairs)
        self.last: dict[str, V] = dict(self.pairs)

    def __getitem__(self, name: str) -> V:
        return self.last[name]

    def __contains__(self, name: object) -> bool:
        return name in self.last

    def __iter__(self) -> Iterator[str]:
        return iter(self.last)

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pairs) and self.pairs == other.pairs

    __hash__ = None  # type: ignore[assignment]  # equal by value and holding a list: not a key

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pairs!r}>"

    def get(self, name: str, default: V | None = None) -> V | None:
        """Return the last value of `name`, or `default`."""
        return self.last.get(name, default)

    def all(self, name: str) -> list[V]:
        """Return every value of `name` in the order sent, an empty list where there is none."""
        return [value for key, value in self.pairs if key == name]

    def keys(self) -> Iterable[str]:
        """Each name once."""
        return self.last.keys()

    def items(self) -> Iterable[tuple[str, V]]:
        """Each name once, with its last value."""
        return self.last.items()

    def multi_items(self) -> list[tuple[str, V]]:
        """Every pair in the order sent."""
        return list(self.pairs)


class Query(Pairs[str]):
    """The parameters of a query."""

    __slots__ = ()


EMPTY = Query()


def decode_component(text: str) -> str:
    """Return `text` with `+` as space and percent escapes decoded; an escape that is none stays as it is.

    Raises `UnicodeDecodeError` where the bytes are not UTF-8.
    """
    text = text.replace("+", " ")
    return percent_decode(text.encode()).decode() if "%" in text else text


def percent_decode(raw: bytes) -> bytes:
    """Return `raw` with its percent escapes decoded; an escape that is none stays as it is."""
    if len(raw) > BLOCK:
        return b"".join(map(percent_decode, blocks(raw)))

    if NO_ESCAPE.search(raw):
        raw = NO_ESCAPE.sub(b"%25", raw)

    # Quoted-printable is the same code with another mark, and Python decodes it at the speed of C.
    return a2b_qp(raw.replace(b"=", b"%3D").replace(b"%", b"="))


def blocks(raw: bytes) -> Iterator[bytes]:
    place = 0

    while place < len(raw):
        end = place + BLOCK

        # No cut through an escape.
        if end < len(raw) and (mark := raw.rfind(b"%", end - 2, end)) >= 0:
            end = mark

        yield raw[place:end]
        place = end


def parse_pairs(raw: bytes, limit: int) -> list[tuple[str, str]]:
    """Split `raw` into decoded pairs; empty pieces are skipped, a piece without `=` has the value "".

    Raises `TooManyParameters` beyond `limit` pairs and `BadQuery` where a pair is not UTF-8.
    """
    if raw.count(b"&") >= limit:
        raise TooManyParameters(limit)

    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise BadQuery(raw.decode("latin-1")) from exc

    pairs = [piece.partition("=")[::2] for piece in text.split("&") if piece]

    if "%" not in text and "+" not in text:
        return pairs

    decoded = []

    for name, value in pairs:
        try:
            decoded.append((decode_component(name), decode_component(value)))
        except UnicodeDecodeError as exc:
            raise BadQuery(name) from exc

    return decoded


def parse_query(raw: bytes, limit: int = 1000) -> Query:
    """Return the query behind `?`. Raises as `parse_pairs`."""
    return Query(parse_pairs(raw, limit)) if raw else EMPTY
