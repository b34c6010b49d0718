"""The cookies that a test client keeps between requests."""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ("CookieJar",)


@dataclass(frozen=True, slots=True)
class Stored:
    name: str
    value: str
    path: str

    def matches(self, path: str) -> bool:
        """RFC 6265 5.1.4."""
        return path == self.path or path.startswith(self.path.rstrip("/") + "/")


class CookieJar(MutableMapping[str, str]):
    """Names and values, each under the path it was set for; one host, so domains and `Secure` are not looked at."""

    def __init__(self, cookies: Mapping[str, str] | None = None) -> None:
        self.stored: dict[tuple[str, str], Stored] = {}

        for name, value in (cookies or {}).items():
            self[name] = value

    def __repr__(self) -> str:
        return f"<CookieJar {dict(self)!r}>"

    def __getitem__(self, name: str) -> str:
        for stored in reversed(self.stored.values()):
            if stored.name == name:
                return stored.value

        raise KeyError(name)

    def __setitem__(self, name: str, value: str) -> None:
        self.stored[name, "/"] = Stored(name, value, "/")

    def __delitem__(self, name: str) -> None:
        keys = [key for key in self.stored if key[0] == name]

        if not keys:
            raise KeyError(name)

        for key in keys:
            del self.stored[key]

    def __iter__(self) -> Iterator[str]:
        return iter({name: None for name, _ in self.stored})

    def __len__(self) -> int:
        return len({name for name, _ in self.stored})

    def learn(self, header: str, request_path: str) -> None:
        """Keep, replace or drop a cookie as one `set-cookie` header says."""
        pair, *attributes = header.split(";")
        name, mark, value = pair.partition("=")

        if not mark or not name.strip():
            return

        options = {key.strip().lower(): text.strip() for key, _, text in (item.partition("=") for item in attributes)}
        path = options.get("path", "")

        if not path.startswith("/"):
            path = request_path[: request_path.rfind("/")] or "/"

        if expired(options):
            self.stored.pop((name.strip(), path), None)
        else:
            self.stored[name.strip(), path] = Stored(name.strip(), value.strip(), path)

    def header(self, request_path: str, extra: Mapping[str, str] | None = None) -> str:
        """Return the value of `cookie` for a request to `request_path`, longest path first; "" without any."""
        chosen = sorted(
            (item for item in self.stored.values() if item.matches(request_path)), key=lambda item: -len(item.path)
        )
        pairs = [(item.name, item.value) for item in chosen if item.name not in (extra or {})]
        return "; ".join(f"{name}={value}" for name, value in [*pairs, *(extra or {}).items()])


def expired(options: Mapping[str, str]) -> bool:
    if age := options.get("max-age"):
        return age.startswith("-") or age == "0"

    try:
        date = parsedate_to_datetime(options.get("expires", ""))
    except ValueError:
        return False

    return date.replace(tzinfo=date.tzinfo or UTC) <= datetime.now(UTC)
