"""Laws of the wire: answers are read the same however they come in pieces, and what is none says why."""

import asyncio
import random
import ssl
import time
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import StressError, TargetRefused, TargetUnreachable
from hagworm.frame.stress_tests.alarm import Alarm
from hagworm.frame.stress_tests.answer import CHUNKED, UNTIL_CLOSE, BadAnswer, Chunks, Head, fields_of, parse_head
from hagworm.frame.stress_tests.connection import Connection
from hagworm.frame.stress_tests.order import Order, Request
from hagworm.frame.stress_tests.plan import Closed, Open, Share, Stage
from hagworm.frame.stress_tests.pool import Pool
from hagworm.frame.stress_tests.tally import Tally
from hagworm.frame.stress_tests.target import Target, is_loopback, parse_target, reach

ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHello",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x, chunked\r\n\r\n2\r\nHe\r\n3;x\r\nllo\r\n0\r\nEnd: 1\r\n\r\n",
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHello",
}


class Pipe:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.ended = ""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.ended = self.ended or "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class Outcome:
    """A connection, and what it told."""

    def __init__(self, *, keeps_body: bool = True) -> None:
        self.told: list[Any] = []
        self.pipe = Pipe()
        self.row = Tally().row("x")
        self.connection = Connection(
            lambda one: self.told.append((one.head.status, bytes(one.body))),
            lambda one, reason: self.told.append(reason),
            lambda one: self.told.append("gone"),
            {},
            keeps_body=keeps_body,
        )
        self.connection.connection_made(cast(asyncio.Transport, self.pipe))

    def ask(self, *, bodiless: bool = False) -> None:
        self.connection.send(b"GET", self.row, 1.0, bodiless=bodiless)


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(1, 120), max_size=8), st.booleans())
def test_an_answer_is_the_same_however_it_comes_in_pieces(name: str, cuts: list[int], keeps: bool) -> None:
    outcome = Outcome(keeps_body=keeps)
    data = ANSWERS[name]
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})

    for _ in range(2):
        outcome.ask()

        for start, end in zip(edges, edges[1:], strict=False):
            outcome.connection.data_received(data[start:end])

    expected = (204, b"") if name == "empty" else (200, b"Hello" if keeps else b"")
    assert outcome.told == [expected, expected]
    assert outcome.connection.alive
    assert outcome.row.received == 2 * len(data)
    assert outcome.row.sent == 2 * len(b"GET")


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    outcome = Outcome()
    outcome.ask()
    outcome.connection.data_received(b"HTTP/1.0 200 OK\r\n\r\nHel")
    outcome.connection.data_received(b"lo")
    outcome.connection.connection_lost(None)

    assert outcome.told == [(200, b"Hello"), "gone"]


def test_an_answer_to_head_has_no_body() -> None:
    outcome = Outcome()
    outcome.ask(bodiless=True)
    outcome.connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    outcome.ask()
    outcome.connection.data_received(ANSWERS["length"])

    assert outcome.told == [(200, b""), (200, b"Hello")]


@pytest.mark.parametrize(
    ("data", "exc", "reason"),
    [
        (b"", None, "connection closed before the answer"),
        (b"", ConnectionResetError(), "connection reset before the answer"),
        (b"HTTP/1.1 2", None, "connection closed in the middle of the answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHel", None, "connection closed in the middle of the answer"),
        (b"HTTP/1.0 200 OK\r\n\r\nHel", ConnectionResetError(), "connection reset in the middle of the answer"),
        (b"", OSError("odd"), "connection failed before the answer: odd"),
    ],
)
def test_a_connection_that_ends_says_where(data: bytes, exc: Exception | None, reason: str) -> None:
    outcome = Outcome()
    outcome.ask()

    if data:
        outcome.connection.data_received(data)

    outcome.connection.connection_lost(exc)

    assert outcome.told == [reason, "gone"]
    assert not outcome.connection.alive


