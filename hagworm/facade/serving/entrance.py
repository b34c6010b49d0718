"""The blocking entrance: one call that serves an application until the process is told to stop."""

import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import ConfigError, HagwormError
from hagworm.facade.engine import load_engine
from hagworm.facade.serving.process import prepare_logging, report, run_worker
from hagworm.facade.serving.reload import inherited_sockets, run_reloading
from hagworm.facade.serving.server import Server, bind, choose_options
from hagworm.facade.serving.signals import Stop

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.facade.settings import ServerSettings

__all__ = ("serve",)


def serve(
    app: "App",
    *,
    engine: str | None = None,
    host: str | None = None,
    port: int | None = None,
    uds: str | None = None,
    workers: int | None = None,
    reload: bool | None = None,
    settings: Any = None,
    **options: Any,
) -> int:
    """Serve `app` until a signal says stop, and return the exit code for the process: `sys.exit(serve(app))`.

    SIGTERM, SIGINT and SIGQUIT stop gracefully: what was accepted is answered within `server.drain_timeout` seconds and
    the lifespan shutdown runs (0). A second signal drops what is open, a third leaves at once (1). Failures are logged,
    not raised: settings, definitions, engine, address (2), start-up (3). Arguments that are not None win over the
    settings; `options` are further fields of `ServerSettings`. In a thread other than the main one, no signals are
    caught, and neither several workers nor `reload` are possible.
    """
    changes = {
        "engine": engine,
        "host": host,
        "port": port,
        "uds": uds,
        "workers": workers,
        "reload": reload,
        **options,
    }

    try:
        chosen = choose_options(app, settings, **changes)
        prepare_logging(app.settings)
        return run(app, chosen)
    except HagwormError as exc:
        prepare_logging()
        return report(exc)


def run(app: "App", options: "ServerSettings") -> int:
    is_main = threading.current_thread() is threading.main_thread()

    if options.workers > 1 or options.reload:
        if options.workers > 1 and options.reload:
            raise ConfigError("server.reload and several server.workers exclude each other: reload serves with one")

        if not is_main:
            raise ConfigError("several workers and reload need the main thread, as they rest on signals")

    if sockets := inherited_sockets():
        with Stop(supervised=True) as stop:
            return run_worker(Server(app, sockets=sockets, options=options), stop, alone=False)

    # What is wrong with the application is said before the address is taken, and once, not by every process.
    app.freeze()
    load_engine(options.engine)

    if options.reload:
        return run_reloading(options)

    if options.workers > 1:
        # By name: nothing below the frames imports one.
        code: int = import_module("hagworm.frame.gunicorn.arbiter").run_arbiter(app, bind(options), options)
        return code

    with Stop() as stop:
        return run_worker(Server(app, options=options), stop)
