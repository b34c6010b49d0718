"""Cancelling a coroutine at each of its suspensions in turn, and looking at what that leaves behind."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

__all__ = ("MOMENTS", "Cut", "Moment", "Sweep", "cancel_sweep")

Moment = Literal["waiting", "woken", "twice"]
MOMENTS: tuple[Moment, ...] = ("waiting", "woken", "twice")
"""`waiting`: what it waits for has not come; `woken`: it has come in that very turn of the loop, and the coroutine does
not get to see it; `twice`: as `waiting`, and once more at the first suspension of its cleaning up."""

TURNS = 10
"""How many turns of the loop the tasks that it has cancelled get to end."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One run: where the coroutine was cancelled, and how it ended."""

    number: int
    """The suspension, from 1; 0 for the run that nobody disturbed."""
    moment: Moment | None
    place: str
    """File, line and function that were suspended."""
    outcome: Literal["returned", "raised", "cancelled"]
    result: Any = None
    error: BaseException | None = None

    def __str__(self) -> str:
        if self.moment is None:
            return f"not cancelled: {self.outcome}"

        return f"cancelled at suspension {self.number} ({self.moment}), {self.place}: {self.outcome}"


@dataclass(frozen=True, slots=True)
class Sweep:
    """What a sweep has seen."""

    suspensions: int
    """How often the coroutine suspends where nobody disturbs it."""
    cuts: tuple[Cut, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.suspensions} suspensions, {len(self.cuts)} runs", *map(str, self.cuts)])


class Driven:
    """An awaitable that counts the suspensions of a coroutine and cancels its task at one of them."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], number: int, moment: Moment | None) -> None:
        self.coroutine = coroutine
        self.number = number
        self.moment = moment
        self.suspensions = 0
        self.place = ""
        self.struck = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        error: BaseException | None = None

        while True:
            try:
                waiting = self.coroutine.send(None) if error is None else self.coroutine.throw(error)
            except StopIteration as done:
                return done.value

            self.suspensions += 1
            self.strike(waiting)
            error = None

            try:
                yield waiting
            except GeneratorExit:
                self.coroutine.close()
                raise
            except BaseException as exc:  # whatever the loop throws in belongs to the coroutine
                error = exc

    def strike(self, waiting: Any) -> None:
        task = asyncio.current_task()
        assert task is not None

        if self.suspensions == self.number and self.moment is not None:
            self.place = place_of(self.coroutine)

            if self.moment == "woken":
                # Added before the task's own callback, it runs before it, in the turn in which the task would go on.
                if asyncio.isfuture(waiting):
                    waiting.add_done_callback(lambda _: self.cancel(task))
                else:
                    asyncio.get_running_loop().call_soon(self.cancel, task)
            else:
                # A task that is cancelled while it runs is thrown the error at the suspension that comes next: this.
                self.cancel(task)
        elif self.moment == "twice" and self.suspensions == self.number + 1:
            self.cancel(task)

    def cancel(self, task: asyncio.Task[Any]) -> None:
        self.struck += 1
        task.cancel()


async def cancel_sweep(
    factory: Callable[[], Awaitable[Any]],
    check: Callable[[], Any] | None = None,
    *,
    moments: tuple[Moment, ...] = MOMENTS,
    timeout: float = 5.0,
    limit: int = 200,
    may_finish: bool = False,
) -> Sweep:
    """Cancel what `factory` returns at its first suspension, its second, and so on, once each; then look around.

    `factory` is called for every run and returns a fresh coroutine, begun by nobody; it may put a fresh object where
    `check` finds it, or use the same one again, and see leaks add up. `check`, plain or a coroutine function, is called
    after every run, the first of which is undisturbed; it says with `assert` what must hold.

    Each run is a task of the running loop, so that futures, timers and `asyncio.timeout` are real. Besides what `check`
    says, a run must end within `timeout` seconds of the loop, must be cancelled by a cancellation (`may_finish` allows
    it to return or raise something else), and leaves no task behind. AssertionErrors, and what else `check` raises,
    carry a note that says which suspension it was. Raises AssertionError after more than `limit` suspensions.
    """
    first = await run_once(factory, check, 0, None, timeout, may_finish)
    cuts, suspensions = [first[0]], first[1]

    for moment in moments:
        for number in range(1, limit + 2):
            assert number <= limit, f"more than {limit} suspensions"
            cut, _, struck = await run_once(factory, check, number, moment, timeout, may_finish)

            if not struck:
                break

            cuts.append(cut)

    return Sweep(suspensions, tuple(cuts))


async def run_once(
    factory: Callable[[], Awaitable[Any]],
    check: Callable[[], Any] | None,
    number: int,
    moment: Moment | None,
    timeout: float,
    may_finish: bool,
) -> tuple[Cut, int, int]:
    """Run it, cancelled at one suspension; return how that went, how often it suspended and was cancelled."""
    before = asyncio.all_tasks()
    awaitable = factory()
    coroutine = awaitable if inspect.iscoroutine(awaitable) else follow(awaitable)
    driven = Driven(coroutine, number, moment)
    task = asyncio.get_running_loop().create_task(drive(driven), name=f"cancel_sweep {number}")
    cut = Cut(number, moment, "", "returned")

    try:
        try:
            await asyncio.wait({task}, timeout=timeout)
        finally:
            hung = not task.done()
            where = place_of(coroutine) if hung else ""

            if hung:
                task.cancel()
                await asyncio.wait({task}, timeout=timeout)

        cut = describe(task, driven) if task.done() else Cut(number, moment, driven.place, "returned")
        assert not hung, f"has not ended after {timeout:g} s; it waits in {where}"

        if driven.struck and not may_finish:
            why = f": {cut.error!r}" if cut.error is not None and cut.outcome == "raised" else ""
            assert cut.outcome == "cancelled", f"swallowed the cancellation: it {cut.outcome}{why}"

        if not driven.struck and cut.error is not None:
            raise cut.error

        if check is not None and inspect.isawaitable(verdict := check()):
            await verdict

        for _ in range(TURNS):
            if not (left := asyncio.all_tasks() - before):
                break

            await asyncio.sleep(0)

        assert not left, f"tasks left behind: {sorted(map(repr, left))}"
    except Exception as exc:
        exc.add_note(f"cancel_sweep: {cut}")
        raise

    return cut, driven.suspensions, driven.struck


async def drive(driven: Driven) -> Any:
    return await driven


async def follow(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def describe(task: asyncio.Task[Any], driven: Driven) -> Cut:
    if task.cancelled():
        return Cut(driven.number, driven.moment, driven.place, "cancelled")

    if (error := task.exception()) is not None:
        return Cut(driven.number, driven.moment, driven.place, "raised", None, error)

    return Cut(driven.number, driven.moment, driven.place, "returned", task.result())


def place_of(coroutine: Any) -> str:
    """Return where a suspended coroutine stands: the innermost frame that Python code has."""
    place = "an awaitable without a frame"

    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "ag_frame", None)

        if frame is not None:
            place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}"

        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)

    return place
