"""How long to rest before the next round of a loop."""

__all__ = ("pause_after",)


def pause_after(failures: int, *, delay: float, backoff: float, limit: float) -> float:
    """Return the seconds to rest after a round: `delay` if it went well.

    After `failures` rounds in a row that did not, `backoff` seconds, doubled with every further one, at most `limit`;
    never less than `delay`.
    """
    if not failures:
        return delay

    # Doubling stops mattering long before it overflows.
    return max(delay, min(limit, backoff * 2.0 ** min(failures - 1, 64)))
