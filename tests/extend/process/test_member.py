"""A supervised process tells that it is ready once, and only who was given the descriptor is one."""

import os
from collections.abc import Iterator

import pytest

from hagworm.extend.process import Heartbeat
from hagworm.extend.process.member import READY, describe_member, take_member


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends

    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


def test_it_is_ready_once(pipe: tuple[int, int]) -> None:
    environment = describe_member(3, pipe[1], "")
    member = take_member(environment)
    assert member is not None and environment == {}
    assert (member.slot, member.beat_timeout) == (3, None)
    member.ready()
    member.ready()
    member.beat()
    assert os.read(pipe[0], 10) == READY
    assert os.read(pipe[0], 10) == b""
    assert repr(member) == "<Member in slot 3, ready>"


def test_it_beats_where_that_is_wanted(pipe: tuple[int, int]) -> None:
    with Heartbeat.create(timeout=5) as board:
        member = take_member(describe_member(1, pipe[1], board.name))
        assert member is not None and member.board is not None
        assert member.beat_timeout == 5
        assert [(sign.pid, sign.label) for sign in board.signs()] == [(os.getpid(), "slot 1")]
        member.board.close()


def test_a_supervisor_that_is_gone_is_no_error(pipe: tuple[int, int]) -> None:
    member = take_member(describe_member(0, pipe[1], ""))
    os.close(pipe[0])
    assert member is not None
    member.ready()


def test_who_was_not_given_the_descriptor_is_no_member(pipe: tuple[int, int]) -> None:
    assert take_member({}) is None
    environment = describe_member(0, pipe[1], "")
    os.dup2(pipe[0], pipe[1])
    environment["_HAGWORM_MEMBER"] = environment["_HAGWORM_MEMBER"].replace(f":{os.fstat(pipe[1]).st_ino}:", ":1:")
    assert take_member({**environment}) is None
    os.close(pipe[1])
    assert take_member(environment) is None
