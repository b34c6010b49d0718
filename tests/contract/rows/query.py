"""Section 2.2 of the matrix, first half: the query."""

from tests.contract.expected import CLOSED, JSON, answer, invalid, json, problem, request, row

INT = "Input should be a valid integer, unable to parse string as an integer"

ROWS = (
    row("Q1", "Pairs keep their order", request("/query?a=1&b=2&a=3"), json([["a", "1"], ["b", "2"], ["a", "3"]])),
    row(
        "Q1-last",
        "A scalar takes the last value, a list every one",
        request("/typed?n=1&n=2&name=a&name=b"),
        json({"n": 2, "names": ["a", "b"], "flag": False, "limit": None}),
    ),
    row("Q2", "A blank value is present", request("/query?x=&y"), json([["x", ""], ["y", ""]])),
    row("Q3", "Spaces are kept", request("/query?x=%20a%20"), json([["x", " a "]])),
    row("Q4", "Control characters are kept", request("/query?x=%00%07"), answer(200, r'[["x","\u0000\u0007"]]', JSON)),
    row(
        "Q5",
        "A query that is not UTF-8 is refused, with the name",
        request("/query?x=%FF"),
        invalid((["query", "x"], "parameter 'x' is not valid UTF-8", "query_encoding"), status=400),
    ),
    row("Q6", "A plus is a space, %2B a plus", request("/query?x=a+b%2Bc"), json([["x", "a b+c"]])),
    row("Q7", "A semicolon separates nothing", request("/query?a=1;b=2"), json([["a", "1;b=2"]])),
    row("Q8", "Empty pieces are skipped", request("/query?&&x=1&=v&"), json([["x", "1"], ["", "v"]])),
    row(
        "Q9",
        "Bytes that are not ASCII in the query are refused",
        request("/query?x=é".encode()),
        problem(400, "the query holds bytes that are not ASCII; percent-encode them"),
        tier="B",
        state=CLOSED,
    ),
    row("Q10", "Brackets mean nothing", request("/query?x[a]=1"), json([["x[a]", "1"]])),
    row(
        "Q11",
        "The number of parameters is bounded",
        request("/query?" + "&".join(["x"] * 51)),
        problem(400, "the query holds more than 50 parameters"),
    ),
    row(
        "Q12",
        "Text becomes the annotated type",
        request("/typed?n=%2B7&flag=yes&limit=3"),
        json({"n": 7, "names": [], "flag": True, "limit": 3}),
    ),
    row(
        "Q13",
        "An empty number is not a missing one",
        request("/typed?n=1&limit="),
        invalid((["query", "limit"], INT, "int_parsing")),
    ),
    row(
        "Q14",
        "Unknown parameters are ignored",
        request("/typed?n=1&other=2"),
        json({"n": 1, "names": [], "flag": False, "limit": None}),
    ),
    row("Q15", "A model takes its fields from the query", request("/page?offset=5"), json({"offset": 5, "limit": 10})),
    row(
        "Q15-forbid",
        "A model may forbid other parameters",
        request("/page?offset=5&other=2"),
        invalid((["query", "other"], "Extra inputs are not permitted", "extra_forbidden")),
    ),
    row(
        "Q16",
        "Every problem is told at once",
        request("/typed?n=x&limit=y"),
        invalid((["query", "n"], INT, "int_parsing"), (["query", "limit"], INT, "int_parsing")),
    ),
    row(
        "Q16-missing",
        "A missing parameter is one",
        request("/typed"),
        invalid((["query", "n"], "Field required", "missing")),
    ),
)
