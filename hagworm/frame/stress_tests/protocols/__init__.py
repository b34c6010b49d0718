"""Protocols that scenarios speak, found by name: a file here, or an entry point of the group `hagworm.stress`.

The scheme of a URL is the name; what it finds holds one constant, `PROTOCOL`: called with a seat and a target, it
returns the client of that user.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from hagworm.extend.error import StressError, nearest
from hagworm.frame.stress_tests.seat import Seat
from hagworm.frame.stress_tests.target import Target

__all__ = ("GROUP", "Protocol", "known_protocols", "load_protocol")

GROUP = "hagworm.stress"
OVER_TLS = {"https": "http", "wss": "ws"}

Protocol = Callable[[Seat, Target], Any]


def load_protocol(scheme: str) -> Protocol:
    """Return the protocol of a scheme. Raises `StressError` for one that nobody has."""
    name = OVER_TLS.get(scheme, scheme)

    if name.isidentifier() and find_spec(f"{__name__}.{name}") is not None:
        found = import_module(f"{__name__}.{name}").PROTOCOL
    else:
        for point in entry_points(group=GROUP, name=name):
            found = point.load()
            break
        else:
            known = known_protocols()
            raise StressError(f"no protocol for {scheme}://{nearest(scheme, known)}; there are: {', '.join(known)}")

    protocol: Protocol = found
    return protocol


def known_protocols() -> list[str]:
    """Return the schemes there are protocols for."""
    ours = {module.name for module in iter_modules(__path__)}
    return sorted({*ours, *OVER_TLS, *(point.name for point in entry_points(group=GROUP))})
