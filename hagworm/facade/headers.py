"""Header fields as the handlers see them: case-insensitive, duplicates kept, values checked when set."""

import re
from collections.abc import Iterable, Iterator, Mapping

from hagworm.facade.exchange import HeaderPairs

__all__ = (
    "FIELD_VALUE",
    "TOKEN",
    "HeaderSource",
    "Headers",
    "MutableHeaders",
    "encode_header",
    "encode_headers",
    "index_headers",
)

HeaderSource = Mapping[str, str] | Iterable[tuple[str, str]]

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FIELD_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
# RFC 9110 7.6.1: fields of the connection belong to whoever owns the connection, which is the engine.
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"))


def index_headers(pairs: HeaderPairs) -> dict[bytes, bytes]:
    """Return one value per name: duplicates joined as RFC 9110 5.3 says, with `; ` for cookies (RFC 9113 8.2.3)."""
    index: dict[bytes, bytes] = {}

    for name, value in pairs:
        if name in index:
            index[name] += (b"; " if name == b"cookie" else b", ") + value
        else:
            index[name] = value

    return index


def encode_header(name: str, value: str) -> tuple[bytes, bytes]:
    """Return the pair for the wire. Raises ValueError naming the field where it may not be sent."""
    try:
        key, content = name.lower().encode("ascii"), value.strip(" \t").encode("latin-1")
    except UnicodeEncodeError as exc:
        raise ValueError(
            f"header {name!r}: {value!r} is not latin-1; percent-encode it or use an RFC 8187 ext-value"
        ) from exc

    if not TOKEN.fullmatch(key):
        raise ValueError(f"header {name!r}: not a valid field name")

    if not FIELD_VALUE.fullmatch(content):
        raise ValueError(f"header {name!r}: control characters are not allowed in its value {value!r}")

    if key in HOP_BY_HOP:
        raise ValueError(f"header {name!r} belongs to the connection; set response.close = True to end it")

    return key, content


def encode_headers(source: HeaderSource | None) -> list[tuple[bytes, bytes]]:
    """Return the pairs for the wire. Raises ValueError, as `encode_header`."""
    pairs = source.items() if isinstance(source, Mapping) else source or ()
    return [encode_header(name, value) for name, value in pairs]


class Headers(Mapping[str, str]):
    """The header fields of a request, read-only; values are latin-1 text."""

    __slots__ = ("index", "raw")

    def __init__(self, raw: HeaderPairs, index: dict[bytes, bytes] | None = None) -> None:
        self.raw = raw
        self.index = index_headers(raw) if index is None else index

    def __getitem__(self, name: str) -> str:
        return self.index[name.lower().encode("latin-1")].decode("latin-1")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower().encode("latin-1", "replace") in self.index

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self.index)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"<Headers {[(name.decode('latin-1'), value.decode('latin-1')) for name, value in self.raw]!r}>"

    def all(self, name: str) -> list[str]:
        """Return every value of `name` in the order sent."""
        key = name.lower().encode("latin-1")
        return [value.decode("latin-1") for other, value in self.raw if other == key]

    def utf8(self, name: str) -> str | None:
        """Return the value of `name` decoded as UTF-8, None where it is absent; raises UnicodeDecodeError."""
        value = self.index.get(name.lower().encode("latin-1"))
        return None if value is None else value.decode()


class MutableHeaders(Headers):
    """The header fields of a response; a value is refused when it is set, never later."""

    __slots__ = ()

    raw: list[tuple[bytes, bytes]]

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        # The list is the truth and belongs to the response, so there is no index to fall out of step.
        self.raw = raw

    def __getitem__(self, name: str) -> str:
        if not (values := self.all(name)):
            raise KeyError(name)

        return ", ".join(values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key == name.lower().encode("latin-1", "replace") for key, _ in self.raw)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key.decode("latin-1") for key, _ in self.raw))

    def __len__(self) -> int:
        return len({key for key, _ in self.raw})

    def __setitem__(self, name: str, value: str) -> None:
        """Replace every field called `name`. Raises ValueError, as `encode_header`."""
        pair = encode_header(name, value)
        self.raw[:] = [other for other in self.raw if other[0] != pair[0]]
        self.raw.append(pair)

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)

        self.remove(name)

    def add(self, name: str, value: str) -> None:
        """Add a field beside those of the same name."""
        self.raw.append(encode_header(name, value))

    def setdefault(self, name: str, value: str) -> str:
        """Set the field unless there is one; return what it is now."""
        if name not in self:
            self[name] = value

        return self[name]

    def remove(self, name: str) -> None:
        """Remove every field called `name`, if any."""
        key = name.lower().encode("latin-1")
        self.raw[:] = [other for other in self.raw if other[0] != key]

    def vary(self, *names: str) -> None:
        """Merge `names` into the field `vary`, which is never overwritten."""
        present = [item.strip() for item in self.get("vary", "").split(",") if item.strip()]

        if "*" in present:
            return

        known = {item.lower() for item in present}
        self["vary"] = ", ".join(present + [name for name in names if name.lower() not in known])
