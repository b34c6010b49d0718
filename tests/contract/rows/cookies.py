"""Section 2.3 of the matrix: cookies."""

from tests.contract.expected import answer, invalid, json, problem, request, row

FAILED = problem(500, "the service failed to answer; the request id says which log record tells why")
FIRST = "first=1; Path=/; SameSite=Lax"


def reads(line: str | bytes, *more: str) -> bytes:
    first = b"Cookie: " + (line.encode() if isinstance(line, str) else line)
    return request("/cookies", first, *(f"Cookie: {other}" for other in more))


def sets(*cookies: str, body: str = "set") -> bytes:
    lines = answer(200, body, "text/plain; charset=utf-8").split(b"\nx-request-id")
    return lines[0] + b"".join(b"\nset-cookie: " + cookie.encode() for cookie in cookies) + b"\nx-request-id" + lines[1]


ROWS = (
    row("C1", "A name may come more than once", reads("a=1; b=2; a=3"), json({"a": ["1", "3"], "b": ["2"]})),
    row(
        "C1-last",
        "The last value of a name is the one read",
        request("/cookie", "Cookie: a=1; a=2"),
        json({"a": "2", "n": 3}),
    ),
    row("C2", "Two Cookie lines are one list", reads("a=1", "b=2"), json({"a": ["1"], "b": ["2"]})),
    row("C3", "A piece without a name is dropped", reads("a=1; d; b=2"), json({"a": ["1"], "b": ["2"]})),
    row(
        "C4",
        "One pair of quotes is taken off, and nothing decoded",
        reads(r'a="x\"y\073"; b=""'),
        json({"a": [r"x\"y\073"], "b": [""]}),
    ),
    row("C5", "White space around names and values is trimmed", reads("a = 1 ;  b =2"), json({"a": ["1"], "b": ["2"]})),
    row("C6", "$Version is a name like any other", reads("$Version=1; a=2"), json({"$Version": ["1"], "a": ["2"]})),
    row("C6-raw", "Bytes of a cookie are latin-1", reads(b"a=\xfc"), json({"a": ["ü"]})),
    row(
        "C18",
        "A cookie is validated like a parameter",
        request("/cookie", "Cookie: a=1; n=5"),
        json({"a": "1", "n": 5}),
    ),
    row(
        "C18-missing",
        "A cookie that is missing is a problem",
        request("/cookie"),
        invalid((["cookie", "a"], "Field required", "missing")),
    ),
    row("C7", "A value that would need quotes is refused", request("/set-cookie?value=x%20y"), FAILED),
    row(
        "C7-percent",
        "A value may be percent-encoded instead",
        request("/set-cookie?value=x%20y&percent=1"),
        sets(FIRST, "name=x%20y; Path=/; SameSite=Lax"),
    ),
    row("C8", "A value that is not ASCII is refused", request("/set-cookie?value=%C3%BC"), FAILED),
    row(
        "C9",
        "The last of two with one name is sent",
        request("/set-cookie?twice=1"),
        sets(FIRST, "name=value; Path=/; SameSite=Lax"),
    ),
    row(
        "C10",
        "Path and SameSite have safe defaults",
        request("/set-cookie"),
        sets(FIRST, "name=value; Path=/; SameSite=Lax"),
    ),
    row("C11", "SameSite=None without Secure is refused", request("/set-cookie?samesite=none"), FAILED),
    row(
        "C12",
        "A deletion is one to every browser",
        request("/delete-cookie"),
        sets("name=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax", body="deleted"),
    ),
    row("C13", "The promise of __Host- is kept", request("/set-cookie?name=__Host-a"), FAILED),
    row(
        "C13-kept",
        "__Host- is sent where its promise is kept",
        request("/set-cookie?name=__Host-a&secure=1"),
        sets(FIRST, "__Host-a=value; Path=/; Secure; SameSite=Lax"),
    ),
    row(
        "C15",
        "Attributes come in one order, Partitioned among them",
        request("/set-cookie/full"),
        sets("name=value; Path=/a; Domain=example.org; Max-Age=60; Secure; HttpOnly; SameSite=None; Partitioned"),
    ),
)
