"""Processes: what a parent and its children agree on, and what becomes of those that die."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.process.heartbeat import Heartbeat as Heartbeat
    from hagworm.extend.process.heartbeat import Pulse as Pulse
    from hagworm.extend.process.heartbeat import Sign as Sign
    from hagworm.extend.process.shared import Cursor as Cursor
    from hagworm.extend.process.shared import SharedByteArray as SharedByteArray
    from hagworm.extend.process.shared import View as View
    from hagworm.extend.process.shared import Word as Word

ROOMS = {
    "heartbeat": ("Heartbeat", "Pulse", "Sign"),
    "shared": ("Cursor", "SharedByteArray", "View", "Word"),
}

HOMES = {name: room for room, names in ROOMS.items() for name in names}

__all__ = tuple(sorted(HOMES))

__getattr__, __dir__ = lazy_names(__name__, HOMES)
