"""Every error hagworm raises, in one tree.

HagwormError                      code
├── Closed                        closed        it is used after it has been closed
│   ├── BufferClosed              buffer        … a buffer
│   ├── PoolClosed                pool          … a pool
│   │   └── ExecutorClosed        executor      … one that calls functions
│   ├── PortalClosed              portal        … the way into an event loop from other threads
│   ├── QueueClosed               queue         … a queue
│   └── ScopeClosed               scope         … the scope that held a value
├── BadValue                      value         a value is not what it is taken for
│   ├── BadArchive                archive       … an archive that it is not safe to unpack
│   ├── BadEncoding               encoding      … text or bytes in some format, JSON for example
│   │   └── EndOfData             end           … which end too early
│   ├── BadSignature              signature     … a signature
│   ├── BadFields                 fields        … several values of one record are not
│   └── LimitExceeded             limit         … it is larger, deeper or more than it may be
├── BatchFailed                   batch         what was fetched together has no answer for one of those who asked
├── CheckFailed                   check         a check of a stress test does not hold
├── CompileError                  compile       sources cannot be turned into bytecode, or their tree is out of date
├── ConfigError                   config        the settings are wrong; the service does not start (exit code 2)
├── ConstError                    const         what is set once is set again, or what is frozen is changed
├── CryptoError                   crypto        keys, or what they protect, are not what they should be
│   ├── CodeRefused               otp           … a one-time code is wrong, or has been used
│   ├── DecryptFailed             decrypt       … nobody who has the key has encrypted this, or not all of it came
│   ├── KeyRefused                key           … a key cannot be loaded, or is not for this
│   ├── NoncesUsedUp              nonces        … a key has encrypted as much as it may
│   └── TokenRefused              token         … a token is not believed
│       └── TokenExpired          expired       … as it is over
├── CycleFound                    cycle         what should come one after another goes round in a circle
├── DeadlineExceeded              deadline      the time that was given is over
│   ├── SegmentBusy               busy          … waiting for memory that another process holds
│   └── TaskTimeout               tasktimeout   … for a task in a worker process, which has been stopped
├── DefinitionError               definition    the business code is wrong; found when the application freezes
├── TargetError                   target        `module:attribute` does not lead to an application (exit code 2)
├── EngineNotFound                engine        no engine has that name (exit code 2)
├── ExcelError                    excel         a spreadsheet cannot be written or read
│   ├── CellError                 cell          … a value does not fit into its cell
│   └── WorkbookRefused           workbook      … a file is no workbook, or is not safe to read
├── FeederEmpty                   empty         the data of a stress test is used up
├── FetchFailed                   fetch         the other side has answered, but not with what was asked for
│   ├── BodyDamaged               damaged       … its body is incomplete, or not what it says it is
│   ├── BodyTooLong               body          … its body is longer than may be
│   ├── StatusFailed              status        … its status code is 400 or above
│   └── TooManyRedirects          redirects     … it sends us on and on
├── JournalError                  journal       what is kept on disk cannot be read or written
├── ListenersFailed               listeners     some of those who were told of an event raised an error
├── MailFailed                    mail          a message could not be delivered
├── MissingExtra                  extra         an optional dependency is not installed
├── NoCandidate                   candidate     there is nothing to choose from
├── NetworkError                  network       a connection failed
│   ├── ConnectFailed             connect       … it could not be made, so that nothing has been sent
│   │   └── Untrusted             untrusted     … nobody we trust vouches for the other side
│   ├── ConnectionLost            lost          … it ended in the middle: what came of it is not known
│   │   └── PeerSilent            silent        … nothing came for too long
│   └── FrameError                frame         … what came is not what was agreed on
├── NoScope                       noscope       a scoped value is wanted where no scope has been entered
├── NTPError                      ntp           a clock elsewhere does not tell the time
│   ├── KissOfDeath               kiss          … its server has sent us away
│   ├── NotSynchronised           unsynchronised … too few agree with each other
│   └── NTPReplyError             ntpreply      … its packet is wrong, or says that it does not know the time itself
├── PlaylistError                 playlist      the text of a playlist, or what is asked of one, is wrong
├── PortInUse                     port          the address cannot be bound (exit code 2)
├── ProcessError                  process       a process did not do what it was started for
│   ├── CommandFailed             command       … its exit code is another than 0
│   ├── OutputTooLong             output        … it wrote more than is kept
│   ├── PoolBroken                broken        … no worker of the pool comes up
│   ├── SupervisionFailed         supervision   … it had to be restarted too often (exit code 75)
│   ├── TaskFailed                task          … a task raised what cannot be carried over as it is
│   └── WorkerDied                worker        … the worker ended in the middle of a task
├── QRCodeError                   qrcode        what is to be said does not fit into a QR code, or cannot be drawn
├── Refused                       refused       it was not tried, as something says not now
│   ├── ClockBehind               clock         … the clock is behind what has been handed out
│   ├── CircuitOpen               circuit       … too many of the last calls failed
│   ├── JobRefused                job           … who would run it is closed
│   │   ├── Overloaded            overloaded    … there is no room for it, or no longer
│   │   └── DuplicateJob          duplicate     … one of that name is there already
│   └── RateLimited               rate          … as many as may have already been made
├── RequestFailed                 request       a request of a stress test has no answer; it has been counted
├── ResultError                   result        a result is taken for what it is not
├── ScheduleError                 schedule      an interval, cron expression or time zone is wrong
├── SegmentError                  segment       shared memory is not what it is taken for
├── SingletonError                singleton     a class of one object is asked for another one
├── StartupFailed                 startup       a lifespan raised while starting (exit code 3)
├── StressError                   stress        a stress test does not start as it is asked for (exit code 2)
│   ├── ObjectiveError            objective     … its objectives are none
│   ├── PlanError                 plan          … its rate, users, times or profile
│   ├── RunsDiffer                runsdiffer    … two runs were not the same load, so comparing them says nothing
│   ├── ScenarioError             scenario      … its scenario cannot be loaded
│   ├── TargetRefused             notmine       … its target is another machine's, and nobody said that it may
│   └── TargetUnreachable         unreachable   … nothing answers there
├── TraceError                    trace         a header does not say to which trace something belongs
├── TransactionError              transaction   a transaction is used in a way in which it cannot be
│   ├── CommitFailed              commit        … it is committed, and some of what was to follow failed
│   ├── RollbackFailed            rollback      … it is rolled back, and some of it could not be undone
│   └── TransactionOver           over          … it has been committed or rolled back already
└── URLRefused                    url           a URL, or the address behind it, is one that must not be asked

What concerns one request (HTTPError and its kin) lives in `hagworm.facade.failure`.
"""

