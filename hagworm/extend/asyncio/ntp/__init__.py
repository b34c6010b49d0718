"""The time of NTP servers: one question to one of them, and a clock that many of them keep right."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, HOMES)
