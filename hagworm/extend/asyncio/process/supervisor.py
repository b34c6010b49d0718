"""Processes that are started, watched, started again, replaced and stopped together."""

import asyncio
import logging
import os
import random
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Self

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.waiters import Waiters
from hagworm.extend.asyncio.future.child import Path
from hagworm.extend.asyncio.process.charge import Charge
from hagworm.extend.error import Closed, ProcessError, SupervisionFailed, describe_end
from hagworm.extend.process.cpu import allowed_cpus, deal_cpus, pin
from hagworm.extend.process.heartbeat import Heartbeat
from hagworm.extend.process.interpreter import command_line
from hagworm.extend.process.reference import reference
from hagworm.extend.process.restart import RestartPolicy, Restarts, exit_code

__all__ = ("ProcessSupervisor", "SupervisorStatistics")

logger = logging.getLogger("hagworm")

NOT_STARTED = 127
"""What shells say of a program that cannot be started."""
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2)


@dataclass(frozen=True, slots=True)
class SupervisorStatistics:
    """What a supervisor looks after, and has done."""

    workers: int
    running: int
    ready: int
    restarts: int
    hung: int
    """How many were killed as they did not beat, or were not ready in time."""
    replaced: int
    """By rolling restarts."""


class Slot:
    """One place, and the process that has it now."""

    __slots__ = ("charge", "is_over", "is_rolling", "keeper", "number", "returncode")

    def __init__(self, number: int) -> None:
        self.number = number
        self.charge: Charge | None = None
        self.keeper: asyncio.Task[None] | None = None
        self.is_rolling = False
        self.is_over = False
        self.returncode: int | None = 0

    def __repr__(self) -> str:
        return f"<Slot {self.number}: {self.charge!r}>"

    @property
    def is_up(self) -> bool:
        """Whether its process does its work."""
        return self.charge is not None and self.charge.is_ready and not self.charge.has_ended


