"""What users test their services with, each name loaded on first use: clients, virtual time, faults, leak checks."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.testing.canonical import canonical as canonical
    from hagworm.testing.canonical import canonical_answer as canonical_answer
    from hagworm.testing.client import Client as Client
    from hagworm.testing.client import StreamedResponse as StreamedResponse
    from hagworm.testing.connection import Connection as Connection
    from hagworm.testing.http1 import BadMessage as BadMessage
    from hagworm.testing.leaks import LeakError as LeakError
    from hagworm.testing.leaks import no_leaks as no_leaks
    from hagworm.testing.leaks import no_task_leaks as no_task_leaks
    from hagworm.testing.proxy import FaultProxy as FaultProxy
    from hagworm.testing.proxy import Faults as Faults
    from hagworm.testing.response import ClientResponse as ClientResponse
    from hagworm.testing.response import RawAnswer as RawAnswer
    from hagworm.testing.stream import StreamEnded as StreamEnded
    from hagworm.testing.sweep import Sweep as Sweep
    from hagworm.testing.sweep import cancel_sweep as cancel_sweep
    from hagworm.testing.virtual_time import Stuck as Stuck
    from hagworm.testing.virtual_time import VirtualClock as VirtualClock
    from hagworm.testing.virtual_time import VirtualLoop as VirtualLoop
    from hagworm.testing.virtual_time import run_virtual as run_virtual
    from hagworm.testing.virtual_time import virtual as virtual
    from hagworm.testing.websocket import HandshakeRefused as HandshakeRefused
    from hagworm.testing.websocket import RawWebSocket as RawWebSocket
    from hagworm.testing.websocket import WebSocketSession as WebSocketSession

HOMES = {
    "BadMessage": "hagworm.testing.http1",
    "Client": "hagworm.testing.client",
    "ClientResponse": "hagworm.testing.response",
    "Connection": "hagworm.testing.connection",
    "FaultProxy": "hagworm.testing.proxy",
    "Faults": "hagworm.testing.proxy",
    "HandshakeRefused": "hagworm.testing.websocket",
    "LeakError": "hagworm.testing.leaks",
    "RawAnswer": "hagworm.testing.response",
    "RawWebSocket": "hagworm.testing.websocket",
    "StreamEnded": "hagworm.testing.stream",
    "StreamedResponse": "hagworm.testing.client",
    "Stuck": "hagworm.testing.virtual_time",
    "Sweep": "hagworm.testing.sweep",
    "VirtualClock": "hagworm.testing.virtual_time",
    "VirtualLoop": "hagworm.testing.virtual_time",
    "WebSocketSession": "hagworm.testing.websocket",
    "cancel_sweep": "hagworm.testing.sweep",
    "canonical": "hagworm.testing.canonical",
    "canonical_answer": "hagworm.testing.canonical",
    "no_leaks": "hagworm.testing.leaks",
    "no_task_leaks": "hagworm.testing.leaks",
    "run_virtual": "hagworm.testing.virtual_time",
    "virtual": "hagworm.testing.virtual_time",
}

__all__ = (
    "BadMessage",
    "Client",
    "ClientResponse",
    "Connection",
    "FaultProxy",
    "Faults",
    "HandshakeRefused",
    "LeakError",
    "RawAnswer",
    "RawWebSocket",
    "StreamEnded",
    "StreamedResponse",
    "Stuck",
    "Sweep",
    "VirtualClock",
    "VirtualLoop",
    "WebSocketSession",
    "cancel_sweep",
    "canonical",
    "canonical_answer",
    "no_leaks",
    "no_task_leaks",
    "run_virtual",
    "virtual",
)


__getattr__, __dir__ = lazy_names(__name__, HOMES)
