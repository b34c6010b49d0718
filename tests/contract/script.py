"""What a row does to a server, step by step, and the transcript of what the server did."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from hagworm.facade.exchange import Closed
from hagworm.testing import Connection, HandshakeRefused, RawWebSocket, StreamEnded, canonical
from hagworm.testing.frames import BINARY, CLOSE, PING, PONG, TEXT, FrameError, encode_close
from hagworm.testing.response import ClientResponse

Open = Callable[[], Awaitable[Connection]]


class Stage:
    """A connection, perhaps with a WebSocket on it, and a key of its own for the journal of the application."""

    def __init__(self, open_connection: Open, key: str) -> None:
        self.open_connection = open_connection
        self.key = quote(key)
        self.connection: Connection
        self.socket: RawWebSocket

    def fill(self, data: bytes) -> bytes:
        return data.replace(b"{key}", self.key.encode())

    async def play(self, steps: tuple["Step", ...]) -> list[bytes]:
        """Do every step; return what came of those that look."""
        self.connection = await self.open_connection()

        try:
            return [item for step in steps if (item := await step.take(self)) is not None]
        finally:
            self.connection.close()


class Step:
    """One thing to do; what it returns stands in the transcript."""

    async def take(self, stage: Stage) -> bytes | None:
        raise TypeError(f"{type(self).__name__} must define take()")


@dataclass(frozen=True)
class Send(Step):
    """Send bytes; `{key}` is replaced."""

    data: bytes

    async def take(self, stage: Stage) -> None:
        await stage.connection.send(stage.fill(self.data))


@dataclass(frozen=True)
class Answer(Step):
    """Read a response: its canonical form, with `(cut)` where it ended early, or `nothing` where none came."""

    method: str = "GET"

    async def take(self, stage: Stage) -> bytes:
        connection, pieces = stage.connection, []

        try:
            head = await connection.read_head()
        except StreamEnded:
            return b"nothing"

        cut = b""

        try:
            body = connection.body(head, self.method)

            while piece := await connection.read_piece(body):
                pieces.append(piece)
        except StreamEnded:
            cut = b"(cut)"

        return canonical(ClientResponse(head.status, head.headers, b"".join(pieces))) + cut


@dataclass(frozen=True)
class Framing(Step):
    """Read a response: its status, and those of the fields about the connection that are named."""

    names: tuple[str, ...] = ("content-length", "transfer-encoding", "connection")

    async def take(self, stage: Stage) -> bytes:
        response = await stage.connection.read_response()
        fields = [f"{name}: {response.headers[name].lower()}" for name in self.names if name in response.headers]
        return " ".join([str(response.status), *fields]).encode()


@dataclass(frozen=True)
class Counts(Step):
    """Read a response: how many fields it has of each name."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)

    async def take(self, stage: Stage) -> bytes:
        response = await stage.connection.read_response()
        return ", ".join(f"{name}: {len(response.headers.all(name))}" for name in self.names).encode()


@dataclass(frozen=True)
class Head(Step):
    """Read the head of a response, and leave its body."""

    async def take(self, stage: Stage) -> bytes:
        head = await stage.connection.read_head()
        return canonical(ClientResponse(head.status, head.headers))


@dataclass(frozen=True)
class Interim(Step):
    """Read a response that must be a 1xx."""

    async def take(self, stage: Stage) -> bytes:
        return b"%d" % await stage.connection.read_interim()


@dataclass(frozen=True)
class Interims(Step):
    """Which 1xx came before the responses read."""

    async def take(self, stage: Stage) -> bytes:
        return b"interim: " + b" ".join(b"%d" % status for status in stage.connection.interim)


@dataclass(frozen=True)
class State(Step):
    """How the server left the connection."""

    async def take(self, stage: Stage) -> bytes:
        return (await stage.connection.state()).encode()


@dataclass(frozen=True)
class Ended(Step):
    """Wait for the server to end the connection."""

    async def take(self, stage: Stage) -> bytes:
        await stage.connection.ended()
        return b"ended"


@dataclass(frozen=True)
class HalfClose(Step):
    """Send no more."""

    async def take(self, stage: Stage) -> None:
        stage.connection.half_close()


@dataclass(frozen=True)
class Reset(Step):
    """Vanish."""

    async def take(self, stage: Stage) -> None:
        stage.connection.reset()


@dataclass(frozen=True)
class Ask(Step):
    """The body that another connection gets for a target."""

    target: str

    async def take(self, stage: Stage) -> bytes:
        async with await stage.open_connection() as other:
            target = stage.fill(self.target.encode())
            await other.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
            return (await other.read_response()).body


