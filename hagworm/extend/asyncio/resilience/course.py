"""One call that is being retried: what has happened so far, and whether it goes on."""

import time
from dataclasses import dataclass
from datetime import timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

from hagworm.extend.asyncio.base.deadline import moment, remaining
from hagworm.extend.asyncio.resilience.listeners import tell
from hagworm.extend.error import Refused

if TYPE_CHECKING:
    from hagworm.extend.asyncio.resilience.retry import Retry

__all__ = ("Course", "Retried", "Surrenders", "ask_outcome")

GAVE_UP = "__gave_up__"
"""Where an exception carries the number of the surrender that it comes from."""


class Surrenders:
    """How often any `Retry` has given up: by that an outer one knows that an inner one has tried already."""

    count = 0


@dataclass(frozen=True, slots=True)
class Retried:
    """An attempt has failed and another follows in `pause` seconds; `error` is None where the result was rejected."""

    name: str
    attempt: int
    pause: float
    error: Exception | None
    result: Any


class Course:
    """What has become of a call; `end` is the moment when its time is over (infinite: what the caller has left)."""

    __slots__ = ("attempts", "end", "name", "retry", "seen")

    def __init__(self, retry: "Retry", name: str, seen: int, end: float = float("inf")) -> None:
        self.retry = retry
        self.name = name
        self.seen = seen
        self.end = end
        self.attempts = 0

    def __repr__(self) -> str:
        return f"<Course of {self.name}, {self.attempts} failed>"

    def failed(self, error: Exception, *, again: bool = False) -> float | None:
        """Return the pause before the next attempt, or None to give up; `again` tries again whatever the error is."""
        retry = self.retry
        self.attempts += 1

        if not again and not self.is_worth_it(error):
            return None

        return self.next(error, None, retry.ask(error))

    def rejected(self, result: Any) -> float | None:
        """Return the pause before the next attempt, or None to give up."""
        self.attempts += 1
        return self.next(None, result, self.retry.ask(result))

    def is_worth_it(self, error: Exception) -> bool:
        retry = self.retry

        if error not in retry.errors or getattr(error, "retryable", True) is False:
            return False

        if isinstance(error, Refused) and not retry.wants_refusals:
            return False

        return retry.nested or vars(error).get(GAVE_UP, 0) <= self.seen

    def next(self, error: Exception | None, result: Any, retry_after: float | None) -> float | None:
        retry = self.retry
        left = remaining() if self.end == float("inf") else self.end - moment()
        pause = retry.schedule.pause(self.attempts, random=retry.random(), left=left, retry_after=retry_after)
        over_budget = False

        if pause is not None and retry.budget is not None and not retry.budget.spend(time.monotonic()):
            pause = None
            over_budget = True

        with retry.lock:
            if pause is not None:
                retry.retried += 1
            else:
                retry.gave_up += 1
                retry.over_budget += over_budget

        if pause is None:
            if error is not None:
                self.give_up(error, "the retry budget is used up" if over_budget else "")
        elif retry.listeners:
            tell(retry.listeners, Retried(self.name, self.attempts, pause, error, result))

        return pause

    def give_up(self, error: Exception, why: str) -> None:
        Surrenders.count += 1
        vars(error)[GAVE_UP] = Surrenders.count

        if self.attempts > 1 or why:
            times = "once" if self.attempts == 1 else f"{self.attempts} times"
            error.add_note(f"tried {times} by {self.name}{why and ': '}{why}")

    def recovered(self) -> None:
        """Count that it has ended well."""
        with self.retry.lock:
            self.retry.recovered += 1


def ask_outcome(outcome: Any) -> float | None:
    """Return in how many seconds an error or a result asks to be tried again, by its attribute `retry_after`."""
    asked = getattr(outcome, "retry_after", None)

    if isinstance(asked, timedelta):
        return asked.total_seconds()

    if isinstance(asked, int | float) and not isinstance(asked, bool) and isfinite(asked):
        return asked

    return None
