"""How long an entry lives."""

import math
from typing import Literal

__all__ = ("NEVER", "Lifetime", "end_of", "spread")

NEVER = math.inf
"""When an entry ends that has no end."""

Lifetime = float | None | Literal["default"]
"""Seconds, None for ever, or as the cache says for all."""


def end_of(lifetime: float | None, now: float) -> float:
    """Return when an entry ends that is kept from `now`.

    Raises ValueError for what is no positive number of seconds.
    """
    if lifetime is None:
        return NEVER

    if not lifetime > 0:
        raise ValueError(f"an entry is kept for a positive number of seconds, or for ever (None), not {lifetime!r}")

    return now + lifetime


def spread(lifetime: float, jitter: float, chance: float) -> float:
    """Return a lifetime shortened by up to `jitter` of it, `chance` being between 0 and 1.

    What is put in at the same moment does not end in the same moment.
    """
    return lifetime * (1.0 - jitter * chance)
