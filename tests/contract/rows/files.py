"""Section 2.5 of the matrix, second half: files, ranges and conditions."""

from pathlib import Path

from hagworm.facade.dates import format_date
from tests.contract.expected import Row, answer, problem, request, row

CONTENT = "0123456789"
# The same file on every engine; when it was written depends on the checkout.
STAT = (Path(__file__).parents[1] / "public" / "a.txt").stat()
ETAG = f'"{STAT.st_size}-{STAT.st_mtime_ns}"'
MODIFIED = format_date(STAT.st_mtime)
VALIDATORS = {"accept-ranges": "bytes", "etag": ETAG, "last-modified": MODIFIED}
TEXT = "text/plain; charset=utf-8"
WHOLE = answer(200, CONTENT, TEXT, VALIDATORS)
UNMODIFIED = answer(304, headers={"etag": ETAG})
LONG_AGO = "Thu, 01 Jan 2015 00:00:00 GMT"
ALLOWED = {"allow": "GET, HEAD, OPTIONS"}
FAILED = problem(412, "the file is not in the state that the request expects")
BYTERANGES = (
    "--<boundary>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n"
    "--<boundary>\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes 5-6/10\r\n\r\n56\r\n"
    "--<boundary>--\r\n"
)


def part(first: int, last: int) -> bytes:
    place = {"content-range": f"bytes {first}-{last}/10"}
    return answer(206, CONTENT[first : last + 1], TEXT, VALIDATORS | place)


def missing(path: str) -> bytes:
    return problem(404, f"there is nothing at {path}")


def asks(id: str, title: str, expected: bytes, *lines: str, path: str = "/static/a.txt", method: str = "GET") -> Row:
    return row(id, title, request(path, *lines, method=method), expected)


ROWS = (
    asks("F1", "A file of text is UTF-8", WHOLE),
    asks("F1-head", "HEAD of a file has its length", answer(200, b"", TEXT, VALIDATORS, length=10), method="HEAD"),
    asks("F2", "A file has a strong entity tag, and a match is not sent again", UNMODIFIED, f"If-None-Match: {ETAG}"),
    asks("F2-weak", "A weak match is one for that", UNMODIFIED, f'If-None-Match: "x", W/{ETAG}'),
    asks(
        "F2-date", "A file that has not changed since is not sent again", UNMODIFIED, f"If-Modified-Since: {MODIFIED}"
    ),
    asks("F3", "A range is sent", part(2, 4), "Range: bytes=2-4"),
    asks("F3-suffix", "The last bytes are sent", part(7, 9), "Range: bytes=-3"),
    asks("F3-open", "The rest is sent", part(8, 9), "Range: bytes=8-"),
    asks(
        "F4",
        "A range beyond the end cannot be met",
        problem(416, "the file has 10 bytes, and none of those asked for", headers={"content-range": "bytes */10"}),
        "Range: bytes=20-",
    ),
    asks("F5", "A range that is none is ignored", WHOLE, "Range: bytes=abc"),
    asks("F5-unit", "A range in another unit is ignored", WHOLE, "Range: items=0-1"),
    asks("F6", "A range that ends before it begins is ignored", WHOLE, "Range: bytes=5-2"),
    asks(
        "F7",
        "Several ranges are sent in one response",
        answer(206, BYTERANGES, "multipart/byteranges; boundary=<boundary>", VALIDATORS),
        "Range: bytes=0-1,5-6",
    ),
    asks("F7-merged", "Ranges that overlap are one", part(0, 5), "Range: bytes=0-3,2-5"),
    asks("F8", "A range of another version is the whole of this one", WHOLE, 'If-Range: "x"', "Range: bytes=2-4"),
    asks("F8-same", "A range of this version is sent", part(2, 4), f"If-Range: {ETAG}", "Range: bytes=2-4"),
    asks("F9", "A file that is another one fails the condition", FAILED, 'If-Match: "x"'),
    asks("F9-date", "A file that has changed since fails it too", FAILED, f"If-Unmodified-Since: {LONG_AGO}"),
    asks("F9-order", "The tag goes before the date", WHOLE, f"If-Match: {ETAG}", f"If-Unmodified-Since: {LONG_AGO}"),
    asks("F10", "A date that is none is ignored", WHOLE, "If-Modified-Since: yesterday"),
    asks(
        "F11",
        "A range means nothing to HEAD",
        answer(200, b"", TEXT, VALIDATORS, length=10),
        "Range: bytes=2-4",
        method="HEAD",
    ),
    asks(
        "F12",
        "Nothing above the folder is served",
        missing("/static/../application.py"),
        path="/static/../application.py",
    ),
    asks(
        "F12-encoded",
        "However the way up is written, it leads nowhere",
        missing("/static/../application.py"),
        path="/static/%2e%2e%2fapplication.py",
    ),
    asks("F13", "A folder is not a file", missing("/static/docs"), path="/static/docs"),
    asks(
        "F14",
        "A NUL in a file's path is refused",
        problem(400, "the path holds a NUL character"),
        path="/static/a%00.txt",
    ),
    asks("F15", "An empty segment is not skipped", missing("/static//a.txt"), path="/static//a.txt"),
    asks("F16", "A file is not a folder", missing("/static/a.txt/"), path="/static/a.txt/"),
    asks(
        "F17",
        "A file cannot be posted to",
        problem(405, "POST is not allowed on /static/a.txt", headers=ALLOWED),
        "Content-Length: 0",
        method="POST",
    ),
    asks(
        "F18", "A link that leads out of the folder is not followed", missing("/static/out.txt"), path="/static/out.txt"
    ),
)