class Notes(Ask):
    """The first `count` notes that the application has written for this row; it waits until there are so many."""

    def __init__(self, count: int = 1) -> None:
        super().__init__(f"/journal/{{key}}?count={count}")


@dataclass(frozen=True)
class Elsewhere(Step):
    """Talk to the server on another connection, so often that whatever could go on on this one has gone on."""

    times: int

    async def take(self, stage: Stage) -> None:
        async with await stage.open_connection() as other:
            for _ in range(self.times):
                await other.send(b"GET /only HTTP/1.1\r\nHost: a\r\n\r\n")
                await other.read_response()


@dataclass(frozen=True)
class Upgrade(Step):
    """Open a WebSocket: `101` and the subprotocol, or the refusal."""

    target: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    subprotocols: tuple[str, ...] = ()

    async def take(self, stage: Stage) -> bytes:
        headers = [(b"host", b"a"), *self.headers]
        target = stage.fill(self.target.encode())

        try:
            stage.socket = await RawWebSocket.open(stage.connection, target, headers, self.subprotocols)
        except HandshakeRefused as refusal:
            return canonical(refusal.response)

        return handshake(stage.socket)


@dataclass(frozen=True)
class Join(Step):
    """Read the answer to a handshake that was sent as bytes."""

    async def take(self, stage: Stage) -> bytes:
        try:
            stage.socket = await RawWebSocket.join(stage.connection)
        except HandshakeRefused as refusal:
            return canonical(refusal.response)
        except StreamEnded:
            return b"nothing"

        return handshake(stage.socket)


@dataclass(frozen=True)
class Greeting(Step):
    """The headers that the application has added to the answer to the handshake."""

    async def take(self, stage: Stage) -> bytes:
        found = [pair for pair in stage.socket.headers if pair[0].startswith(b"x-")]
        text = b", ".join(b"%b=%b" % pair for pair in found if pair[0] != b"x-request-id")
        return b"headers: " + (text or b"none")


@dataclass(frozen=True)
class Extensions(Step):
    """The extensions that the handshake has agreed on."""

    async def take(self, stage: Stage) -> bytes:
        lines = [value for name, value in stage.socket.headers if name == b"sec-websocket-extensions"]
        found = [item.partition(b";")[0].strip() for line in lines for item in line.split(b",")]
        return b"extensions: " + (b", ".join(found) or b"none")


def handshake(socket: RawWebSocket) -> bytes:
    return f"101 {socket.subprotocol or ''}".strip().encode()


@dataclass(frozen=True)
class Frame(Step):
    """Send one frame, valid or not."""

    opcode: int
    payload: bytes = b""
    final: bool = True
    masked: bool = True
    reserved: int = 0

    async def take(self, stage: Stage) -> None:
        await stage.socket.send_frame(
            self.opcode, self.payload, final=self.final, masked=self.masked, reserved=self.reserved
        )


def text(message: str) -> Frame:
    return Frame(TEXT, message.encode())


def binary(message: bytes) -> Frame:
    return Frame(BINARY, message)


def ping(payload: bytes) -> Frame:
    return Frame(PING, payload)


def closing(code: int | None = None, reason: str = "") -> Frame:
    return Frame(CLOSE, encode_close(code, reason))


@dataclass(frozen=True)
class Message(Step):
    """Read the next message, or how the WebSocket ended."""

    async def take(self, stage: Stage) -> bytes:
        try:
            message = await stage.socket.receive()
        except FrameError as exc:
            return f"broken: {exc}".encode()

        if isinstance(message, Closed):
            return f"close {message.code} {message.reason}".strip().encode()

        return b"text " + message.encode() if isinstance(message, str) else b"binary " + message


@dataclass(frozen=True)
class CloseCode(Message):
    """How the WebSocket ended, without the reason: servers word theirs differently."""

    async def take(self, stage: Stage) -> bytes:
        return b" ".join((await super().take(stage)).split(b" ")[:2])


@dataclass(frozen=True)
class Pong(Step):
    """Read a frame that must be a pong."""

    async def take(self, stage: Stage) -> bytes:
        frame = await stage.socket.receive_frame()
        return b"pong " + frame.payload if frame.opcode == PONG else b"opcode %d" % frame.opcode


def brief(transcript: list[bytes]) -> str:
    """The first line of every item: `400 closed`. It is how outcomes are declared that a parser owns."""
    return " ".join(re.split(rb"\n", item, maxsplit=1)[0].decode("ascii", "backslashreplace") for item in transcript)
