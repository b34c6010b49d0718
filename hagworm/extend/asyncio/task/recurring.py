"""What tasks that run again and again have in common: their life, their runs, their errors."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextvars import Context, copy_context
from functools import partial
from inspect import isawaitable
from types import TracebackType
from typing import Any, Literal, Self, TypedDict

from hagworm.extend.asyncio.task.run import CURRENT, Counts, Run, TaskStatistics
from hagworm.extend.error import ScheduleError, nearest

__all__ = ("ErrorPolicy", "RecurringOptions", "RecurringTask", "require")

logger = logging.getLogger("hagworm.task")

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[Any]]
ErrorPolicy = Literal["log", "stop"] | Callable[[Run, BaseException], None]


class RecurringOptions(TypedDict, total=False):
    """What can be said of every recurring task; see `RecurringTask`."""

    name: str | None
    timeout: float | None
    on_error: ErrorPolicy
    executor: Executor | None
    clock: Clock | None
    sleep: Sleep
    context: Context | None


class RecurringTask:
    """A function that is called again and again, each time in a task and a context of its own.

    `function` takes no arguments (use `functools.partial`); what it returns is awaited if that can be done, and thrown
    away. A plain function runs on the loop, unless there is an `executor` of threads for it. A run that takes longer
    than `timeout` seconds (None: no bound) is cancelled and has failed with TimeoutError; what runs in an executor
    cannot be cancelled and ends when it does.

    An error of a run goes to `on_error`: `log` writes it to the log and goes on, `stop` also stops the task, and `wait`
    raises it; a function gets the run and the error, and stops the task by raising.

    `clock` returns seconds, `sleep` waits for them: those of the running loop unless given. Runs see the variables of
    `context` (a copy for each), not those of whoever started the task, so that a request is not kept alive by what it
    started. `name` is the function's own unless given.

    Belongs to one event loop. `start` and `stop` it, or use it as an asynchronous context manager; it can be started
    again.
    """

    def __init__(
        self,
        function: Callable[[], Any],
        *,
        name: str | None = None,
        timeout: float | None = None,
        on_error: ErrorPolicy = "log",
        executor: Executor | None = None,
        clock: Clock | None = None,
        sleep: Sleep = asyncio.sleep,
        context: Context | None = None,
    ) -> None:
        if not callable(function):
            raise TypeError(f"a task calls a function, not {function!r}")

        if not callable(on_error):
            require("error policy", on_error, ("log", "stop"))

        self.function = function
        self.name = name or name_of(function)
        self.timeout = timeout
        self.on_error = on_error
        self.executor = executor
        self.given_clock = clock
        self.clock: Clock = clock or unset_clock
        self.sleep = sleep
        self.context = context if context is not None else Context()
        self.counts = Counts()
        self.error: BaseException | None = None
        """What stopped the task."""
        self.is_running = False
        """Whether runs are started, or would be if the task was not paused."""
        self.driver: asyncio.Task[None] | None = None
        self.runs: dict[asyncio.Task[None], Run] = {}
        self.resumption: asyncio.Future[None] | None = None
        """What a paused task waits for."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}, {self.state}, {self.counts.started} runs>"

    @property
    def state(self) -> str:
        """`running`, `paused`, `stopping` (some runs go on), `failed` or `stopped`."""
        if self.is_running:
            return "paused" if self.is_paused else "running"

        if self.runs:
            return "stopping"

        return "stopped" if self.error is None else "failed"

    @property
    def is_paused(self) -> bool:
        return self.resumption is not None

    def statistics(self) -> TaskStatistics:
        counts = self.counts
        return TaskStatistics(
            started=counts.started,
            succeeded=counts.succeeded,
            failed=counts.failed,
            cancelled=counts.cancelled,
            skipped=counts.skipped,
            missed=counts.missed,
            refused=counts.refused,
            running=len(self.runs),
            waiting=self.waiting_runs(),
            late=counts.late,
            latest=counts.latest,
            busy=counts.busy,
        )

    def start(self) -> None:
        """Begin; does nothing if the task is running. Raises RuntimeError outside an event loop."""
        if self.is_running:
            return

        loop = asyncio.get_running_loop()
        self.clock = self.given_clock or self.default_clock(loop)
        self.error = None
        self.begin()
        self.is_running = True
        self.set_off()

    async def stop(self, grace: float | None = 0.0) -> None:
        """End: nothing new starts, runs have `grace` seconds (None: as long as they need), are cancelled and awaited.

        Does nothing if the task has been stopped. Inside a run of this task, that run is neither cancelled nor awaited.
        A cancellation of `stop` itself cancels the runs at once; then they end on their own.
        """
        self.close()
        rest = self.others() | self.drivers()

        try:
            if grace != 0 and (runs := self.others()):
                await asyncio.wait(runs, timeout=grace)
        finally:
            for run in rest:
                run.cancel()

        if rest:
            await asyncio.wait(rest)

    async def wait(self) -> None:
        """Wait until the task has stopped and its last run has ended. Raises the error that stopped it."""
        while rest := self.others() | self.drivers():
            await asyncio.wait(rest)

        if self.error is not None:
            raise self.error

    async def idle(self) -> None:
        """Wait until no run is going on and none is waiting."""
        while rest := self.others():
            await asyncio.wait(rest)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def pause(self) -> None:
        """Start no further run until `resume`; what comes up meanwhile is left out. Runs go on."""
        if self.resumption is None and self.is_running:
            self.resumption = asyncio.get_running_loop().create_future()

    def resume(self) -> None:
        """Go on after `pause`."""
        if (resumption := self.resumption) is not None:
            self.resumption = None

            if not resumption.done():
                resumption.set_result(None)

    # For the kinds of tasks.

    def default_clock(self, loop: asyncio.AbstractEventLoop) -> Clock:
        return loop.time

    def begin(self) -> None:
        """Get ready to be driven."""

    async def drive(self) -> None:
        """Start runs, until cancelled or until there are no more."""
        raise NotImplementedError

    def waiting_runs(self) -> int:
        return 0

    def drop_waiting(self) -> None:
        """Forget the runs that wait."""

    def follow(self) -> None:
        """A run has ended: start what waited for that."""

    async def may_run(self, run: Run) -> bool:
        return True

    # What they are made of.

    def set_off(self) -> None:
        """Start driving, in place of a driver that may be there."""
        if self.driver is not None:
            self.driver.cancel()

        loop = asyncio.get_running_loop()
        self.driver = loop.create_task(self.drive(), name=f"drive {self.name}", context=self.context.copy())
        self.driver.add_done_callback(self.driver_ended, context=self.context.copy())

    def driver_ended(self, driver: asyncio.Task[None]) -> None:
        if not driver.cancelled() and (error := driver.exception()) is not None:
            logger.error("%s is broken and has stopped", self.name, exc_info=error)
            self.end(error)

        self.settle()

    def settle(self) -> None:
        """Stop when there is nothing left to do: the last moment has passed, its run has ended."""
        if not self.drivers() and not self.runs:
            self.is_running = False

    def launch(self, moment: float | None = None, late_from: float | None = None) -> asyncio.Task[None]:
        """Start a run in a task of its own; `late_from` is when it should have begun."""
        self.counts.started += 1
        run = Run(self.name, self.counts.started, moment)
        context = self.context.copy()
        task = asyncio.get_running_loop().create_task(
            self.perform(run, late_from), name=f"{self.name} {run.number}", context=context
        )
        self.runs[task] = run
        task.add_done_callback(self.run_ended, context=context)
        return task

    def run_ended(self, task: asyncio.Task[None]) -> None:
        del self.runs[task]

        if task.cancelled():
            self.counts.cancelled += 1
        elif task.exception() is not None:
            self.counts.failed += 1  # what ends the process: the loop has raised it too

        if self.is_running:
            self.follow()

        self.settle()

    async def perform(self, run: Run, late_from: float | None) -> None:
        began = self.clock()

        if late_from is not None:
            self.counts.late = late = max(0.0, began - late_from)
            self.counts.latest = max(self.counts.latest, late)
            run = Run(run.name, run.number, run.moment, late)

        if (task := asyncio.current_task()) is not None:
            self.runs[task] = run

        CURRENT.set(run)

        try:
            if self.timeout is None:
                went_well = await self.attempt(run)
            else:
                async with asyncio.timeout(self.timeout):
                    went_well = await self.attempt(run)
        except asyncio.CancelledError as exc:
            if task is None or task.cancelling():
                raise

            self.fail(run, exc)  # nobody has cancelled this run: it is an error of what it waited for
        except Exception as exc:
            self.fail(run, exc)
        else:
            if went_well:
                self.counts.succeeded += 1
        finally:
            self.counts.busy += max(0.0, self.clock() - began)  # a wall clock may have been set back

    async def attempt(self, run: Run) -> bool:
        """Call the function; return whether that was done."""
        if not await self.may_run(run):
            self.counts.refused += 1
            return False

        if self.executor is not None:
            result = await call_in(self.executor, self.function)
        else:
            result = self.function()

        if isawaitable(result):
            await result

        return True

    def fail(self, run: Run, error: BaseException) -> None:
        self.counts.failed += 1

        if self.on_error == "log":
            logger.error("run %d of %s failed", run.number, run.name, exc_info=error)
        elif self.on_error == "stop":
            logger.error("run %d of %s failed and stops it", run.number, run.name, exc_info=error)
            self.end(error)
        else:
            try:
                self.on_error(run, error)
            except Exception as exc:
                self.end(exc)

    def end(self, error: BaseException) -> None:
        """Stop because of `error`; runs that go on end on their own."""
        self.error = error
        self.close()

    def close(self) -> None:
        """Start nothing any more."""
        self.is_running = False
        self.drop_waiting()
        self.resume()

        if self.driver is not None:
            self.driver.cancel()

    def others(self) -> set[asyncio.Task[None]]:
        """Return the runs that go on, without the one that asks."""
        current = CURRENT.get(None)  # also in the tasks that a run has started
        return {task for task, run in self.runs.items() if run is not current}

    def drivers(self) -> set[asyncio.Task[None]]:
        return {self.driver} if self.driver is not None and not self.driver.done() else set()


def require(what: str, value: str, known: tuple[str, ...]) -> None:
    """Raise `ScheduleError` unless `value` is one of `known`."""
    if value not in known:
        raise ScheduleError(f"unknown {what} {value!r}{nearest(str(value), known)}; known: {', '.join(known)}")


def name_of(function: Callable[..., Any]) -> str:
    while isinstance(function, partial):
        function = function.func

    qualified = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or type(function).__module__}.{qualified}"


def unset_clock() -> float:
    raise RuntimeError("a task has no clock before it is started")


async def call_in(executor: Executor, function: Callable[[], Any]) -> Any:
    """Return what `function` returns, called in `executor` in a copy of this context.

    A cancellation takes the call back if it has not begun; otherwise it is raised when the call has ended.
    """
    call = executor.submit(copy_context().run, function)
    outcome = asyncio.wrap_future(call)
    interrupted = False

    while not outcome.done():
        try:
            await asyncio.wait((outcome,))
        except asyncio.CancelledError:
            interrupted = True
            call.cancel()

    if not interrupted:
        return outcome.result()

    if not outcome.cancelled() and (error := outcome.exception()) is not None:
        raise asyncio.CancelledError from error

    raise asyncio.CancelledError
