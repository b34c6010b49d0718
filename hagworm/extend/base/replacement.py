"""A file that is written beside the one that it replaces, and takes its place when it is whole."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

__all__ = ("replacement",)


@contextmanager
def replacement(path: str | os.PathLike[str], *, sync: bool = True, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Give the next version of a file, open for writing and reading; it takes the old one's place after the block.

    Whoever reads sees the old file or the new one, both whole; the old one's permissions stay, and a link leads to the
    file that is replaced. When the block fails the old file stays as it is and nothing else is left behind. With `sync`
    the new one survives a loss of power from then on. `mode` are permissions instead of the old one's; nobody else can
    read the file before it has them. Blocks. Raises OSError.
    """
    import tempfile

    target = Path(os.path.realpath(path))
    number, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)

    try:
        with os.fdopen(number, "w+b") as file:
            yield file
            file.flush()

            if sync:
                os.fsync(file.fileno())

        os.chmod(temporary, permissions(target) if mode is None else mode)
        os.replace(temporary, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)

        raise

    if sync and os.name == "posix":
        sync_folder(target.parent)


def permissions(path: Path) -> int:
    """Return those of the file at `path`; where there is none, readable to all as far as the folder lets them."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0o644


def sync_folder(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)

    try:
        os.fsync(number)
    finally:
        os.close(number)
