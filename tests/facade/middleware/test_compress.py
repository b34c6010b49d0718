"""Content is compressed for whom it helps, and nothing about the answer becomes untrue by it (RFC 9110)."""

import asyncio
import zlib
from collections.abc import AsyncIterator
from typing import Any

import brotli
import pytest
import zstandard

from hagworm import JSON, App, EventStream, Request, Response, Stream, Text
from hagworm.facade.middleware.compress import CODINGS, Compress, is_compressible
from hagworm.facade.response import StreamedResponse
from hagworm.testing import Client

LONG = "A line of text that repeats itself.\n" * 100
SHARED = Text(LONG)


def unpack(response: Any) -> bytes:
    match response.headers.get("content-encoding"):
        case "gzip":
            return zlib.decompress(response.body, 31)
        case "br":
            return brotli.decompress(response.body)
        case "zstd":
            return zstandard.ZstdDecompressor().decompressobj().decompress(response.body)

    return response.body


class Prepared(StreamedResponse):
    """A stream that knows its head only when it is asked, as a file does."""

    __slots__ = ("length", "text")

    media_type = "text/plain; charset=utf-8"

    def __init__(self, text: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(b"", status, headers)
        self.text = text

    async def prepare(self, request: Request) -> None:
        self.headers["content-length"] = str(len(self.text))
        self.headers["accept-ranges"] = "bytes"
        self.headers["etag"] = '"made"'

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.text.encode()


def application(answer: Any, **options: Any) -> App:
    app = App(middleware=[Compress(**options)])

    @app.get("/x")
    async def handle() -> Response:
        return answer() if callable(answer) else answer

    return app


async def ask(answer: Any, accept: str | None = "gzip", method: str = "GET", **options: Any) -> Any:
    async with Client(application(answer, **options)) as client:
        headers = {} if accept is None else {"accept-encoding": accept}
        return await client.request(method, "/x", headers=headers)


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_what_is_compressed_can_be_read_back(coding: str) -> None:
    response = await ask(Text(LONG), coding)

    assert response.headers["content-encoding"] == coding
    assert response.headers["content-length"] == str(len(response.body))
    assert len(response.body) < len(LONG) / 5
    assert unpack(response) == LONG.encode()
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("gzip, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("*", "zstd"),
        ("gzip;q=0", None),
        ("gzip;q=0, *", "zstd"),
        ("identity", None),
        ("deflate", None),
        ("", None),
        (None, None),
        ("x-gzip", "gzip"),
    ],
)
async def test_the_client_chooses_the_coding(accept: str | None, coding: str | None) -> None:
    response = await ask(Text(LONG), accept)

    assert response.headers.get("content-encoding") == coding
    assert unpack(response) == LONG.encode()
    assert response.headers["vary"] == "Accept-Encoding", "another client may get another answer"


async def test_the_service_may_offer_fewer_codings() -> None:
    assert (await ask(Text(LONG), "br, gzip", codings=["gzip"])).headers["content-encoding"] == "gzip"


def test_a_coding_that_is_not_there_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="'lzma' is not one of"):
        Compress(codings=["lzma"])


@pytest.mark.parametrize(("size", "is_compressed"), [(1023, False), (1024, True)])
async def test_what_is_short_is_left_alone(size: int, is_compressed: bool) -> None:
    response = await ask(Text("x" * size))
    assert ("content-encoding" in response.headers) is is_compressed
    assert ("vary" in response.headers) is is_compressed


@pytest.mark.parametrize(
    "answer",
    [
        Response(LONG, 206, {"content-range": "bytes 0-9/100"}),
        Response(LONG, headers={"cache-control": "private, No-Transform"}),
        Response(LONG, headers={"content-encoding": "br"}),
        Response(LONG, media_type="image/png"),
        Response(LONG.encode()),
        Response(status=204),
    ],
)
async def test_what_may_not_or_need_not_be_compressed_is_left_alone(answer: Response) -> None:
    before = list(answer.raw_headers)
    response = await ask(answer)

    assert response.body in (b"", LONG.encode())
    assert answer.raw_headers == before


async def test_not_modified_varies_as_the_content_would() -> None:
    response = await ask(Response(status=304, headers={"etag": '"x"'}))
    assert (response.status, response.headers["vary"], response.headers["etag"]) == (304, "Accept-Encoding", '"x"')


@pytest.mark.parametrize(
    ("media_type", "gains"),
    [
        (b"text/html; charset=utf-8", True),
        (b"TEXT/CSS", True),
        (b"application/json", True),
        (b"application/problem+json", True),
        (b"image/svg+xml", True),
        (b"application/wasm", True),
        (b"text/event-stream", False),
        (b"text/event-stream; charset=utf-8", False),
        (b"image/jpeg", False),
        (b"application/zip", False),
        (b"application/octet-stream", False),
        (b"font/woff2", False),
        (b"", False),
    ],
)
def test_a_media_type_says_whether_it_gains(media_type: bytes, gains: bool) -> None:
    assert is_compressible(media_type) is gains


@pytest.mark.parametrize(("before", "after"), [('"abc"', 'W/"abc"'), ('W/"abc"', 'W/"abc"')])
async def test_a_strong_etag_becomes_a_weak_one(before: str, after: str) -> None:
    assert (await ask(Text(LONG, headers={"etag": before}))).headers["etag"] == after
    assert (await ask(Text(LONG, headers={"etag": before}), None)).headers["etag"] == before


