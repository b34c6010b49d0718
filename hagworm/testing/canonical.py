"""One spelling for what a server answered, so that answers of different engines can be compared byte for byte."""

import re

from hagworm.testing.response import ClientResponse, RawAnswer

__all__ = ("canonical", "canonical_answer")

UNCOMPARED = frozenset((b"date", b"server"))
# RFC 9110 7.6.1: these describe the connection, and are compared as what they do: the decoded body and its state.
HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"transfer-encoding"))
REQUEST_ID = b"x-request-id"
ID = b"<id>"
MULTIPART = re.compile(rb"(multipart/\w+; boundary=)([\w-]+)")
BOUNDARY = b"<boundary>"


def canonical(response: ClientResponse) -> bytes:
    """Return status, headers and body in one spelling.

    Names in lower case and sorted, values of one name in the order sent; `date`, `server` and the fields of the
    connection are left out; the request id reads `<id>` in headers and body, a multipart boundary `<boundary>`. The
    reason phrase is never compared.
    """
    pairs = [(name.lower(), value) for name, value in response.headers.raw]
    pairs = [pair for pair in pairs if pair[0] not in UNCOMPARED and pair[0] not in HOP_BY_HOP]
    body = response.body

    for name, value in pairs:
        if name == REQUEST_ID and value:
            body = body.replace(value, ID)
        elif name == b"content-type" and (match := MULTIPART.fullmatch(value)):
            body = body.replace(match[2], BOUNDARY)

    lines = [b"%d" % response.status]

    for name, value in sorted(pairs, key=lambda pair: pair[0]):
        if name == REQUEST_ID:
            value = ID
        elif name == b"content-type":
            value = MULTIPART.sub(rb"\1" + BOUNDARY, value)
        elif name == b"content-length" and value == b"%d" % len(response.body):
            # Ids differ in length: a length that told the body's tells the length of this spelling of it.
            value = b"%d" % len(body)

        lines.append(name + b": " + value)

    return b"\n".join(lines) + b"\n\n" + body


def canonical_answer(answer: RawAnswer) -> bytes:
    """Return every response of `answer` in one spelling, and how the connection was left."""
    return b"\n\n".join([*map(canonical, answer.responses), answer.connection.encode()])
