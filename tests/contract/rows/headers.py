"""Section 2.2 of the matrix, second half: headers, host, versions."""

from tests.contract.expected import CLOSED, answer, chunks, invalid, json, problem, request, row, script, text
from tests.contract.script import Answer, Counts, Framing, Send, State

NO_HOST = "the request has no Host header"
MISSING_HEADER = "Field required"

ROWS = (
    row("H1", "Names are case-insensitive", request("/header", "X-a: 1"), json({"x-a": "1", "number": 7})),
    row(
        "H1-alias",
        "An alias is the name on the wire",
        request("/header", "x-A: 1", "x-number: 8"),
        json({"x-a": "1", "number": 8}),
    ),
    row(
        "H1-missing",
        "A missing header is a problem",
        request("/header"),
        invalid((["header", "x-a"], MISSING_HEADER, "missing")),
    ),
    row("H2", "Duplicates are kept", request("/headers", "X-D: 1", "X-D: 2"), json({"x-d": ["1", "2"]})),
    row(
        "H2-joined",
        "Duplicates are read as one list",
        request("/header", "X-A: 1", "X-A: 2"),
        json({"x-a": "1, 2", "number": 7}),
    ),
    row("H3", "Values are latin-1", request("/headers", b"X-L: gr\xfc\xdfe"), json({"x-l": ["grüße"]})),
    row("H4", "Underscores are ordinary", request("/headers", "X_A: 1"), json({"x_a": ["1"]}), tier="C"),
    row("H5", "A folded line is refused", request("/headers", "X-F: a\r\n b"), b"400", tier="C", state=CLOSED),
    row("H6", "A space before the colon is refused", request("/headers", "X-S : a"), b"400", tier="C", state=CLOSED),
    row(
        "H7",
        "White space around a value is stripped",
        request("/header", "X-A: \t v \t"),
        json({"x-a": "v", "number": 7}),
        tier="B",
    ),
    row(
        "H8",
        "A control character in a value is refused",
        request("/headers", b"X-C: a\x07b"),
        problem(400, "header 'x-c' holds a control character"),
        tier="B",
        state=CLOSED,
    ),
    row("H9", "A NUL in a value is refused", request("/headers", b"X-C: a\x00b"), b"400", tier="C", state=CLOSED),
    row("H9-cr", "A bare CR in a value is refused", request("/headers", b"X-C: a\rb"), b"400", tier="C", state=CLOSED),
    row(
        "H10",
        "A line that ends with a bare LF is refused",
        b"GET /only HTTP/1.1\nHost: a\n\n",
        b"400",
        tier="C",
        state=CLOSED,
    ),
    row(
        "H11",
        "A request without Host is refused",
        request("/only", host=None),
        problem(400, NO_HOST),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H12",
        "Two Host headers are refused",
        request("/only", "Host: b"),
        problem(400, "the request has more than one Host header"),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H13",
        "A malformed Host is refused",
        request("/only", host="a b/c"),
        problem(400, "the Host header is malformed"),
        tier="B",
        state=CLOSED,
    ),
    row("H14", "An empty Host is accepted", request("/only", host=""), json({"path": "/only"}), tier="B"),
    script(
        "H15",
        "Trailers are never merged into the headers",
        [
            Send(
                request("/trailers", "Transfer-Encoding: chunked", "Trailer: X-Late", method="POST")
                + chunks(b"body")[:-2]
                + b"X-Late: merged\r\n\r\n"
            ),
            Answer("POST"),
            State(),
        ],
        [json({"body": "body"}), b"kept"],
        tier="B",
    ),
    row(
        "H16",
        "A header block that is too large is 431",
        request("/only", "X-Big: " + "x" * 40_000),
        problem(431, "the request has too many or too long headers"),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H17",
        "Too many headers are 431",
        request("/only", *(f"X-{number}: 1" for number in range(120))),
        problem(431, "the request has too many or too long headers"),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H18",
        "A target that is too long is 414",
        request("/echo/" + "x" * 9000),
        problem(414, "the request target is longer than 8000 bytes"),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H18-below", "A target of 7,999 bytes is not too long", request("/echo/" + "x" * 7993), json({"x": "x" * 7993})
    ),
    row(
        "H19",
        "An empty line before a request is skipped",
        b"\r\n" + request("/only"),
        json({"path": "/only"}),
        tier="C",
    ),
    row(
        "H20",
        "HTTP/1.0 needs no Host",
        request("/only", host=None, version="1.0"),
        json({"path": "/only"}),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H21",
        "HTTP/1.0 may ask for the connection to be kept",
        request("/only", "Connection: keep-alive", version="1.0"),
        json({"path": "/only"}),
        tier="C",
    ),
    row(
        "H22",
        "Another version of HTTP is not supported",
        request("/only", version="1.2"),
        problem(505, "HTTP version 1.2 is not supported"),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H22-2.0",
        "HTTP/2.0 in a request line is not supported",
        request("/only", version="2.0"),
        problem(505, "HTTP version 2.0 is not supported"),
        tier="B",
        state=CLOSED,
    ),
    row(
        "H23",
        "A line break in a response header is refused when it is set",
        request("/set-header?name=x-a&value=a%0D%0Ab"),
        problem(500, "the service failed to answer; the request id says which log record tells why"),
    ),
    row(
        "H24",
        "What latin-1 cannot say is refused when it is set",
        request("/set-header?name=x-a&value=%E2%82%AC"),
        problem(500, "the service failed to answer; the request id says which log record tells why"),
    ),
    row(
        "H24-latin",
        "A response header in latin-1 is sent",
        request("/set-header?name=X-A&value=%C3%BC"),
        answer(200, "set", "text/plain; charset=utf-8").replace(b"x-request-id", b"x-a: \xfc\nx-request-id"),
    ),
    script(
        "H25",
        "There is one Date, and no Server",
        [Send(request("/only")), Counts("date", "server")],
        [b"date: 1, server: 0"],
        tier="B",
    ),
    row("H26", "Nothing has no content type", request("/empty"), answer(200)),
    row("H26-text", "Text is UTF-8", request("/text"), text("Grüße")),
    row(
        "H26-bytes",
        "Bytes are an octet stream",
        request("/bytes"),
        answer(200, b"\x00\x01", "application/octet-stream"),
    ),
    row(
        "H27",
        "JSON has no charset",
        request("/values"),
        json({"text": "Grüße <b>", "list": [1, 2.5, True, None], "point": {"x": 1, "y": 2}}),
    ),
    row(
        "H28",
        "Headers of the connection are refused",
        request("/set-header?name=transfer-encoding&value=chunked"),
        problem(500, "the service failed to answer; the request id says which log record tells why"),
    ),
    row(
        "H29",
        "An expectation that cannot be met is 417",
        request("/only", "Expect: miracles"),
        problem(417, "the only expectation that is met here is 100-continue"),
        state=CLOSED,
    ),
    script(
        "H30",
        "A client that asks for it has its connection closed",
        [Send(request("/only", "Connection: close")), Framing(), State()],
        [b"200 content-length: 16 connection: close", b"closed"],
        tier="B",
    ),
)
