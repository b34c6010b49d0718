"""Whether a process lives, whether it wants requests, and what it counts: for supervisors, balancers and scrapers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable, iscoroutinefunction
from typing import Any, TypeVar

from hagworm.facade.metrics import CONTENT_TYPE, Metrics
from hagworm.facade.request import Request
from hagworm.facade.response import JSON, Response

__all__ = ("CHECK_TIMEOUT", "Check", "Readiness", "Route", "health_routes")

logger = logging.getLogger("hagworm")

CHECK_TIMEOUT = 5.0
# An answer that a cache keeps says nothing about now.
NO_STORE = {"cache-control": "no-store"}

Check = Callable[[], Any]
Route = Callable[[Request], Awaitable[Response]]
C = TypeVar("C", bound=Check)


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    call: Check
    timeout: float


class Readiness:
    """The checks that decide whether a process wants requests; `app.readiness` adds to them."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def __repr__(self) -> str:
        return f"<Readiness {', '.join(self.entries) or 'no checks'}>"

    def add(self, check: C, *, name: str | None = None, timeout: float = CHECK_TIMEOUT) -> C:
        """Ask `check` each time; return it, so that this serves as a decorator.

        It fails when it raises, returns False or a text that says why, or takes longer than `timeout` seconds. A plain
        function runs in a thread. Raises ValueError where two checks have one name.
        """
        chosen = name or str(getattr(check, "__name__", type(check).__name__))

        if chosen in self.entries:
            raise ValueError(f"there is a readiness check called {chosen!r} already; give this one a name")

        self.entries[chosen] = Entry(chosen, check, timeout)
        return check

    async def ask(self) -> dict[str, str]:
        """Run every check at once; return `ok` or the reason of the failure by name, in the order of their addition.

        What a check raised is logged, and named here by its type only: its text may hold an address or a password.
        """
        reasons = await asyncio.gather(*(run(entry) for entry in self.entries.values()))
        return dict(zip(self.entries, reasons, strict=True))


async def run(entry: Entry) -> str:
    try:
        async with asyncio.timeout(entry.timeout):
            result = entry.call() if iscoroutinefunction(entry.call) else await asyncio.to_thread(entry.call)
            verdict = await result if isawaitable(result) else result
    except TimeoutError:
        return f"no answer within {entry.timeout:g} seconds"
    except Exception as exc:
        logger.warning("readiness check %s failed", entry.name, exc_info=exc)
        return type(exc).__name__

    if isinstance(verdict, str):
        return verdict or "failed"

    return "failed" if verdict is False else "ok"


def health_routes(
    readiness: Readiness, metrics: Metrics | None, state: Callable[[], str | None], *, prefix: str = "/-"
) -> Mapping[str, Route]:
    """Return the handlers of `live`, `ready` and `metrics` by path; all answer GET.

    `state` says why the process wants no requests whatever the checks find (`starting`, `draining`), or None.
    Without `metrics` there is no such path.
    """

    async def live(request: Request) -> Response:
        """Answer as long as the loop runs."""
        return JSON({"status": "live"}, headers=NO_STORE)

    async def ready(request: Request) -> Response:
        """Answer 200, or 503 with the reasons."""
        # Checks are not asked while draining: what they look at may be closed already.
        if (reason := state()) is not None:
            return JSON({"status": "not ready", "reasons": [reason], "checks": {}}, 503, NO_STORE)

        checks = await readiness.ask()

        if reasons := [f"{name}: {verdict}" for name, verdict in checks.items() if verdict != "ok"]:
            return JSON({"status": "not ready", "reasons": reasons, "checks": checks}, 503, NO_STORE)

        return JSON({"status": "ready", "checks": checks}, headers=NO_STORE)

    prefix = prefix.rstrip("/")
    routes: dict[str, Route] = {f"{prefix}/live": live, f"{prefix}/ready": ready}

    if metrics is not None:
        counted = metrics

        async def tell(request: Request) -> Response:
            """Answer in Prometheus' text format."""
            runtime = request.runtime
            text = counted.render(in_flight=runtime.active, websockets=len(runtime.sockets))
            return Response(text, headers=NO_STORE, media_type=CONTENT_TYPE)

        routes[f"{prefix}/metrics"] = tell

    return routes
