"""A line costs its writer nothing but a place in a queue, and none is lost without being counted."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from hagworm.extend.logging import LineHandler, LogSettings, TextFormatter, open_handler
from hagworm.extend.logging.repeats import Repeats
from hagworm.extend.logging.text import PlainFormatter

LONG = "HAGWORM_LONG" in os.environ


class Memory:
    """A sink that keeps lines, that can be held, and that fails as often as it is told."""

    def __init__(self, *, failures: int = 0, at_once: int = 10**9) -> None:
        self.lines: list[str] = []
        self.failures = failures
        self.at_once = at_once
        self.attempts = 0
        self.gate = threading.Event()
        self.gate.set()

    def write(self, lines: Sequence[str]) -> int:
        self.gate.wait(10)
        self.attempts += 1

        if self.failures:
            self.failures -= 1
            raise OSError(28, "No space left on device")

        taken = lines[: self.at_once]
        self.lines += taken
        return len(taken)

    def reopen(self) -> None:
        self.lines = []

    def close(self) -> None:
        self.gate.set()


def logger_of(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("orders", logging.DEBUG)
    logger.addHandler(handler)
    handler.setFormatter(handler.formatter or PlainFormatter())
    return logger


def run(code: str, *, env: dict[str, str] | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=timeout, env={**os.environ, **(env or {})}
    )


@pytest.mark.parametrize("queue", [0, 10_000])
@pytest.mark.parametrize("at_once", [1, 7, 10**9])
def test_lines_arrive_whole_and_in_order(queue: int, at_once: int) -> None:
    sink = Memory(at_once=at_once)
    handler = LineHandler(sink, queue=queue)
    log = logger_of(handler)

    for number in range(500):
        log.info("%d", number)

    handler.close()
    assert sink.lines == [f"INFO orders: {number}" for number in range(500)]
    assert handler.statistics() == {"written": 500, "waiting": 0, "dropped": 0, "failed": 0, "swallowed": 0}


def test_b9_every_line_of_a_million_is_written_or_counted(tmp_path: Path) -> None:
    count = 1_000_000 if LONG else 100_000
    handler = open_handler(LogSettings(to=str(tmp_path / "orders.log"), queue=1000))
    log = logger_of(handler)

    for number in range(count):
        log.info("order %d", number)

    handler.close()
    written = [line for line in (tmp_path / "orders.log").read_text().splitlines() if "INFO orders: order" in line]
    figures = handler.statistics()

    assert len(written) == figures["written"]
    assert figures["written"] + figures["dropped"] == count
    assert handler.lost == figures["dropped"]


def test_the_drop_counter_is_exact_with_many_threads() -> None:
    sink = Memory()
    sink.gate.clear()
    handler = LineHandler(sink, queue=50, patience=5)
    log = logger_of(handler)

    def many() -> None:
        for number in range(2000):
            log.info("%d", number)

    threads = [threading.Thread(target=many) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    sink.gate.set()
    handler.close()
    ours = [line for line in sink.lines if line.startswith("WARNING hagworm.logging")]
    figures = handler.statistics()

    assert len(sink.lines) - len(ours) == figures["written"]
    assert figures["written"] + figures["dropped"] == 8000
    assert figures["dropped"] >= 8000 - 50 - 50 - 4 * 2
    assert ours and f"{figures['dropped']} so far" in ours[-1], "a line tells how many were lost"


def held(overflow: str, queue: int = 8) -> tuple[Memory, LineHandler, logging.Logger]:
    """A handler whose queue nobody empties."""
    sink = Memory()
    handler = LineHandler(sink, queue=queue, overflow=overflow, patience=0.05)  # type: ignore[arg-type]  # parametrized
    log = logger_of(handler)
    handler.writing.acquire()
    return sink, handler, log


def let_go(handler: LineHandler) -> None:
    handler.writing.release()
    handler.patience = 5
    handler.close()


@pytest.mark.parametrize(
    ("overflow", "expected"),
    [
        ("drop_newest", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("drop_oldest", [4, 5, 6, 7, 8, 9, 10, 11]),
        ("wait", [0, 1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_at_the_bound_the_policy_decides(overflow: str, expected: list[int]) -> None:
    sink, handler, log = held(overflow)

    for number in range(12):
        log.info("%d", number)

    assert (len(handler.kept), handler.lost) == (8, 4)
    let_go(handler)
    assert sink.lines[:8] == [f"INFO orders: {number}" for number in expected]


def test_warnings_have_room_where_others_have_none() -> None:
    sink, handler, log = held("drop_newest")

    for number in range(8):
        log.info("%d", number)

    log.info("lost")
    log.warning("kept")
    log.error("lost too")
    let_go(handler)
    assert "WARNING orders: kept" in sink.lines and "INFO orders: lost" not in sink.lines
    assert handler.lost == 2


def test_a_full_queue_never_raises_into_the_code_that_logs() -> None:
    _, handler, log = held("drop_newest", queue=1)

    for _ in range(100):
        log.critical("again")

    let_go(handler)
    assert handler.lost == 99


# The end of a process -----------------------------------------------------------------------------------------------

LINES = "for number in range(300): logging.info('line %d', number)"
ENDS = {
    "return": "",
    "sys.exit": "sys.exit(0)",
    "exception": "raise RuntimeError('at the end')",
    "thread": "threading.Thread(target=lambda: [logging.info('late') for _ in range(1)]).start()",
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_b9_300_lines_and_the_end_are_300_lines(tmp_path: Path, end: str, form: str) -> None:
    path = tmp_path / "orders.log"
    done = run(
        f"""
