"""Laws of the parser of request heads."""

import pytest

from hagworm.frame.tornado.body import BrokenBody, ChunkedBody, FixedBody
from hagworm.frame.tornado.head import Heads, Refused, parse_fields, parse_framing, parse_line, parse_list


def parse_head(head: bytes) -> tuple[str, bytes, str, list[tuple[bytes, bytes]]]:
    line, _, block = head.partition(b"\r\n")
    return *parse_line(line), [*parse_fields(block)]


def test_a_head_is_taken_apart_as_it_was_sent() -> None:
    method, target, version, pairs = parse_head(b"GET /a%2Fb?x=%zz HTTP/1.1\r\nHost: a\r\nX-Mixed_Case: \t v w \t")

    assert (method, target, version) == ("GET", b"/a%2Fb?x=%zz", "1.1")
    assert pairs == [(b"host", b"a"), (b"x-mixed_case", b"v w")]


def test_duplicates_keep_their_order() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 3")[3] == [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]


def test_what_a_value_holds_beyond_line_breaks_is_not_the_parsers_business() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\nX: \xfc\x07\t:\x7f")[3] == [(b"x", b"\xfc\x07\t:\x7f")]


def test_methods_are_case_sensitive_tokens() -> None:
    assert parse_head(b"get / HTTP/1.1")[0] == "get"
    assert parse_head(b"M-SEARCH * HTTP/1.1")[0] == "M-SEARCH"


