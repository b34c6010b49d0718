"""A control socket for each arbiter: gunicorn's default is one for all that a user runs."""

import hashlib
import os
import re
import stat
import tempfile
from typing import Any

from hagworm.frame.gunicorn.ahead import look_ahead

__all__ = ("choose_control_socket", "private_folder")

LONGEST = 100
"""Characters that fit into the address of a Unix socket on every system."""


def choose_control_socket(cfg: Any, log: Any, *, place: str = "") -> None:
    """Give the arbiter a control socket of its own, unless the user wants none.

    Gunicorn's option wins, then the setting `server.control_socket`, then a path in a private folder. `place`
    tells apart what runs the same application in the same folder; it defaults to the addresses of `cfg`. Where no
    private folder can be had, there is no control socket and the log says so.
    """
    setting = cfg.settings["control_socket"]

    if cfg.control_socket_disable or setting.get() != type(setting).default:
        return

    if (chosen := look_ahead("server.control_socket")[0]) is not None:
        cfg.set("control_socket", chosen)
        return

    mark = hashlib.sha256("\0".join((cfg.chdir, cfg.proc_name, place or str(cfg.address))).encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", cfg.proc_name).strip("-")[:24]

    try:
        path = os.path.join(private_folder(), f"{name}-{mark}.ctl")
    except OSError as exc:
        log.warning("no control socket: %s", exc)
        cfg.set("control_socket_disable", True)
        return

    if len(path) > LONGEST:
        log.warning("no control socket: its path would be too long (%s)", path)
        cfg.set("control_socket_disable", True)
        return

    cfg.set("control_socket", path)


def private_folder() -> str:
    """Return a folder that only this user can enter, made where it is missing. Raises OSError where it is not ours."""
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = os.path.join(base, "hagworm") if os.path.isdir(base) else temporary_folder()

    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        found = os.lstat(folder)

        # Anybody may have put it there: in the temporary folder a name that is known is a name that can be taken.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError(f"{folder} is not a folder that only this user can enter") from None

    return folder


def temporary_folder() -> str:
    return os.path.join(tempfile.gettempdir(), f"hagworm-{os.geteuid()}")
