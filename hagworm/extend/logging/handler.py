"""The handler behind everything: it takes a line in microseconds, and a thread of its own writes it."""

import logging
import os
import sys
import time
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from reprlib import Repr
from threading import Lock, RLock, Thread
from typing import Any, Literal, TextIO, cast
from weakref import WeakSet

from hagworm.extend.logging.outlet import Outlet
from hagworm.extend.logging.redaction import Redactor
from hagworm.extend.logging.repeats import Repeats
from hagworm.extend.logging.sink import Sink, StreamSink
from hagworm.extend.logging.text import TextFormatter, one_line
from hagworm.extend.statistics import Counter

__all__ = ("LINGER", "LineHandler", "Overflow")

LINGER = 0.05
"""Seconds that a line may wait for others that are written together with it; errors do not wait."""
CHUNK = 4096
"""Lines that are written together at most: so long no other thread runs."""
PATIENCE = 2.0
"""Seconds that an end or a fork waits for a sink that takes nothing."""
NEWS = 5.0
"""Seconds between two lines that tell how many were lost."""

Overflow = Literal["drop_newest", "drop_oldest", "wait"]

BRIEF = Repr()
BRIEF.maxstring = BRIEF.maxother = 200

HANDLERS: "WeakSet[LineHandler]" = WeakSet()
SOURCE = "hagworm.logging"