def test_every_version_is_passed_on() -> None:
    assert parse_head(b"GET / HTTP/1.0")[2] == "1.0"
    assert parse_head(b"GET / HTTP/2.0")[2] == "2.0"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET  HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /\t HTTP/1.1",
        b"GET /\x07 HTTP/1.1",
        b"G@T / HTTP/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/11.1",
        b"GET / http/1.1",
        b"GET / HTTP/1.1\nHost: a",
        b"GET / HTTP/1.1\r\nHost: a\nX: 1",
        b"GET / HTTP/1.1\r\nHost: a\r",
        b"GET / HTTP/1.1\r\nHost: a\rb",
        b"GET / HTTP/1.1\r\nHost: a\0",
        b"GET / HTTP/1.1\r\nHost",
        b"GET / HTTP/1.1\r\nHost : a",
        b"GET / HTTP/1.1\r\n Host: a",
        b"GET / HTTP/1.1\r\nX: a\r\n folded",
        b"GET / HTTP/1.1\r\nX: a\r\n\tfolded: b",
        b"GET / HTTP/1.1\r\n: a",
        b"GET / HTTP/1.1\r\nX\xfc: a",
        b"GET / HTTP/1.1\r\nX@: a",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(head: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parse_head(head)

    assert caught.value.status == 400


def test_a_client_cannot_fill_the_memory_with_names() -> None:
    from hagworm.frame.tornado.head import _NAMES

    for number in range(3000):
        parse_head(b"GET / HTTP/1.1\r\nX-Name-%d: 1" % number)

    parse_head(b"GET / HTTP/1.1\r\n%b: 1" % (b"X" * 100))

    assert len(_NAMES) <= 1000
    assert all(len(name) <= 64 for name in _NAMES)


def test_a_request_without_any_framing_has_no_body_and_keeps_the_connection() -> None:
    framing = parse_framing("1.1", [(b"host", b"a")])

    assert framing == (0, True, False, False, None)
    assert framing.open_body() is None


@pytest.mark.parametrize(
    ("version", "value", "keep"),
    [
        ("1.1", b"keep-alive", True),
        ("1.1", b"Close", False),
        ("1.1", b"x, CLOSE", False),
        ("1.1", b"close-not", True),
        ("1.0", b"x", False),
        ("1.0", b"Keep-Alive", True),
        ("1.2", b"keep-alive", False),
    ],
)
def test_who_wants_the_connection_kept(version: str, value: bytes, keep: bool) -> None:
    assert parse_framing(version, [(b"connection", value)]).keep is keep


def test_a_connection_of_an_old_client_is_not_kept_unasked() -> None:
    assert parse_framing("1.0", []).keep is False


def test_a_length_frames_a_body_and_zero_frames_none() -> None:
    body = parse_framing("1.1", [(b"content-length", b"5")]).open_body()

    assert isinstance(body, FixedBody)
    assert body.remaining() == 5
    assert parse_framing("1.1", [(b"content-length", b"0")]).open_body() is None


def test_equal_lengths_are_one() -> None:
    body = parse_framing("1.1", [(b"content-length", b"5"), (b"content-length", b"5")]).open_body()

    assert body is not None
    assert body.remaining() == 5


@pytest.mark.parametrize(
    "lengths", [(b"+3",), (b"-3",), (b"3 ",), (b"0x3",), (b"",), (b"5", b"6"), (b"5, 5",), (b"9" * 19,)]
)
def test_a_length_that_is_none_is_refused(lengths: tuple[bytes, ...]) -> None:
    with pytest.raises(Refused):
        parse_framing("1.1", [(b"content-length", length) for length in lengths])


def test_chunks_frame_a_body() -> None:
    framing = parse_framing("1.1", [(b"transfer-encoding", b"Chunked")])

    assert isinstance(framing.open_body(), ChunkedBody)
    assert framing.keep


@pytest.mark.parametrize(
    ("version", "pairs"),
    [
        ("1.1", [(b"transfer-encoding", b"chunked"), (b"content-length", b"3")]),
        ("1.1", [(b"transfer-encoding", b"gzip, chunked")]),
        ("1.1", [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")]),
        ("1.1", [(b"transfer-encoding", b"")]),
        ("1.0", [(b"transfer-encoding", b"chunked"), (b"connection", b"keep-alive")]),
    ],
)
def test_a_framing_that_cannot_be_trusted_ends_the_connection(version: str, pairs: list[tuple[bytes, bytes]]) -> None:
    framing = parse_framing(version, pairs)

    assert isinstance(framing.open_body(), BrokenBody)
    assert not framing.keep


def test_an_expectation_counts_where_there_is_a_body_to_wait_for() -> None:
    expect, length = (b"expect", b"100-Continue"), (b"content-length", b"1")

    assert parse_framing("1.1", [expect, length]).expects
    assert not parse_framing("1.1", [expect]).expects
    assert not parse_framing("1.0", [expect, length]).expects
    assert not parse_framing("1.1", [(b"expect", b"miracles"), length]).expects


@pytest.mark.parametrize(
    ("version", "upgrade", "connection", "upgrades"),
    [
        ("1.1", b"WebSocket", b"keep-alive, Upgrade", True),
        ("1.1", b"h2c, websocket", b"upgrade", True),
        ("1.1", b"websocket", b"keep-alive", False),
        ("1.1", b"h2c", b"upgrade", False),
        ("1.0", b"websocket", b"upgrade", False),
    ],
)
def test_who_asks_for_a_websocket(version: str, upgrade: bytes, connection: bytes, upgrades: bool) -> None:
    assert parse_framing(version, [(b"upgrade", upgrade), (b"connection", connection)]).upgrades is upgrades


def test_a_list_may_come_on_several_lines_and_hold_nothing_between_commas() -> None:
    assert parse_list([(b"x", b"a, b"), (b"y", b"z"), (b"x", b",\t C,")], b"x") == [b"a", b"b", b"C"]


def test_headers_that_come_again_are_read_once_and_frame_a_body_of_their_own() -> None:
    heads = Heads()
    block = b"Host: a\r\nContent-Length: 3"
    first, framing = heads.read(block, "1.1")
    again, same = heads.read(bytes(bytearray(block)), "1.1")

    assert again is first
    assert same is framing
    assert framing.open_body() is not framing.open_body()


def test_the_version_says_what_the_same_headers_mean() -> None:
    heads = Heads()

    assert heads.read(b"Host: a", "1.1")[1].keep
    assert not heads.read(b"Host: a", "1.0")[1].keep
    assert heads.read(b"Host: a", "1.1")[1].keep


def test_a_client_cannot_fill_the_memory_with_headers() -> None:
    heads = Heads()

    for number in range(2000):
        heads.read(b"X: %d" % number, "1.1")

    heads.read(b"X: " + b"x" * 5000, "1.1")

    assert len(heads._known) <= 256
    assert all(len(block) <= 1024 for block in heads._known)


def test_what_was_refused_is_refused_again() -> None:
    heads = Heads()

    for _ in range(2):
        with pytest.raises(Refused):
            heads.read(b"X : 1", "1.1")