import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

__all__ = (
    "BadArchive",
    "BadEncoding",
    "BadFields",
    "BadSignature",
    "BadValue",
    "BatchFailed",
    "BodyDamaged",
    "BodyTooLong",
    "BufferClosed",
    "CellError",
    "CheckFailed",
    "CircuitOpen",
    "ClockBehind",
    "Closed",
    "CodeRefused",
    "CommandFailed",
    "CommitFailed",
    "CompileError",
    "ConfigError",
    "ConnectFailed",
    "ConnectionLost",
    "ConstError",
    "CryptoError",
    "CycleFound",
    "DeadlineExceeded",
    "DecryptFailed",
    "DefinitionError",
    "DuplicateJob",
    "EndOfData",
    "EngineNotFound",
    "ExcelError",
    "ExecutorClosed",
    "FeederEmpty",
    "FetchFailed",
    "FrameError",
    "HagwormError",
    "JobRefused",
    "JournalError",
    "KeyRefused",
    "KissOfDeath",
    "LimitExceeded",
    "ListenersFailed",
    "MailFailed",
    "MissingExtra",
    "NTPError",
    "NTPReplyError",
    "NetworkError",
    "NoCandidate",
    "NoScope",
    "NoncesUsedUp",
    "NotSynchronised",
    "ObjectiveError",
    "OutputTooLong",
    "Overloaded",
    "PeerSilent",
    "PlanError",
    "PlaylistError",
    "PoolBroken",
    "PoolClosed",
    "PortInUse",
    "PortalClosed",
    "ProcessError",
    "QRCodeError",
    "QueueClosed",
    "RateLimited",
    "Refused",
    "RequestFailed",
    "ResultError",
    "RollbackFailed",
    "RunsDiffer",
    "ScenarioError",
    "ScheduleError",
    "ScopeClosed",
    "SegmentBusy",
    "SegmentError",
    "SingletonError",
    "StartupFailed",
    "StatusFailed",
    "StressError",
    "SupervisionFailed",
    "TargetError",
    "TargetRefused",
    "TargetUnreachable",
    "TaskFailed",
    "TaskTimeout",
    "TokenExpired",
    "TokenRefused",
    "TooManyRedirects",
    "TraceError",
    "TransactionError",
    "TransactionOver",
    "URLRefused",
    "Untrusted",
    "WorkbookRefused",
    "WorkerDied",
    "cut_repr",
    "describe_end",
    "extra",
    "nearest",
)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the closest of `known`, or an empty string."""
    import difflib  # here, as it is needed only where something is wrong

    matches = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {matches[0]!r}?)" if matches else ""


def cut_repr(value: object, limit: int = 80) -> str:
    """Return `repr(value)` in at most `limit` characters: a long value cannot flood a log."""
    if isinstance(value, str | bytes | bytearray):
        text = repr(value[: limit + 1])
    elif isinstance(value, memoryview):
        text = f"{value.nbytes} bytes"
    elif isinstance(value, int) and value.bit_length() > 4 * limit:
        text = f"a number of {value.bit_length()} bits"
    elif isinstance(value, list | tuple | dict | set | frozenset) and len(value) > limit:
        text = f"a {type(value).__name__} of {len(value)}"
    else:
        text = repr(value)

    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def describe_end(returncode: int | None) -> str:
    """Return how a process ended, in words; negative numbers are signals, None is not known."""
    if returncode is None:
        return "its end was not seen"

    if returncode >= 0:
        return f"exit code {returncode}"

    import signal

    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"


class HagwormError(Exception):
    """The root of the tree; `code` is stable, the text is not."""

    code = "hagworm"
    exit_code = 1


class Closed(HagwormError):
    """It is used after it has been closed; the text says what."""

    code = "closed"


class BufferClosed(Closed):
    """The buffer takes nothing any more."""

    code = "buffer"


class PoolClosed(Closed):
    """The pool lends nothing, or takes no task, any more; nor does it finish what it has not finished in time."""

    code = "pool"


class ExecutorClosed(PoolClosed, RuntimeError):
    """The pool that would make the call is closed; a RuntimeError too, as `concurrent.futures` has it.

    `began` says whether the call was being made when it was given up: then nobody knows what became of it.
    """

    code = "executor"

    def __init__(self, text: str, *, began: bool = False) -> None:
        super().__init__(text)
        self.began = began


class PortalClosed(Closed):
    """The way into an event loop from other threads has been closed, or the loop itself."""

    code = "portal"


class QueueClosed(Closed):
    """The queue takes nothing any more; a reader gets this when nothing is left in it either."""

    code = "queue"


class ScopeClosed(Closed):
    """The scope has been left: what it held is gone, and nothing can be put into it."""

    code = "scope"


UNSEEN = object()


class BadValue(HagwormError, ValueError):
    """A value is not what it is taken for: `expected` says what that is, `value` what was found, cut to a line.

    Where the value is nobody's business (a card's number, a signature) there is no `value`.
    """

    code = "value"

    def __init__(self, expected: str, found: object = UNSEEN) -> None:
        self.expected = expected
        self.value = "" if found is UNSEEN else cut_repr(found)
        super().__init__(expected)

    def __str__(self) -> str:
        return f"expected {self.expected}{', not ' * bool(self.value)}{self.value}"


class BadArchive(BadValue):
    """It is not safe to unpack the archive, or it is none; nothing of it has been left on the disk."""

    code = "archive"


class BadFields(BadValue):
    """Values of a record are not what they are taken for; `problems` says by name what is wrong."""

    code = "fields"

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))
        self.problems = dict(problems)

    def __str__(self) -> str:
        return self.expected


class BadEncoding(BadValue):
    """Text or bytes are not in the format that they are taken for."""

    code = "encoding"


class EndOfData(BadEncoding, EOFError):
    """Bytes end before what is read from them does."""

    code = "end"


class BadSignature(BadValue):
    """A signature is not the one of this content under this key; which of the two is wrong, nobody is told."""

    code = "signature"


class LimitExceeded(BadValue):
    """A value is larger, deeper or more than it may be."""

    code = "limit"


class ConstError(HagwormError, AttributeError, TypeError):
    """What is set once is set again, or what is frozen is changed."""

    code = "const"


class CryptoError(HagwormError):
    """Keys, or what they protect, are not what they should be; no text of these holds a secret."""

    code = "crypto"


class CodeRefused(CryptoError):
    """A one-time code is not one of those that are valid now, or it has been used already; which, nobody is told."""

    code = "otp"

    def __init__(self, text: str = "this code is not valid now") -> None:
        super().__init__(text)


class DecryptFailed(CryptoError):
    """What is to be decrypted has been changed or cut, or belongs to another key or use; which, nobody is told."""

    code = "decrypt"

    def __init__(self, text: str = "this has not been encrypted under one of our keys, or has been changed") -> None:
        super().__init__(text)


class KeyRefused(CryptoError, ValueError):
    """A key cannot be loaded, is too weak, or is not for what is asked of it; the text says what is expected."""

    code = "key"


class NoncesUsedUp(CryptoError):
    """A key has encrypted as much as it may, or its counter must not go on in this process: another key is needed."""

    code = "nonces"


class TokenRefused(CryptoError):
    """A token is not believed; `reason` is a word for the log: `form`, `header`, `algorithm`, `key`, `signature` …"""

    code = "token"

    def __init__(self, text: str, reason: str = "form") -> None:
        super().__init__(text)
        self.reason = reason


class TokenExpired(TokenRefused):
    """A token is one of ours, and its time is over."""

    code = "expired"

    def __init__(self, text: str = "the token has expired", reason: str = "expired") -> None:
        super().__init__(text, reason)


class CycleFound(HagwormError, ValueError):
    """What should come one after another goes round in a circle: `cycle` is the way, from a node back to it."""

    code = "cycle"

    def __init__(self, cycle: Iterable[object]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(self.cycle)

    def __str__(self) -> str:
        return f"a circle: {' -> '.join(map(str, self.cycle))}"


class ConfigError(HagwormError):
    """The settings are wrong; each of `problems` names a key, its source and the remedy."""

    code = "config"
    exit_code = 2

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        if len(self.problems) < 2:
            return "".join(self.problems)

        return "\n  ".join([f"{len(self.problems)} problems in the settings", *self.problems])


class DefinitionError(HagwormError):
    """A handler, dependency or route is declared wrongly; the text names its file and line."""

    code = "definition"
    exit_code = 2


class TargetError(HagwormError):
    """`module:attribute` does not lead to an application."""

    code = "target"
    exit_code = 2


class EngineNotFound(HagwormError):
    """No engine has that name."""

    code = "engine"
    exit_code = 2

    def __init__(self, name: str, known: Iterable[str], *, reason: str = "") -> None:
        super().__init__(name)
        self.name = name
        self.known = tuple(known)
        self.reason = reason

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else nearest(self.name, self.known)
        return f"unknown engine {self.name!r}{why}; known engines: {', '.join(self.known)}, or 'package.module:ENGINE'"


class CompileError(HagwormError):
    """Sources cannot be turned into bytecode, or a tree is not what it would be turned into; `problems` says where."""

    code = "compile"

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        if len(self.problems) < 2:
            return "".join(self.problems)

        return "\n  ".join([f"{len(self.problems)} problems", *self.problems])


class ExcelError(HagwormError, ValueError):
    """A spreadsheet cannot be written or read; the text says what is wrong with what was given."""

    code = "excel"


class CellError(ExcelError):
    """A value does not fit into a cell: `sheet`, `row` (from 1), `column` (from 1), `value`, and why, in `reason`."""

    code = "cell"

    def __init__(self, sheet: str, row: int, column: int, value: object, reason: str) -> None:
        super().__init__(sheet, row, column, value, reason)
        self.sheet = sheet
        self.row = row
        self.column = column
        self.value = value
        self.reason = reason

    @property
    def place(self) -> str:
        """Where it is, as spreadsheets say it: `Orders!C7`."""
        letters, number = "", self.column

        while number:
            number, letter = divmod(number - 1, 26)
            letters = chr(ord("A") + letter) + letters

        return f"{self.sheet}!{letters}{self.row}"

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}: {reprlib.repr(self.value)}"


class WorkbookRefused(ExcelError):
    """A file is no workbook, or reading it would take more memory or time than may be."""

    code = "workbook"


class FetchFailed(HagwormError):
    """The other side has answered, but not with what was asked for; `status` is its status code."""

    code = "fetch"

    def __init__(self, url: str, status: int) -> None:
        super().__init__(url, status)
        self.url = url
        self.status = status

    def __str__(self) -> str:
        return f"{self.url} answers {self.status}"


class BodyDamaged(FetchFailed):
    """The body of an answer is incomplete, has the wrong checksum, or is not in the format that it should be in."""

    code = "damaged"

    def __init__(self, url: str, status: int, problem: str, *, retryable: bool = False) -> None:
        super().__init__(url, status)
        self.problem = problem
        self.retryable = retryable

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.problem}"


class BodyTooLong(FetchFailed):
    """The body of an answer is longer than `limit` bytes, as it came or unpacked; no more of it has been read."""

    code = "body"
    retryable = False

    def __init__(self, url: str, status: int, limit: int) -> None:
        super().__init__(url, status)
        self.limit = limit

    def __str__(self) -> str:
        return f"{super().__str__()} with more than {self.limit} bytes"


class StatusFailed(FetchFailed):
    """The status code is 400 or above; `body` is the beginning of what it came with, `headers` has lower-case names.

    `retry_after` tells in how many seconds the other side wants to be asked again, where it says so.
    """

    code = "status"

    def __init__(
        self,
        method: str,
        url: str,
        status: int,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        retry_after: float | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(url, status)
        self.method = method
        self.headers = headers or {}
        self.body = body
        self.retry_after = retry_after
        self.retryable = retryable

    def __str__(self) -> str:
        said = self.body[:200].decode(errors="replace").strip()
        return f"{self.method} {super().__str__()}{': ' * bool(said)}{said}"


class TooManyRedirects(FetchFailed):
    """The other side has sent us on more often than we go."""

    code = "redirects"
    retryable = False

    def __str__(self) -> str:
        return f"{super().__str__()}: sent on more often than may be"


class JournalError(HagwormError):
    """What is kept on disk cannot be read or written: another process has it, or a write has failed."""

    code = "journal"


class MailFailed(HagwormError):
    """A message was delivered to none of its recipients; `refused` says for each one what the server said.

    `is_permanent` tells that trying again will not help.
    """

    code = "mail"

    def __init__(self, text: str, *, refused: Mapping[str, str] | None = None, is_permanent: bool = False) -> None:
        super().__init__(text)
        self.refused = dict(refused or {})
        self.is_permanent = is_permanent
        self.retryable = not is_permanent


class MissingExtra(HagwormError, ImportError):
    """An optional dependency is not installed; the text is the command that installs it."""

    code = "extra"
    exit_code = 2

    def __init__(self, name: str, missing: str) -> None:
        super().__init__(name)
        self.extra = name
        self.missing = missing

    def __str__(self) -> str:
        return f'{self.missing} is not installed: pip install "hagworm[{self.extra}]"'


class NoCandidate(HagwormError, LookupError):
    """There is nothing to choose from; the text says where."""

    code = "candidate"


class NetworkError(HagwormError, ConnectionError):
    """A connection failed; `retryable` tells whether what it was for may be tried again without doing it twice."""

    code = "network"

    def __init__(self, text: str, *, retryable: bool = True) -> None:
        super().__init__(text)
        self.retryable = retryable


class ConnectFailed(NetworkError):
    """No connection could be made: nothing has been sent."""

    code = "connect"


class Untrusted(ConnectFailed):
    """The other side's certificate is not one that we trust: expired, for another name, of an unknown authority."""

    code = "untrusted"

    def __init__(self, text: str) -> None:
        super().__init__(text, retryable=False)


