"""One spelling for what a server answered, so that answers of different engines can be compared byte for byte."""

from collections.abc import Iterable

from hagworm.testing.response import ClientResponse, RawAnswer

__all__ = ("canonical", "canonical_answer")

UNCOMPARED = frozenset((b"date", b"server"))
# RFC 9110 7.6.1: these describe the connection, and are compared as what they do: the decoded body and its state.
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding"))
ID = b"<id>"


def canonical(response: ClientResponse) -> bytes:
    """Return status, headers and body in one spelling.

    Names in lower case and sorted, values of `set-cookie` in the order sent; `date`, `server` and the fields of the
    connection are left out; the request id reads `<id>` in headers and body. The reason phrase is never compared.
    """
    pairs = [
        (name.lower(), value) for name, value in response.headers.raw if name.lower() not in UNCOMPARED | HOP_BY_HOP
    ]
    body = response.body

    for name, value in pairs:
        if name == b"x-request-id" and value:
            body = body.replace(value, ID)

    lines = [b"%d" % response.status]
    lines += [name + b": " + (ID if name == b"x-request-id" else value) for name, value in sort_fields(pairs)]
    return b"\n".join(lines) + b"\n\n" + body


def sort_fields(pairs: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    # Sorted by name alone, and stably: fields of one name keep the order they were sent in.
    return sorted(pairs, key=lambda pair: pair[0])


def canonical_answer(answer: RawAnswer) -> bytes:
    """Return every response of `answer` in one spelling, and how the connection was left."""
    parts = [canonical(response) for response in answer.responses]
    return b"\n\n".join([*parts, f"({answer.connection})".encode()])
