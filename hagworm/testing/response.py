"""What a test sees of a response."""

import json
from collections.abc import Sequence
from typing import Any

from hagworm.facade.exchange import HeaderPairs
from hagworm.facade.headers import Headers

__all__ = ("ClientResponse", "RawAnswer")


class ClientResponse:
    """A complete response: `status`, `headers` (case-insensitive, `all(name)` for duplicates), and the `body`."""

    def __init__(
        self, status: int, headers: HeaderPairs, body: bytes = b"", *, reason: str = "", version: str = "1.1"
    ) -> None:
        self.status = status
        self.headers = Headers(headers)
        self.body = body
        self.reason = reason
        self.version = version

    def __repr__(self) -> str:
        return (
            f"<ClientResponse {self.status}, {len(self.body)} bytes of {self.headers.get('content-type', 'no type')}>"
        )

    @property
    def status_code(self) -> int:
        """The same as `status`, by the name other clients give it."""
        return self.status

    @property
    def content(self) -> bytes:
        """The same as `body`, by the name other clients give it."""
        return self.body

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as text: by the charset of its content type, UTF-8 without one."""
        _, _, parameter = self.headers.get("content-type", "").lower().partition("charset=")
        return self.body.decode(parameter.split(";")[0].strip(' "') or "utf-8")

    def json(self) -> Any:
        """The body parsed as JSON. Raises ValueError."""
        return json.loads(self.body)


class RawAnswer:
    """What came back for raw bytes.

    `data` is every byte, `responses` what they say, and `connection` how the server left it: `kept` (it answered
    another request), `closed` (a clean end behind the last response) or `aborted` (an end in the middle of one, or
    before the first).
    """

    def __init__(
        self, data: bytes, responses: Sequence[ClientResponse], interim: Sequence[int], connection: str
    ) -> None:
        self.data = data
        self.responses = tuple(responses)
        self.interim = tuple(interim)
        self.connection = connection

    def __repr__(self) -> str:
        return f"<RawAnswer {[response.status for response in self.responses]}, {self.connection}>"

    def __bytes__(self) -> bytes:
        return self.data

    @property
    def response(self) -> ClientResponse:
        """The last response. Raises IndexError where there was none."""
        return self.responses[-1]

    @property
    def status(self) -> int:
        """Status of the last response, 0 where there was none."""
        return self.responses[-1].status if self.responses else 0