class ConnectionLost(NetworkError):
    """The connection ended in the middle: how much of what was sent has been acted on is not known."""

    code = "lost"


class PeerSilent(ConnectionLost, TimeoutError):
    """Nothing came from the other side for too long."""

    code = "silent"


class FrameError(NetworkError):
    """What came over a connection is not what was agreed on, or longer; nothing after it can be understood."""

    code = "frame"

    def __init__(self, text: str) -> None:
        super().__init__(text, retryable=False)


class NoScope(HagwormError, LookupError):
    """A scoped value is wanted where no scope has been entered."""

    code = "noscope"


class NTPError(HagwormError):
    """A clock elsewhere does not tell the time: it cannot be reached, or what it says is of no use."""

    code = "ntp"


class KissOfDeath(NTPError):
    """An NTP server has sent us away; `kiss` is its code (DENY, RSTR, RATE …), `poll` the seconds it asks for."""

    code = "kiss"

    def __init__(self, kiss: str, poll: float | None = None) -> None:
        super().__init__(kiss, poll)
        self.kiss = kiss
        self.poll = poll

    def __str__(self) -> str:
        return f"the NTP server answers {self.kiss!r} in place of the time"


class NotSynchronised(NTPError):
    """Too few clocks agree with each other: nobody can tell what time it is."""

    code = "unsynchronised"


