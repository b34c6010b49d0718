"""Section 2.5 of the matrix: responses and streams."""

from tests.contract.expected import CLOSED, JSON, answer, json, post, problem, request, row, script, text
from tests.contract.script import Answer, Ask, Elsewhere, Framing, Head, Interims, Notes, Reset, Send, State

NUMBERS = answer(200, "0\n1\n2\n", "text/plain", streamed=True)
EVENTS = 'data: two\ndata: lines\n\ndata: {"json":[1,"ü"]}\n\nevent: tick\ndata: named\nid: 7\nretry: 3000\n\n'
FAILED = problem(500, "the service failed to answer; the request id says which log record tells why")

ROWS = (
    row("R1", "204 has neither body nor length", request("/methods", method="DELETE"), answer(204)),
    row("R1-304", "304 keeps its validator", request("/status/304"), answer(304, headers={"etag": '"1"'})),
    row("R2", "A body given to 204 is dropped", request("/body-with-204"), answer(204)),
    row("R3", "A handler that promises nothing answers 204", request("/none"), answer(204)),
    row("R3-null", "A handler that may return anything answers null", request("/null"), json(None)),
    row(
        "R4",
        "JSON is compact UTF-8",
        request("/values"),
        json({"text": "Grüße <b>", "list": [1, 2.5, True, None], "point": {"x": 1, "y": 2}}),
    ),
    row("B5-out", "NaN cannot be sent", request("/nan"), FAILED),
    row("R5", "HEAD has the length that GET has", request("/values", method="HEAD"), answer(200, b"", JSON, length=69)),
    row("R6", "A stream is sent whole", request("/stream"), NUMBERS),
    script(
        "R6-framing",
        "A stream is sent in chunks",
        [Send(request("/stream")), Framing()],
        [b"200 transfer-encoding: chunked"],
    ),
    row(
        "R6-length",
        "A stream is sent by the length it declares",
        request("/stream/length?length=6"),
        answer(200, "0\n1\n2\n", "text/plain", {"content-length": "6"}, streamed=True),
    ),
    script(
        "R7",
        "To HTTP/1.0 it is not sent in chunks",
        [Send(request("/stream", version="1.0")), Framing(("content-length", "transfer-encoding")), State()],
        [b"200", CLOSED],
        tier="C",
    ),
    script(
        "R8",
        "A stream that fails is never complete",
        [Send(request("/stream?failing=true")), Answer(), State()],
        [NUMBERS + b"(cut)", b"aborted"],
    ),
    row("R9", "An error before the response leaves the connection open", request("/raise/unknown"), FAILED),
    script(
        "R10",
        "A client that does not read holds the stream back",
        [Send(request("/heavy/{key}")), Head(), Elsewhere(100), Ask("/produced/{key}"), Reset()],
        [answer(200, b"", "application/octet-stream", streamed=True), b'{"held back":true}'],
    ),
    script(
        "R11",
        "A stream is closed when its client leaves",
        [Send(request("/endless/{key}")), Head(), Reset(), Notes()],
        [answer(200, b"", "application/octet-stream", streamed=True), b'["closed"]'],
    ),
    script(
        "R12",
        "A handler is told when its client leaves, and not cancelled",
        [Send(request("/wait/{key}")), Notes(), Reset(), Notes(2)],
        [b'["waiting"]', b'["waiting","disconnected"]'],
    ),
    script(
        "R12-cancel",
        "A handler is cancelled when its client leaves, where its route asks for that",
        [Send(request("/cancelled/{key}")), Notes(), Reset(), Notes(2)],
        [b'["waiting"]', b'["waiting","cancelled"]'],
    ),
    row(
        "R14",
        "Server-sent events are encoded as browsers read them",
        request("/events"),
        answer(
            200,
            EVENTS,
            "text/event-stream; charset=utf-8",
            {"cache-control": "no-cache", "x-accel-buffering": "no"},
            streamed=True,
        ),
    ),
    row(
        "R16",
        "A plain iterator is streamed",
        request("/stream/sync"),
        answer(200, "one two three", "text/plain", streamed=True),
    ),
    script(
        "R17",
        "A body shorter than its length is cut",
        [Send(request("/stream/length?length=9")), Answer(), State()],
        [answer(200, "0\n1\n2\n", "text/plain", {"content-length": "9"}, streamed=True) + b"(cut)", b"aborted"],
    ),
    script(
        "R17-long",
        "Of a body longer than its length nothing more is sent",
        [Send(request("/stream/length?length=4")), Answer()],
        [answer(200, "0\n1\n", "text/plain", {"content-length": "4"}, streamed=True)],
    ),
    row(
        "R19",
        "If-None-Match means nothing to what has no validator",
        request("/values", "If-None-Match: *"),
        json({"text": "Grüße <b>", "list": [1, 2.5, True, None], "point": {"x": 1, "y": 2}}),
    ),
    row(
        "R23", "A redirect keeps the method", request("/redirect?to=/only"), answer(307, headers={"location": "/only"})
    ),
    row(
        "R23-post",
        "A redirect after a POST asks for GET",
        post("/redirect?to=/only", "a", "text/plain"),
        answer(303, headers={"location": "/only"}),
    ),
    row(
        "R23-iri",
        "A redirect to an IRI goes to a URI",
        request("/redirect?to=/a%20%C3%BC?q"),
        answer(307, headers={"location": "/a%20%C3%BC?q"}),
    ),
    row("R25", "A status that nobody knows is sent", request("/status/299"), answer(299)),
    row("R25-599", "An unknown status of an error is sent", request("/status/599"), answer(599)),
    script(
        "R27",
        "Background work runs when the response has been sent",
        [Send(request("/background/{key}")), Answer(), Notes(), State()],
        [json({"response": "first"}), b'["background"]', b"kept"],
    ),
    script(
        "R28",
        "A response may end the connection",
        [Send(request("/close")), Framing(), State()],
        [b"200 content-length: 7 connection: close", b"closed"],
    ),
    row(
        "R29",
        "What a handler sets on its response parameter is sent",
        request("/template"),
        json({"set": "on the parameter"}, 202, {"set-cookie": "a=b; Path=/; SameSite=Lax", "x-extra": "yes"}),
    ),
    row("R30", "HTML is a page", request("/html"), answer(200, "<p>hi</p>", "text/html; charset=utf-8")),
    script(
        "R31",
        "No interim response is sent unasked",
        [Send(request("/text")), Answer(), Interims()],
        [text("Grüße"), b"interim: "],
    ),
)
