"""Rows of the contract, and the canonical answers that they expect."""

import json as codec
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hagworm.facade.failure import phrase
from tests.contract.script import Answer, Send, State, Step

KEPT, CLOSED = b"kept", b"closed"
JSON, TEXT, PROBLEM = "application/json", "text/plain; charset=utf-8", "application/problem+json"


@dataclass(frozen=True)
class Row:
    """One row of the conformance matrix (`docs/reference/engines.md`), or one case of it.

    Tier A: every engine gives `expected`, byte for byte. B and C: so does every engine that does not declare another
    outcome, in brief; what it declares is asserted instead. A case of a row is named after it, behind a dash.
    """

    id: str
    title: str
    tier: str
    steps: tuple[Step, ...]
    expected: tuple[bytes, ...]

    def matches(self, transcript: list[bytes]) -> bool:
        """Whether `transcript` is as expected; a bare status in `expected` leaves the rest of that answer open."""
        return len(transcript) == len(self.expected) and all(
            found.partition(b"\n")[0] == wanted if wanted.isdigit() else found == wanted
            for found, wanted in zip(transcript, self.expected, strict=True)
        )


def request(
    target: str | bytes,
    *lines: str | bytes,
    method: str = "GET",
    body: bytes | str = b"",
    version: str = "1.1",
    host: str | None = "a",
) -> bytes:
    """Return the bytes of a request; a body brings its content-length unless a line frames it."""
    data = body.encode() if isinstance(body, str) else body
    target = target.encode() if isinstance(target, str) else target
    fields = [line.encode() if isinstance(line, str) else line for line in lines]

    if host is not None:
        fields.insert(0, b"Host: " + host.encode())

    if data and not any(field.lower().startswith((b"content-length", b"transfer-encoding")) for field in fields):
        fields.append(b"Content-Length: %d" % len(data))

    start = b"%b %b HTTP/%b" % (method.encode(), target, version.encode())
    return b"\r\n".join([start, *fields, b"", data])


def post(target: str, body: bytes | str, content_type: str | None = JSON, *lines: str, method: str = "POST") -> bytes:
    fields = [f"Content-Type: {content_type}"] if content_type else []
    return (
        request(target, *fields, *lines, method=method, body=body or b"")
        if body
        else request(target, *fields, "Content-Length: 0", *lines, method=method)
    )


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def answer(
    status: int = 200,
    body: bytes | str = b"",
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
    streamed: bool = False,
) -> bytes:
    """Return the canonical form of a response that the facade made."""
    data = body.encode() if isinstance(body, str) else body
    fields = [(name, value) for name, value in (headers or {}).items()]

    if content_type:
        fields.append(("content-type", content_type))

    if status not in (204, 304) and not streamed:
        fields.append(("content-length", str(len(data) if length is None else length)))

    fields.append(("x-request-id", "<id>"))
    lines = [str(status), *(f"{name}: {value}" for name, value in sorted(fields, key=lambda field: field[0]))]
    return "\n".join(lines).encode() + b"\n\n" + data


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    return answer(status, codec.dumps(value, separators=(",", ":"), ensure_ascii=False), JSON, headers)


def text(body: str, status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    return answer(status, body, TEXT, headers)


def problem(
    status: int,
    detail: str = "",
    *,
    type: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> bytes:
    document = {"type": type, "title": phrase(status), "status": status, "detail": detail or phrase(status), **extra}
    body = codec.dumps({**document, "request_id": "<id>"}, separators=(",", ":"), ensure_ascii=False)
    return answer(status, body, PROBLEM, headers)


def invalid(*errors: tuple[list[str | int], str, str], status: int = 422) -> bytes:
    detail = f"{len(errors)} problem{'s' if len(errors) != 1 else ''} in the request"
    return problem(status, detail, errors=[{"loc": loc, "msg": msg, "type": kind} for loc, msg, kind in errors])


def row(id: str, title: str, data: bytes, expected: bytes, *, tier: str = "A", state: bytes = KEPT) -> Row:
    """A request, its response, and how the connection is left."""
    method = data.split(b" ", 1)[0].decode("latin-1")
    return Row(id, title, tier, (Send(data), Answer(method), State()), (expected, state))


def script(id: str, title: str, steps: list[Step], expected: list[bytes], *, tier: str = "A") -> Row:
    """Any steps, and what comes of those that look."""
    return Row(id, title, tier, tuple(steps), tuple(expected))