class NTPReplyError(NTPError):
    """The packet of an NTP server is wrong, or says that the server does not know the time itself."""

    code = "ntpreply"


class PlaylistError(HagwormError, ValueError):
    """The text of a playlist, or what is asked of one, is wrong; `line` is its number, from 1, where there is one."""

    code = "playlist"

    def __init__(self, text: str, *, line: int | None = None) -> None:
        super().__init__(text)
        self.line = line

    def __str__(self) -> str:
        return self.args[0] if self.line is None else f"line {self.line}: {self.args[0]}"


class PortInUse(HagwormError):
    """The address cannot be bound."""

    code = "port"
    exit_code = 2


class ScheduleError(HagwormError, ValueError):
    """An interval, a cron expression, a time zone or a policy of a schedule is wrong; the text says which and how."""

    code = "schedule"


class DeadlineExceeded(HagwormError, TimeoutError):
    """The time that was given is over; `seconds` is how long that was, where it is known, `end` when it was over."""

    code = "deadline"

    def __init__(self, seconds: float | None = None, *, end: float | None = None) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.end = end

    def __str__(self) -> str:
        return "the deadline has passed" if self.seconds is None else f"not done within {self.seconds:g} s"


class SegmentBusy(DeadlineExceeded):
    """Another process holds shared memory for longer than was to be waited; it may have been stopped."""

    code = "busy"

    def __init__(self, name: str, seconds: float | None = None) -> None:
        super().__init__(seconds)
        self.name = name

    def __str__(self) -> str:
        return f"shared memory {self.name!r} is held by another process: {super().__str__()}"