class ProcessSupervisor:
    """Keeps `workers` processes of one command running, until they are done, fail too often, or are to stop.

    `policy` says which are started again, when, and how often. A process that calls `Member.ready` (see `attend`) is
    ready then, and is killed when that takes longer than `ready_timeout` seconds (None: it is ready once started). With
    `beat_timeout` it is killed when it does not beat for so long. To stop, they are sent SIGTERM and, `stop_timeout`
    seconds later, SIGKILL. Each process is in a group of its own, which ends with it, and with this process, however
    that ends: nobody is left behind. With `affinity` the processors that this process may use are dealt out.

    Nothing is polled: ends, readiness and time are events. Standard streams are those of this process.
    """

    def __init__(
        self,
        *args: Path,
        workers: int = 1,
        policy: RestartPolicy | None = None,
        ready_timeout: float | None = None,
        beat_timeout: float | None = None,
        stop_timeout: float = 10.0,
        affinity: bool = False,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if workers < 1 or not args:
            raise ValueError(f"a command and a number of processes is wanted, not {args!r} and {workers!r}")

        self.args = args
        self.policy = RestartPolicy() if policy is None else policy
        self.ready_timeout = ready_timeout
        self.beat_timeout = beat_timeout
        self.stop_timeout = stop_timeout
        self.env = env
        self.cwd = cwd
        self.chance = chance
        self.slots = [Slot(number) for number in range(workers)]
        self.shares = deal_cpus(workers, allowed_cpus()) if affinity else None
        self.restarts = Restarts(self.policy)
        self.charges: set[Charge] = set()
        self.board: Heartbeat | None = None
        self.failure: SupervisionFailed | None = None
        self.watchers: Waiters[None] = Waiters()
        self.state = "new"
        self.stop_requests = 0
        self.rolling: asyncio.Task[None] | None = None
        self.hung = self.replaced = 0

    @classmethod
    def calling(cls, function: Callable[..., Any], *args: str | int, **options: Any) -> Self:
        """Return a supervisor of interpreters that call `function(*args)` and exit with what it returns.

        Raises `DefinitionError` for a function that another process cannot find by its name.
        """
        return cls(*command_line(reference(function), *args), **options)

    def __repr__(self) -> str:
        up = sum(slot.is_up for slot in self.slots)
        return f"<ProcessSupervisor {self.state}: {up} of {len(self.slots)} up, {self.restarts.total} restarts>"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def pids(self) -> dict[int, int]:
        """The process ids of those that run, by slot."""
        return {
            slot.number: slot.charge.child.pid
            for slot in self.slots
            if slot.charge is not None and not slot.charge.has_ended
        }

    async def start(self) -> None:
        """Start all, and return when all are ready, or over.

        Raises `SupervisionFailed` where they fail too often. After an error or a cancellation nothing runs any more.
        """
        if self.state != "new":
            raise Closed(f"{self!r} has been started before")

        self.state = "starting"

        if self.beat_timeout is not None:
            # During a rolling restart each has two.
            self.board = Heartbeat.create(slots=2 * len(self.slots), timeout=self.beat_timeout)

        loop = asyncio.get_running_loop()

        for slot in self.slots:
            slot.keeper = loop.create_task(self.keep(slot), context=Context())

        try:
            await self.until(lambda: self.is_over or all(slot.is_up or slot.is_over for slot in self.slots))

            if self.failure is not None:
                raise self.failure
        except BaseException:
            await self.aclose()
            raise

        if self.state == "starting":
            self.state = "running"

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to wait for: all are done, they have failed too often, or are to stop."""
        return (
            self.failure is not None
            or self.stop_requests > 0
            or self.state in ("stopping", "stopped")
            or all(slot.is_over for slot in self.slots)
        )

    async def wait(self) -> None:
        """Return when all are done, have failed too often (see `failure`), or somebody has asked to stop."""
        await self.until(lambda: self.is_over)

    async def run(self, *, signals: bool = True) -> int:
        """Start, wait, stop, and return the exit code for this process.

        0: all are done, or were stopped, and ended well. 75: they failed too often. 70: some had to be killed, as they
        did not stop in time. Else that of the first one that failed. With `signals`, which only the main thread may,
        SIGTERM, SIGINT and SIGQUIT stop (the second one at once), SIGHUP replaces all one by one, SIGUSR1 and SIGUSR2
        go to all.
        """
        with self.signals() if signals else nullcontext():
            try:
                await self.start()
                await self.wait()
            except SupervisionFailed:
                # It is logged where it is found, and says so below.
                pass
            finally:
                await self.aclose()

        return self.exit_code

    @property
    def exit_code(self) -> int:
        """What `run` returns, once all has ended."""
        if self.failure is not None:
            return self.failure.exit_code

        return exit_code((slot.returncode for slot in self.slots), stopped=self.stop_requests > 0)

    def request_stop(self) -> None:
        """Ask `run` and `wait` to come to an end; the second time, kill whoever still runs."""
        self.stop_requests += 1
        self.changed()

        if self.stop_requests > 1:
            for charge in self.charges:
                charge.kill("it was told twice to stop")

    def request_roll(self) -> None:
        """Replace all, one by one, as `roll` does, in the background; an error is logged. One at a time."""
        if self.rolling is None and not self.is_over:
            self.rolling = asyncio.get_running_loop().create_task(self.roll_quietly(), context=Context())

    def send_signal(self, number: int) -> None:
        """Send a signal to all that run, and to what they have started."""
        for charge in self.charges:
            charge.child.send_signal(number)

    async def roll(self) -> None:
        """Replace each process by a new one, one slot after the other; the old one stops when the new one is ready.

        Raises `ProcessError` where a new one does not come up: that slot and those after it keep the old ones.
        Cancelled, it stops the new one that is not ready yet. A slot whose process has ended is left to its restart.
        """
        for slot in self.slots:
            if slot.is_up and not slot.is_rolling and not self.is_over:
                await self.replace(slot)

    async def aclose(self) -> None:
        """Stop all that runs, and return when nothing does any more. Cancelled, it kills at once and waits for that."""
        if self.state == "stopped":
            return

        if self.state == "stopping":
            await self.until(lambda: self.state == "stopped")
            return

        self.state = "stopping"
        self.changed()
        tasks = [slot.keeper for slot in self.slots if slot.keeper is not None]
        grace = 0.0

        try:
            await cancel_tasks(tasks + ([] if self.rolling is None else [self.rolling]))
            grace = self.stop_timeout if self.stop_requests < 2 else 0.0
        finally:
            try:
                await self.stop_all(grace)
            finally:
                self.state = "stopped"

                if self.board is not None:
                    self.board.close()

                self.changed()

    def statistics(self) -> SupervisorStatistics:
        """Return what it looks after, and has done."""
        running = len(self.pids)
        up = sum(slot.is_up for slot in self.slots)
        return SupervisorStatistics(len(self.slots), running, up, self.restarts.total, self.hung, self.replaced)

    # One slot ---------------------------------------------------------------------------------------------------------

    async def keep(self, slot: Slot) -> None:
        """Have a process in a slot until it need not be there any more."""
        try:
            await self.keep_running(slot)
        except SupervisionFailed as exc:
            if self.failure is None:
                self.failure = exc
                logger.error("%r gives up: %s", self, exc)
        finally:
            slot.is_over = True
            self.changed()

    async def keep_running(self, slot: Slot) -> None:
        loop = asyncio.get_running_loop()

        while True:
            ran = 0.0

            try:
                charge = slot.charge = self.launch(slot)
            except OSError as exc:
                logger.error("slot %d: %s cannot be started: %s", slot.number, self.args[0], exc)
                slot.returncode = NOT_STARTED
            else:
                charge = await self.follow(slot, charge)
                ran = charge.ran

            pause = self.restarts.ended(slot.number, slot.returncode, ran=ran, now=loop.time(), random=self.chance())
            how = describe_end(slot.returncode)

            if pause is None:
                logger.info("slot %d: %s", slot.number, how)
                return

            logger.warning("slot %d: %s; starting again in %.2f s", slot.number, how, pause)
            await asyncio.sleep(pause)

    async def follow(self, slot: Slot, charge: Charge) -> Charge:
        """Return the process of the slot that has ended without a replacement."""
        while True:
            await asyncio.wait((charge.child.ended,))

            if slot.is_rolling and slot.charge is charge:
                await self.until(lambda: not slot.is_rolling)

            assert slot.charge is not None

            if slot.charge is charge:
                slot.returncode = charge.returncode
                return charge

            charge = slot.charge

    async def replace(self, slot: Slot) -> None:
        old = slot.charge
        assert old is not None
        slot.is_rolling = True

        try:
            new = self.launch(slot)

            try:
                await self.until(lambda: new.is_ready or new.has_ended)
            except BaseException:
                await new.stop(0)
                raise

            if new.has_ended:
                raise ProcessError(
                    f"the replacement in slot {slot.number} has not come up: "
                    f"{new.reason or describe_end(new.returncode)}; the old one stays"
                )

            slot.charge = new
            self.replaced += 1
        except OSError as exc:
            raise ProcessError(f"the replacement in slot {slot.number} cannot be started: {exc}") from exc
        finally:
            slot.is_rolling = False
            self.changed()

        await old.stop(self.stop_timeout)

    async def roll_quietly(self) -> None:
        try:
            await self.roll()
        except ProcessError as exc:
            logger.error("%r: %s", self, exc)
        finally:
            self.rolling = None

    def launch(self, slot: Slot) -> Charge:
        charge = Charge(
            slot.number,
            self.args,
            env=os.environ if self.env is None else self.env,
            cwd=self.cwd,
            ready_timeout=self.ready_timeout,
            board=self.board,
            changed=self.changed,
        )
        self.charges.add(charge)
        charge.child.ended.add_done_callback(lambda _: self.forget(charge), context=Context())

        if self.shares is not None:
            with suppress(ProcessLookupError):
                pin(self.shares[slot.number], charge.child.pid)

        return charge

    def forget(self, charge: Charge) -> None:
        self.charges.discard(charge)
        self.hung += charge.is_hung

    # All of them ------------------------------------------------------------------------------------------------------

    async def stop_all(self, grace: float) -> None:
        async with asyncio.TaskGroup() as group:
            for charge in self.charges:
                group.create_task(charge.stop(grace))

        for slot in self.slots:
            if slot.charge is not None and slot.charge.has_ended:
                slot.returncode = slot.charge.returncode

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.watchers.wait(None, no_gift)

    def changed(self) -> None:
        self.watchers.wake_all()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take the signals of this process, and give them back."""
        loop = asyncio.get_running_loop()
        wanted: dict[int, Callable[[], None]] = {int(number): self.request_stop for number in STOPPING}
        wanted[signal.SIGHUP] = self.request_roll

        for passed in PASSED_ON:
            wanted[passed] = partial(self.send_signal, passed)

        before: dict[int, Any] = {number: signal.getsignal(number) for number in wanted}

        for number, action in wanted.items():
            Context().run(loop.add_signal_handler, number, action)

        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


def no_gift(_: None) -> None:
    """Give nothing back: who waits for this takes nothing."""
