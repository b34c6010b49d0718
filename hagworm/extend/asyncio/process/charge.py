"""One process that is looked after, from its start to its end."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import Context

from hagworm.extend.asyncio.future.child import Child, Path
from hagworm.extend.process.heartbeat import Heartbeat
from hagworm.extend.process.member import READY, describe_member

__all__ = ("Charge",)

logger = logging.getLogger("hagworm")


class Charge:
    """A child that is expected to become ready within `ready_timeout` seconds, and to beat from then on.

    None: it is ready as soon as it is started. Whoever does not keep to that is killed. `changed` is called when it is
    ready, and when it has ended. Raises OSError where it cannot be started.
    """

    __slots__ = (
        "board",
        "changed",
        "child",
        "is_hung",
        "is_ready",
        "loop",
        "reason",
        "signal_end",
        "since",
        "slot",
        "timer",
    )

    def __init__(
        self,
        slot: int,
        args: Sequence[Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        ready_timeout: float | None,
        board: Heartbeat | None,
        changed: Callable[[], object],
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.slot = slot
        self.board = board
        self.changed = changed
        self.is_ready = False
        self.is_hung = False
        """Whether it was killed as it was not ready, or did not beat, in time."""
        self.reason = ""
        self.timer: asyncio.TimerHandle | None = None
        self.signal_end, theirs = os.pipe()

        try:
            given = describe_member(slot, theirs, "" if board is None else board.name)
            self.child = Child(
                args,
                stdin=None,
                stdout=None,
                stderr=None,
                cwd=cwd,
                env={**env, **given},
                pass_fds=(theirs,),
            )
        except BaseException:
            os.close(self.signal_end)
            raise
        finally:
            os.close(theirs)

        self.since = self.loop.time()
        os.set_blocking(self.signal_end, False)
        Context().run(self.loop.add_reader, self.signal_end, self.take)
        self.child.ended.add_done_callback(self.end, context=Context())

        if ready_timeout is None:
            self.become_ready()
        else:
            self.arm(ready_timeout, self.give_up)

    def __repr__(self) -> str:
        state = "ended" if self.has_ended else "ready" if self.is_ready else "starting"
        return f"<Charge {self.child.pid} in slot {self.slot}: {state}>"

    @property
    def has_ended(self) -> bool:
        """Whether it has, with all that it had started."""
        return self.child.ended.done()

    @property
    def returncode(self) -> int | None:
        """How it has ended."""
        return self.child.ended.result()

    @property
    def ran(self) -> float:
        """For how many seconds it has run."""
        return self.loop.time() - self.since

    def take(self) -> None:
        with suppress(BlockingIOError):
            if os.read(self.signal_end, 16).startswith(READY):
                self.become_ready()

            self.listen_no_more()

    def become_ready(self) -> None:
        if not self.is_ready:
            self.is_ready = True
            self.disarm()

            if self.board is not None:
                self.arm(self.board.timeout, self.examine)

            self.changed()

    def give_up(self) -> None:
        self.is_hung = True
        self.kill("it was not ready in time")

    def examine(self) -> None:
        """Kill it if its last beat is too long ago; else look again when it would be."""
        assert self.board is not None
        sign = next((sign for sign in self.board.signs() if sign.pid == self.child.pid), None)

        if sign is None or sign.age > self.board.timeout:
            self.is_hung = True
            self.kill(f"it has not beaten for {self.board.timeout:g} s")
        else:
            self.arm(self.board.timeout - sign.age, self.examine)

    def kill(self, reason: str) -> None:
        """Kill it now; that is not waited for."""
        if not self.has_ended:
            self.reason = reason
            logger.error("%r is killed: %s", self, reason)
            self.child.send_signal(signal.SIGKILL)

    async def stop(self, grace: float) -> None:
        """Send SIGTERM, and SIGKILL after `grace` seconds. Cancelled, it kills at once and waits for that."""
        self.disarm()
        await self.child.stop(grace)

    def arm(self, seconds: float, action: Callable[[], None]) -> None:
        self.timer = self.loop.call_later(seconds, action, context=Context())

    def disarm(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def end(self, _: "asyncio.Future[int | None]") -> None:
        self.disarm()
        self.listen_no_more()
        self.changed()

    def listen_no_more(self) -> None:
        if self.signal_end >= 0:
            self.loop.remove_reader(self.signal_end)
            os.close(self.signal_end)
            self.signal_end = -1