class TaskTimeout(DeadlineExceeded):
    """A task ran in its worker process for longer than it may; its worker has been interrupted or killed."""

    code = "tasktimeout"

    def __init__(self, task: str, seconds: float | None = None) -> None:
        super().__init__(seconds)
        self.task = task

    def __str__(self) -> str:
        return f"{self.task}: {super().__str__()}"


class ProcessError(HagwormError):
    """A process did not do what it was started for."""

    code = "process"


class CommandFailed(ProcessError):
    """A command ended with another exit code than 0; `stderr` is the end of what it complained about."""

    code = "command"

    def __init__(self, program: str, returncode: int | None, stderr: bytes = b"") -> None:
        super().__init__(program, returncode)
        self.program = program
        self.returncode = returncode
        self.stderr = stderr

    def __str__(self) -> str:
        said = self.stderr.decode(errors="replace").strip()
        return f"{self.program}: {describe_end(self.returncode)}{': ' * bool(said)}{said}"


class OutputTooLong(ProcessError):
    """A process wrote more than `limit` bytes, and that is as much as is kept."""

    code = "output"

    def __init__(self, program: str, limit: int) -> None:
        super().__init__(program, limit)
        self.program = program
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.program} wrote more than {self.limit} bytes"


class PoolBroken(ProcessError):
    """No worker of the pool comes up; the text says what they failed with."""

    code = "broken"


