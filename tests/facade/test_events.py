"""Laws of server-sent events: what is written is what a browser reads (WHATWG HTML 9.2.6)."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm import App, EventStream
from hagworm.facade.events import PING, ServerSentEvent, encode_event
from hagworm.testing import Client

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)
ID = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=20)


def dispatch(stream: bytes):
    """Read a stream as the standard says: (event, data, last id) of each event, and the reconnection time."""
    events, last, retry, name, data = [], "", None, "", []

    for line in re.split(r"\r\n|\r|\n", stream.decode()):
        if not line:
            if data:
                events.append((name or "message", "\n".join(data), last))

            name, data = "", []
            continue

        field, _, value = line.partition(":")
        value = value.removeprefix(" ")

        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif field == "id" and "\0" not in value:
            last = value
        elif field == "retry" and value.isascii() and value.isdigit():
            retry = int(value)

    return events, retry


@given(TEXT, st.none() | LINE, st.none() | ID, st.none() | st.integers(0, 10**9), st.none() | TEXT)
def test_a_browser_reads_what_was_sent(data, event, ident, retry, comment):
    stream = encode_event(ServerSentEvent(data, event=event, id=ident, retry=retry, comment=comment))
    events, reconnect = dispatch(stream)
    assert events == [(event or "message", re.sub(r"\r\n|\r", "\n", data), ident or "")]
    assert reconnect == retry


@given(st.lists(TEXT, max_size=5))
def test_events_one_after_the_other_stay_apart(texts):
    stream = PING.join(encode_event(text) for text in texts)
    assert [data for _, data, _ in dispatch(stream)[0]] == [re.sub(r"\r\n|\r", "\n", text) for text in texts]


@dataclass
class Order:
    number: int
    name: str


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hello", b"data: hello\n\n"),
        ("", b"data: \n\n"),
        (b"bytes", b"data: bytes\n\n"),
        ({"a": "é\n"}, 'data: {"a":"é\\n"}\n\n'.encode()),
        ([1, None, True], b"data: [1,null,true]\n\n"),
        (7, b"data: 7\n\n"),
        (Order(1, "x"), b'data: {"number":1,"name":"x"}\n\n'),
        ({"order": Order(1, "x")}, b'data: {"order":{"number":1,"name":"x"}}\n\n'),
        ("a\r\nb\rc\nd\u2028e\x0bf", "data: a\ndata: b\ndata: c\ndata: d\u2028e\x0bf\n\n".encode()),
        (ServerSentEvent(comment="hi\nyou"), b": hi\n: you\n\n"),
        (ServerSentEvent("x", "e", "1", 5, "c"), b": c\nevent: e\ndata: x\nid: 1\nretry: 5\n\n"),
    ],
)
def test_an_event_is_written_in_one_way(value, expected):
    assert encode_event(value) == expected


def test_another_writer_of_json_may_be_given():
    assert encode_event({"a": 1}, lambda value: b"{}") == b"data: {}\n\n"


@pytest.mark.parametrize(
    "options",
    [
        {"id": "a\0"},
        {"id": "a\nb"},
        {"id": "a\rb"},
        {"event": "a\nb"},
        {"event": "a\r"},
        {"retry": -1},
        {"retry": 1.5},
        {"retry": "5"},
    ],
)
def test_what_would_break_the_stream_is_refused(options):
    with pytest.raises(ValueError, match=r"^event"):
        ServerSentEvent("x", **options)


def test_what_json_cannot_say_is_refused():
    with pytest.raises(TypeError, match="builtins.object"):
        encode_event({"a": object()})

    with pytest.raises(ValueError, match="JSON compliant"):
        encode_event({"a": float("nan")})


def test_a_ping_is_no_event():
    assert dispatch(PING) == ([], None)


async def test_a_stream_of_events_writes_json_as_every_response_does():
    app = App()

    @app.get("/")
    async def feed() -> EventStream:
        async def items():
            yield "text"
            yield {"at": datetime(2026, 1, 1, tzinfo=UTC), "order": Order(1, "x")}
            yield ServerSentEvent(Decimal("1.50"), event="price", id="7")

        return EventStream(items(), ping=None)

    async with Client(app) as client:
        response = await client.get("/")

    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert dispatch(response.body)[0] == [
        ("message", "text", ""),
        ("message", '{"at":"2026-01-01T00:00:00Z","order":{"number":1,"name":"x"}}', ""),
        ("price", '"1.50"', "7"),
    ]
