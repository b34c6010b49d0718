"""What time it is elsewhere: packets, samples, who tells the truth, and a clock that goes by them (RFC 5905)."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.ntp.association import Association as Association
    from hagworm.extend.ntp.association import AssociationStatistics as AssociationStatistics
    from hagworm.extend.ntp.association import PollPlan as PollPlan
    from hagworm.extend.ntp.clock import Clock as Clock
    from hagworm.extend.ntp.clock import ClockStatistics as ClockStatistics
    from hagworm.extend.ntp.clock import DisciplinedClock as DisciplinedClock
    from hagworm.extend.ntp.clock import Reading as Reading
    from hagworm.extend.ntp.filter import SampleFilter as SampleFilter
    from hagworm.extend.ntp.packet import Packet as Packet
    from hagworm.extend.ntp.packet import build_request as build_request
    from hagworm.extend.ntp.sample import Sample as Sample
    from hagworm.extend.ntp.sample import check_reply as check_reply
    from hagworm.extend.ntp.sample import measure as measure
    from hagworm.extend.ntp.selection import Candidate as Candidate
    from hagworm.extend.ntp.selection import Selection as Selection
    from hagworm.extend.ntp.selection import select as select
    from hagworm.extend.ntp.timestamp import from_unix_ns as from_unix_ns
    from hagworm.extend.ntp.timestamp import to_unix_ns as to_unix_ns

# Loaded on first use: who parses packets needs no clock.
HOMES = {
    "Association": "hagworm.extend.ntp.association",
    "AssociationStatistics": "hagworm.extend.ntp.association",
    "Candidate": "hagworm.extend.ntp.selection",
    "Clock": "hagworm.extend.ntp.clock",
    "ClockStatistics": "hagworm.extend.ntp.clock",
    "DisciplinedClock": "hagworm.extend.ntp.clock",
    "Packet": "hagworm.extend.ntp.packet",
    "PollPlan": "hagworm.extend.ntp.association",
    "Reading": "hagworm.extend.ntp.clock",
    "Sample": "hagworm.extend.ntp.sample",
    "SampleFilter": "hagworm.extend.ntp.filter",
    "Selection": "hagworm.extend.ntp.selection",
    "build_request": "hagworm.extend.ntp.packet",
    "check_reply": "hagworm.extend.ntp.sample",
    "from_unix_ns": "hagworm.extend.ntp.timestamp",
    "measure": "hagworm.extend.ntp.sample",
    "select": "hagworm.extend.ntp.selection",
    "to_unix_ns": "hagworm.extend.ntp.timestamp",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