class SupervisionFailed(ProcessError):
    """Processes had to be restarted more often than may be: something is wrong that a restart does not mend."""

    code = "supervision"
    exit_code = 75


class TaskFailed(ProcessError):
    """A task failed in its worker process; `kind` names the error, `trace` is the traceback over there.

    It is raised where the error itself cannot be carried over; where it can, that is raised and this is its cause.
    """

    code = "task"

    def __init__(self, task: str, kind: str, text: str, trace: str = "") -> None:
        super().__init__(task, kind, text, trace)
        self.task = task
        self.kind = kind
        self.text = text
        self.trace = trace

    def __str__(self) -> str:
        where = f"\n\nin the worker:\n{self.trace.rstrip()}" if self.trace else ""
        return f"{self.task} raised {self.kind}{': ' * bool(self.text)}{self.text}{where}"


class WorkerDied(ProcessError):
    """The worker ended in the middle of a task: `returncode` as in `subprocess`, negative for a signal.

    The task has been begun; how far it came, nobody knows.
    """

    code = "worker"

    def __init__(self, task: str, returncode: int | None, pid: int | None = None) -> None:
        super().__init__(task, returncode, pid)
        self.task = task
        self.returncode = returncode
        self.pid = pid

    def __str__(self) -> str:
        return f"{self.task}: the worker died in the middle of it (process {self.pid}, {describe_end(self.returncode)})"