class LineHandler(logging.Handler):
    """Formats a record where it is logged, and hands the line to a sink.

    With `queue=0` it is written at once, by the caller. Otherwise up to so many lines wait for a thread of the handler,
    which starts with the first of them; warnings and above have room for an eighth more. At the bound, `overflow` says
    what happens: the new line is dropped, the oldest one is, or the caller waits up to `patience` seconds. Logging
    never raises, whatever becomes of the sink: what is lost is counted, and told in a line once something can be
    written again. `flush` and `close` write what is waiting, for `patience` seconds at most; so does the end of the
    process, unless it is killed. A forked child begins with an empty queue and a thread of its own.
    """

    def __init__(
        self,
        sink: Sink | TextIO | None,
        *,
        queue: int = 0,
        overflow: Overflow = "drop_newest",
        patience: float = PATIENCE,
        redact: Redactor | None = None,
        repeats: Repeats | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.sink = sink_for(sink)
        self.queue = queue
        self.reserve = queue // 8
        self.crowded = max(queue // 4, 1)
        self.overflow: Overflow = overflow
        self.patience = patience
        self.repeats = repeats
        self.clock = clock
        self.kept: deque[str | logging.LogRecord] = deque()
        self.outlet = Outlet(self.sink, redact=redact, retries=bool(queue))
        self.drops = Counter()
        self.told = 0
        self.told_at = -NEWS
        self.is_closed = False
        self.setFormatter(None)
        self.is_asleep = True
        """Whether the thread waits for a first line, and is to be woken for it."""
        self.is_lingering = False
        """Whether it waits for more lines, which something urgent may cut short."""
        self.is_ending = False
        self.is_held = False
        """Whether a fork holds the lock of the sink."""
        self.thread: Thread | None = None
        self.renew()
        HANDLERS.add(self)

        if queue:
            watch_forks()

    def __repr__(self) -> str:
        return f"<LineHandler {self.sink!r}, {len(self.kept)} of {self.queue} waiting, {self.lost} lost>"

    @property
    def lost(self) -> int:
        """Lines that were dropped at the bound, or that the sink did not take."""
        return int(self.drops.value) + self.outlet.lost

    def statistics(self) -> dict[str, int]:
        """Return how many lines were written, are waiting, were dropped at the bound, failed; and records swallowed."""
        return {
            "written": self.outlet.written,
            "waiting": len(self.kept) + self.outlet.waiting * self.outlet.counts,
            "dropped": int(self.drops.value),
            "failed": self.outlet.lost,
            "swallowed": self.repeats.swallowed if self.repeats else 0,
        }

    def setFormatter(self, fmt: logging.Formatter | None) -> None:
        """Use a formatter; one whose `deferred` is true is called by the thread that writes."""
        super().setFormatter(fmt)
        self.is_deferred = bool(getattr(fmt, "deferred", False))
        self.text_of: Callable[[logging.LogRecord], str] = fmt.format if fmt is not None else in_brief

    # Where it is logged ----------------------------------------------------------------------------------------------

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record, unless a filter holds it back. Never waits for the sink."""
        # Without the lock of a handler: nothing here needs it, and who holds it could be interrupted by a signal.
        if self.filters:
            kept: Any = self.filter(record)

            if not kept:
                return False

            if isinstance(kept, logging.LogRecord):
                record = kept

        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record; one that cannot be formatted is told as it is."""
        line: str | logging.LogRecord

        try:
            if self.repeats is not None and not self.is_new(record):
                return

            line = settled(record) if self.is_deferred else self.text_of(record)
        except Exception as exc:  # whatever an argument's own text raises
            line = self.excuse(record, exc)

        if self.put(line, record.levelno):
            self.flush()

    def keep(self, line: str) -> bool:
        """Take a finished line without its end; return whether the caller owes a flush, which a queue never needs.

        It is written at the latest with the next record, and when the process ends. Safe in any thread.
        """
        return self.put(line, logging.INFO) and len(self.kept) == 1

    def put(self, line: str | logging.LogRecord, level: int) -> bool:
        """Queue a line; return whether there is no thread to write it."""
        waiting = self.kept

        if not self.queue or self.is_closed:
            waiting.append(line)
            return True

        if len(waiting) >= self.crowded:
            if not self.has_room(level):
                self.drops.inc()
                return False

            if self.is_lingering:
                self.bell_ring()

        waiting.append(line)

        if self.is_asleep or (level >= logging.ERROR and self.is_lingering):
            self.is_asleep = False
            self.bell_ring()

            if not self.has_thread:
                return self.start()

        return False

    def has_room(self, level: int) -> bool:
        """Return whether a line may be queued, after what `overflow` asks for at the bound."""
        bound = self.queue + (self.reserve if level >= logging.WARNING else 0)

        if len(self.kept) < bound:
            return True

        if self.overflow == "drop_oldest":
            with suppress(IndexError):  # the writer was faster
                self.kept.popleft()
                self.drops.inc()

            return True

        if self.overflow == "wait":
            end = self.clock() + self.patience

            while len(self.kept) >= bound and self.clock() < end:
                self.bell_ring()
                time.sleep(0.001)

        return len(self.kept) < bound

    def is_new(self, record: logging.LogRecord) -> bool:
        assert self.repeats is not None
        key = (record.name, record.levelno, record.getMessage())

        with self.guard:
            admitted = self.repeats.admit(key, self.clock())

        if not self.queue:
            self.tell_repeats()

        return admitted

    def excuse(self, record: logging.LogRecord, exc: Exception) -> str:
        """Return a line in place of a record that cannot be formatted."""
        what = f"{type(exc).__name__} while formatting {BRIEF.repr(record.msg)} at {record.pathname}:{record.lineno}"

        try:
            return self.own_line(what, record.levelno, record.name)
        except Exception:  # of a formatter that is not ours
            return what

    def own_line(self, text: str, level: int = logging.WARNING, name: str = SOURCE) -> str:
        levelname = logging.getLevelName(level)

        # A line of text without the fields of whoever happens to be running.
        if isinstance(self.formatter, TextFormatter):
            return self.formatter.line(time.time(), levelname, name, one_line(text))

        record = logging.makeLogRecord({"name": name, "levelno": level, "levelname": levelname, "msg": text})
        return self.text_of(record)

    # Where it is written ---------------------------------------------------------------------------------------------

    def renew(self) -> None:
        """Begin with locks that nobody holds and no thread."""
        self.writing = Lock()
        # A signal handler may log while its own thread is just starting ours.
        self.guard = RLock()
        # A bare lock as a bell: to ring it is one call, which no signal handler can find half done.
        self.bell = allocate_lock()
        self.bell.acquire()
        self.is_asleep = True
        self.is_lingering = False
        self.is_ending = False
        self.is_held = False
        self.thread = None

    def bell_ring(self) -> None:
        self.is_lingering = False

        with suppress(RuntimeError):  # it rings already
            self.bell.release()

    @property
    def has_thread(self) -> bool:
        """Whether there is a thread, or will be in a moment."""
        thread = self.thread
        return thread is not None and (thread.ident is None or thread.is_alive())

    def start(self) -> bool:
        """Start the thread; return True where there can be none any more, as the interpreter is ending."""
        with self.guard:
            if not self.has_thread:
                self.thread = Thread(target=self.run, name="log-writer", daemon=True)

                try:
                    self.thread.start()
                except RuntimeError:
                    self.thread = None
                    return True

                finish_with_multiprocessing(self)

        return False

    def run(self) -> None:
        """Write until told to end; the body of the thread."""
        while not self.is_ending:
            self.wait()

            with self.writing:
                self.write_out()

            pause = self.outlet.pause(self.clock())

            while pause > 0 and not self.is_ending:
                self.bell.acquire(timeout=pause)
                pause = self.outlet.pause(self.clock())

        with self.writing:
            self.write_out()

        self.is_asleep = True

    def wait(self) -> None:
        """Return a moment after there is something to write, or at once where that is a lot, or the end."""
        if not self.kept and not self.outlet.waiting:
            self.is_asleep = True

            # Somebody may have looked before that and not have rung.
            if not self.kept:
                self.bell.acquire(timeout=self.repeats.period if self.repeats else -1)

            self.is_asleep = False

        self.is_lingering = True

        if not self.is_ending and len(self.kept) < self.crowded:
            self.bell.acquire(timeout=LINGER)

        self.is_lingering = False

    def write_out(self) -> None:
        """Hand everything that waits to the sink, for as long as it takes it."""
        try:
            self.write_all()
        except Exception as exc:  # of a formatter or a pattern that is not ours: the thread goes on without these lines
            self.outlet.fault = exc
            self.outlet.give_up()

    def write_all(self) -> None:
        self.tell_repeats()
        outlet = self.outlet

        while True:
            if not outlet.waiting:
                outlet.take(self.next_lines())

                if not outlet.waiting:
                    break

            failures = outlet.failures
            is_done = outlet.push(self.clock())

            if outlet.failures == 1 > failures and not isinstance(self.sink, StreamSink):
                self.complain(f"cannot write to {self.sink!r}: {outlet.fault}")

            if not is_done:
                return

        self.tell_losses()

    def next_lines(self) -> list[str]:
        lines = []
        kept = self.kept

        for _ in range(min(len(kept), CHUNK)):
            try:
                line = kept.popleft()
            except IndexError:  # at the bound, the oldest are dropped by who brings new ones
                break

            lines.append(line if isinstance(line, str) else self.render(line))

        return lines

    def render(self, record: logging.LogRecord) -> str:
        try:
            return self.text_of(record)
        except Exception as exc:  # of a formatter that is not ours
            return self.excuse(record, exc)

    def tell_repeats(self) -> None:
        """Write how often records were swallowed whose time is over."""
        if self.repeats is None:
            return

        with self.guard:
            due = [*self.repeats.due(self.clock())]

        for key, times in due:
            name, level, message = cast("tuple[str, int, str]", key)
            text = f"{message} (and {times} times more)"
            self.kept.append(self.own_line(text, level, name))

    def tell_losses(self) -> None:
        """Write how many lines were lost since that was written last, at most every `NEWS` seconds."""
        lost = self.lost

        # News are for a sink that takes something.
        if lost == self.told or self.outlet.failures:
            return

        if not (self.is_ending or self.is_closed) and self.clock() - self.told_at < NEWS:
            return

        text = f"{lost - self.told} lines were lost, {lost} so far: {int(self.drops.value)} had no room in the queue"
        self.told, self.told_at = lost, self.clock()
        self.outlet.take([self.own_line(text)], counts=False)
        self.outlet.push(self.clock())

    def flush(self) -> None:
        """Write what waits, in this thread; gives up after `patience` seconds where another one cannot write it."""
        if not self.writing.acquire(timeout=self.patience):
            return

        try:
            self.outlet.hurry()
            self.write_out()
        finally:
            self.writing.release()

    def close(self) -> None:
        """Write what waits, end the thread, release the sink; lines that come later are written at once."""
        self.is_closed = True
        ended = self.end()

        held = ended and self.writing.acquire(timeout=self.patience)

        try:
            if held:
                self.outlet.hurry()
                self.write_out()

            # A sink that hangs keeps the thread, and nothing else.
            self.outlet.give_up(self.kept)
            self.confess()

            if held:
                self.sink.close()
        finally:
            if held:
                self.writing.release()

        super().close()

    def confess(self) -> None:
        """Tell what was lost, where the sink could not be told."""
        if self.lost > self.told:
            self.complain(f"{self.lost} lines were lost: {self.sink!r} took no more: {self.outlet.fault}")

    def complain(self, text: str) -> None:
        """Tell stderr, if that takes anything."""
        with suppress(OSError, ValueError):
            StreamSink(sys.stderr, patience=0.1).write([self.own_line(text)])

    def end(self) -> bool:
        """End the thread; return whether it has ended within `patience` seconds."""
        thread, self.is_ending = self.thread, True
        self.bell_ring()

        if thread is not None:
            thread.join(self.patience)

            if thread.is_alive():
                return False

        self.thread = None
        self.is_ending = False
        self.is_asleep = True
        return True

    # Across a fork ---------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Be without a thread, and without a lock that the child would find taken."""
        self.end()
        self.is_held = self.writing.acquire(timeout=self.patience)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        if self.is_held:
            self.is_held = False
            self.writing.release()

        self.is_ending = False

        if self.kept or self.outlet.waiting:
            self.is_asleep = False
            self.start()

    def after_fork_in_child(self) -> None:
        """Begin anew: what waits is written by the parent."""
        self.kept.clear()
        self.renew()
        self.outlet.renew()
        self.drops, self.told = Counter(), 0
        self.sink.reopen()


def in_brief(record: logging.LogRecord) -> str:
    return one_line(record.getMessage())


def sink_for(target: Sink | TextIO | None) -> Sink:
    """Return a sink: a stream is told by what only it has to do."""
    return StreamSink(cast("TextIO | None", target)) if target is None or hasattr(target, "flush") else target


def settled(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record that no longer depends on its arguments, nor keeps the frames of its exception alive."""
    from hagworm.extend.logging.fields import bound

    made = logging.makeLogRecord(vars(record))
    made.msg, made.args = record.getMessage(), None

    if record.exc_info and not record.exc_text:
        made.exc_text = logging.Formatter().formatException(record.exc_info)

    made.exc_info = None
    vars(made).update({name: value for name, value in bound().items() if name not in vars(made)})
    return made


def finish_with_multiprocessing(handler: LineHandler) -> None:
    """Flush at the end of a child of multiprocessing too, which runs nothing of atexit."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")

    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(handler, handler.flush, exitpriority=0)


WATCHING: list[bool] = []


def watch_forks() -> None:
    if WATCHING or not hasattr(os, "register_at_fork"):
        return

    WATCHING.append(True)

    def each(verb: str) -> Callable[[], None]:
        def run() -> None:
            for handler in [*HANDLERS]:
                getattr(handler, verb)()

        return run

    os.register_at_fork(
        before=each("before_fork"),
        after_in_parent=each("after_fork_in_parent"),
        after_in_child=each("after_fork_in_child"),
    )
