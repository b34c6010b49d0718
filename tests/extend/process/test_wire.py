"""What one process packs, the other unpacks: the same value, wherever it travels."""

import os
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hagworm.extend.process import wire
from hagworm.extend.process.wire import (
    INLINE,
    TooMuchWork,
    new_memory,
    pack,
    read_spool,
    spool,
    unpack,
)

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text() | some.binary(),
    lambda inside: some.lists(inside) | some.dictionaries(some.text(), inside),
)


class Buffer:
    """A value that leaves its content out of the stream, as arrays do."""

    def __init__(self, content: bytes | bytearray) -> None:
        self.content = content

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Buffer, (pickle.PickleBuffer(self.content),)


def through_memory(value: Any, memory: int = -1) -> Any:
    descriptor, about = spool(pack(value), memory)

    try:
        return read_spool(descriptor, about)
    finally:
        if memory < 0:
            os.close(descriptor)


@given(VALUES)
def test_a_value_comes_back_inline(value: Any) -> None:
    assert unpack(b"".join(pack(value).pieces)) == value


@given(VALUES)
def test_a_value_comes_back_through_memory(value: Any) -> None:
    assert through_memory(value) == value


@given(some.lists(some.integers(0, 100_000), max_size=4), some.booleans())
def test_buffers_come_back_beside_the_stream_and_can_be_written_where_they_could_be(
    sizes: list[int], big: bool
) -> None:
    values = [Buffer(bytearray([number]) * (size * (1 + 9 * big))) for number, size in enumerate(sizes)]
    back = through_memory(values)

    assert [bytes(buffer.content) for buffer in back] == [buffer.content for buffer in values]

    for buffer in back:
        if len(buffer.content) >= wire.OUT_OF_BAND:
            memoryview(buffer.content)[0] = 1


def test_memory_can_be_used_and_read_again_whatever_was_there() -> None:
    memory = new_memory()

    try:
        for size in (500_000, 10, 70_000, 0):
            value = [os.urandom(size), Buffer(os.urandom(size))]
            descriptor, about = spool(pack(value), memory)
            assert descriptor == memory

            for _ in range(2):
                back = read_spool(memory, about)
                assert back[0] == value[0]
                assert bytes(back[1].content) == value[1].content
    finally:
        os.close(memory)


def test_many_buffers_are_written_in_more_than_one_go() -> None:
    values = [Buffer(os.urandom(wire.OUT_OF_BAND)) for _ in range(wire.VECTORS // 2)]
    values = [*values, *values, *values]

    assert [bytes(value.content) for value in through_memory(values)] == [value.content for value in values]


def test_memory_has_a_file_where_the_system_has_no_memory_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")

    assert through_memory([b"x" * 100_000]) == [b"x" * 100_000]


def test_what_is_short_and_has_no_buffer_is_inline() -> None:
    assert pack(bytes(INLINE - 100)).is_inline
    assert not pack(bytes(INLINE + 1)).is_inline
    assert not pack(Buffer(bytes(wire.OUT_OF_BAND))).is_inline
    assert pack(Buffer(bytes(100))).is_inline
    assert repr(pack(Buffer(bytes(50_000)))).endswith("1 buffers apart>")


def test_work_has_a_limit_and_long_byte_strings_are_no_work() -> None:
    with pytest.raises(TooMuchWork):
        pack([str(number) for number in range(100_000)], 100_000)

    assert pack(bytes(10_000_000), 100_000).size > 10_000_000


def test_memory_that_is_shorter_than_was_said_is_an_error() -> None:
    memory, about = spool(pack([Buffer(bytes(100_000))]))
    os.ftruncate(memory, 50_000)

    with pytest.raises(EOFError):
        read_spool(memory, about)

    os.close(memory)


def test_memory_that_cannot_be_written_is_given_back() -> None:
    reading, writing = os.pipe()

    try:
        with pytest.raises(OSError):
            spool(pack(bytes(100_000)), reading)
    finally:
        os.close(reading)
        os.close(writing)
