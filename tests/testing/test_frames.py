"""WebSocket frames are read as RFC 6455 says, and refused with the code it names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.exchange import Closed
from hagworm.testing.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    Frame,
    FrameError,
    FrameParser,
    MessageParser,
    encode_close,
    encode_frame,
)


def parse(data: bytes, *, masked: bool = False, limit: int | None = None) -> Frame | None:
    parser = FrameParser(masked=masked, limit=limit)
    parser.feed(data)
    return parser.next_frame()


@given(
    st.sampled_from([TEXT, BINARY, CONTINUATION]),
    st.binary(max_size=300),
    st.booleans(),
    st.none() | st.binary(min_size=4, max_size=4),
)
def test_what_is_written_is_read(opcode: int, payload: bytes, final: bool, mask: bytes | None) -> None:
    data = encode_frame(opcode, payload, final=final, mask=mask)
    assert parse(data, masked=mask is not None) == Frame(opcode, payload, final)


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536, 100_000])
def test_every_width_of_the_length_is_read(size: int) -> None:
    assert parse(encode_frame(BINARY, b"x" * size)) == Frame(BINARY, b"x" * size)


def test_a_frame_that_comes_byte_by_byte_is_whole_at_its_last() -> None:
    parser, data = FrameParser(masked=True), encode_frame(TEXT, b"y" * 200, mask=b"abcd")

    for index in range(len(data) - 1):
        parser.feed(data[index : index + 1])
        assert parser.next_frame() is None

    parser.feed(data[-1:])
    assert parser.next_frame() == Frame(TEXT, b"y" * 200)


def test_the_example_of_the_rfc_is_read() -> None:
    assert parse(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", masked=True) == Frame(TEXT, b"Hello")


@pytest.mark.parametrize(
    ("data", "masked", "limit", "code"),
    [
        (encode_frame(3, b""), False, None, 1002),
        (encode_frame(TEXT, b"", reserved=4), False, None, 1002),
        (encode_frame(TEXT, b"x"), True, None, 1002),
        (encode_frame(TEXT, b"x", mask=b"abcd"), False, None, 1002),
        (encode_frame(PING, b"", final=False), False, None, 1002),
        (encode_frame(PING, b"x" * 126), False, None, 1002),
        (encode_frame(BINARY, b"x" * 11), False, 10, 1009),
    ],
    ids=["opcode", "reserved", "unmasked", "masked", "fragmented-ping", "long-ping", "too-big"],
)
def test_a_frame_that_breaks_the_protocol_is_refused(data: bytes, masked: bool, limit: int | None, code: int) -> None:
    with pytest.raises(FrameError) as caught:
        parse(data, masked=masked, limit=limit)

    assert caught.value.code == code


def test_fragments_make_one_message_and_control_frames_may_stand_between_them() -> None:
    parser = MessageParser()
    frames = [Frame(TEXT, b"\xc3", False), Frame(PING, b"?"), Frame(CONTINUATION, b"\xa9", True), Frame(BINARY, b"")]
    assert [parser.accept(frame) for frame in frames] == [None, None, "é", b""]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([Frame(CONTINUATION, b"x")], 1002),
        ([Frame(TEXT, b"x", False), Frame(TEXT, b"y")], 1002),
        ([Frame(TEXT, b"\xff")], 1007),
        ([Frame(TEXT, b"123456", False), Frame(CONTINUATION, b"78901")], 1009),
        ([Frame(CLOSE, b"\x03")], 1002),
        ([Frame(CLOSE, encode_close(1005))], 1002),
        ([Frame(CLOSE, encode_close(5000))], 1002),
        ([Frame(CLOSE, encode_close(1000) + b"\xff")], 1007),
    ],
)
def test_messages_that_break_the_protocol_are_refused(frames: list[Frame], code: int) -> None:
    parser = MessageParser(limit=10)

    with pytest.raises(FrameError) as caught:
        for frame in frames:
            parser.accept(frame)

    assert caught.value.code == code


def test_a_close_frame_says_how_the_connection_ends() -> None:
    assert MessageParser().accept(Frame(CLOSE, encode_close(4001, "bye"))) == Closed(4001, "bye")
    assert MessageParser().accept(Frame(CLOSE, encode_close())) == Closed(1005)
