"""How processes agree on who of them makes a run."""

from typing import Protocol

__all__ = ("RunLock",)


class RunLock(Protocol):
    """A store that all processes share, where a key can be taken once.

    Keys name a task and a moment, not a holder: a claim is never given back, so that a short run on one machine is not
    made again by another whose clock is behind.
    """

    async def claim(self, key: str, ttl: float) -> bool:
        """Take `key` for `ttl` seconds, and return whether it was free. Raises what the store raises."""
        ...
