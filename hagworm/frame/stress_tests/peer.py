"""One end of the link between the coordinator of a run and an agent: what is said, and how its clock runs."""

import json
import struct
from collections.abc import Callable
from typing import Any

from hagworm.extend.error import FrameError
from hagworm.extend.ntp.filter import SampleFilter
from hagworm.extend.ntp.sample import Sample
from hagworm.frame.stress_tests.post import Post

__all__ = ("BEAT", "PROTOCOL", "SAMPLES", "SILENCE", "Peer")

PROTOCOL = 1
"""What both sides speak; another number is another language."""
BEAT = 0.25
"""How often each side is heard at least, in seconds."""
SILENCE = 5.0
"""Who was not heard for so many seconds is gone."""
SAMPLES = 8
"""So many exchanges tell how far apart two clocks are."""

PIECE, PULSE, ASK = b"P", b"B", b"A"
TIMES = struct.Struct("!Qddd")
"""How far we got in what was sent to us; when this was sent; when that was sent which came last, and when it came."""

NANO = 1_000_000_000


class Peer:
    """The other side, spoken to by `send`. It has no clock of its own: `now` is `time.monotonic()` of this machine.

    Every pulse tells when it was sent, and when the last one of the other side was sent and came: four moments of which
    offset and delay follow as in NTP (RFC 5905 8). A message is JSON with a `kind`, and arrives once.
    """

    def __init__(self, send: Callable[[bytes], None], now: float) -> None:
        self.send = send
        self.post = Post()
        self.heard = now
        self.spoken = 0.0
        self.echo = (0.0, 0.0)
        self.samples = SampleFilter(stages=SAMPLES)

    def __repr__(self) -> str:
        return f"<Peer {self.post!r}, {self.samples!r}>"

    def say(self, kind: str, now: float, **content: Any) -> None:
        """Say something; it is sent until the other side has it."""
        self.post.put(json.dumps({"kind": kind, **content}).encode())
        self.tick(now)

    def tick(self, now: float) -> None:
        """Send what is due; to be called some times for each `BEAT`."""
        for piece in self.post.due(now):
            self.send(PIECE + piece)

        if now - self.spoken >= BEAT:
            self.pulse(now)

    def pulse(self, now: float, *, ask: bool = False) -> None:
        """Let the other side know that we live; with `ask`, it does the same at once."""
        self.spoken = now
        self.send((ASK if ask else PULSE) + TIMES.pack(self.post.received, now, *self.echo))

    def take(self, frame: bytes, now: float) -> dict[str, Any] | None:
        """Take what came; return the message that it completes. Raises `FrameError` for what is none."""
        self.heard = now
        kind, content = frame[:1], frame[1:]

        if kind == PIECE:
            text = self.post.take(content)
            self.pulse(now)
            return None if text is None else read(text)

        if kind not in (PULSE, ASK) or len(content) != TIMES.size:
            raise FrameError("neither a piece of a message nor a pulse")

        received, sent, ours, came = TIMES.unpack(content)
        self.post.acknowledge(received, now)
        self.echo = (sent, now)

        if ours:
            delay = max(0.0, (now - ours) - (sent - came))
            offset = ((came - ours) + (sent - now)) / 2
            self.samples.add(Sample(offset, delay, 1e-6, int(now * NANO)))

        if kind == ASK:
            self.pulse(now)

        # What it has acknowledged makes room for more.
        for piece in self.post.due(now):
            self.send(PIECE + piece)

        return None

    def is_silent(self, now: float) -> bool:
        """Tell whether it was not heard for too long."""
        return now - self.heard > SILENCE

    def clock(self, now: float) -> tuple[float, float]:
        """Return what is to be added to our clock for the other's, and by how much that may be wrong, in seconds."""
        best = self.samples.best(int(now * NANO))

        if best is None:
            raise FrameError("its clock has not been measured")

        return best.offset, best.distance(int(now * NANO))


def read(text: bytes) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except ValueError as exc:
        raise FrameError(f"a message that is not JSON: {exc}") from exc

    if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
        raise FrameError("a message without a kind")

    return message
