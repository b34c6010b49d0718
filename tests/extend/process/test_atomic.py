"""Shared bytes are read whole, and a write has happened or has not, wherever its writer stops."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import SegmentError
from hagworm.extend.process import atomic
from hagworm.extend.process.atomic import AtomicMemory

SIZE = 24


class Killed(BaseException):
    """The writer is no more."""


class Life:
    """How many bytes and words may still be stored."""

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, wanted: int) -> int:
        spent = min(wanted, self.left)
        self.left -= spent
        return spent


class Mortal:
    """Memory that is stored to until a life is over, be it in the middle of a copy."""

    def __init__(self, content: Any, life: Life) -> None:
        self.content = content
        self.life = life

    def __getitem__(self, place: Any) -> Any:
        return self.content[place]

    def __setitem__(self, place: Any, value: Any) -> None:
        if isinstance(place, int):
            if not self.life.spend(1):
                raise Killed

            self.content[place] = value
            return

        done = self.life.spend(len(value))
        self.content[place.start : place.start + done] = value[:done]

        if done < len(value):
            raise Killed


def memory(size: int = SIZE) -> AtomicMemory:
    return AtomicMemory(bytearray(AtomicMemory.needed(size)), size)


def mortal(whole: AtomicMemory, life: Life) -> AtomicMemory:
    """Return the same memory as a writer with that life sees it."""
    seen = AtomicMemory(whole.memory, whole.size)
    seen.words = Mortal(whole.words, life)  # type: ignore[assignment]  # a stand-in that dies
    seen.memory = Mortal(whole.memory, life)  # type: ignore[assignment]  # a stand-in that dies
    return seen


def test_a_writer_that_dies_anywhere_has_written_all_or_nothing() -> None:
    seen = set()

    for life in range(60):
        whole = memory()
        whole.write(0, b"old" * 8)
        before, after = b"old" * 8, b"oldNEWNEWNEWNEW" + b"old" * 3

        try:
            mortal(whole, Life(life)).write(3, b"NEW" * 4)
        except Killed:
            pass

        state = whole.read(0, SIZE)
        assert state in (before, after), f"torn after {life} stores"
        assert whole.read(2, 5) == state[2:7]
        seen.add((state, whole.is_torn))
        # The next writer, elsewhere, leaves it like that.
        repairs = whole.repairs
        torn = whole.is_torn
        whole.write(21, b"end")
        assert whole.read(0, SIZE) == state[:21] + b"end"
        assert whole.repairs == repairs + torn
        assert not whole.is_torn

    assert seen == {(before, False), (after, True), (after, False)}


def test_a_repair_that_dies_anywhere_is_repaired_by_the_next() -> None:
    for life in range(14, 34):
        for second in range(16):
            whole = memory()

            for count in (life, second):
                try:
                    mortal(whole, Life(count)).write(3, b"NEW" * 4)
                except Killed:
                    pass

            assert whole.read(0, SIZE) in (bytes(SIZE), bytes(3) + b"NEW" * 4 + bytes(9))
            whole.write(0, b"x")
            assert whole.read(1, 2) == bytes(2)


class Busy:
    """Words of a writer that has always just written."""

    def __init__(self, whole: AtomicMemory, times: int) -> None:
        self.whole = whole
        self.words = whole.words
        self.times = times

    def __getitem__(self, place: int) -> int:
        if place == atomic.SEQUENCE and self.times:
            self.times -= 1
            number = self.words[place]
            AtomicMemory(self.whole.memory, SIZE).write(0, bytes([self.times % 256]) * SIZE)
            return number

        return self.words[place]


@pytest.mark.parametrize("times", (1, 7, 2 * atomic.TRIES - 2))
def test_a_reader_tries_until_it_has_seen_one_moment(times: int) -> None:
    whole = memory()
    whole.words = Busy(whole, times)  # type: ignore[assignment]  # a stand-in that writes
    seen = whole.read(0, SIZE)
    assert seen is not None and len(set(seen)) == 1


def test_a_reader_gives_up_where_others_write_without_pause() -> None:
    whole = memory()
    whole.words = Busy(whole, 10**6)  # type: ignore[assignment]  # a stand-in that writes
    assert whole.read(0, SIZE) is None


@given(st.lists(st.tuples(st.integers(0, SIZE), st.binary(max_size=SIZE)), max_size=8))
def test_what_is_written_is_read(writes: list[tuple[int, bytes]]) -> None:
    whole, model = memory(), bytearray(SIZE)

    for offset, piece in writes:
        fitting = piece[: SIZE - offset]
        whole.write(offset, fitting)
        model[offset : offset + len(fitting)] = fitting

    assert whole.read(0, SIZE) == model
    assert whole.writes == len(writes)


def test_a_log_that_cannot_be_is_refused() -> None:
    whole = memory()
    whole.words[atomic.SEQUENCE] = 1
    whole.words[atomic.LENGTH] = SIZE + 1

    with pytest.raises(SegmentError, match="25 bytes at 0, and there are 24"):
        whole.repair()


def test_other_machines_have_fences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "ORDERED", False)
    whole = memory()
    whole.write(0, b"abc")
    assert whole.read(0, 3) == b"abc"
    assert not atomic.BARRIER.locked()
