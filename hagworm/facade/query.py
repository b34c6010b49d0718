"""The query of a request: an ordered multidict, parsed as WHATWG `application/x-www-form-urlencoded`."""

from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

__all__ = ("BadQuery", "Query", "TooManyParameters", "decode_component", "parse_pairs", "parse_query")


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


class Query:
    """Names and values in the order sent; a name may come more than once, and its last value is the one `get` returns."""

    __slots__ = ("last", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs: list[tuple[str, str]] = list(pairs)
        self.last: dict[str, str] = dict(self.pairs)

    def __getitem__(self, name: str) -> str:
        return self.last[name]

    def __contains__(self, name: object) -> bool:
        return name in self.last

    def __iter__(self) -> Iterator[str]:
        return iter(self.last)

    def __len__(self) -> int:
        return len(self.pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and self.pairs == other.pairs

    __hash__ = None  # type: ignore[assignment]  # equal by value and holding a list: not a key

    def __repr__(self) -> str:
        return f"<Query {self.pairs!r}>"

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the last value of `name`, or `default`."""
        return self.last.get(name, default)

    def all(self, name: str) -> list[str]:
        """Return every value of `name` in the order sent, an empty list where there is none."""
        return [value for key, value in self.pairs if key == name]

    def keys(self) -> Iterable[str]:
        """Each name once."""
        return self.last.keys()

    def items(self) -> Iterable[tuple[str, str]]:
        """Each name once, with its last value."""
        return self.last.items()

    def multi_items(self) -> list[tuple[str, str]]:
        """Every pair in the order sent."""
        return list(self.pairs)


EMPTY = Query()


def decode_component(text: str) -> str:
    """Return `text` with `+` as space and percent escapes decoded; an escape that is none stays as it is.

    Raises `UnicodeDecodeError` where the bytes are not UTF-8.
    """
    text = text.replace("+", " ")
    return unquote_to_bytes(text).decode() if "%" in text else text


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
        return pairs  # type: ignore[return-value]  # partition()[::2] is a pair

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
