"""Section 2.1 of the matrix: paths and routing."""

from tests.contract.expected import CLOSED, answer, invalid, json, post, problem, request, row

MISSING = "there is nothing at {}"


def missing(path: str) -> bytes:
    return problem(404, MISSING.format(path))


ALLOWED = {"allow": "DELETE, GET, HEAD, OPTIONS, POST"}
EVERY_METHOD = {"allow": "DELETE, GET, HEAD, OPTIONS, POST, PUT"}

ROWS = (
    row("P1", "An encoded slash stays inside its segment", request("/echo/a%2Fb"), json({"x": "a/b"})),
    row("P2", "A path is percent-decoded as UTF-8", request("/echo/%C3%A9%20x"), json({"x": "é x"})),
    row(
        "P3",
        "A path that is not UTF-8 is refused, never replaced",
        request("/echo/%FF"),
        problem(400, "the path is not valid UTF-8"),
    ),
    row("P4", "An escape that is none stays literal", request("/echo/a%zz"), json({"x": "a%zz"})),
    row("P5", "An encoded letter of a static segment matches", request("/%65cho/a"), json({"x": "a"})),
    row("P6", "An encoded digit is a digit", request("/int/%31"), json({"n": 1})),
    row("P7", "A newline is no end of a number", request("/int/1%0A"), missing("/int/1\n")),
    row("P8", "A NUL in a path is refused", request("/echo/a%00b"), problem(400, "the path holds a NUL character")),
    row("P9", "A plus in a path is a plus", request("/echo/a+b"), json({"x": "a+b"})),
    row("P10", "Two slashes at the start are another path", request("//only"), missing("//only")),
    row("P11", "Two slashes at the end are another path", request("/only//"), missing("/only//")),
    row("P12", "A slash at the end is another path", request("/only/"), missing("/only/")),
    row(
        "P12-redirect",
        "Where an application redirects, the location is a path with its query",
        request("/slashes/only/?a=1"),
        answer(308, headers={"location": "/slashes/only?a=1"}),
    ),
    row(
        "P12-encoded",
        "A redirect leaves escapes as they are",
        request("/slashes/echo/a%2Fb%3F/"),
        answer(308, headers={"location": "/slashes/echo/a%2Fb%3F"}),
    ),
    row("P19-get", "Nothing but OPTIONS has the target *", request("*"), problem(404, "there is nothing at *")),
    row(
        "P13",
        "A redirect of a POST keeps the method",
        post("/slashes/only/", "hi", "text/plain"),
        answer(308, headers={"location": "/slashes/only"}),
    ),
    row("P14", "Dots are ordinary segments", request("/x/../only"), missing("/x/../only")),
    row("P14-single", "A single dot is an ordinary segment", request("/./only"), missing("/./only")),
    row("P15", "A semicolon belongs to its segment", request("/echo/a;p=1"), json({"x": "a;p=1"})),
    row(
        "P16",
        "A fragment in the target is refused",
        request("/only#frag"),
        problem(400, "the request target holds a fragment"),
        tier="B",
    ),
    row(
        "P17",
        "Bytes that are not ASCII in the target are refused",
        request("/echo/é".encode()),
        problem(400, "the request target holds bytes that are not ASCII; percent-encode them"),
        tier="B",
    ),
    row("P18", "An absolute target is the path behind its origin", request("http://b/echo/x?y"), json({"x": "x"})),
    row(
        "P18-host",
        "The authority of an absolute target overrides the Host header",
        request("http://b:81/host/b:81"),
        json({"host": "b:81"}),
        tier="B",
    ),
    row(
        "P19",
        "OPTIONS * names every method of the service",
        request("*", method="OPTIONS"),
        answer(204, headers=EVERY_METHOD),
    ),
    row(
        "P20",
        "A target without a slash at its start is refused",
        request("only"),
        problem(400, "the request target must begin with a slash"),
        tier="B",
    ),
    row(
        "P21",
        "CONNECT is not implemented",
        request("b:80", method="CONNECT"),
        problem(501, "the method CONNECT is not known here"),
        tier="B",
    ),
    row("P22", "A space in the target is refused", request("/echo/a b"), b"400", tier="C", state=CLOSED),
    row("P23", "An empty query is no query", request("/query?"), json([])),
    row("P24", "What a converter refuses is another path", request("/int/x"), missing("/int/x")),
    row(
        "P24-annotation",
        "What an annotation refuses is a problem of the request",
        request("/annotated/x"),
        invalid(
            (["path", "n"], "Input should be a valid integer, unable to parse string as an integer", "int_parsing")
        ),
    ),
    row("P25", "The rest of a path is decoded whole", request("/files/a%2Fb/c"), json({"rest": "a/b/c"})),
    row(
        "P25-empty-segment",
        "The rest of a path keeps its empty segments",
        request("/files/a//b"),
        json({"rest": "a//b"}),
    ),
    row("P25-empty", "The rest of a path may be empty", request("/files/"), json({"rest": ""})),
    row("P26", "A static segment goes before a placeholder", request("/users/me"), json({"user": "it is me"})),
    row("P26-other", "A placeholder takes what no static segment does", request("/users/you"), json({"user": "you"})),
    row(
        "P27",
        "HEAD answers like GET without the body",
        request("/text", method="HEAD"),
        answer(200, b"", "text/plain; charset=utf-8", length=7),
    ),
    row(
        "P27-stream",
        "HEAD never runs a stream",
        request("/stream?failing=true", method="HEAD"),
        answer(200, b"", "text/plain", streamed=True),
    ),
    row(
        "P28",
        "405 names every method of the path, sorted",
        request("/methods", "Content-Length: 0", method="PUT"),
        problem(405, "PUT is not allowed on /methods", headers=ALLOWED),
    ),
    row(
        "P29",
        "OPTIONS of a path names its methods",
        request("/methods", method="OPTIONS"),
        answer(204, headers=ALLOWED),
    ),
    row(
        "P30",
        "A method that nothing here knows is 501",
        request("/only", method="FOO"),
        problem(501, "the method FOO is not known here"),
        tier="B",
    ),
    row(
        "P31",
        "Methods are case-sensitive",
        request("/only", method="get"),
        problem(501, "the method get is not known here"),
        tier="C",
    ),
    row("P32", "A method that is no token is refused", request("/only", method="G@T"), b"400", tier="C", state=CLOSED),
    row(
        "P33",
        "TRACE is not allowed",
        request("/only", method="TRACE"),
        problem(405, "TRACE is not allowed on /only", headers={"allow": "GET, HEAD, OPTIONS"}),
    ),
    row(
        "P36",
        "A route is turned back into a path, encoded per segment",
        request("/url"),
        json({"url": "/echo/a%2Fb%20%C3%BC"}),
    ),
    row(
        "P39",
        "A plain request to a WebSocket is told to upgrade",
        request("/ws/echo"),
        problem(426, "this is a WebSocket", headers={"upgrade": "websocket"}),
    ),
    row("P40", "404 is a problem document", request("/missing"), missing("/missing")),
    row("P42", "A mount answers for what it does not know", request("/slashes/missing"), missing("/missing")),
    row("P43", "A class answers by its methods", request("/things/3"), json({"thing": 3})),
    row(
        "P43-put",
        "Each method of a class is bound like a function",
        post("/things/3", '{"value":4}', method="PUT"),
        json({"thing": 3, "value": 4}),
    ),
    row(
        "P43-405",
        "A method that a class does not define is 405",
        request("/things/3", method="DELETE"),
        problem(405, "DELETE is not allowed on /things/3", headers={"allow": "GET, HEAD, OPTIONS, PUT"}),
    ),
)
