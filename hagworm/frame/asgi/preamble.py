"""What begins every response of one server, made once a second."""

from weakref import WeakKeyDictionary

from uvicorn.server import ServerState

from hagworm.facade.failure import phrase

__all__ = ("PREAMBLES", "Preambles")


class Preambles:
    """Status line, date and what else begins every response, by status, for the present second."""

    __slots__ = ("lines", "source")

    def __init__(self) -> None:
        self.source: list[tuple[bytes, bytes]] | None = None
        self.lines: dict[int, bytes] = {}

    def renew(self, source: list[tuple[bytes, bytes]]) -> None:
        self.source = source
        self.lines.clear()

    def make(self, status: int) -> bytes:
        assert self.source is not None, "renewed before"
        fields = b"".join(b"%b: %b\r\n" % pair for pair in self.source)
        line = self.lines[status] = b"HTTP/1.1 %d %b\r\n%b" % (status, phrase(status).encode(), fields)
        return line


PREAMBLES: WeakKeyDictionary[ServerState, Preambles] = WeakKeyDictionary()
