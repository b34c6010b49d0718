"""HTTP/1.1 for scenarios: `await self.http.get("/orders")`, counted by its name."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from hagworm.extend.error import RequestFailed
from hagworm.frame.stress_tests.answer import fields_of
from hagworm.frame.stress_tests.connection import Connection
from hagworm.frame.stress_tests.order import Request
from hagworm.frame.stress_tests.pool import Pool, describe_refusal
from hagworm.frame.stress_tests.seat import Desk, Seat
from hagworm.frame.stress_tests.tally import Row
from hagworm.frame.stress_tests.target import Target, parse_target

__all__ = ("PROTOCOL", "Answer", "Http", "Wire")

REMEMBERED = 1000
clock = time.monotonic


class Answer:
    """The answer to a request: `status`, the bytes of its `body`, and the `seconds` it took."""

    __slots__ = ("block", "body", "seconds", "status")

    def __init__(self, status: int, block: bytes, body: bytes | bytearray, seconds: float) -> None:
        self.status = status
        self.block = block
        self.body = body
        self.seconds = seconds

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.body)} bytes, {self.seconds:.6f} s>"

    @property
    def ok(self) -> bool:
        """Its status is below 400."""
        return self.status < 400

    @property
    def headers(self) -> dict[str, str]:
        """Its header fields, names in lower case; of fields that come twice the values, with commas between them."""
        found: dict[str, str] = {}

        for name, value in fields_of(self.block):
            found[name] = f"{found[name]}, {value}" if name in found else value

        return found

    @property
    def text(self) -> str:
        """Its body as UTF-8, with marks for what is none."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return its body as JSON. Raises `ValueError`."""
        return json.loads(self.body)


class Exchange:
    """A request that is out, and who waits for it."""

    __slots__ = ("expect", "future", "lag", "row")

    def __init__(self, future: "asyncio.Future[Answer]", row: Row, lag: float | None, expect: tuple[int, ...]) -> None:
        self.future = future
        self.row = row
        self.lag = lag
        self.expect = expect


class Wire:
    """The connections of all users of a process to one target, and the requests that go over them."""

    def __init__(self, desk: Desk, target: Target, address: tuple[str, int]) -> None:
        self.desk = desk
        self.tally = desk.tally
        self.target = target
        self.timeout = desk.order.timeout
        self.loop = desk.loop
        self.pool = Pool(
            target,
            address,
            timeout=self.timeout,
            answered=self.answered,
            broken=self.broken,
            keeps_body=True,
            verify=desk.order.verify,
        )
        self.written: dict[tuple[str, str], tuple[bytes, str]] = {}

    def __repr__(self) -> str:
        return f"<Wire {self.pool!r}>"

    def write(self, method: str, path: str) -> tuple[bytes, str]:
        """Return the bytes of a request without a body, and its usual name; remembered for the next time."""
        if (found := self.written.get((method, path))) is None:
            if len(self.written) >= REMEMBERED:
                self.written.clear()

            found = self.compose(method, path, (), b""), f"{method} {path.partition('?')[0]}"
            self.written[method, path] = found

        return found

    def compose(self, method: str, path: str, headers: tuple[tuple[str, str], ...], body: bytes) -> bytes:
        target = Target(self.target.scheme, self.target.host, self.target.port, path)
        return Request(method, headers, body).to_bytes(target)

    async def send(
        self, seat: Seat, data: bytes, row: Row, expect: tuple[int, ...] = (), *, bodiless: bool = False
    ) -> Answer:
        """Send a request and return its answer, counting it. Raises `RequestFailed`, having counted that too."""
        began = clock()

        if (connection := self.pool.take()) is None:
            try:
                connection = await self.pool.connect()
            except OSError as exc:
                reason = describe_refusal(exc, self.timeout)
                self.count_failure(row, seat.lag, began, reason)
                raise RequestFailed(reason) from exc

        exchange = Exchange(self.loop.create_future(), row, seat.lag, expect)
        connection.owner = exchange
        connection.send(data, row, began + self.timeout, bodiless=bodiless)
        connection.started = began

        try:
            return await exchange.future
        except asyncio.CancelledError:
            # Nobody reads the answer: what comes after it on this connection would be taken for another's.
            if connection.busy and connection.owner is exchange:
                connection.drop()

                if not self.desk.over:
                    self.count_failure(row, seat.lag, began, "given up by the scenario")

            raise

    def answered(self, connection: Connection) -> None:
        now = clock()
        exchange = connection.owner
        assert isinstance(exchange, Exchange)
        seconds = now - connection.started
        status = connection.head.status
        response = None if exchange.lag is None else seconds + exchange.lag

        if status in exchange.expect if exchange.expect else status < 400:
            exchange.row.success(seconds, response, now - self.desk.zero)
        else:
            exchange.row.failure(seconds, response, now - self.desk.zero, f"status {status}")

        self.pool.put(connection)

        if not exchange.future.done():
            exchange.future.set_result(Answer(status, connection.block, connection.body, seconds))

    def broken(self, connection: Connection, reason: str) -> None:
        exchange = connection.owner
        assert isinstance(exchange, Exchange)
        self.count_failure(exchange.row, exchange.lag, connection.started, reason)

        if not exchange.future.done():
            exchange.future.set_exception(RequestFailed(reason))

    def count_failure(self, row: Row, lag: float | None, began: float, reason: str) -> None:
        now = clock()
        seconds = now - began
        row.failure(seconds, None if lag is None else seconds + lag, now - self.desk.zero, reason)

    async def close(self) -> None:
        """Close its connections; what is out gets no answer any more."""
        await self.pool.close()


