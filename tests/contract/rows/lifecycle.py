"""Section 2.8 of the matrix, as far as one running server shows it; the rest is in `test_lifecycle.py`."""

from tests.contract.expected import answer, json, post, problem, request, row, script
from tests.contract.script import Answer, Notes, Send, State

PROCESS = {
    "L2": ("A start that fails ends with exit code 3", "3"),
    "L5": ("A request in flight is answered when the server is told to stop", "200"),
    "L6": ("A connection between two requests is closed at once", "closed"),
    "L7": ("A new connection is refused", "refused"),
    "L8": ("A WebSocket is closed with 1012", "1012"),
    "L9": ("The answer to a request in flight ends its connection", "close"),
    "L10": ("The exit code is 0", "0"),
    "L11": ("A connection that waits too long for its next request is closed", "closed"),
    "L12": ("So is one that waits too long within the head of a request", "closed"),
    "L23": ("The lifespan is left", "left"),
}
"""Rows about processes: what is specified, and the outcome."""

ONION = json({"visits": 101}, headers={"x-order": "outer,inner,core,101"})
VISIT = json({"visits": 1})

ROWS = (
    row(
        "L14",
        "A handler may take so long and no longer",
        request("/timeout"),
        problem(504, "no answer within 0.1 seconds"),
    ),
    script(
        "L16",
        "A context variable never leaks into the next request of a connection",
        [Send(request("/visits") * 3), Answer(), Answer(), Answer(), Send(request("/visits")), Answer(), State()],
        [VISIT, VISIT, VISIT, VISIT, b"kept"],
    ),
    script(
        "L16-body",
        "A context variable does not leak after a body that came in pieces",
        [
            Send(post("/body", "x" * 100_000, "text/plain") + request("/visits")),
            Answer("POST"),
            Answer(),
            Send(request("/visits")),
            Answer(),
        ],
        [json({"size": 100_000, "start": "x" * 20, "same": True}), VISIT, VISIT],
    ),
    row("L17", "Middleware and handler share one context, both ways", request("/onion/core"), ONION),
    row(
        "L18",
        "A plain function runs in a thread, with its arguments",
        request("/sync?n=5"),
        json({"visits": 0, "n": 5}),
    ),
    script(
        "L20",
        "The request id of a stranger is not taken over",
        [Send(request("/empty", "X-Request-ID: mine")), Answer(), State()],
        [answer(200), b"kept"],
    ),
    script(
        "L24",
        "Scopes end in one order: call, first byte, last byte, request, background",
        [Send(request("/scopes/{key}")), Answer(), Notes(5)],
        [
            answer(200, "request call", "text/plain", streamed=True),
            b'["call scope closed","first byte","last byte","request scope closed","background"]',
        ],
    ),
)
