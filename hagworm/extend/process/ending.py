"""Ending with the parent: no process that is started here outlives the one that started it."""

import os
import signal
import sys
from functools import cache
from typing import Any

__all__ = ("die_with_parent", "prctl")

PR_SET_PDEATHSIG = 1


@cache
def prctl() -> Any:
    """Return prctl(2) of Linux, and None elsewhere. Where many are forked, it is looked up once before."""
    if sys.platform != "linux":
        return None

    import ctypes

    return ctypes.CDLL(None, use_errno=True).prctl


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when the thread of `parent` that started it ends; exit where it has ended.

    Linux only (prctl(2), PR_SET_PDEATHSIG); elsewhere this does nothing but look. Not inherited by children.
    """
    # Only a kernel that knows no signals would refuse it.
    if (call := prctl()) is not None and call(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0):
        raise OSError("prctl(PR_SET_PDEATHSIG) is refused")

    # It may have ended before it was asked for.
    if os.getppid() != parent:
        os._exit(1)
