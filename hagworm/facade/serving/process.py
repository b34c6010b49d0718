"""One worker: a server in a process of its own, from its start to its exit code."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from hagworm.extend.asyncio.base.loop import loop_factory
from hagworm.extend.error import HagwormError, StartupFailed
from hagworm.extend.logging import configure, read_field, set_up
from hagworm.facade.context import request_id
from hagworm.facade.serving.server import Server
from hagworm.facade.serving.signals import DRAIN, DROP, Stop, leave_now

__all__ = ("announce", "business_part", "prepare_logging", "report", "run_worker")

logger = logging.getLogger("hagworm")

LINGER = 0.25
"""How long a connection without a request may still bring one after the first stop signal, in seconds."""
PATIENCE = 1.0
"""How long threads may take to end once nothing is served any more, in seconds."""
THREADS = "hagworm"
"""How the names of the threads begin that run handlers, here and in the runtime."""
MACHINERY = ("contextlib", "gunicorn", "hagworm", "importlib")
"""Packages whose frames stand between a command and the code that it runs."""


def prepare_logging(settings: Any = None) -> None:
    """Set up logging as the settings ask for, unless the program has set it up itself."""
    if not logging.getLogger().handlers:
        if settings is None:
            configure()
        else:
            set_up(settings.log)

        read_field("request_id", request_id)


def report(exc: BaseException) -> int:
    """Log why the process does not serve, once, and return its exit code."""
    match exc:
        case StartupFailed(__cause__=BaseException() as cause):
            logger.error("start-up failed: %s", exc, exc_info=business_part(cause))
            return exc.exit_code
        case HagwormError():
            logger.error("%s", exc)
            return exc.exit_code
        case _:
            logger.critical("stopped by an unexpected error", exc_info=exc)
            return 1


def business_part(exc: BaseException) -> BaseException:
    """Return `exc` without the frames that lead from us into the code of the business, where there is such code."""
    trace = exc.__traceback__

    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in MACHINERY:
        trace = trace.tb_next

    # A file that is no Python has no frame of its own: what is printed of the error says where.
    return exc.with_traceback(trace) if trace is not None or isinstance(exc, SyntaxError) else exc


def announce(server: Server, workers: int = 1) -> None:
    """Log where the application is served and by what."""
    by = ", ".join(filter(None, (f"engine {server.options.engine}", getattr(server.listener, "server_name", ""))))
    many = "1 worker" if workers == 1 else f"{workers} workers"
    logger.info("serving %r on %s (%s, %s)", server.app.title, " and ".join(server.urls), by, many)


def run_worker(
    server: Server,
    stop: Stop,
    *,
    ready: Callable[[Server], None] = announce,
    failed: Callable[[BaseException], int] = report,
    beside: Callable[[], Coroutine[Any, Any, None]] | None = None,
    alone: bool = True,
) -> int:
    """Serve until `stop` says otherwise; return the exit code: 0, 3 for a failed start-up, 1 for a crash.

    The application's shutdown has run by then, whatever the signal was. `ready` is called when requests are answered,
    `failed` makes an exit code of an error, `beside` runs on the same loop for as long as it does; `alone` says that no
    other process listens on the same sockets. Blocks; needs a thread without a running loop.
    """
    try:
        runner = asyncio.Runner(loop_factory=loop_factory(server.options.loop))
    except HagwormError as exc:
        return failed(exc)

    with runner:
        try:
            code = runner.run(work(server, stop, ready, beside, alone))
        except Exception as exc:
            code = failed(exc)

    if stop.is_catching and (stuck := threads_left()):
        # The interpreter would wait for them without end.
        logger.error("leaving %d threads behind that are still busy: %s", len(stuck), ", ".join(stuck))
        leave_now(code)

    return code


async def work(
    server: Server,
    stop: Stop,
    ready: Callable[[Server], None],
    beside: Callable[[], Coroutine[Any, Any, None]] | None,
    alone: bool,
) -> int:
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(thread_name_prefix=f"{THREADS}-default")
    loop.set_default_executor(executor)
    companion = loop.create_task(accompany(beside, stop)) if beside is not None else None

    try:
        if not await started(server, stop):
            return 0

        ready(server)
        await stop.reached(DRAIN)
        logger.info("stopping: no new connections, %d requests in flight", server.active)
        clean = await server.stop(linger=LINGER, alone=alone, hurry=partial(stop.reached, DROP))
        logger.info("stopped" if clean else "stopped, with work dropped")
        return 0
    finally:
        # Nothing is left to stop but where something else than a signal ends this: then there is no time to drain.
        await server.stop(alone=alone, hurry=no_time)

        if companion is not None:
            companion.cancel()

        executor.shutdown(wait=False, cancel_futures=True)
        # Closing the loop waits for its executor without end, whatever hangs in it; for an empty one that is no time.
        loop.set_default_executor(ThreadPoolExecutor(1))


async def accompany(beside: Callable[[], Coroutine[Any, Any, None]], stop: Stop) -> None:
    try:
        await beside()
    except Exception:
        logger.exception("what watches over this process has failed, so it stops")
        stop.request()


async def no_time() -> None:
    """Be done at once."""


def threads_left() -> list[str]:
    """Return the names of our threads that do not end within `PATIENCE` seconds."""
    deadline = time.monotonic() + PATIENCE
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(THREADS)]

    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0))

    return [thread.name for thread in threads if thread.is_alive()]


async def started(server: Server, stop: Stop) -> bool:
    """Start; return False where the wish to stop came before that was done: the start is undone then."""
    starting = asyncio.ensure_future(server.start())
    stopping = asyncio.ensure_future(stop.reached(DRAIN))

    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()

        if not starting.done():
            starting.cancel()

    try:
        await starting
    except asyncio.CancelledError:
        if stop.level < DRAIN:
            raise

        logger.info("stopped before the start was complete")
        return False

    return True
