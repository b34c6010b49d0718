"""The header fields of an answer, whatever the case of their names."""

import re
from collections.abc import Iterable, Iterator, Mapping

__all__ = ("Headers", "check_fields", "is_token")

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Headers(Mapping[str, str]):
    """Header fields, read-only; names are looked up in any case and told in lower case.

    `headers[name]` joins the values of a field that came more than once by commas (RFC 9110 section 5.3), except those
    of `set-cookie`, of which it gives the first; `all(name)` gives each.
    """

    __slots__ = ("index", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self.pairs = tuple(pairs)
        self.index: dict[str, str] = {}
        index = self.index

        for name, value in self.pairs:
            name = name.lower()

            if (known := index.get(name)) is None:
                index[name] = value
            elif name != "set-cookie":
                index[name] = f"{known}, {value}"

    def __getitem__(self, name: str) -> str:
        return self.index[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self.index

    def __iter__(self) -> Iterator[str]:
        return iter(self.index)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self.index)}>"

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of `name` in the order sent."""
        name = name.lower()
        return tuple(value for key, value in self.pairs if key.lower() == name)


def check_fields(fields: Mapping[str, str]) -> dict[str, str]:
    """Return `fields` with names in lower case. Raises ValueError for what would become another field on the wire."""
    checked = {}

    for name, value in fields.items():
        if TOKEN.fullmatch(name) is None:
            raise ValueError(f"{name!r} is not the name of a header field")

        if not isinstance(value, str):
            raise TypeError(f"{name}: the value of a header field is text, not {type(value).__name__}")

        # The value is not shown: it may be a secret.
        if CONTROL.search(value):
            raise ValueError(f"{name}: its value holds a control character")

        checked[name.lower()] = value

    return checked


def is_token(text: str) -> bool:
    """Return whether `text` may be a method or the name of a field (RFC 9110 section 5.6.2)."""
    return TOKEN.fullmatch(text) is not None