import logging, sys, threading
from hagworm.extend.logging import LogSettings, set_up
set_up(LogSettings(to={str(path)!r}, format={form!r}))
{LINES}
{ENDS[end]}
"""
    )

    assert done.returncode == (1 if end == "exception" else 0), done.stderr
    assert sum("line " in line for line in path.read_text().splitlines()) == 300


def test_b9_a_stop_signal_of_our_own_runner_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "orders.log"
    code = f"""
import logging, os, signal, sys
from hagworm.facade.serving.signals import Stop, leave_now
from hagworm.extend.logging import LogSettings, set_up
set_up(LogSettings(to={str(path)!r}))
with Stop() as stop:
    {LINES}
    os.kill(os.getpid(), signal.SIGTERM)
    leave_now(7 if stop.level else 1)
"""
    assert run(code).returncode == 7
    assert len(path.read_text().splitlines()) == 300


def test_lines_after_the_end_are_written_at_once() -> None:
    sink = Memory()
    handler = LineHandler(sink, queue=10)
    log = logger_of(handler)
    handler.close()
    log.info("late")

    assert sink.lines == ["INFO orders: late"]


def test_an_error_does_not_wait_for_company() -> None:
    sink = Memory()
    seen = threading.Event()
    write = sink.write

    def watched(lines: Sequence[str]) -> int:
        seen.set()
        return write(lines)

    sink.write = watched  # type: ignore[method-assign]  # to see it
    handler = LineHandler(sink, queue=10)
    logger_of(handler).error("now")
    assert seen.wait(10)
    handler.close()


# Forks ----------------------------------------------------------------------------------------------------------------


def test_l4_a_fork_while_threads_log_neither_hangs_nor_repeats_nor_loses(tmp_path: Path) -> None:
    path = tmp_path / "orders.log"
    code = f"""
import logging, os, sys, threading
from hagworm.extend.logging import LogSettings, set_up
set_up(LogSettings(to={str(path)!r}, queue=1000000))
busy = True
told = 0

def chatter():
    global told
    while busy:
        logging.info("parent %d", told)
        told += 1

thread = threading.Thread(target=chatter)
thread.start()
children = []
for child in range(8):
    pid = os.fork()
    if not pid:
        for number in range(50):
            logging.info("child %d %d", child, number)
        logging.shutdown()
        os._exit(0)
    children.append(pid)
