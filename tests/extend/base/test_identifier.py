"""Identifiers are different, in order where that is promised, and tell nothing about the machine."""

import os
import threading
import uuid
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.identifier import (
    NANOID_ALPHABET,
    Snowflake,
    TimedIds,
    nanoid,
    new_token,
    ulid,
    ulid_to_uuid,
    uuid4,
    uuid7,
    uuid_time,
    uuid_to_ulid,
)
from hagworm.extend.error import BadValue, ClockBehind

MS = 1_000_000
START = 1_700_000_000_000 * MS
JUMPS = st.lists(st.integers(-(10**12), 10**12), max_size=60)


class Clock:
    """A clock that is set by hand, in nanoseconds."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_u12_no_identifier_tells_machine_or_sequence() -> None:
    mac = f"{uuid.getnode():012x}"

    for made in (uuid4(), uuid7()):
        assert made.version in (4, 7)
        assert made.variant == uuid.RFC_4122
        assert made.hex[-12:] != mac

    assert len({uuid4() for _ in range(1000)}) == 1000


def test_a_uuid_of_version_4_has_122_random_bits() -> None:
    assert uuid4(random=lambda size: b"\xff" * size) == uuid.UUID("ffffffff-ffff-4fff-bfff-ffffffffffff")
    assert uuid4(random=bytes) == uuid.UUID("00000000-0000-4000-8000-000000000000")


def test_a_uuid_of_version_7_is_the_one_of_rfc_9562() -> None:
    """Appendix A.6, with the fraction of the millisecond in place of random bits (6.2, method 3)."""
    moment = 0x017F22E279B0
    ids = TimedIds(clock=Clock(moment * MS + MS // 2), random=lambda size: b"\xff" * size)
    made = ids.uuid7()

    assert str(made) == "017f22e2-79b0-7800-bfff-ffffffffffff"
    assert uuid_time(made) == datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)


@settings(deadline=None)
@given(JUMPS)
def test_each_is_greater_than_the_one_before_whatever_the_clock_does(jumps: list[int]) -> None:
    clock = Clock()
    ids = TimedIds(clock=clock)
    uuids, ulids = [ids.uuid7()], [ids.ulid()]

    for jump in jumps:
        clock.now += jump
        uuids.append(ids.uuid7())
        ulids.append(ids.ulid())

    assert all(left < right for left, right in pairwise(uuids))
    assert all(left < right for left, right in pairwise(ulids))
    assert [made.hex for made in uuids] == sorted(made.hex for made in uuids)


def test_threads_never_get_the_same() -> None:
    ids = TimedIds(clock=Clock())
    flakes = Snowflake(1, clock=Clock(), ahead=10**9, epoch=datetime(2023, 1, 1, tzinfo=UTC))
    made: list[object] = []

    def make() -> None:
        mine = [(ids.uuid7(), ids.ulid(), flakes.next_id()) for _ in range(2000)]
        made.extend(item for several in mine for item in several)

    threads = [threading.Thread(target=make) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert len(set(made)) == len(made) == 4 * 2000 * 3


def test_a_forked_process_does_not_wait_for_a_lock_that_nobody_holds() -> None:
    ids = TimedIds()

    with ids.lock:
        if (child := os.fork()) == 0:
            ids.uuid7()
            os._exit(0)

        assert os.waitpid(child, 0)[1] == 0


def test_a_ulid_is_the_one_of_its_specification() -> None:
    ids = TimedIds(clock=Clock(1_469_918_176_385 * MS), random=bytes)

    assert ids.ulid() == "01ARYZ6S41" + "0" * 16
    assert ids.ulid() == "01ARYZ6S41" + "0" * 15 + "1"
    assert len(ulid()) == 26
    assert ulid_to_uuid("7ZZZZZZZZZZZZZZZZZZZZZZZZZ").int == (1 << 128) - 1


@settings(deadline=None)
@given(st.integers(0, (1 << 128) - 1))
def test_a_ulid_and_a_uuid_are_the_same_bits(bits: int) -> None:
    value = uuid.UUID(int=bits)
    text = uuid_to_ulid(value)

    assert ulid_to_uuid(text) == value
    assert ulid_to_uuid(text.lower().replace("1", "l").replace("0", "O")) == value


@pytest.mark.parametrize("text", ["", "8" + "0" * 25, "0" * 25, "0" * 27, "U" * 26, "é" * 26, "-" + "0" * 25])
def test_what_is_no_ulid_is_refused(text: str) -> None:
    with pytest.raises(BadValue):
        ulid_to_uuid(text)


def test_only_version_7_tells_its_time() -> None:
    with pytest.raises(BadValue, match="a UUID of version 7"):
        uuid_time(uuid4())


@settings(deadline=None)
@given(st.integers(1, 60), st.sets(st.characters(min_codepoint=33, max_codepoint=300), min_size=2, max_size=200))
def test_a_nanoid_has_its_size_and_its_alphabet(size: int, characters: set[str]) -> None:
    alphabet = "".join(characters)
    made = nanoid(size, alphabet)

    assert len(made) == size
    assert set(made) <= characters


def test_no_character_of_a_nanoid_is_likelier_than_another() -> None:
    """Bytes from 0 to 255, each once: with 10 characters each comes 25 times, as 250 to 255 are left out."""
    made = nanoid(250, "0123456789", random=lambda size: bytes(range(256)))

    assert {made.count(digit) for digit in "0123456789"} == {25}
    assert len(nanoid()) == 21
    assert len(set(NANOID_ALPHABET)) == 64


def test_what_could_be_guessed_is_refused() -> None:
    for wrong in (lambda: new_token(15), lambda: nanoid(0), lambda: nanoid(5, "a"), lambda: nanoid(5, "aab")):
        with pytest.raises(BadValue):
            wrong()

    assert len(new_token()) == 43


@settings(deadline=None)
@given(JUMPS, st.integers(0, 31))
def test_a_snowflake_is_never_given_twice_and_always_greater(jumps: list[int], node: int) -> None:
    clock = Clock()
    flakes = Snowflake(node, node_bits=5, sequence_bits=4, clock=clock, epoch=datetime(2023, 1, 1, tzinfo=UTC))
    last = flakes.next_id()

    for jump in jumps:
        clock.now += jump

        try:
            made = flakes.next_id()
        except ClockBehind as behind:
            assert jump < 0 or behind.retry_after
            continue

        assert made > last
        assert flakes.parse(made).node == node
        last = made


def test_a_snowflake_borrows_from_the_time_to_come_and_then_says_how_long_to_wait() -> None:
    clock = Clock()
    flakes = Snowflake(3, sequence_bits=1, ahead=1, clock=clock)
    parts = [flakes.parse(flakes.next_id()) for _ in range(4)]
    now = datetime.fromtimestamp(START / 1e9, UTC)

    assert [part.sequence for part in parts] == [0, 1, 0, 1]
    assert [part.moment - now for part in parts] == [timedelta(0)] * 2 + [timedelta(milliseconds=1)] * 2

    with pytest.raises(ClockBehind, match="2 ms behind") as behind:
        flakes.next_id()

    assert behind.value.retry_after == 0.001
    clock.now += MS
    assert flakes.parse(flakes.next_id()).sequence == 0


def test_what_is_no_snowflake_maker_is_refused() -> None:
    for wrong in (
        lambda: Snowflake(1024),
        lambda: Snowflake(-1),
        lambda: Snowflake(0, node_bits=12, sequence_bits=12),
        lambda: Snowflake(0, epoch=datetime(2020, 1, 1)),
        lambda: Snowflake(0).parse(-1),
    ):
        with pytest.raises(BadValue):
            wrong()

    late = Snowflake(0, clock=Clock(START + (1 << 41) * MS))

    with pytest.raises(BadValue, match="a clock in the years after"):
        late.next_id()

    assert repr(late) == "<Snowflake node 0 since 2020-01-01>"
