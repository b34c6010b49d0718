"""The cases of the comparison: one request each, and the body that every candidate must answer."""

from dataclasses import dataclass, field

__all__ = ("CASES", "Case")

ITEM = b'{"name":"lamp","price":12.5,"quantity":3,"tags":["a","b"],"active":true}'
BLOB = b"x" * 65536


@dataclass(frozen=True, slots=True)
class Case:
    """One request, repeated."""

    name: str
    title: str
    method: str = "GET"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    native: dict[str, str] = field(default_factory=dict)
    """Other targets of single candidates, by name."""

    def request(self) -> bytes:
        """The bytes on the wire; the headers are those a client usually sends."""
        lines = [
            f"{self.method} {self.target} HTTP/1.1",
            "Host: 127.0.0.1",
            "User-Agent: benchmark",
            "Accept: */*",
            *(f"{name}: {value}" for name, value in self.headers),
        ]

        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")

        return "\r\n".join([*lines, "", ""]).encode() + self.body


JSON_TYPE = (("Content-Type", "application/json"),)

CASES = (
    Case("json", "JSON object", target="/json"),
    Case("params", "typed path and query", target="/params/42?q=abc&limit=20&flag=true"),
    Case("model", "POST JSON, 5-field model", "POST", "/model", JSON_TYPE, ITEM),
    Case("deps", "3 dependencies, 2 middlewares", target="/deps", headers=(("X-Token", "secret"),)),
    Case("echo", "64 KiB echo", "POST", "/echo", (("Content-Type", "application/octet-stream"),), BLOB),
)