codes = [os.waitpid(pid, 0)[1] for pid in children]
busy = False
thread.join()
print(told)
sys.exit(any(codes))
"""
    done = run(code)
    assert done.returncode == 0, done.stderr
    lines = [line.partition("root: ")[2] for line in path.read_text().splitlines()]
    parents = [line for line in lines if line.startswith("parent")]

    assert parents == [f"parent {number}" for number in range(int(done.stdout))]
    assert sorted(line for line in lines if line.startswith("child")) == sorted(
        f"child {child} {number}" for child in range(8) for number in range(50)
    )


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_l4_children_of_multiprocessing_write_all_they_log(tmp_path: Path, method: str) -> None:
    path, script = tmp_path / "orders.log", tmp_path / "script.py"
    script.write_text(
        f"""
import logging, multiprocessing, sys
from hagworm.extend.logging import LogSettings, set_up

def work():
    if multiprocessing.get_start_method() != "fork":
        set_up(LogSettings(to={str(path)!r}))
    for number in range(100):
        logging.info("child %d", number)

if __name__ == "__main__":
    multiprocessing.set_start_method({method!r})
    set_up(LogSettings(to={str(path)!r}))
    logging.info("parent")
    process = multiprocessing.Process(target=work)
    process.start()
    process.join()
    sys.exit(process.exitcode)
"""
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60)

    assert done.returncode == 0, done.stderr
    assert len(path.read_text().splitlines()) == 101


def test_l4_a_fork_does_not_wait_long_for_a_sink_that_hangs_and_goes_on_after_it() -> None:
    sink = Memory()
    sink.gate.clear()
    handler = LineHandler(sink, queue=100, patience=0.05)
    log = logger_of(handler)
    log.error("one")
    handler.before_fork()
    log.info("two")
    handler.after_fork_in_parent()
    sink.gate.set()
    log.error("three")
    handler.patience = 5
    handler.close()

    assert sink.lines == ["ERROR orders: one", "INFO orders: two", "ERROR orders: three"]


# Sinks that fail ------------------------------------------------------------------------------------------------------


def test_l5_what_a_sink_did_not_take_is_tried_again_and_not_doubled() -> None:
    sink = Memory(failures=2, at_once=3)
    handler = LineHandler(sink, queue=100)
    log = logger_of(handler)

    for number in range(10):
        log.info("%d", number)

    for _ in range(3):
        handler.flush()

    handler.close()
    assert sink.lines == [f"INFO orders: {number}" for number in range(10)]
    assert handler.lost == 0


def test_l5_a_sink_that_stays_broken_costs_lines_which_are_counted() -> None:
    sink = Memory(failures=10**9)
    handler = LineHandler(sink, queue=10, patience=1)
    log = logger_of(handler)

    for number in range(1000):
        log.info("%d", number)

    handler.close()
    assert handler.lost == 1000
    assert sink.attempts < 20, "it is left alone between attempts"


def test_l5_a_broken_sink_is_told_of_on_stderr_at_the_end(tmp_path: Path) -> None:
    done = run(
        "import logging; from hagworm.extend.logging import LogSettings, set_up; "
        "set_up(LogSettings(to='/dev/full')); logging.info('x'); logging.info('y')"
    )

    assert done.returncode == 0
    assert "2 lines were lost" in done.stderr and "No space left" in done.stderr
    assert done.stderr.count("cannot write to <FileSink /dev/full>") == 1, "and at the beginning, once"


BODY = """
import logging, sys, time
from hagworm.extend.logging import LogSettings, set_up
handler = set_up(LogSettings(queue=100))
longest = 0
for number in range(20000):
    start = time.perf_counter()
    logging.info("line %d of many", number)
    longest = max(longest, time.perf_counter() - start)
