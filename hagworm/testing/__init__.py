"""What users test their services with: a client for any engine, and the raw bytes below it."""

from hagworm.testing.canonical import canonical, canonical_answer
from hagworm.testing.client import Client, StreamedResponse
from hagworm.testing.connection import Connection
from hagworm.testing.http1 import BadMessage
from hagworm.testing.response import ClientResponse, RawAnswer
from hagworm.testing.stream import StreamEnded
from hagworm.testing.websocket import HandshakeRefused, RawWebSocket, WebSocketSession

__all__ = (
    "BadMessage",
    "Client",
    "ClientResponse",
    "Connection",
    "HandshakeRefused",
    "RawAnswer",
    "RawWebSocket",
    "StreamEnded",
    "StreamedResponse",
    "WebSocketSession",
    "canonical",
    "canonical_answer",
)
