"""Laws of the frames of a WebSocket."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.exchange import Closed
from hagworm.frame.tornado import frames as module
from hagworm.frame.tornado.frames import (
    FrameError,
    Frames,
    Ping,
    Pong,
    close_frame,
    data_frame,
    masked_frame,
    ping_frame,
    pong_frame,
)

LIMIT = 1000
KEY = b"\x01\x02\x03\x04"

Event = str | bytes | Ping | Pong | Closed


def frame(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0, mask: bytes | None = KEY) -> bytes:
    first = opcode | (0x80 if final else 0) | reserved
    size = len(payload)
    bit = 0 if mask is None else 0x80
    length = bytes((bit | size,)) if size < 126 else bytes((bit | 126,)) + struct.pack("!H", size)
    masked = payload if mask is None else mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    return bytes((first,)) + length + masked


def events(frames: Frames) -> list[Event]:
    found = []

    while (event := frames.next()) is not None:
        found.append(event)

    return found


def decode(*pieces: bytes, limit: int = LIMIT) -> list[Event]:
    frames = Frames(limit)
    found: list[Event] = []

    for piece in pieces:
        frames.feed(piece)
        found += events(frames)

    return found


MESSAGES = st.lists(st.one_of(st.text(max_size=150), st.binary(max_size=300)), max_size=5)


@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1, max_size=40))
def test_messages_are_the_same_however_they_arrive(messages: list[str | bytes], sizes: list[int]) -> None:
    wire = b"".join(frame(1, m.encode()) if isinstance(m, str) else frame(2, m) for m in messages)
    pieces, at = [], 0

    for size in sizes:
        pieces.append(wire[at : at + size])
        at += size

    assert decode(*pieces, wire[at:]) == messages


def test_fragments_are_one_message_with_control_frames_between() -> None:
    wire = frame(1, "h\xe9".encode()[:2], final=False) + frame(9, b"p") + frame(0, "h\xe9".encode()[2:] + b"!")

    assert decode(wire) == [Ping(b"p"), "h\xe9!"]
    assert decode(frame(2, b"a", final=False) + frame(0, b"", final=False) + frame(0, b"b")) == [b"ab"]


def test_a_message_after_a_fragmented_one_starts_anew() -> None:
    fragmented = frame(1, b"a" * 600, final=False) + frame(0, b"a" * 300)

    assert decode(fragmented * 3) == ["a" * 900] * 3


def test_control_frames_are_told_apart() -> None:
    wire = frame(9, b"x") + frame(10, b"y") + frame(8, struct.pack("!H", 4001) + "\xe9".encode())

    assert decode(wire) == [Ping(b"x"), Pong(b"y"), Closed(4001, "\xe9")]
    assert decode(frame(8, b"")) == [Closed(1005)]


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (frame(1, b"x", mask=None), 1002),
        (frame(1, b"x", reserved=0x40), 1002),
        (frame(1, b"x", reserved=0x20), 1002),
        (frame(9, b"x", reserved=0x10), 1002),
        (frame(3, b"x"), 1002),
        (frame(11, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(1, b"x", final=False) + frame(1, b"y"), 1002),
        (frame(2, b"x", final=False) + frame(2, b"y", final=False), 1002),
        (frame(9, b"x", final=False), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(8, b"x"), 1002),
        (frame(8, struct.pack("!H", 1005)), 1002),
        (frame(8, struct.pack("!H", 1006)), 1002),
        (frame(8, struct.pack("!H", 999)), 1002),
        (frame(8, struct.pack("!H", 1015)), 1002),
        (frame(8, struct.pack("!H", 5000)), 1002),
        (frame(8, struct.pack("!H", 1000) + b"\xff"), 1007),
        (frame(1, b"\xff"), 1007),
        (frame(1, b"\xed\xa0\x80"), 1007),
        (frame(1, b"a\xc3", final=False) + frame(0, b"a"), 1007),
        (frame(1, b"a\xff", final=False), 1007),
        (frame(1, b"\xc3"), 1007),
        (frame(2, b"x" * (LIMIT + 1)), 1009),
        (frame(2, b"x" * LIMIT, final=False) + frame(0, b"x"), 1009),
        (b"\x82\xff" + b"\xff" * 8 + KEY, 1009),
    ],
)
def test_what_breaks_the_protocol_is_refused_with_its_code(wire: bytes, code: int) -> None:
    with pytest.raises(FrameError) as caught:
        decode(wire)

    assert caught.value.code == code


def test_a_message_that_is_too_big_is_refused_before_it_has_arrived() -> None:
    with pytest.raises(FrameError):
        decode(frame(2, b"x" * (LIMIT + 1))[:8])


def test_the_limit_itself_is_allowed() -> None:
    assert decode(frame(2, b"x" * LIMIT)) == [b"x" * LIMIT]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_what_is_sent_is_one_unmasked_frame(size: int) -> None:
    sent = data_frame(b"x" * size)
    head = 2 if size < 126 else 4 if size < 65536 else 10

    assert sent[0] == 0x82
    assert sent[1] == (size if size < 126 else 126 if size < 65536 else 127)
    assert sent[head:] == b"x" * size
    assert data_frame("x" * size)[0] == 0x81


@pytest.mark.parametrize("size", [0, 125, 126, 70000])
def test_a_frame_under_the_empty_mask_is_what_a_client_would_send(size: int) -> None:
    assert decode(masked_frame(2, b"x" * size), limit=100_000) == [b"x" * size]


def test_control_frames_as_they_are_sent() -> None:
    assert ping_frame(b"a") == b"\x89\x01a"
    assert pong_frame(b"a") == b"\x8a\x01a"
    assert close_frame(1000, "bye") == b"\x88\x05\x03\xe8bye"
    assert close_frame(1005, "") == b"\x88\x00"


def test_a_reason_is_cut_between_two_characters() -> None:
    sent = close_frame(1000, "\xe9" * 100)

    assert len(sent) == 2 + 2 + 122
    assert sent[4:].decode() == "\xe9" * 61


def test_the_mask_comes_off_in_plain_python_as_it_does_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in (0, 1, 3, 4, 5, 1000):
        data = bytes(range(256)) * 4
        assert module.unmask_plainly(KEY, data[:size]) == module.unmask(KEY, data[:size])
