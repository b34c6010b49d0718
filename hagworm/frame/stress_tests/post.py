"""Messages over a link that may lose some: numbered, kept until they are acknowledged, and handed over once, in order.

It has no clock and no socket: moments are arguments, in seconds.
"""

import struct
from collections import deque

from hagworm.extend.error import FrameError

__all__ = ("LONGEST", "PART", "RESEND", "WINDOW", "Post")

PART = 64 * 1024
"""Bytes of a message that are sent in one piece: nobody has to take a larger one from who is not known yet."""
WINDOW = 32
"""So many pieces are under way at most."""
RESEND = 1.0
"""After so many seconds without an acknowledgement everything under way is sent again."""
LONGEST = 256 * 1024 * 1024
"""Bytes of a message."""

HEAD = struct.Struct("!QB")
"""The number of the piece, from 1, and whether it is the last of its message."""


class Post:
    """One end of the link: `put` what is to be sent, send what is `due`, `take` what comes, tell how far that got."""

    def __init__(self) -> None:
        self.numbered = 0
        self.acknowledged = 0
        """The other side has everything up to this number."""
        self.waiting: deque[bytes] = deque()
        self.under_way: deque[bytes] = deque()
        self.progress = 0.0
        """When something was sent first, or acknowledged, last."""
        self.received = 0
        """We have everything up to this number."""
        self.parts: list[bytes] = []
        self.length = 0

    def __repr__(self) -> str:
        return f"<Post {len(self.under_way)} pieces under way, {len(self.waiting)} waiting, {self.received} received>"

    @property
    def idle(self) -> bool:
        """The other side has everything."""
        return not self.waiting and not self.under_way

    def put(self, message: bytes) -> None:
        """Cut a message into pieces that will be due."""
        pieces = [message[start : start + PART] for start in range(0, len(message), PART)] or [b""]

        for left, piece in enumerate(reversed(pieces)):
            pieces[-1 - left] = HEAD.pack(self.numbered + len(pieces) - left, left == 0) + piece

        self.numbered += len(pieces)
        self.waiting.extend(pieces)

    def due(self, now: float) -> list[bytes]:
        """Return the pieces that are to be sent now: new ones, and all under way where none of them arrives."""
        pieces: list[bytes] = []

        if self.under_way and now - self.progress >= RESEND:
            pieces.extend(self.under_way)
            self.progress = now

        while self.waiting and len(self.under_way) < WINDOW:
            if not self.under_way:
                self.progress = now

            self.under_way.append(self.waiting.popleft())
            pieces.append(self.under_way[-1])

        return pieces

    def acknowledge(self, number: int, now: float) -> None:
        """Forget what the other side has; a number that is older than another one says nothing."""
        if number > self.acknowledged + len(self.under_way):
            raise FrameError(f"piece {number} is acknowledged, and has never been sent")

        while self.acknowledged < number:
            self.under_way.popleft()
            self.acknowledged += 1
            self.progress = now

    def take(self, piece: bytes) -> bytes | None:
        """Return the message that a piece completes; None where it does not, has come before, or too early.

        Raises `FrameError` for what is no piece, and for a message that is too long.
        """
        if len(piece) < HEAD.size:
            raise FrameError(f"a piece of {len(piece)} bytes")

        number, last = HEAD.unpack_from(piece)

        if number != self.received + 1:
            return None

        self.received = number
        self.parts.append(piece[HEAD.size :])
        self.length += len(piece) - HEAD.size

        if self.length > LONGEST:
            raise FrameError(f"a message of more than {LONGEST} bytes")

        if not last:
            return None

        message = b"".join(self.parts)
        self.parts.clear()
        self.length = 0
        return message