def test_a_kept_connection_that_ends_says_that_it_was_kept() -> None:
    outcome = Outcome()
    outcome.ask()
    outcome.connection.data_received(ANSWERS["length"])
    outcome.ask()
    outcome.connection.connection_lost(None)

    assert outcome.told[1] == "reused connection closed before the answer"


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 5000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
    ],
    ids=range(9),
)
def test_what_is_no_answer_breaks_the_connection(data: bytes) -> None:
    outcome = Outcome()
    outcome.ask()
    outcome.connection.data_received(data)

    assert len(outcome.told) == 1
    assert outcome.told[0].startswith("not HTTP/1.1")
    assert outcome.pipe.ended == "aborted"


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200", ANSWERS["chunked"] + b"x"],
    ids=["length", "chunked"],
)
def test_more_than_was_asked_for_is_taken_for_nobodys_answer(data: bytes) -> None:
    outcome = Outcome()
    outcome.ask()
    outcome.connection.data_received(data)

    assert outcome.told[0][0] == 200
    assert not outcome.connection.alive

    idle = Outcome()
    idle.connection.data_received(b"HTTP/1.1 408 Timeout\r\n\r\n")
    assert (idle.told, idle.pipe.ended) == ([], "aborted")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7", Head(200, 7, True)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close", Head(200, 7, False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 7", Head(200, 7, False)),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 7", Head(200, 7, True)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7", Head(304, 0, True)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", Head(200, CHUNKED, True)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip", Head(200, UNTIL_CLOSE, False)),
        (b"HTTP/1.1 200", Head(200, UNTIL_CLOSE, False)),
    ],
    ids=range(8),
)
def test_heads_say_where_their_answer_ends(head: bytes, expected: Head) -> None:
    assert parse_head(head) == expected


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(1, 40), st.integers(1, 30))
def test_a_chunked_body_is_what_was_put_into_it(body: bytes, size: int, piece: int) -> None:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    data = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\nrest"
    chunks = Chunks(keeps=True)
    rest = b""

    for at in range(0, len(data), piece):
        if chunks.complete:
            rest += data[at : at + piece]
        else:
            rest = chunks.feed(data[at : at + piece])

    assert (bytes(chunks.body), rest) == (body, b"rest")


def test_a_bad_chunk_is_refused() -> None:
    with pytest.raises(BadAnswer, match="chunk"):
        Chunks(keeps=False).feed(b"xyz\r\n")


def test_fields_are_read_in_lower_case() -> None:
    assert fields_of(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nset-cookie:a=b") == [("x-a", "1"), ("set-cookie", "a=b")]


async def test_an_alarm_rings_on_time_and_once_for_the_last_that_was_set() -> None:
    """To less than a millisecond, where this machine lets anything run that soon."""
    loop = asyncio.get_running_loop()
    late = []

    for _ in range(20):
        rung: asyncio.Future[float] = loop.create_future()
        alarm = Alarm(loop, lambda rung=rung: rung.set_result(time.monotonic()))  # type: ignore[misc]  # its default
        alarm.set(time.monotonic() + 10)
        moment = time.monotonic() + 0.0033
        alarm.set(moment)
        late.append(await rung - moment)
        alarm.close()
        alarm.close()
        alarm.set(moment)

    assert min(late) >= 0
    assert sorted(late)[5] < 0.001


async def test_an_alarm_for_a_moment_that_is_over_rings_at_once() -> None:
    rung = asyncio.Event()
    alarm = Alarm(asyncio.get_running_loop(), rung.set)
    alarm.set(0.0)
    await rung.wait()
    alarm.close()


async def test_tls_is_verified_unless_it_is_said_not_to_be(tmp_path: Path) -> None:
    certificate, key = signed_by_itself(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWERS["length"])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    target = parse_target(f"https://127.0.0.1:{port}/")
    reasons = []

    for verify in (True, False):
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        pool = Pool(
            target,
            ("127.0.0.1", port),
            timeout=5,
            answered=lambda one, done=done: done.set_result(one.head.status),  # type: ignore[misc]  # its default
            broken=lambda one, reason: None,
            keeps_body=True,
            verify=verify,
        )
        row = Tally().row("x")
        pool.open(lambda one, row=row: one.send(b"GET / HTTP/1.1\r\n\r\n", row, time.monotonic() + 5), done.set_result)  # type: ignore[misc]  # its default
        reasons.append(await done)
        await pool.close()

    server.close()
    await server.wait_closed()

    assert reasons == ["no connection: TLS: CERTIFICATE_VERIFY_FAILED", 200]


def signed_by_itself(folder: Path) -> tuple[Path, Path]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random.getrandbits(64))
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8000/a?b=c", Target("http", "127.0.0.1", 8000, "/a?b=c")),
        ("https://example.org", Target("https", "example.org", 443, "/")),
        ("ws://[::1]:9/", Target("ws", "::1", 9, "/")),
    ],
)
def test_urls_have_parts(url: str, expected: Target) -> None:
    assert parse_target(url) == expected
    assert str(expected).startswith(url)


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "http://", "http://x:y/", "ftp://x/", "http://x/ y", "http://x/é"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(StressError, match="not a URL"):
        parse_target(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(StressError) as caught:
        parse_target("http://me:secret@127.0.0.1/")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("::ffff:8.8.8.8", False),
    ],
)
def test_loopback_is_this_machine(address: str, own: bool) -> None:
    assert is_loopback(address) is own


