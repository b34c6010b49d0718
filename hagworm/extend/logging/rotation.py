"""When a log file is put aside, under which name, and which of those put aside have to go; decided, not done."""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

__all__ = ("Aside", "Rotation")

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Aside:
    """A file that was put aside."""

    name: str
    size: int
    """In bytes."""
    changed: float
    """When it was written to last, in seconds of the wall clock."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """Rules for one file; 0 anywhere means that this is no reason.

    Everything follows from what the file system knows, so that several processes, or one that was restarted, come to
    the same conclusions.
    """

    max_bytes: int = 0
    """A file does not grow beyond this, but for a single line that is longer."""
    every: float = 0
    """Seconds: what lies in different spans of this length, by UTC, is in different files. From a day on, whole days of
    local time count."""
    keep_files: int = 0
    keep_for: float = 0
    """In seconds."""
    keep_bytes: int = 0

    def is_due(self, size: int, changed: float, coming: int, now: float) -> bool:
        """Return whether a file of `size` bytes, written to last when it `changed`, is put aside before more comes.

        An empty one never is, however long nothing has been logged.
        """
        if not size:
            return False

        if self.max_bytes and size + coming > self.max_bytes:
            return True

        return bool(self.every) and self.span(now) > self.span(changed)

    def span(self, moment: float) -> int:
        """Return the number of the span in which a moment lies."""
        if self.every < DAY:
            return int(moment // self.every)

        local = time.localtime(moment)
        return int((moment + local.tm_gmtoff) // DAY // (self.every // DAY))

    def name_aside(self, base: str, changed: float, taken: Collection[str]) -> str:
        """Return a name for a file put aside that is not `taken`: `orders.log.20261122-034107`; names sort by age."""
        stem = f"{base}.{time.strftime('%Y%m%d-%H%M%S', time.localtime(changed))}"
        names = [name.removesuffix(".gz") for name in taken]
        # After the last one of this second, even where earlier ones have gone already.
        numbers = [int(name[len(stem) + 1 :] or 0) for name in names if name == stem or name.startswith(f"{stem}-")]
        return f"{stem}-{max(numbers) + 1:04}" if numbers else stem

    def is_aside(self, base: str, name: str) -> bool:
        """Return whether `name` is one that `name_aside` gives."""
        rest = name.removesuffix(".gz")

        if not rest.startswith(f"{base}."):
            return False

        day, _, more = rest[len(base) + 1 :].partition("-")
        clock, _, number = more.partition("-")
        return (len(day), len(clock)) == (8, 6) and f"{day}{clock}{number or 0}".isdecimal()

    def expired(self, files: Iterable[Aside], now: float) -> Iterator[str]:
        """Yield the names of the files put aside that are too many, too old or, together, too large; oldest last."""
        total = 0

        for number, file in enumerate(sorted(files, key=lambda file: (file.changed, file.name), reverse=True)):
            total += file.size
            too_many = self.keep_files and number >= self.keep_files
            too_old = self.keep_for and now - file.changed > self.keep_for
            too_large = self.keep_bytes and total > self.keep_bytes

            if too_many or too_old or too_large:
                yield file.name