class SegmentError(HagwormError):
    """Shared memory is not what it is taken for: not ours, of another size or kind, or out of bounds."""

    code = "segment"


class BatchFailed(HagwormError):
    """What was fetched together has no answer for one of those who asked; the cause is chained where there is one."""

    code = "batch"


class QRCodeError(HagwormError, ValueError):
    """What is to be said does not fit into a QR code, or the code cannot be drawn as asked for."""

    code = "qrcode"


class Refused(HagwormError):
    """It was not tried; `retry_after` tells in how many seconds it may be, where that is known."""

    code = "refused"

    def __init__(self, reason: str = "not now", *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after

    def __str__(self) -> str:
        when = "" if self.retry_after is None else f"; try again in {self.retry_after:.3g} s"
        return f"{self.args[0]}{when}"


class ClockBehind(Refused):
    """The clock has gone back too far, or more numbers are wanted than it has moments."""

    code = "clock"


class CircuitOpen(Refused):
    """Too many of the last calls failed: the next ones are not made for a while."""

    code = "circuit"


class RateLimited(Refused):
    """As many as may have already been made."""

    code = "rate"


class JobRefused(Refused):
    """A job is not taken: who would run it is closed."""

    code = "job"


class Overloaded(JobRefused):
    """There is no room for a job, or none any longer: the queue is full, or the job has waited too long."""

    code = "overloaded"


class DuplicateJob(JobRefused):
    """A job of that name is waiting or running already."""

    code = "duplicate"

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return f"a job called {self.name!r} is waiting or running already"


class CheckFailed(HagwormError):
    """A check of a stress test does not hold; the run that made it has ended, and counts as failed."""

    code = "check"


class FeederEmpty(HagwormError):
    """Every row of the data of a stress test has been given out, and each was to be given once."""

    code = "empty"


class RequestFailed(HagwormError):
    """A request of a stress test got no answer: `reason` is what it is counted under."""

    code = "request"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ResultError(HagwormError):
    """A result is taken for a success that is none, or the other way round; `error` is what it holds."""

    code = "result"

    def __init__(self, text: str, error: object = None) -> None:
        super().__init__(text)
        self.error = error


class SingletonError(HagwormError, TypeError):
    """A class of one object is asked for another one, or for the one while that is still being made."""

    code = "singleton"


class ListenersFailed(HagwormError, ExceptionGroup[Exception]):
    """All who listen to an event were told, and some of them raised an error; `exceptions` are those."""

    code = "listeners"

    def derive(self, excs: Sequence[Exception]) -> "ListenersFailed":  # type: ignore[override]  # the stubs want any T
        """Return a group of the same kind with those errors."""
        return ListenersFailed(self.message, excs)


class TransactionError(HagwormError):
    """A transaction is used in a way in which it cannot be."""

    code = "transaction"


class TransactionOver(TransactionError):
    """It has been committed or rolled back already: nothing can be added to it, and it cannot end another way."""

    code = "over"


class CommitFailed(TransactionError, ExceptionGroup[Exception]):
    """The transaction is committed, and some of what was to follow failed; `exceptions` are why."""

    code = "commit"

    def derive(self, excs: Sequence[Exception]) -> "CommitFailed":  # type: ignore[override]  # the stubs want any T
        """Return a group of the same kind with those errors."""
        return CommitFailed(self.message, excs)


class RollbackFailed(TransactionError, ExceptionGroup[Exception]):
    """The transaction is rolled back, and some of it could not be undone; `exceptions` are why."""

    code = "rollback"

    def derive(self, excs: Sequence[Exception]) -> "RollbackFailed":  # type: ignore[override]  # the stubs want any T
        """Return a group of the same kind with those errors."""
        return RollbackFailed(self.message, excs)


class TraceError(HagwormError, ValueError):
    """A header is no `traceparent` of W3C Trace Context; `header` is what came."""

    code = "trace"

    def __init__(self, header: str) -> None:
        super().__init__(header)
        self.header = header

    def __str__(self) -> str:
        got = self.header if len(self.header) <= 80 else f"{self.header[:80]}…"
        return f"expected a traceparent like '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', got {got!r}"


class StartupFailed(HagwormError):
    """A lifespan raised while the application started; the cause is chained."""

    code = "startup"
    exit_code = 3


class StressError(HagwormError):
    """A stress test does not start as it is asked for; the text says what is wrong with it."""

    code = "stress"
    exit_code = 2


class ObjectiveError(StressError, ValueError):
    """An objective is none; the text says where it stops being one, and which forms there are."""

    code = "objective"


class RunsDiffer(StressError):
    """Two runs cannot be compared; the text says why."""

    code = "runsdiffer"


class PlanError(StressError, ValueError):
    """A rate, a number of users, a time or a profile is none; the text says what is expected."""

    code = "plan"


class ScenarioError(StressError):
    """The path of a scenario leads nowhere, or to something that is no scenario."""

    code = "scenario"


class TargetRefused(StressError):
    """The target is not on this machine, and nobody has said that it may be loaded."""

    code = "notmine"


class TargetUnreachable(StressError):
    """Nothing answers at the target; no load has been started."""

    code = "unreachable"


class URLRefused(HagwormError, ValueError):
    """A URL is one that must not be asked: of a private address for example, where the policy wants public ones."""

    code = "url"
    retryable = False

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(url, reason)
        self.url = url
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.url!r} is refused: {self.reason}"


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Turn an ImportError inside the block into `MissingExtra(name)`."""
    try:
        yield
    except MissingExtra:
        raise
    except ImportError as exc:
        raise MissingExtra(name, exc.name or str(exc)) from exc
