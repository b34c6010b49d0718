"""A folder with a random name for one run, where its sockets are, and nobody but its user gets in."""

import os
from contextlib import suppress
from pathlib import Path

from hagworm.extend.process.identity import current_identity, is_alive, space

__all__ = ("make_folder", "remove_folder")

PREFIX = "hagworm-run-"


def make_folder() -> Path:
    """Return a new folder (mode 0700) below $XDG_RUNTIME_DIR, or that for temporary files.

    What runs of this user have left behind that were killed is removed.
    """
    import tempfile

    root = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())

    for path in root.glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError):
            number, begun, where, _ = path.name.removeprefix(PREFIX).split("-", 3)
            gone = int(where) == space() and not is_alive((int(number), int(begun)))

            if gone and path.stat(follow_symlinks=False).st_uid == os.geteuid():
                remove_folder(path)

    pid, started = current_identity()
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{pid}-{started}-{space()}-", dir=root))


def remove_folder(path: Path) -> None:
    """Remove a folder with what is in it."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)
