"""Who is told what happens inside a strategy."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ("tell",)

LOG = logging.getLogger("hagworm.resilience")


def tell(listeners: Iterable[Callable[[Any], object]], event: object) -> None:
    """Call every listener with `event`, at once; one that raises is logged, and harms neither others nor the call."""
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            LOG.exception("%r failed on %r", listener, event)