async def test_ranges_of_the_plain_content_are_not_offered_any_more() -> None:
    assert "accept-ranges" not in (await ask(Text(LONG, headers={"accept-ranges": "bytes"}))).headers


async def test_what_an_answer_varies_by_already_is_kept() -> None:
    assert (await ask(Text(LONG, headers={"vary": "Origin"}))).headers["vary"] == "Origin, Accept-Encoding"


async def test_head_says_what_get_would() -> None:
    get, head = await ask(Text(LONG)), await ask(Text(LONG), method="HEAD")
    names = ("content-length", "content-encoding", "content-type", "vary")

    assert [head.headers[name] for name in names] == [get.headers[name] for name in names]
    assert head.body == b""


async def test_a_response_that_is_returned_again_and_again_stays_plain() -> None:
    async with Client(application(SHARED)) as client:
        packed = await client.get("/x", headers={"accept-encoding": "gzip"})
        plain = await client.get("/x")

    assert unpack(packed) == plain.body == LONG.encode()
    assert "content-encoding" not in plain.headers


async def test_cookies_background_and_the_wish_to_close_survive() -> None:
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    def answer() -> Response:
        response = Text(LONG, background=work, close=True)
        response.set_cookie("a", "1")
        return response

    async with Client(application(answer)) as client:
        response = await client.get("/x", headers={"accept-encoding": "gzip"})
        async with asyncio.timeout(5):
            await done.wait()

    assert response.headers["connection"] == "close"
    assert response.headers["set-cookie"].startswith("a=1")
    assert unpack(response) == LONG.encode()


async def test_equal_content_gives_equal_bytes() -> None:
    assert (await ask(Text(LONG))).body == (await ask(Text(LONG))).body


async def test_a_large_body_is_compressed_too() -> None:
    value = [{"number": number} for number in range(20_000)]
    response = await ask(lambda: JSON(value))
    assert len(unpack(response)) > 200_000


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_every_piece_of_a_stream_can_be_read_when_it_has_come(coding: str) -> None:
    may_go_on = asyncio.Event()

    async def lines() -> AsyncIterator[str]:
        yield "one\n"
        await may_go_on.wait()
        yield "two\n" * 1000

    readers: dict[str, Any] = {
        "gzip": lambda: zlib.decompressobj(31).decompress,
        "br": lambda: brotli.Decompressor().process,
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
    }
    read = readers[coding]()

    async with Client(application(lambda: Stream(lines(), media_type="text/plain"))) as client:
        async with client.stream("GET", "/x", headers={"accept-encoding": coding}) as response:
            text = b""

            while b"one\n" not in text:
                text += read(await response.next_piece())

            may_go_on.set()

            while piece := await response.next_piece():
                text += read(piece)

    assert response.headers["content-encoding"] == coding
    assert "content-length" not in response.headers
    assert text == b"one\n" + b"two\n" * 1000


@pytest.mark.parametrize(("accept", "coding"), [("gzip", "gzip"), (None, None)])
async def test_a_stream_may_make_its_head_at_the_last_moment(accept: str | None, coding: str | None) -> None:
    response = await ask(lambda: Prepared(LONG), accept)

    assert unpack(response) == LONG.encode()
    assert response.headers.get("content-encoding") == coding
    assert ("content-length" in response.headers) is (coding is None)
    assert ("accept-ranges" in response.headers) is (coding is None)
    assert response.headers["etag"] == ('W/"made"' if coding else '"made"')


async def test_a_short_stream_that_knows_its_length_is_left_alone() -> None:
    response = await ask(lambda: Prepared("short"))
    assert ("content-encoding" in response.headers, response.body) == (False, b"short")


async def test_a_part_of_a_stream_is_left_alone() -> None:
    assert "content-encoding" not in (await ask(lambda: Prepared(LONG, 206))).headers


async def test_what_outer_middleware_adds_to_a_stream_is_kept() -> None:
    async def outer(request: Request, call_next: Any) -> Response:
        response = await call_next(request)
        response.headers["x-outer"] = "1"
        response.status = 203
        return response

    app = App(middleware=[outer, Compress()])

    @app.get("/x")
    async def handle() -> Response:
        return Prepared(LONG)

    async with Client(app) as client:
        response = await client.get("/x", headers={"accept-encoding": "gzip"})

    assert (response.status, response.headers["x-outer"]) == (203, "1")
    assert response.headers["content-encoding"] == "gzip"


async def test_events_are_never_held_back_by_a_coding() -> None:
    async def events() -> AsyncIterator[str]:
        yield "x" * 5000

    response = await ask(lambda: EventStream(events()))
    assert "content-encoding" not in response.headers
    assert response.body.startswith(b"data: xxx")


async def test_a_stream_that_fails_is_cut() -> None:
    closed = []

    async def lines() -> AsyncIterator[str]:
        try:
            yield LONG
            raise RuntimeError("broken")
        finally:
            closed.append(True)

    with pytest.raises(ConnectionError):
        await ask(lambda: Stream(lines(), media_type="text/plain"))

    assert closed == [True]


def test_without_the_packages_there_is_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hagworm.facade.middleware.compress.find_spec", lambda name: name == "zlib" or None)
    assert Compress().codings == ("gzip",)
    assert set(CODINGS) == {"gzip", "br", "zstd"}
