"""An event loop whose time jumps to the next timer when nothing else is left to do."""

import asyncio
import selectors
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import wraps
from heapq import heappop, heappush
from math import ulp
from typing import Any, ParamSpec, TypeVar

__all__ = ("EPOCH", "Stuck", "VirtualClock", "VirtualLoop", "run_virtual", "virtual")

T = TypeVar("T")
P = ParamSpec("P")

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
"""When a virtual clock begins, unless told otherwise."""

ROUNDING = 1e-9
LAST_CALL = 1.0
"""Real seconds that threads older than the loop get to wake it, before it is taken to be stuck."""


class Stuck(RuntimeError):
    """Nothing will ever happen again: no timer, socket or thread is left to wake any of the tasks, which it names."""


class VirtualClock:
    """A clock that stands until it is moved; called, it returns its seconds, from 0: `Something(clock=clock)`."""

    __slots__ = ("seconds", "started")

    def __init__(self, *, start: datetime = EPOCH) -> None:
        if start.tzinfo is None:
            raise ValueError("the start of a clock needs a time zone")

        self.seconds = 0.0
        self.started = start.timestamp()

    def __repr__(self) -> str:
        return f"<VirtualClock {self.seconds:g} s, {self.now().isoformat()}>"

    def __call__(self) -> float:
        return self.seconds

    def time(self) -> float:
        """Return the wall clock, Unix time in seconds."""
        return self.started + self.seconds

    def now(self) -> datetime:
        """Return the wall clock, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def advance(self, seconds: float) -> None:
        """Let time pass at once. A loop of that clock then finds its timers due, in their order, at its next turn."""
        if seconds < 0:
            raise ValueError("time does not go back")

        self.seconds += seconds


class JumpingSelector(selectors.BaseSelector):
    """A real selector that moves the clock where the loop wants to sleep for its next timer."""

    def __init__(self, clock: VirtualClock, patience: float) -> None:
        self.real = selectors.DefaultSelector()
        self.clock = clock
        self.patience = patience
        self.held = 0
        self.signals: set[int] = set()
        self.elders = {thread.ident for thread in threading.enumerate()}
        self.tasks: Callable[[], set[asyncio.Task[Any]]] = set
        self.jumped: Callable[[], None] = lambda: None
        # When timers are due, a heap; those that have been cancelled are in it too.
        self.moments: list[float] = []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self.real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self.real.get_map()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self.real.get_key(fileobj)

    def close(self) -> None:
        self.real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if ready := self.real.select(0):
            return ready

        if timeout is not None and timeout <= 0:
            return []

        if self.held:
            # Somebody outside is at work: time stands, and its result wakes the loop.
            return self.real.select()

        if timeout is None:
            if self.signals or self.has_company():
                return self.real.select()

            # A thread that was there before the loop may well have nothing to do with it.
            if threading.active_count() > 1 and (ready := self.real.select(LAST_CALL)):
                return ready

            waiting = "\n".join(sorted(f"  {task!r}" for task in self.tasks()))
            raise Stuck(f"nothing is left that could wake these tasks:\n{waiting}")

        if (threading.active_count() > 1 or self.has_company()) and (ready := self.real.select(self.patience)):
            return ready

        self.jump(timeout)
        return []

    def jump(self, seconds: float) -> None:
        """Go to the moment of the next timer, exactly: the sum of the time and what is left until then may miss it."""
        moments, now = self.moments, self.clock.seconds

        while moments and moments[0] < now + seconds - ROUNDING:
            heappop(moments)

        if moments and moments[0] <= now + seconds + ROUNDING:
            self.clock.seconds = heappop(moments)
        else:
            self.clock.seconds = now + seconds

        self.jumped()

    def has_company(self) -> bool:
        """Whether sockets besides the loop's own, or threads younger than the loop, could have something to say."""
        # Threads of the loop's own executor are idle now: while one has a job, time is held.
        return len(self.real.get_map()) > 1 or any(
            thread.ident not in self.elders and not thread.name.startswith("asyncio_")
            for thread in threading.enumerate()
        )


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time: an hour of `asyncio.sleep` costs nothing, and timers run in order, never early.

    `loop.time()` and `loop.clock` tell its time. Sockets and threads are real. While a job runs in an executor (file
    work, name look-up), and inside of `with loop.hold():`, time stands and the loop waits for them in real time. While
    sockets are registered or other threads live, the loop listens for `patience` real seconds before each jump: enough
    for peers in the same process; what another process needs, or a thread that computes, `hold` gives. Child processes
    take real time by nature, so they are refused outside of `hold` with a RuntimeError.

    Where tasks wait, and nothing is left that could wake them, it raises `Stuck` instead of hanging.
    """

    def __init__(self, clock: VirtualClock | None = None, *, patience: float = 0.005) -> None:
        self.clock = clock or VirtualClock()
        self.jumping = JumpingSelector(self.clock, patience)
        super().__init__(self.jumping)
        self.jumping.tasks = lambda: asyncio.all_tasks(self)
        self.jumping.jumped = self.keep_resolution

    def __repr__(self) -> str:
        return f"<VirtualLoop {self.clock.seconds:g} s, {self.jumping.held} holds>"

    def time(self) -> float:
        """Return the seconds since the clock's start."""
        return self.clock.seconds

    def call_at(self, when: float, *args: Any, **options: Any) -> asyncio.TimerHandle:  # type: ignore[override]  # Any
        """Call back at a moment of the loop's time."""
        heappush(self.jumping.moments, when)
        return super().call_at(when, *args, **options)

    def keep_resolution(self) -> None:
        # A timer is due where it is less than the time plus this; after some months a nanosecond adds nothing to it.
        self._clock_resolution = max(ROUNDING, 2 * ulp(self.clock.seconds))

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep time standing inside of the block, while something outside of the loop is at work."""
        self.jumping.held += 1

        try:
            yield
        finally:
            self.jumping.held -= 1

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> "asyncio.Future[T]":  # type: ignore[override]  # Any
        """Run a job in a thread, as ever; time stands until it is done, or nobody waits for it any longer."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self.jumping.held += 1
        future.add_done_callback(self.release)
        return future

    def release(self, _: object) -> None:
        self.jumping.held -= 1

    async def shutdown_default_executor(self, *args: Any, **options: Any) -> None:
        """Wait for the threads to end, in real time."""
        with self.hold():
            await super().shutdown_default_executor(*args, **options)

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]  # Any
        """Call back on a signal, which may come at any moment: a loop that has a handler is never `Stuck`."""
        super().add_signal_handler(sig, callback, *args)
        self.jumping.signals.add(sig)

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget the handler of a signal. Returns whether there was one."""
        self.jumping.signals.discard(sig)
        return super().remove_signal_handler(sig)

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """Start a program; only inside of `hold`."""
        self.refuse_children()
        return await super().subprocess_exec(*args, **options)

    async def subprocess_shell(self, *args: Any, **options: Any) -> Any:
        """Start a shell; only inside of `hold`."""
        self.refuse_children()
        return await super().subprocess_shell(*args, **options)

    def refuse_children(self) -> None:
        if not self.jumping.held:
            raise RuntimeError("a child process takes real time: use it inside of `with loop.hold():`")


def run_virtual(
    main: Coroutine[Any, Any, T],
    *,
    clock: VirtualClock | None = None,
    patience: float = 0.005,
    debug: bool | None = None,
) -> T:
    """Run a coroutine on a `VirtualLoop` of its own and return its result; the loop is closed afterwards.

    `clock` is what the loop moves; give it also to what takes a clock. Raises `Stuck` where the coroutine could only
    hang, and RuntimeError inside a running loop.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(clock, patience=patience), debug=debug) as runner:
        return runner.run(main)


def virtual(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Make a plain function of a coroutine function, which runs on virtual time: `@virtual` above an asynchronous test.

    Fixtures that need a running loop are not for such a test, as it has a loop of its own.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return run_virtual(function(*args, **kwargs))

    return run