print(longest, flush=True)
"""


def test_l5_a_pipe_that_nobody_reads_stops_nothing() -> None:
    """The process goes on, and ends, though the other side of its stderr has gone to sleep."""
    process = subprocess.Popen(
        [sys.executable, "-c", BODY + "handler.close(); print(handler.lost + handler.outlet.written)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None

    try:
        assert process.wait(30) == 0
        _, total = process.stdout.read().split()
        assert int(total) == 20000, "each line was written or counted"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", "2>&1 >/dev/null | head -c 10 >/dev/null"])
def test_l5_a_stderr_that_takes_nothing_stops_nothing(tmp_path: Path, redirection: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(BODY + f"open({str(tmp_path / 'done')!r}, 'w').write('done')\n")
    subprocess.run(["bash", "-c", f"{sys.executable} {script} {redirection}"], timeout=60, stdout=subprocess.DEVNULL)

    assert (tmp_path / "done").read_text() == "done"


def test_l5_a_full_disk_costs_whole_lines_only(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for it: what is in the file are whole lines, and the rest is counted."""
    path = tmp_path / "orders.log"
    code = f"""
import logging, resource
from hagworm.extend.logging import LogSettings, set_up
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
handler = set_up(LogSettings(to={str(path)!r}, format="json"))
for number in range(300):
    logging.info("line %d", number)
handler.close()
print(handler.outlet.written, handler.lost)
"""
    done = run(code)
    lines = path.read_text().splitlines(keepends=True)
    written, lost = map(int, done.stdout.split())

    assert all(line.startswith("{") and line.endswith("}\n") for line in lines)
    assert (written, written + lost) == (len(lines), 300)


# What is odd ----------------------------------------------------------------------------------------------------------


class Sulky:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize("message", ["%d orders", "%s", "%(name)s", "%"])
@pytest.mark.parametrize("args", [("x",), (Sulky(),), ({"a": 1},)], ids=["text", "sulky", "mapping"])
def test_a_record_that_cannot_be_formatted_is_told_and_raises_nothing(message: str, args: tuple[object, ...]) -> None:
    sink = Memory()
    handler = LineHandler(sink)
    logger_of(handler).info(message, *args)
    logger_of(handler).info(Sulky())

    assert len(sink.lines) == 2
    assert "RuntimeError while formatting" in sink.lines[1] and __file__ in sink.lines[1]


def test_filters_of_a_handler_are_asked() -> None:
    sink = Memory()
    handler = LineHandler(sink)
    handler.addFilter(lambda record: record.levelno > logging.INFO)
    log = logger_of(handler)
    log.info("no")
    log.warning("yes")

    assert sink.lines == ["WARNING orders: yes"]


def test_what_is_said_over_and_over_is_counted_once_its_time_is_over() -> None:
    now = [0.0]
    sink = Memory()
    handler = LineHandler(sink, repeats=Repeats(2, 10), clock=lambda: now[0])
    log = logger_of(handler)

    for _ in range(7):
        log.warning("down: %s", "db")

    log.warning("down: %s", "cache")
    now[0] = 11
    log.info("later")

    assert sink.lines == [
        "WARNING orders: down: db",
        "WARNING orders: down: db",
        "WARNING orders: down: cache",
        "WARNING orders: down: db (and 5 times more)",
        "INFO orders: later",
    ]
    assert handler.statistics()["swallowed"] == 5


def test_a_signal_handler_may_log(tmp_path: Path) -> None:
    path = tmp_path / "orders.log"
    code = f"""
import logging, os, signal
from hagworm.extend.logging import LogSettings, set_up
set_up(LogSettings(to={str(path)!r}, queue=1000000))
signal.signal(signal.SIGALRM, lambda *_: logging.error("signal"))
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
for number in range(30000):
    logging.info("line %d", number)
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    assert run(code).returncode == 0
    lines = path.read_text().splitlines()
    assert sum("line " in line for line in lines) == 30000 and any("signal" in line for line in lines)


def test_it_shows_how_it_is() -> None:
    handler = LineHandler(Memory(), queue=10)
    handler.setFormatter(TextFormatter())

    assert repr(handler).endswith("0 of 10 waiting, 0 lost>")
    handler.close()
