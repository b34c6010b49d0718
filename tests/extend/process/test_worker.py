"""Whatever goes wrong in a task is told, in one message that can always be made, sent and read."""

import asyncio
import mmap
import os
import pickle
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hagworm.extend.process import worker as room
from hagworm.extend.process.wire import HEAD, pack
from hagworm.extend.process.worker import LONGEST_MESSAGE, Ask, Say, WorkerRules, check_flags, failure, work


class Huge(Exception):
    def __repr__(self) -> str:
        return "r" * 10_000_000

    __str__ = __repr__


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError

    def __reduce__(self) -> NoReturn:
        raise TypeError


class Impostor(Exception):
    """Becomes something else on its way."""

    def __reduce__(self) -> Any:
        return str, ("something else",)


class Killer(Exception):
    """Ends whoever makes it again, and not by an Exception."""

    def __reduce__(self) -> Any:
        return exit, (3,)


def raised(exc: BaseException) -> BaseException:
    try:
        raise exc
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (ValueError("x"), "ValueError"),
        (Huge("x"), f"{__name__}.Huge"),
        (Mute(), f"{__name__}.Mute"),
        (Impostor(), f"{__name__}.Impostor"),
        (ValueError(b"x" * 1_000_000), "ValueError"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "\udcff" * 100_000), "UnicodeDecodeError"),
        (RecursionError(), "RecursionError"),
        (ExceptionGroup("many", [ValueError(number) for number in range(1000)]), "ExceptionGroup"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(0), "SystemExit"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError"),
        (StopIteration(1), "StopIteration"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_error_is_told_in_one_message(exc: BaseException, kind: str) -> None:
    message = failure(Say.FAILURE, 7, raised(exc))
    content, told, text, trace, is_spoilt = pickle.loads(message[HEAD.size :])

    assert len(message) <= LONGEST_MESSAGE
    assert HEAD.unpack_from(message) == (Say.FAILURE, 7)
    assert (told, is_spoilt) == (kind, False)
    assert isinstance(text, str) and isinstance(trace, str)

    if content is not None:
        assert type(pickle.loads(content)) is type(exc)


def test_an_error_that_ends_whoever_makes_it_is_not_carried() -> None:
    """3A.26: it would end the pool."""
    assert pickle.loads(failure(Say.FAILURE, 1, raised(Killer()))[HEAD.size :])[0] is None


@given(some.text(), some.integers(2, 100))
def test_what_is_too_long_loses_its_middle(text: str, limit: int) -> None:
    short = room.shorten(text, limit)
    content = text.encode("utf-8", "backslashreplace")

    if len(content) <= limit:
        assert short == content.decode()
    else:
        assert len(short.encode()) <= limit + len("\n…  bytes …\n".encode()) + 20
        assert "bytes …" in short


def test_memory_that_is_full_and_modules_half_loaded_spoil_a_worker() -> None:
    def spoils(exc: BaseException) -> bool:
        return bool(pickle.loads(failure(Say.FAILURE, 1, exc)[HEAD.size :])[4])

    frozen = compile("def load(call):\n call()", "<frozen importlib._bootstrap>", "exec")
    names: dict[str, Any] = {}
    exec(frozen, names)

    def interrupt() -> NoReturn:
        raise room.Interrupted

    def importing() -> None:
        names["load"](interrupt)

    def caught(function: Any) -> BaseException:
        try:
            function()
        except BaseException as exc:
            return exc

        raise AssertionError

    assert spoils(MemoryError())
    assert spoils(caught(importing))
    assert not spoils(caught(interrupt))
    assert not spoils(ImportError("no such module"))


def test_a_descriptor_that_was_lost_is_an_error() -> None:
    check_flags(0)

    with pytest.raises(OSError, match="Too many open files"):
        check_flags(socket.MSG_CTRUNC)


@contextmanager
def conversation() -> Iterator[tuple[socket.socket, socket.socket, memoryview]]:
    """Yield the ends of a pool and of a worker, and the board."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    memory = mmap.mmap(-1, 8)
    board = memoryview(memory).cast("Q")
    before = signal.getsignal(signal.SIGINT)

    try:
        with ours, theirs:
            yield ours, theirs, board
    finally:
        signal.signal(signal.SIGINT, before)
        board.release()
        memory.close()


def task(number: int, name: str, *args: Any) -> bytes:
    return HEAD.pack(Ask.TASK, number) + b"".join(pack((name, args, {}, ())).pieces)


def said(channel: socket.socket) -> tuple[Say, int, bytes]:
    message = channel.recv(LONGEST_MESSAGE)
    kind, number = HEAD.unpack_from(message)
    return Say(kind), number, message[HEAD.size :]


def test_a_worker_does_one_task_after_another_and_says_which_it_has_begun() -> None:
    with conversation() as (ours, theirs, board):
        ours.send(task(3, "builtins:abs", -1))
        ours.send(task(5, "builtins:len", 1))
        ours.send(HEAD.pack(Ask.SYNC, 0))
        ours.send(HEAD.pack(Ask.STOP, 0))

        assert work(theirs, board, WorkerRules()) == 0
        assert said(ours)[:2] == (Say.READY, os.getpid())
        assert pickle.loads(said(ours)[2]) == 1
        kind, number, body = said(ours)
        assert (kind, number, pickle.loads(body)[1]) == (Say.FAILURE, 5, "TypeError")
        assert said(ours)[0] is Say.SYNCED
        assert board[0] == 5


def test_a_worker_whose_pool_is_gone_ends() -> None:
    with conversation() as (ours, theirs, board):
        ours.shutdown(socket.SHUT_WR)
        assert work(theirs, board, WorkerRules()) == 0

    with conversation() as (ours, theirs, board):
        ours.send(task(1, "os:getpid"))
        ours.shutdown(socket.SHUT_RD)

        with pytest.raises(BrokenPipeError):
            work(theirs, board, WorkerRules())


def test_a_worker_that_cannot_be_initialized_says_why() -> None:
    with conversation() as (ours, theirs, board):
        assert work(theirs, board, WorkerRules(initializer="builtins:len", initargs=(1,))) == 1
        kind, _, body = said(ours)
        assert (kind, pickle.loads(body)[1]) == (Say.UNFIT, "TypeError")


def test_a_signal_between_two_tasks_hits_none() -> None:
    with conversation() as (ours, theirs, board):
        ours.send(task(1, f"{__name__}:signal_later"))
        ours.send(task(2, "os:getpid"))
        ours.send(HEAD.pack(Ask.STOP, 0))
        assert work(theirs, board, WorkerRules()) == 0
        assert said(ours)[0] is Say.READY
        kind, number, body = said(ours)
        assert (kind, number, pickle.loads(body)[1]) == (Say.FAILURE, 1, f"{room.__name__}.Interrupted")
        assert pickle.loads(said(ours)[2]) == os.getpid()


def signal_later() -> None:
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        # The second one comes when the task has been given up already.
        signal.raise_signal(signal.SIGINT)