def test_other_machines_are_not_loaded_unless_they_are_said_to_be_mine() -> None:
    with pytest.raises(TargetRefused, match="--target-is-mine"):
        reach(parse_target("http://192.0.2.1/"), mine=False)


def test_where_nothing_answers_no_load_starts() -> None:
    with pytest.raises(TargetUnreachable, match="nothing answers at http://127.0.0.1:1/: Connection refused"):
        reach(parse_target("http://127.0.0.1:1/"), mine=False)

    with pytest.raises(TargetUnreachable, match="has no address"):
        reach(parse_target("http://nobody.invalid/"), mine=False)


def test_a_request_is_written_once_as_it_goes_over_the_wire() -> None:
    target = parse_target("http://127.0.0.1:8000/a?b=c")

    assert Request().to_bytes(target) == b"GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n"
    assert Request("POST", (("Host", "x"),), b"hi").to_bytes(target) == (
        b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Request("GET /"),
        lambda: Request("GÉT"),
        lambda: Request(headers=(("X\r\nY", "1"),)),
        lambda: Request(headers=(("X", "1\r\nY: 2"),)),
        lambda: Request(headers=(("a b", "1"),)),
    ],
    ids=["path", "letters", "name", "value", "space"],
)
def test_a_request_that_would_be_two_is_refused(make: Any) -> None:
    with pytest.raises(StressError, match="not a "):
        make()


@pytest.mark.parametrize("plan", [Closed(5, 2), Open((Stage(1, 2, 3),), "poisson", 1)], ids=["closed", "open"])
def test_an_order_that_is_sent_is_the_same_when_it_arrives(plan: Any) -> None:
    import json

    order = Order(
        parse_target("http://127.0.0.1:8000/"),
        ("127.0.0.1", 8000),
        plan,
        ("x.py:Y",),
        Request("PUT", (("A", "b"),), b"\xff\x00", (200, 201)),
        Share(1, 3),
        seed=9,
    )

    assert Order.from_json(json.loads(order.dump())) == order


def test_an_order_is_split_without_loss() -> None:
    order = Order(parse_target("http://127.0.0.1/"), ("127.0.0.1", 80), Closed(5, 2), places=10)
    parts = order.split(3)

    assert [part.places for part in parts] == [4, 3, 3]
    assert [part.share for part in parts] == [Share(0, 3), Share(1, 3), Share(2, 3)]

    with pytest.raises(StressError, match="10 places are not enough for 11 processes"):
        order.split(11)


@pytest.mark.parametrize("value", [{}, {"request": {}}, {"request": None}])
def test_what_is_no_order_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(StressError, match="not an order"):
        Order.from_json(value)
