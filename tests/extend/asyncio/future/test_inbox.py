"""What threads bring to a loop arrives in order, in one go where it can, and never takes the loop for itself."""

import asyncio
import contextvars
import threading
from collections.abc import Callable

import pytest

from hagworm.extend.asyncio.future.inbox import BATCH, INBOXES, Inbox, inbox, inbox_of


class Note:
    """Writes down where it went."""

    def __init__(self, landed: Callable[[], object], stranded: Callable[[], object] = lambda: None) -> None:
        self.landed = landed
        self.stranded = stranded

    def land(self) -> None:
        self.landed()

    def strand(self) -> None:
        self.stranded()


async def test_letters_are_opened_in_the_order_in_which_they_came() -> None:
    box = inbox()
    got: list[int] = []
    done = asyncio.Event()

    def send() -> None:
        for number in range(1000):
            box.post(Note(lambda number=number: got.append(number)))  # type: ignore[misc]  # a default is no parameter

        box.post(Note(done.set))

    await asyncio.to_thread(send)
    await done.wait()
    assert got == list(range(1000))


async def test_many_letters_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Loop:
        def __init__(self) -> None:
            self.calls: list[Callable[[], None]] = []

        def call_soon_threadsafe(self, callback: Callable[[], None], *, context: contextvars.Context) -> None:
            self.calls.append(callback)

    loop = Loop()
    box = Inbox(loop)  # type: ignore[arg-type]  # a fake
    box.keeper = inbox().keeper
    got: list[int] = []

    for number in range(10):
        box.post(Note(lambda number=number: got.append(number)))  # type: ignore[misc]  # a default is no parameter

    assert len(loop.calls) == 1
    loop.calls[0]()
    assert got == list(range(10))
    box.post(Note(lambda: None))
    assert len(loop.calls) == 2


async def test_a_flood_leaves_the_loop_time_for_others() -> None:
    box = inbox()
    order: list[str] = []

    for _ in range(3 * BATCH):
        box.items.append(Note(lambda: order.append("letter")))

    asyncio.get_running_loop().call_soon(box.open)
    asyncio.get_running_loop().call_soon(order.append, "other")

    while len(order) < 3 * BATCH + 1:
        await asyncio.sleep(0)

    assert order.index("other") == BATCH


async def test_a_letter_that_fails_takes_no_other_with_it() -> None:
    box = inbox()
    loop = asyncio.get_running_loop()
    errors: list[object] = []
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    done = asyncio.Event()

    def fail() -> None:
        raise LookupError

    try:
        box.post(Note(fail))
        box.post(Note(done.set))
        await done.wait()
    finally:
        loop.set_exception_handler(before)

    assert [type(error) for error in errors] == [LookupError]


async def test_letters_know_nothing_of_the_context_of_their_thread() -> None:
    word = contextvars.ContextVar("word", default="none")
    seen: list[str] = []
    done = asyncio.Event()
    box = inbox()

    def send() -> None:
        word.set("theirs")
        box.post(Note(lambda: (seen.append(word.get()), done.set())))

    await asyncio.to_thread(send)
    await done.wait()
    assert seen == ["none"]


def test_letters_to_a_closed_loop_are_stranded() -> None:
    loop = asyncio.new_event_loop()
    box = inbox_of(loop)
    seen: list[str] = []
    box.post(Note(lambda: seen.append("landed"), lambda: seen.append("first stranded")))
    loop.close()
    # The loop was woken and has not looked: nobody is told before somebody looks.
    assert seen == []

    async def later() -> None:
        inbox()

    asyncio.run(later())
    assert seen == ["first stranded"]
    box.post(Note(lambda: seen.append("landed"), lambda: seen.append("second stranded")))
    assert seen == ["first stranded", "second stranded"]


def test_closed_loops_are_forgotten() -> None:
    async def main() -> None:
        inbox()

    for _ in range(5):
        asyncio.run(main())

    assert sum(loop.is_closed() for loop in INBOXES) <= 1


def test_an_inbox_can_be_had_in_any_thread_and_there_is_one() -> None:
    loop = asyncio.new_event_loop()
    found: list[Inbox] = []
    threads = [threading.Thread(target=lambda: found.append(inbox_of(loop))) for _ in range(8)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert len(set(map(id, found))) == 1
    assert repr(found[0]).startswith("<Inbox 0 letters, 0 threads waiting for ")
    loop.close()

    with pytest.raises(RuntimeError):
        inbox()
