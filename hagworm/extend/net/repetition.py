"""Whether a request may be sent once more, and not before when."""

__all__ = ("IDEMPOTENT", "REPEATABLE_STATUS", "is_idempotent", "may_repeat_status", "read_retry_after")

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110 section 9.2.2."""

REPEATABLE_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
"""What a later attempt may find changed."""


def is_idempotent(method: str, *, key: bool = False) -> bool:
    """Return whether two requests do what one does; `key`: the request carries an idempotency key."""
    return key or method in IDEMPOTENT


def may_repeat_status(status: int, *, idempotent: bool) -> bool:
    """Return whether a request that was answered with `status` may be sent once more.

    One that is not idempotent never is: no status proves that nothing has been done.
    """
    return idempotent and status in REPEATABLE_STATUS


def read_retry_after(text: str | None, now: float) -> float | None:
    """Return in how many seconds to come again, from a Retry-After header (RFC 9110 section 10.2.3).

    `now` is the time, in seconds since 1970. None for a header that is missing or says nothing.
    """
    if text is None:
        return None

    text = text.strip()

    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= 9 else float(10**9)

    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError, TypeError):
        return None
