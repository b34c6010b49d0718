"""The time of NTP servers: one question to one of them, and a clock that many of them keep right."""

from hagworm.extend.asyncio.ntp.client import NTPClient, NTPClientStatistics
from hagworm.extend.asyncio.ntp.pool import NTPPool, NTPPoolStatistics

__all__ = ("NTPClient", "NTPClientStatistics", "NTPPool", "NTPPoolStatistics")
