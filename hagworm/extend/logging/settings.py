"""What may be set about logging: the section `log`."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal

from hagworm.extend.config.bound import Range

__all__ = ("LogSettings",)

Count = Annotated[int, Range(0)]
Seconds = Annotated[float, Range(0)]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """Section `log`: what is told, how, where to, and what may be lost."""

    level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    format: Literal["text", "colour", "json", "syslog", "journald", "rich", "plain"] = "text"
    levels: dict[str, str] = field(default_factory=dict)
    """Levels of single loggers and those below them: `levels = {"orders.stock" = "debug"}`."""
    to: str = "stderr"
    """`stderr`, `stdout`, `journald`, `syslog` (the local one), `syslog://host:514` (UDP), or the path of a file."""
    queue: Count = 10_000
    """Lines that may wait for the thread that writes them; with 0 there is no such thread."""
    overflow: Literal["drop_newest", "drop_oldest", "wait"] = "drop_newest"
    """What happens when so many wait: the new line or the oldest is dropped and counted, or who logs waits a while."""
    limit: Annotated[int, Range(512)] = 8192
    """Bytes of one record; what is longer loses its middle."""
    redact: bool = True
    """Whether what looks like a secret is replaced by a mask."""
    patterns: tuple[str, ...] = ()
    """Regular expressions of what else is replaced: their groups, or all of it where they have none."""
    repeats: Count = 0
    """How often the same record is told within `repeat_period`; more are counted only. 0 tells all."""
    repeat_period: Annotated[float, Range(0.1)] = 10.0
    """In seconds."""
    rotate_bytes: Count = 0
    """Size at which a file is put aside and a new one begun; 0 means never."""
    rotate_every: timedelta | None = None
    """Age at which it is (`1h`, `1d`): at full hours of UTC, from one day on at midnight, local time."""
    compress: bool = False
    """Whether files that were put aside are compressed (gzip)."""
    keep_files: Count = 10
    """How many files put aside are kept; 0 means all."""
    keep_for: timedelta | None = None
    """How long they are kept."""
    keep_bytes: Count = 0
    """How large they may be together; 0 means any size."""

    def validate(self, environment: str) -> Iterator[str]:
        """Say what the types cannot: unknown levels, patterns that are none, rotation of what is no file."""
        from hagworm.extend.error import ConfigError
        from hagworm.extend.logging.levels import level_number
        from hagworm.extend.logging.redaction import Redactor

        for name, level in self.levels.items():
            try:
                level_number(level)
            except ConfigError as exc:
                yield f"levels.{name}: {exc}"

        try:
            Redactor(self.patterns)
        except ConfigError as exc:
            yield f"patterns: {exc}"

        if not self.to.strip():
            yield "to: expected stderr, stdout, journald, syslog, syslog://host:port or a path, got ''"

        if (self.rotate_bytes or self.rotate_every) and not self.is_file:
            yield f"rotate_bytes, rotate_every: are for a file, and log.to is {self.to!r}"

        if self.rotate_every is not None and self.rotate_every.total_seconds() < 1:
            yield f"rotate_every: expected a second or more, got {self.rotate_every}"

    @property
    def is_file(self) -> bool:
        """Whether lines go to a file of their own."""
        return self.to not in ("stderr", "stdout", "journald", "syslog") and "://" not in self.to
