"""R09: what outsiders write is read in a time that grows with its length, whatever it holds."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple

from hagworm.extend.base.address import parse_host_port
from hagworm.extend.base.codec import decode_json, parse_xml
from hagworm.extend.error import HagwormError
from hagworm.extend.field import parse_domain, parse_email, parse_url
from hagworm.extend.media import M3U8
from hagworm.facade.conditional import parse_etags
from hagworm.facade.cookies import parse_cookies
from hagworm.facade.forwarded import parse_forwarded
from hagworm.facade.multipart import MultipartError, MultipartParser
from hagworm.facade.negotiation import best_media_type, choose_encoding
from hagworm.facade.query import parse_pairs
from hagworm.facade.ranges import parse_ranges
from hagworm.facade.target import read_target
from tests.chaos.bar import Bar, Trial, main

__all__ = ("PROMISE", "run")

PROMISE = "eight times the text takes nowhere near sixty-four times as long in every parser of what comes from outside"

HEADER = 32 << 10
"""What a request may carry in its headers."""
BODY = 1 << 20
STEPS = 8
MOST = 3.0**3
"""3 for each doubling, as a busy machine adds its part; what is quadratic takes 64 times as long."""
NOISE = 0.005
"""Seconds below which a time says nothing."""

Parse = Callable[[bytes], object]


class Parser(NamedTuple):
    """Something that reads what outsiders write: how long that may be, and what is put around hostile pieces."""

    parse: Parse
    size: int
    head: bytes = b""
    tail: bytes = b""
    pieces: tuple[bytes, ...] = ()


def multipart(data: bytes) -> None:
    parser = MultipartParser(b"x")
    parser.feed(data)
    parser.finish()


def multipart_by_bytes(data: bytes) -> None:
    parser = MultipartParser(b"x")

    for place in range(0, len(data), 64):
        parser.feed(data[place : place + 64])

    parser.finish()


def playlist(data: bytes) -> None:
    M3U8(data, lenient=True)


def text(parse: Callable[[str], object]) -> Parse:
    return lambda data: parse(data.decode("latin-1"))


PART = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n'

PARSERS: dict[str, Parser] = {
    "cookie": Parser(
        lambda data: parse_cookies([data]),
        HEADER,
        pieces=(b"a=b; ", b";", b'a="', b'\\"', b"=", b'a="\\073', b" ", b'"', b"a=b;a=b;", b"%"),
    ),
    "query": Parser(
        lambda data: parse_pairs(data, 1 << 30), BODY, pieces=(b"a=b&", b"&", b"%", b"%41", b"%ff", b"+", b"=", b"a=%&")
    ),
    "target": Parser(read_target, HEADER, b"/", pieces=(b"/", b"../", b"./", b"%2e%2e/", b"%", b"?", b"//", b"a/../")),
    "multipart": Parser(
        multipart, BODY, PART, b"\r\n--x--\r\n", (b"\r", b"\n", b"\r\n", b"-", b"\r\n-", b"\r\n--", b"\r\n--x", PART)
    ),
    "multipart in pieces": Parser(multipart_by_bytes, BODY, PART, b"\r\n--x--\r\n", (b"\r", b"\r\n--", b"a")),
    "multipart head": Parser(multipart, BODY, b"--x\r\n", pieces=(b"a: b\r\n", b"a", b":", b"a:", b";", b'"', b"\\")),
    "range": Parser(
        lambda data: parse_ranges(data, 1 << 40),
        HEADER,
        b"bytes=",
        pieces=(b"0-1,", b",", b"-1,", b"9", b"0-,", b" ", b"-"),
    ),
    "accept": Parser(
        lambda data: best_media_type(data, ("text/html", "application/json")),
        HEADER,
        pieces=(b"a/b,", b",", b"a/b;q=0.5,", b";", b'a/b;c="', b'\\"', b"*/*,", b"/", b"a/b;q=" + b"0", b" "),
    ),
    "accept-encoding": Parser(
        lambda data: choose_encoding(data, ("br", "gzip")),
        HEADER,
        pieces=(b"gzip,", b",", b";q=", b"*,", b"a;q=0,", b" "),
    ),
    "forwarded": Parser(
        text(parse_forwarded), HEADER, pieces=(b"for=a,", b",", b";", b'for="', b"\\", b'"', b"=", b"for=[")
    ),
    "if-none-match": Parser(parse_etags, HEADER, pieces=(b'"a",', b",", b'"', b"W/", b'W/"', b" ", b"*")),
    "host": Parser(text(parse_host_port), HEADER, pieces=(b"a.", b":", b"[", b"]", b"1.", b"-", b"a" * 64 + b".")),
    "mail": Parser(text(parse_email), HEADER, pieces=(b"a.", b"@", b"a@", b".", b"a@b.", b'"', b"(")),
    "domain": Parser(text(parse_domain), HEADER, pieces=(b"a.", b"-", b".", b"a-.", b"xn--a.", b"\xfc.")),
    "url": Parser(text(parse_url), HEADER, b"http://", pieces=(b"a.", b"@", b":", b"[", b"/", b"?", b"%", b"a@")),
    "json": Parser(
        decode_json, BODY, pieces=(b"[", b'{"a":', b'"', b'"\\', b"1,", b"1", b'["a",', b" ", b"1e9", b"\\u00")
    ),
    "xml": Parser(
        parse_xml,
        BODY,
        b"<a>",
        b"</a>",
        (b"<a>", b"<a/>", b"<a ", b'b="c" ', b"<!--", b"<![CDATA[", b"&lt;", b"&", b"]]>"),
    ),
    "playlist": Parser(
        playlist,
        BODY,
        b"#EXTM3U\n",
        pieces=(b"#EXTINF:1,\na\n", b"#EXT-X-KEY:A=", b",", b'A="', b"#\n", b"\n", b"a\n", b"9"),
    ),
}


def seconds(parse: Parse, data: bytes) -> float:
    """Return the least processor time of five tries."""
    times = []

    for _ in range(5):
        began = time.process_time()

        with suppress(HagwormError, MultipartError, ValueError):  # that it is refused is as good as that it is read
            parse(data)

        times.append(time.process_time() - began)

    return min(times)


def texts(parser: Parser, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield each piece with a text that consists of it."""
    for piece in parser.pieces:
        yield piece, parser.head + piece * (size // len(piece)) + parser.tail


def examine(trial: Trial, parser: Parser) -> None:
    for (piece, short), (_, long) in zip(texts(parser, parser.size // STEPS), texts(parser, parser.size), strict=True):
        little, much = seconds(parser.parse, short), seconds(parser.parse, long)
        trial.note(**{repr(piece[:12]): round(much * 1000, 3)})

        if much > NOISE:
            ratio = much / max(little, NOISE / STEPS)
            trial.expect(ratio <= MOST, f"{piece[:12]!r}: {STEPS} times the text takes {ratio:.1f} times as long")


def run(bar: Bar) -> None:
    """Have every parser read what it is most likely to stumble over."""
    for name, parser in PARSERS.items():
        with bar.trial(name) as trial:
            examine(trial, parser if not bar.is_long else parser._replace(size=parser.size * 4))


if __name__ == "__main__":
    main(__file__, PROMISE, run)
