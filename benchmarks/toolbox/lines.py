"""What a log line costs: on the calling thread and in all, beside the standard library's handlers and loguru.

    python benchmarks/toolbox/lines.py [--rounds 9] [--lines 20000]

Candidates take turns inside every round, each writing the same message to a file of its own; what they have written is
counted before anything is printed. Medians of CPU time, in microseconds per line: `caller` is the thread that logs,
`total` the whole process until the last line is in the file. The peer is `pip install loguru`; where it is missing that
is said. (The file is not called logging, as beside it that would hide the module of the standard library.)
"""

import argparse
import logging
import logging.handlers
import queue
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from hagworm.extend.logging import LogSettings, open_handler
from hagworm.extend.logging.record import use_lean_records

Log = Callable[[str, int, str], None]
End = Callable[[], None]
LAYOUT = "%(asctime)s.%(msecs)03d [%(process)d] %(levelname)s %(name)s: %(message)s"
TEXT = "order %d paid by %s"
DATES = "%Y-%m-%d %H:%M:%S"


def alone(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("orders", logging.INFO)
    logger.manager = logging.Manager(logging.RootLogger(logging.INFO))
    logger.addHandler(handler)
    return logger


def ours(path: Path, **settings: Any) -> tuple[Any, End]:
    handler = open_handler(LogSettings(**{"to": str(path), "queue": 1_000_000, **settings}))
    before = logging.getLogRecordFactory()
    use_lean_records()

    def end() -> None:
        handler.close()
        logging.setLogRecordFactory(before)

    return alone(handler).info, end


def standard(path: Path) -> tuple[Any, End]:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(LAYOUT, DATES))
    return alone(handler).info, handler.close


def standard_queue(path: Path) -> tuple[Any, End]:
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter(LAYOUT, DATES))
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    listener = logging.handlers.QueueListener(waiting, handler)
    listener.start()

    def end() -> None:
        listener.stop()
        handler.close()

    return alone(logging.handlers.QueueHandler(waiting)).info, end


def loguru(path: Path, *, enqueue: bool) -> tuple[Any, End]:
    from loguru import logger

    logger.remove()
    number = logger.add(
        path, enqueue=enqueue, format="{time:YYYY-MM-DD HH:mm:ss.SSS} [{process}] {level} {name}: {message}"
    )
    # loguru formats with braces; its users write what is the same here.
    log = logger.info
    return (lambda text, *values: log("order {} paid by {}", *values)), lambda: logger.remove(number)


def candidates() -> dict[str, Callable[[Path], tuple[Any, End]]]:
    found: dict[str, Callable[[Path], tuple[Any, End]]] = {
        "hagworm, text": ours,
        "hagworm, json": lambda path: ours(path, format="json"),
        "hagworm, no redaction": lambda path: ours(path, redact=False),
        "hagworm, queue=0": lambda path: ours(path, queue=0),
        "logging.FileHandler": standard,
        "logging.QueueHandler + Listener": standard_queue,
    }

    try:
        import loguru as _  # noqa: F401
    except ImportError:
        print("not installed, left out: loguru (pip install loguru)")
    else:
        found["loguru"] = lambda path: loguru(path, enqueue=False)
        found["loguru, enqueue=True"] = lambda path: loguru(path, enqueue=True)

    return found


def measure(make: Callable[[Path], tuple[Any, End]], path: Path, lines: int) -> tuple[float, float, float]:
    """Return the microseconds per line of the caller and of all threads, and the longest call in milliseconds."""
    log, end = make(path)
    log(TEXT, -1, "Ada")
    longest = 0
    clock = time.perf_counter_ns
    total = time.process_time_ns()
    caller = time.thread_time_ns()

    for number in range(lines):
        log(TEXT, number, "Ada")

        # A loop that logs does other things too; without a pause, the one who writes gets no turn at all.
        if number % 200 == 199:
            before = clock()
            log(TEXT, number, "Ada")
            longest = max(longest, clock() - before)

    caller = time.thread_time_ns() - caller
    end()
    total = time.process_time_ns() - total
    written = path.read_bytes().count(b"\n")
    expected = lines + lines // 200 + 1

    if written != expected:
        sys.exit(f"{path.name}: {written} of {expected} lines")

    return caller / expected / 1000, total / expected / 1000, longest / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--lines", type=int, default=20_000)
    options = parser.parse_args()
    found = candidates()
    figures: dict[str, list[tuple[float, float, float]]] = {name: [] for name in found}

    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.rounds):
            for number, (name, make) in enumerate(found.items()):
                path = Path(folder) / f"{turn}-{number}.log"
                figures[name].append(measure(make, path, options.lines))
                path.unlink()

    medians = {name: [median(row[i] for row in rows) for i in range(3)] for name, rows in figures.items()}
    base = medians["logging.FileHandler"]
    print(
        f"{'microseconds of CPU per line':34} {'caller':>8} {'ratio':>6} {'total':>8} {'ratio':>6}  worst sampled call"
    )

    for name, (caller, total, longest) in medians.items():
        print(
            f"{name:34} {caller:8.2f} {caller / base[0]:6.2f} {total:8.2f} {total / base[1]:6.2f}  {longest:10.3f} ms"
        )


if __name__ == "__main__":
    main()
