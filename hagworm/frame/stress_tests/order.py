"""What a process is told to do: frozen, and sent as JSON."""

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from hagworm.extend.error import StressError
from hagworm.frame.stress_tests.plan import WHOLE, Plan, Share, plan_from_json
from hagworm.frame.stress_tests.target import Target

__all__ = ("Order", "Request")


@dataclass(frozen=True, slots=True)
class Request:
    """The one request of a run without scenarios. `expect` are statuses that count as success; if empty, below 400."""

    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    expect: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.method.isascii() or not self.method.isalpha():
            raise StressError(f"not a method of HTTP: {self.method!r}")

        for name, value in self.headers:
            if not name.strip() or any(character in name + value for character in "\r\n\0") or not is_token(name):
                raise StressError(f"not a header: {name!r}; expected 'Name: value'")

    def to_bytes(self, target: Target) -> bytes:
        """Return the request as it goes over the wire."""
        given = {name.lower() for name, _ in self.headers}
        fields = [*self.headers]

        if "host" not in given:
            fields.insert(0, ("Host", target.authority))

        if (self.body or self.method in ("POST", "PUT", "PATCH")) and "content-length" not in given:
            fields.append(("Content-Length", str(len(self.body))))

        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{self.method} {target.path} HTTP/1.1\r\n{head}\r\n".encode("latin-1", "replace") + self.body


@dataclass(frozen=True, slots=True)
class Order:
    """The share of a run that one process carries out.

    `scenarios` are paths like `scenario.py:Checkout`; without any, `request` is sent to the target again and again.
    `places` bounds what is under way at once; `timeout` is what a request has, and what is left over at the end.
    """

    target: Target
    address: tuple[str, int]
    plan: Plan
    scenarios: tuple[str, ...] = ()
    request: Request = Request()
    share: Share = WHOLE
    places: int = 256
    timeout: float = 10.0
    seed: int = 0
    mine: bool = False
    """Targets that are not loopback may be loaded."""
    verify: bool = True
    loop: Literal["auto", "asyncio", "uvloop"] = "auto"

    def split(self, processes: int) -> tuple["Order", ...]:
        """Return the orders of `processes` that together do this one; each has its part of the places."""
        shares = self.share.split(processes)
        places = [self.places // processes + (index < self.places % processes) for index in range(processes)]

        if not all(places):
            raise StressError(f"{self.places} places are not enough for {processes} processes")

        return tuple(replace(self, share=share, places=part) for share, part in zip(shares, places, strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows."""
        body = base64.b64encode(self.request.body).decode("ascii")
        return {**asdict(self), "plan": self.plan.to_json(), "request": {**asdict(self.request), "body": body}}

    def dump(self) -> str:
        """Return it as a JSON document on one line."""
        return json.dumps(self.to_json())

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what `to_json` wrote. Raises `StressError` for anything else."""
        try:
            request = {
                **value["request"],
                "headers": tuple((name, text) for name, text in value["request"]["headers"]),
                "body": base64.b64decode(value["request"]["body"], validate=True),
                "expect": tuple(value["request"]["expect"]),
            }
            host, port = value["address"]
            return cls(
                **{
                    **value,
                    "target": Target(**value["target"]),
                    "address": (host, port),
                    "plan": plan_from_json(value["plan"]),
                    "scenarios": tuple(value["scenarios"]),
                    "request": Request(**request),
                    "share": Share(**value["share"]),
                }
            )
        except (AttributeError, KeyError, TypeError, ValueError) as exc:
            raise StressError(f"not an order: {exc!r}") from exc


def is_token(name: str) -> bool:
    return name.isascii() and all(character.isalnum() or character in "!#$%&'*+-.^_`|~" for character in name)
