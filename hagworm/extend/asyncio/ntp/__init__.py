"""The time of NTP servers: one question to one of them, and a clock that many of them keep right."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.asyncio.ntp.client import NTPClient as NTPClient
    from hagworm.extend.asyncio.ntp.client import NTPClientStatistics as NTPClientStatistics
    from hagworm.extend.asyncio.ntp.pool import NTPPool as NTPPool
    from hagworm.extend.asyncio.ntp.pool import NTPPoolStatistics as NTPPoolStatistics

# Loaded on first use: who asks one server needs no pool of them.
HOMES = {
    "NTPClient": "client",
    "NTPClientStatistics": "client",
    "NTPPool": "pool",
    "NTPPoolStatistics": "pool",
}

__all__ = tuple(HOMES)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