class Http:
    """The HTTP client of one user. Every request is counted: by its `name`, or by method and path without the query.

    A status of 400 or more is a failure, or one that is none of `expect` where that is given; the answer is returned
    all the same. A request without an answer raises `RequestFailed`, and has been counted under its reason.
    """

    def __init__(self, seat: Seat, target: Target) -> None:
        self.seat = seat
        self.target = target
        self.wire: Wire | None = None

    def __repr__(self) -> str:
        return f"<Http {self.target}>"

    async def get(
        self, path: str, *, name: str = "", headers: Mapping[str, str] | None = None, expect: tuple[int, ...] = ()
    ) -> Answer:
        """Send GET and return the answer."""
        if headers:
            return await self.request("GET", path, name=name, headers=headers, expect=expect)

        wire = self.wire or await self.plug_in()
        data, usual = wire.write("GET", path)
        seat = self.seat
        tally = wire.tally
        name = name or usual
        row = tally.warmth if seat.warm else tally.rows.get(name) or tally.row(name)
        return await wire.send(seat, data, row, expect)

    async def post(
        self,
        path: str,
        *,
        body: bytes = b"",
        json: Any = None,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        expect: tuple[int, ...] = (),
    ) -> Answer:
        """Send POST with a body of bytes, or of JSON, and return the answer."""
        return await self.request("POST", path, body=body, json=json, name=name, headers=headers, expect=expect)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        json: Any = None,
        name: str = "",
        headers: Mapping[str, str] | None = None,
        expect: tuple[int, ...] = (),
    ) -> Answer:
        """Send a request of any method and return the answer; `path` begins with a slash."""
        wire = self.wire or await self.plug_in()
        fields = dict(headers or {})

        if json is not None:
            body = dumps(json)
            fields.setdefault("Content-Type", "application/json")

        data = wire.compose(method, path, tuple(fields.items()), body)
        row = self.seat.row(name or f"{method} {path.partition('?')[0]}")
        return await wire.send(self.seat, data, row, expect, bodiless=method == "HEAD")

    async def plug_in(self) -> Wire:
        """Return the connections of this process to the target."""
        desk = self.seat.desk
        address = await desk.address(self.target)
        key = ("http", self.target.scheme, self.target.host, self.target.port)

        if not isinstance(wire := desk.shared.get(key), Wire):
            wire = desk.shared[key] = Wire(desk, self.target, address)

        self.wire = wire
        return wire

    def at(self, url: str) -> "Http":
        """Return a client of the same user for another server."""
        return Http(self.seat, parse_target(url))

    async def close(self) -> None:
        """Close nothing: connections belong to the process."""


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


PROTOCOL = Http
