"""The way into a sink that may fail: what it did not take is tried again, for a while and at growing intervals."""

from collections import deque
from collections.abc import Sequence
from typing import Any

from hagworm.extend.logging.redaction import Redactor
from hagworm.extend.logging.sink import Sink

__all__ = ("ATTEMPTS", "Outlet")

ATTEMPTS = 8
"""How often lines are tried before they are given up; together that takes about a minute."""
FIRST, LONGEST = 0.25, 15.0
"""Seconds until the second attempt, and between two attempts at most."""


class Outlet:
    """Holds the lines that are being written. While the sink fails it is left alone, but for one attempt now and then.

    Lines are given up after `ATTEMPTS`, or at once without `retries`. Nothing here raises; time is an argument.
    """

    def __init__(self, sink: Sink, *, redact: Redactor | None = None, retries: bool = True) -> None:
        self.sink = sink
        self.redact = redact
        self.retries = retries
        self.renew()

    def __repr__(self) -> str:
        state = f"failing {self.failures} times" if self.failures else "open"
        return f"<Outlet to {self.sink!r}, {state}, {self.waiting} lines at hand>"

    def renew(self) -> None:
        """Forget everything, as another process writes it."""
        self.hand: Sequence[str] = ()
        self.counts = True
        self.failures = 0
        """Attempts in a row at which the sink took nothing."""
        self.not_before = 0.0
        self.written = 0
        self.lost = 0
        self.fault: BaseException | None = None
        """What the sink said last."""

    @property
    def waiting(self) -> int:
        """Lines at hand."""
        return len(self.hand)

    def take(self, lines: Sequence[str], *, counts: bool = True) -> None:
        """Take lines, once there are none at hand; hide the secrets in them. Lines of our own do not count."""
        self.hand = self.redact.clean(lines) if lines and self.redact is not None else lines
        self.counts = counts

    def push(self, now: float) -> bool:
        """Write what is at hand, unless it is too early for another attempt; return whether it is out of our hands."""
        if now < self.not_before:
            return False

        while self.hand:
            try:
                done = self.sink.write(self.hand)
            except Exception as exc:  # whatever a sink comes up with: nobody else is there to be told
                self.fault = exc
                return self.fail(now)

            self.written += done * self.counts
            self.hand = self.hand[done:]

            if done:
                self.failures = 0

        return True

    def fail(self, now: float) -> bool:
        self.failures += 1

        if not self.retries or self.failures % ATTEMPTS == 0:
            self.give_up()

        if self.retries:
            self.not_before = now + min(FIRST * 2 ** min(self.failures - 1, 10), LONGEST)

        return not self.retries

    def pause(self, now: float) -> float:
        """Return the seconds until another attempt is due."""
        return max(self.not_before - now, 0.0) if self.failures else 0.0

    def hurry(self) -> None:
        """Let the next attempt be made at once."""
        self.not_before = 0.0

    def give_up(self, more: deque[Any] | None = None) -> None:
        """Count what is at hand as lost, and what stands in a queue behind it."""
        self.lost += len(self.hand) * self.counts
        self.hand = ()

        if more:
            self.lost += len(more)
            more.clear()
