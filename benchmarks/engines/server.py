"""Serve one candidate: `python server.py NAME PORT`, as a default installation does, without access logs."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def facade(engine: str, http: str = "auto") -> Callable[[int], None]:
    def serve_it(port: int) -> None:
        from app_facade import app

        from hagworm import serve
        from hagworm.extend.config import load_settings
        from hagworm.facade.settings import FrameSettings

        overrides = {
            "log.level": "warning",
            "server.access_log": False,
            "server.http": http,
            "server.loop": "uvloop",
        }
        app.configure(load_settings(None, frame=FrameSettings, overrides=overrides, environ={}, directory=Path("/")))
        serve(app, engine=engine, port=port)

    return serve_it


def uvicorn(target: str) -> Callable[[int], None]:
    def serve_it(port: int) -> None:
        import uvicorn

        uvicorn.run(f"{target}:app", port=port, loop="uvloop", http="httptools", access_log=False, log_level="warning")

    return serve_it


def tornado(loop: str) -> Callable[[int], None]:
    def serve_it(port: int) -> None:
        from app_tornado import make

        async def main() -> None:
            make().listen(port, "127.0.0.1")
            await asyncio.Event().wait()

        if loop == "uvloop":
            import uvloop

            factory = uvloop.new_event_loop
        else:
            factory = asyncio.new_event_loop

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())

    return serve_it


CANDIDATES = {
    "bare ASGI": uvicorn("app_bare"),
    "FastAPI": uvicorn("app_fastapi"),
    "hagworm asgi": facade("asgi"),
    "hagworm fastapi": facade("fastapi"),
    "Tornado": tornado("uvloop"),
    "hagworm tornado": facade("tornado"),
    "tornado's own": facade("tornado", http="tornado"),
}

if __name__ == "__main__":
    CANDIDATES[sys.argv[1]](int(sys.argv[2]))
