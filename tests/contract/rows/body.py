"""Section 2.4 of the matrix: bodies, limits, framing."""

from collections.abc import Iterable

from tests.contract.expected import CLOSED, JSON, chunks, invalid, json, post, problem, request, row, script
from tests.contract.script import Answer, HalfClose, Interim, Interims, Notes, Send, State

FORM, BOUNDARY = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
ITEM = '{"name":"n","price":1.5}'
ECHOED = {"name": "n", "price": 1.5, "tags": []}
SYNTAX = "urn:hagworm:json-syntax"
UNSUPPORTED = problem(415, "the body must be sent with content-type: application/json", headers={"accept": JSON})
EXPECT = ("Content-Type: text/plain", "Content-Length: 4", "Expect: 100-continue")


def part(name: str, value: str | bytes, *, filename: str | None = None, lines: Iterable[str] = ()) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'

    if filename is not None:
        disposition += f'; filename="{filename}"'

    data = value.encode() if isinstance(value, str) else value
    return "\r\n".join([disposition, *lines, "", ""]).encode() + data


def multipart(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    return b"".join(b"--x\r\n" + data + b"\r\n" for data in parts) + end


def form(*parts: bytes, end: bytes = b"--x--\r\n", content_type: str = BOUNDARY) -> bytes:
    return post("/form", multipart(*parts, end=end), content_type)


def syntax(offset: int | None = None) -> bytes:
    detail = "the body is not valid JSON" + (f" at byte {offset}" if offset is not None else "")
    return problem(400, detail, type=SYNTAX, **({} if offset is None else {"offset": offset}))


def file(name: str | None, content: str, kind: str | None = None) -> dict[str, str | None]:
    return {"file": name, "type": kind, "content": content}


ROWS = (
    row("B0", "A model is bound, validated and rendered", post("/item", ITEM), json(ECHOED, 201)),
    row(
        "B0-dataclass",
        "A dataclass is bound, validated and rendered",
        post("/point", '{"x":1}'),
        json({"x": 1, "y": 0}),
    ),
    row(
        "B0-members",
        "Two body parameters are members of one object",
        post("/two?n=2", f'{{"item":{ITEM},"note":"hi"}}'),
        json({"item": ECHOED, "note": "hi", "n": 2}),
    ),
    row(
        "B0-problems",
        "Every problem of a body is told",
        post("/item", '{"price":"x"}'),
        invalid(
            (["body", "name"], "Field required", "missing"),
            (["body", "price"], "Input should be a valid number, unable to parse string as a number", "float_parsing"),
        ),
    ),
    row("B1", "Malformed JSON is 400 with its place", post("/json", '{"a":]'), syntax(5)),
    row("B2", "JSON without a content type is not taken for it", post("/item", ITEM, None), UNSUPPORTED),
    row("B3", "JSON sent as text is not taken for it", post("/item", ITEM, "text/plain"), UNSUPPORTED),
    row(
        "B3-suffix",
        "A type that ends in +json is JSON",
        post("/item", ITEM, "application/vnd.x+json; v=1"),
        json(ECHOED, 201),
    ),
    row("B4", "An empty body is a missing one", post("/item", ""), invalid((["body"], "Field required", "missing"))),
    row("B5", "NaN is not JSON", post("/json", '{"a":NaN}'), syntax(5)),
    row("B5-model", "NaN is not JSON for a model either", post("/item", '{"name":"n","price":NaN}'), syntax(20)),
    row("B6", "A byte-order mark is ignored", post("/item", b"\xef\xbb\xbf" + ITEM.encode()), json(ECHOED, 201)),
    row("B6-utf16", "UTF-16 is not JSON", post("/json", ITEM.encode("utf-16-le")), syntax(1)),
    row("B7", "The last of two keys counts", post("/json", '{"a":1,"a":2}'), json({"a": 2})),
    row("B8", "Very deep JSON is refused", post("/json", "[" * 5000), syntax()),
    row(
        "B9",
        "A form keeps its order",
        post("/form", "b=1&a=2&b=%zz+3&c", FORM),
        json([["b", "1"], ["a", "2"], ["b", "%zz 3"], ["c", ""]]),
    ),
    row(
        "B10",
        "A form that is not UTF-8 is refused",
        post("/form", "a=%FF", FORM),
        problem(400, "the form is not valid UTF-8, in or near 'a'"),
    ),
    row(
        "B11",
        "The charset of a form means nothing",
        post("/form", "a=%C3%BC", f"{FORM}; charset=latin-1"),
        json([["a", "ü"]]),
    ),
    row("B12", "Media types are case-insensitive", post("/form", "a=1", FORM.upper()), json([["a", "1"]])),
    row("B13", "A form may come with any method", post("/form", "a=1", FORM, method="DELETE"), json([["a", "1"]])),
    row(
        "B14",
        "A boundary may be quoted",
        form(part("a", "1"), content_type='multipart/form-data; boundary="x"'),
        json([["a", "1"]]),
    ),
    row(
        "B14-file",
        "A file has a name, a type and content",
        form(part("f", "data", filename="n.txt", lines=["Content-Type: text/plain"])),
        json([["f", file("n.txt", "data", "text/plain")]]),
    ),
    row(
        "B15",
        "filename* alone makes a file",
        form(b"Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''%C3%BC.txt\r\n\r\ndata"),
        json([["f", file("ü.txt", "data")]]),
    ),
    row("B16", "A filename is UTF-8", form(part("f", "data", filename="ü.txt")), json([["f", file("ü.txt", "data")]])),
    row("B17", "A part without a name is refused", form(b"Content-Disposition: form-data\r\n\r\n1"), b"400"),
    row(
        "B18",
        "A form without a boundary is refused",
        form(part("a", "1"), content_type="multipart/form-data"),
        problem(400, "the content type of the form must name one boundary, not none"),
    ),
    row("B19", "A truncated form is refused", form(part("a", "1"), end=b"--x\r\n"), b"400"),
    row(
        "B20",
        "A form with bare LF is refused",
        post("/form", multipart(part("a", "1")).replace(b"\r\n", b"\n"), BOUNDARY),
        b"400",
    ),
    row(
        "B21",
        "A file field without a file is empty",
        form(part("f", "", filename=""), part("a", "1")),
        json([["a", "1"]]),
    ),
    row(
        "B22",
        "The path of a filename is kept, and a safe name offered",
        post("/upload", multipart(part("file", "data", filename="../../etc/passwd")), BOUNDARY),
        json({"name": "../../etc/passwd", "size": 4, "safe": "passwd"}),
    ),
    row(
        "B23",
        "Preamble and epilogue are ignored",
        post("/form", b"before\r\n" + multipart(part("a", "1")) + b"after", BOUNDARY),
        json([["a", "1"]]),
    ),
    row(
        "B24",
        "The charset of a part is honoured",
        form(part("a", b"\xfc", lines=["Content-Type: text/plain; charset=iso-8859-1"])),
        json([["a", "ü"]]),
    ),
    row(
        "B24-default",
        "The field _charset_ is honoured",
        form(part("_charset_", "iso-8859-1"), part("a", b"\xfc")),
        json([["_charset_", "iso-8859-1"], ["a", "ü"]]),
    ),
    row(
        "B25",
        "A transfer encoding of a part is ignored",
        form(part("a", "aGk=", lines=["Content-Transfer-Encoding: base64"])),
        json([["a", "aGk="]]),
    ),
    row(
        "B26",
        "Escapes of browsers in names stay",
        form(part("a%22b", "1"), part(r"c\"d", "2")),
        json([["a%22b", "1"], ['c"d', "2"]]),
    ),
    row("B27", "The number of parts is bounded", form(*(part("a", "1") for _ in range(21))), b"413"),
    row(
        "B28",
        "The size of a field is bounded",
        form(part("a", "x" * 3000)),
        problem(413, "the field 'a' of the form is larger than 2000 bytes"),
    ),
    row(
        "B29",
        "A form is bound to parameters",
        post("/login", "user=me&age=3", FORM),
        json({"user": "me", "age": 3, "avatar": None}),
    ),
    row(
        "B29-files",
        "A form is bound with its files",
        post("/login", multipart(part("user", "me"), part("avatar", "png", filename="a.png")), BOUNDARY),
        json({"user": "me", "age": 0, "avatar": "a.png"}),
    ),
    row(
        "B31",
        "Another multipart is no form",
        form(part("a", "1"), content_type="multipart/mixed; boundary=x"),
        problem(415, "the body must be a form: application/x-www-form-urlencoded or multipart/form-data"),
    ),
    row(
        "B32",
        "A body may be read twice",
        post("/body", "hello", "text/plain"),
        json({"size": 5, "start": "hello", "same": True}),
    ),
    row(
        "B32-stream", "A body is streamed once", post("/upstream", "x" * 100_000, "text/plain"), json({"size": 100_000})
    ),
    row(
        "B34",
        "A body that is announced too large is 413",
        post("/body", "x" * 200_001, "text/plain"),
        problem(413, "the body is larger than 200000 bytes"),
        state=CLOSED,
    ),
    script(
        "B35",
        "A chunked body is 413 as soon as it is too large",
        [
            Send(request("/small", "Transfer-Encoding: chunked", method="POST") + chunks(b"123456", b"789012")),
            Answer("POST"),
            State(),
        ],
        [problem(413, "the body is larger than 10 bytes"), CLOSED],
    ),
    script(
        "B36",
        "A body that is announced too large is not waited for",
        [Send(request("/body", "Content-Length: 999999999999", method="POST")), Answer("POST"), State()],
        [problem(413, "the body is larger than 200000 bytes"), CLOSED],
    ),
    row(
        "B37",
        "The innermost limit counts",
        post("/small", "12345678901", "text/plain"),
        problem(413, "the body is larger than 10 bytes"),
        state=CLOSED,
    ),
    row(
        "B38",
        "A little body that nobody reads is skipped",
        post("/unread", "little", "text/plain"),
        json({"body": "not read"}),
        tier="B",
    ),
    row(
        "B38-large",
        "A large one ends the connection",
        post("/unread", "x" * 1_000_000, "text/plain"),
        json({"body": "not read"}),
        tier="B",
        state=CLOSED,
    ),
    script(
        "B40",
        "Chunk extensions are ignored",
        [
            Send(request("/body", "Transfer-Encoding: chunked", method="POST") + b"5;a=b\r\nhello\r\n0\r\n\r\n"),
            Answer("POST"),
            State(),
        ],
        [json({"size": 5, "start": "hello", "same": True}), b"kept"],
        tier="C",
    ),
    row(
        "B41",
        "Length and chunks together are refused",
        request("/body", "Content-Length: 5", "Transfer-Encoding: chunked", method="POST", body=chunks(b"hello")),
        b"400",
        tier="C",
        state=CLOSED,
    ),
    row(
        "B42",
        "Two equal lengths are one",
        request("/body", "Content-Length: 5", "Content-Length: 5", method="POST", body="hello"),
        json({"size": 5, "start": "hello", "same": True}),
        tier="C",
    ),
    row(
        "B43",
        "Two lengths are refused",
        request("/body", "Content-Length: 5", "Content-Length: 6", method="POST", body="hello!"),
        b"400",
        tier="C",
        state=CLOSED,
    ),
    *(
        row(
            f"B43{length}",
            f"A length of {length} is refused",
            request("/body", f"Content-Length: {length}", method="POST", body="abc"),
            b"400",
            tier="C",
            state=CLOSED,
        )
        for length in ("+3", "-3", "abc")
    ),
    row(
        "B44",
        "Another transfer coding is not implemented",
        request("/body", "Transfer-Encoding: gzip, chunked", method="POST", body=chunks(b"x")),
        problem(501, "the only transfer coding that is understood here is chunked"),
        tier="B",
        state=CLOSED,
    ),
    script(
        "B45",
        "A broken chunk is 400, never 500",
        [
            Send(request("/body", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\nxyz\r\n"),
            Answer("POST"),
            State(),
        ],
        [b"400", CLOSED],
        tier="B",
    ),
    script(
        "B46",
        "A body that ends early is a disconnect, not an answer",
        [
            Send(request("/gone/{key}", "Content-Length: 10", method="POST") + b"half"),
            HalfClose(),
            Answer("POST"),
            Notes(),
        ],
        [b"nothing", b'["disconnected"]'],
        tier="B",
    ),
    script(
        "B47",
        "The client is told to continue when the body is read",
        [Send(request("/body", *EXPECT, method="POST")), Interim(), Send(b"body"), Answer("POST"), State()],
        [b"100", json({"size": 4, "start": "body", "same": True}), b"kept"],
        tier="B",
    ),
    script(
        "B48",
        "An expectation may be written in capitals",
        [
            Send(request("/body", *EXPECT[:2], "EXPECT: 100-CONTINUE", method="POST")),
            Interim(),
            Send(b"body"),
            Answer("POST"),
            State(),
        ],
        [b"100", json({"size": 4, "start": "body", "same": True}), b"kept"],
    ),
    script(
        "B49",
        "The client is not told to continue where the answer is no",
        [Send(request("/missing", *EXPECT, method="POST")), Answer("POST"), Interims(), State()],
        [problem(404, "there is nothing at /missing"), b"interim: ", CLOSED],
        tier="B",
    ),
    script(
        "B49-large",
        "The client is not told to continue with a body that is too large",
        [
            Send(request("/body", "Content-Length: 300000", "Expect: 100-continue", method="POST")),
            Answer("POST"),
            Interims(),
            State(),
        ],
        [problem(413, "the body is larger than 200000 bytes"), b"interim: ", CLOSED],
        tier="B",
    ),
    script(
        "B50",
        "Pipelined requests are answered in order",
        [
            Send(request("/echo/1") + post("/body", "2", "text/plain") + request("/echo/3")),
            Answer(),
            Answer("POST"),
            Answer(),
            State(),
        ],
        [json({"x": "1"}), json({"size": 1, "start": "2", "same": True}), json({"x": "3"}), b"kept"],
    ),
    script(
        "B51",
        "A client that falls silent within a body is 408",
        [Send(request("/idle", "Content-Length: 10", method="POST") + b"half"), Answer("POST"), State()],
        [problem(408, "no more of the body came within 0.3 seconds"), CLOSED],
        tier="B",
    ),
)
