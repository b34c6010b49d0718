"""A record that holds what the standard library's does, in half the time."""

import logging
import os
import sys
import time
from collections.abc import Mapping
from threading import current_thread, get_ident
from typing import Any

__all__ = ("LeanRecord", "use_lean_records")

FILES: dict[str, tuple[str, str]] = {}
"""Name of the file and of the module behind a path; there are as many as files that log."""
PROCESS = (0, "")
"""Number of the process and its name, in multiprocessing; replaced as a whole."""
START = 0.0
"""When the module logging was imported: what `relativeCreated` counts from."""

HAS_TASKS = sys.version_info >= (3, 12)


class LeanRecord(logging.LogRecord):
    """A `logging.LogRecord` with all its attributes; what is the same for every record of a file or process is kept."""

    def __init__(
        self,
        name: str,
        level: int,
        pathname: str,
        lineno: int,
        msg: object,
        args: Any,
        exc_info: Any,
        func: str | None = None,
        sinfo: str | None = None,
        **kwargs: Any,
    ) -> None:
        created = time.time()

        # `log.info("%(a)d", {"a": 1})`, as the standard library has it.
        if args and len(args) == 1 and isinstance(args[0], Mapping) and args[0]:
            args = args[0]

        try:
            filename, module = FILES[pathname]
        except KeyError:
            filename, module = FILES[pathname] = parts_of(pathname)

        pid, process_name = PROCESS

        if pid != os.getpid():
            pid, process_name = look_at_process()

        self.name = name
        self.msg = msg
        self.args = args
        self.levelname = logging.getLevelName(level)
        self.levelno = level
        self.pathname = pathname
        self.filename = filename
        self.module = module
        self.exc_info = exc_info
        self.exc_text = None
        self.stack_info = sinfo
        self.lineno = lineno
        self.funcName = func  # type: ignore[assignment]  # as in the standard library, where it may be None
        self.created = created
        self.msecs = float(int((created - int(created)) * 1000))
        self.relativeCreated = (created - START) * 1000
        self.thread = get_ident()
        self.threadName = current_thread().name
        self.processName = process_name
        self.process = pid

        if HAS_TASKS:
            self.taskName = name_of_task()


def parts_of(pathname: str) -> tuple[str, str]:
    filename = os.path.basename(pathname)
    return filename, os.path.splitext(filename)[0]


def look_at_process() -> tuple[int, str]:
    global PROCESS
    multiprocessing: Any = sys.modules.get("multiprocessing")
    name = multiprocessing.current_process().name if multiprocessing is not None else "MainProcess"
    PROCESS = (os.getpid(), name)
    return PROCESS


def name_of_task() -> str | None:
    asyncio: Any = sys.modules.get("asyncio")

    try:
        task = asyncio.current_task() if asyncio is not None else None
    except RuntimeError:  # no loop in this thread
        return None

    return task.get_name() if task is not None else None


def use_lean_records() -> bool:
    """Let loggers make lean records from now on, unless a program has a factory of its own, or Python new attributes.

    Return whether they do.
    """
    global START
    factory = logging.getLogRecordFactory()

    if factory is LeanRecord:
        return True

    usual = logging.LogRecord("", 0, "", 0, "", (), None)
    lean = LeanRecord("", 0, "", 0, "", (), None)

    if factory is not logging.LogRecord or vars(usual).keys() != vars(lean).keys():
        return False

    START = usual.created - usual.relativeCreated / 1000
    logging.setLogRecordFactory(LeanRecord)
    return True
