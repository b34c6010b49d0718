"""What the facade itself costs, without a server: routes, middleware, import.

    python benchmarks/facade.py [--rounds 15]

Prints processor time per request of the first and the last of 1000 routes (their ratio is what counts), what one more
middleware adds beside Starlette's two kinds, and how long `import hagworm` and `hagworm --help` take beside a bare
interpreter. Candidates take turns inside every round; medians are printed.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from hagworm import App, Request, Response
from hagworm.facade.runtime import Runtime

HEADERS = ((b"host", b"127.0.0.1"), (b"user-agent", b"benchmark"), (b"accept", b"*/*"))


class Exchange:
    """As little of an exchange as a request needs."""

    caps: frozenset[str] = frozenset()
    native = None
    scheme = "http"
    peer = ("127.0.0.1", 1)
    local = ("127.0.0.1", 2)
    has_native = False
    method = "GET"
    query = b""
    version = "1.1"
    headers = HEADERS

    def __init__(self, path: bytes) -> None:
        self.path = path

    async def read(self) -> bytes:
        return b""

    def reply(self, status: int, headers: Any, body: bytes) -> None:
        if status != 200:
            raise SystemExit(f"{self.path!r} was answered with {status}: {body!r}")


async def show(number: int) -> dict[str, int]:
    return {"number": number}


async def pass_through(request: Request, call_next: Any) -> Response:
    response: Response = await call_next(request)
    return response


def application(routes: int, middlewares: int) -> Runtime:
    app = App()

    for number in range(1, routes + 1):
        app.get(f"/route{number}/{{number:int}}", name=f"route{number}")(show)

    for _ in range(middlewares):
        app.middleware(pass_through)

    return app.freeze()


def facade(routes: int, middlewares: int, path: str) -> Callable[[int], Awaitable[None]]:
    runtime = application(routes, middlewares)
    raw = path.encode()

    async def run(count: int) -> None:
        for _ in range(count):
            await runtime.http(Exchange(raw))  # type: ignore[arg-type]  # as much of one as is needed

    return run


def starlette(kind: str, middlewares: int) -> Callable[[int], Awaitable[None]]:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def endpoint(request: Any) -> JSONResponse:
        return JSONResponse({"number": 1})

    class Based(BaseHTTPMiddleware):
        async def dispatch(self, request: Any, call_next: Any) -> Any:
            return await call_next(request)

    class Pure:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    chosen = [Middleware(Based if kind == "BaseHTTPMiddleware" else Pure)] * middlewares
    app = Starlette(routes=[Route("/", endpoint)], middleware=chosen)
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": list(HEADERS), "app": None}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message.get("status", 200) != 200:
            raise SystemExit(f"Starlette answered with {message['status']}")

    async def run(count: int) -> None:
        for _ in range(count):
            await app(dict(scope), receive, send)

    return run


async def measure(candidates: dict[str, Callable[[int], Awaitable[None]]], rounds: int, count: int) -> dict[str, float]:
    costs: dict[str, list[float]] = {name: [] for name in candidates}

    for number in range(rounds + 1):
        for name, run in candidates.items():
            amount = count // 10 if "Base" in name else count
            began = time.process_time()
            await run(amount)
            cost = (time.process_time() - began) / amount * 1e6

            if number:  # the first round warms up
                costs[name].append(cost)

    return {name: statistics.median(values) for name, values in costs.items()}


def start(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=3000)
    options = parser.parse_args()
    costs = asyncio.run(
        measure(
            {
                "route 1 of 1000": facade(1000, 0, "/route1/7"),
                "route 1000 of 1000": facade(1000, 0, "/route1000/7"),
                "no middleware": facade(1, 0, "/route1/7"),
                "10 middlewares": facade(1, 10, "/route1/7"),
                "Starlette": starlette("pure", 0),
                "Starlette, 10 pure ASGI": starlette("pure", 10),
                "Starlette, 1 BaseHTTPMiddleware": starlette("BaseHTTPMiddleware", 1),
            },
            options.rounds,
            options.count,
        )
    )

    for name, cost in costs.items():
        print(f"{name:34}{cost:8.2f} µs")

    pure = (costs["Starlette, 10 pure ASGI"] - costs["Starlette"]) / 10
    based = costs["Starlette, 1 BaseHTTPMiddleware"] - costs["Starlette"]
    own = (costs["10 middlewares"] - costs["no middleware"]) / 10
    print(f"\nroute 1000 against route 1: {costs['route 1000 of 1000'] / costs['route 1 of 1000']:.3f}")
    print(f"one middleware: {own:.2f} µs; pure ASGI {pure:.2f} µs; BaseHTTPMiddleware {based:.1f} µs")

    commands = {
        "bare interpreter": ("-c", "pass"),
        "import hagworm": ("-c", "import hagworm"),
        "import fastapi": ("-c", "import fastapi"),
        "hagworm --help": ("-m", "hagworm", "--help"),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}

    for _ in range(options.rounds):
        for name, command in commands.items():
            times[name].append(start(*command))

    print()

    for name, values in times.items():
        bare = statistics.median(times["bare interpreter"])
        print(
            f"{name:34}{statistics.median(values):8.1f} ms, {statistics.median(values) - bare:+.1f} over the bare one"
        )


if __name__ == "__main__":
    main()
