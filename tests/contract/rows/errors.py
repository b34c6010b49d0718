"""Sections 2.6 and 2.7 of the matrix: errors, and what is refused for safety."""

from tests.contract.expected import answer, invalid, json, post, problem, request, row, text

FAILED = problem(500, "the service failed to answer; the request id says which log record tells why")

VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
FRIEND = "Origin: https://friend.example"
SHARED = {
    "access-control-allow-origin": "https://friend.example",
    "access-control-expose-headers": "X-Extra",
    "vary": "Origin",
}

ROWS = (
    row(
        "X1",
        "A preflight of an allowed page is answered",
        request("/pages/open", FRIEND, "Access-Control-Request-Method: PUT", method="OPTIONS"),
        answer(
            204,
            headers={
                "access-control-allow-origin": "https://friend.example",
                "access-control-allow-methods": "GET, PUT",
                "access-control-allow-headers": "X-Token",
                "access-control-max-age": "600",
                "vary": VARY,
            },
        ),
    ),
    row(
        "X1-stranger",
        "A preflight of another page is answered without leave",
        request("/pages/open", "Origin: https://evil.example", "Access-Control-Request-Method: PUT", method="OPTIONS"),
        answer(204, headers={"vary": VARY}),
    ),
    row(
        "X2",
        "An allowed page may read the answer",
        request("/pages/open", FRIEND),
        json({"open": "to friends"}, headers=SHARED),
    ),
    row(
        "X2-404",
        "An allowed page may read what is not there",
        request("/pages/missing", FRIEND),
        problem(404, "there is nothing at /missing", headers=SHARED),
    ),
    row(
        "X2-500",
        "An allowed page may read that the service failed",
        request("/pages/fail", FRIEND),
        problem(500, "the service failed to answer; the request id says which log record tells why", headers=SHARED),
    ),
    row(
        "E1",
        "An error is a problem document",
        request("/raise/http"),
        problem(403, "Nope", type="urn:example:nope", headers={"x-why": "because"}, limit=3),
    ),
    row("E1-plain", "An error without words has the standard phrase", request("/raise/plain"), problem(404)),
    row("E2", "Anything is fine means JSON", request("/raise/plain", "Accept: */*"), problem(404)),
    row(
        "E2-json",
        "A client that wants JSON gets it",
        request("/raise/plain", "Accept: application/json, text/html;q=0.5"),
        problem(404),
    ),
    row("E3", "An unknown error tells nothing but its id", request("/raise/unknown"), FAILED),
    row(
        "E5",
        "A validation problem tells what and where, never the value",
        request("/annotated/secret"),
        invalid(
            (["path", "n"], "Input should be a valid integer, unable to parse string as an integer", "int_parsing")
        ),
    ),
    row("E6", "A response that is not what was promised is an error", request("/wrong-model"), FAILED),
    row(
        "E7",
        "An error is handled by the nearest of its kin",
        request("/raise/known"),
        json({"known": "child", "path": "/raise/known"}, 418),
    ),
    row(
        "E8",
        "An error in middleware is handled alike",
        request("/onion/core?refuse=error"),
        json({"known": "in middleware", "path": "/onion/core"}, 418),
    ),
    row("E8-unknown", "An unknown error in middleware is handled alike", request("/onion/core?refuse=unknown"), FAILED),
    row(
        "E8-response",
        "Middleware may answer itself",
        request("/onion/core?refuse=response"),
        text("refused", 409, {"x-order": "outer,100"}),
    ),
    row("E9", "A handler that fails leaves a plain 500", request("/raise/hopeless"), FAILED),
    row("E11", "An error without content has none", request("/raise/204"), answer(204)),
    row(
        "E12",
        "401 brings its challenge",
        request("/raise/401"),
        problem(401, headers={"www-authenticate": "Basic realm=x"}),
    ),
    row("E13", "A cancellation of something awaited is an error", request("/raise/cancelled"), FAILED),
    row(
        "E14",
        "A group of one error is that error",
        request("/raise/group"),
        json({"known": "in a group", "path": "/raise/group"}, 418),
    ),
    row(
        "E15",
        "An error in a thread is handled alike",
        request("/raise-sync"),
        json({"known": "from a thread", "path": "/raise-sync"}, 418),
    ),
    row(
        "E18",
        "An error of a dependency is handled alike",
        request("/depends", "X-Token: bad"),
        problem(403, "bad token"),
    ),
    row(
        "E18-missing",
        "What a dependency needs is validated",
        request("/depends"),
        invalid((["header", "x-token"], "Field required", "missing")),
    ),
    row(
        "E18-good",
        "A dependency is called with what it needs",
        request("/depends", "X-Token: good"),
        json({"token": "good", "generated": "generated"}),
    ),
    row(
        "X7",
        "Forwarded headers of a stranger are not believed",
        request("/where", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https", "Forwarded: for=8.8.8.8;proto=https"),
        json(
            {"method": "GET", "path": "/where", "raw": "/where", "host": "a", "scheme": "http", "client": "127.0.0.1"}
        ),
    ),
    row(
        "X8",
        "A forwarded host is not believed",
        request("/where", "X-Forwarded-Host: evil", "X-Forwarded-Prefix: /p", "X-Forwarded-Port: 1"),
        json(
            {"method": "GET", "path": "/where", "raw": "/where", "host": "a", "scheme": "http", "client": "127.0.0.1"}
        ),
    ),
    row(
        "X14",
        "No redirect leaves the host",
        request("/slashes//evil.example/"),
        problem(404, "there is nothing at //evil.example/"),
    ),
    row(
        "X15",
        "A foreign media type is refused before the body is parsed",
        post("/item", "<x/>", "text/xml"),
        problem(
            415, "the body must be sent with content-type: application/json", headers={"accept": "application/json"}
        ),
    ),
)
