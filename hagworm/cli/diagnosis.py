"""What a machine can lack, and the remedy for each."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hagworm import __version__
from hagworm.extend.error import HagwormError, PortInUse

__all__ = ("Symptom", "examine_machine", "examine_packages", "examine_service")

OLDEST_PYTHON = (3, 11)
FEW_FILES = 1024
ENOUGH_FILES = 8192
LITTLE_SPACE = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Symptom:
    """One line: `level` is ok, note, warn or fail."""

    level: str
    what: str
    found: str
    remedy: str = ""


def examine_packages() -> Iterator[Symptom]:
    """Look at Python and at what hagworm depends on, against the lowest versions that it works with."""
    found = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    old = sys.version_info < OLDEST_PYTHON
    yield Symptom("fail" if old else "ok", "python", found, "install Python 3.11 or newer" if old else "")
    yield Symptom("ok", "hagworm", f"{__version__} ({Path(__file__).parents[1]})")

    try:
        from packaging.requirements import Requirement
    except ImportError:
        yield Symptom("fail", "packages", "packaging is not installed", "pip install packaging")
        return

    try:
        demands = [Requirement(line) for line in requires("hagworm") or ()]
    except PackageNotFoundError:
        yield Symptom("fail", "packages", "hagworm runs from a folder that is not installed", "pip install -e .")
        return

    # A requirement of an extra says so in its marker, which only holds where `extra` is its name.
    for demand in demands:
        if demand.marker is None or demand.marker.evaluate({"extra": ""}):
            yield examine_package(demand)

    names = sorted({name for demand in demands for name in extras_of(demand)} - {"all", "demo", "test"})

    for name in names:
        yield examine_extra(name, [demand for demand in demands if name in extras_of(demand)])


def extras_of(demand: Any) -> list[str]:
    """Return the extras that a requirement belongs to."""
    text = str(demand.marker or "")
    return [part.strip().strip("\"'") for part in text.split("extra ==")[1:]] if "extra ==" in text else []


def examine_package(demand: Any) -> Symptom:
    remedy = f'pip install "{demand.name}{demand.specifier}"'

    try:
        found = version(demand.name)
    except PackageNotFoundError:
        return Symptom("fail", demand.name, f"missing, needed {demand.specifier}", remedy)

    if not demand.specifier.contains(found, prereleases=True):
        return Symptom("fail", demand.name, f"{found}, needed {demand.specifier}", remedy)

    return Symptom("ok", demand.name, found)


def examine_extra(name: str, demands: list[Any]) -> Symptom:
    """An extra is whole, absent (which is nobody's fault), or broken: a part of it is missing or too old."""
    parts = [examine_package(demand) for demand in demands]
    present = [part for part in parts if not part.found.startswith("missing")]
    what = f"extra {name}"

    if not present:
        return Symptom("note", what, "not installed", f'if needed: pip install "hagworm[{name}]"')

    if wrong := [f"{part.what} {part.found}" for part in parts if part.level == "fail"]:
        too_old = any(part.level == "fail" for part in present)
        return Symptom("fail" if too_old else "note", what, "; ".join(wrong), f'pip install "hagworm[{name}]"')

    return Symptom("ok", what, ", ".join(f"{part.what} {part.found}" for part in parts))


def examine_machine() -> Iterator[Symptom]:
    """Look at what the operating system allows."""
    yield examine_loop()
    yield examine_files()

    for what, folder, level in (
        ("temporary files", Path(tempfile.gettempdir()), "fail"),
        ("folder", Path.cwd(), "warn"),
    ):
        yield examine_folder(what, folder, level)


def examine_loop() -> Symptom:
    if find_spec("uvloop") is None:
        return Symptom("warn", "event loop", "asyncio: uvloop is not installed", 'pip install "uvloop>=0.22.1"')

    try:
        import uvloop

        uvloop.new_event_loop().close()
    except (ImportError, OSError, RuntimeError) as exc:
        return Symptom("fail", "event loop", f"uvloop does not work: {exc}", "HAGWORM_SERVER__LOOP=asyncio")

    return Symptom("ok", "event loop", f"uvloop {version('uvloop')}")


def examine_files() -> Symptom:
    """Every connection is an open file."""
    if sys.platform == "win32":
        return Symptom("ok", "open files", "no limit of its own")

    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    if soft == resource.RLIM_INFINITY or soft >= ENOUGH_FILES:
        return Symptom("ok", "open files", "unlimited" if soft == resource.RLIM_INFINITY else str(soft))

    possible = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, ENOUGH_FILES)
    remedy = f"ulimit -n {possible}, or LimitNOFILE= in the systemd unit"
    return Symptom("fail" if soft < FEW_FILES else "warn", "open files", f"at most {soft} at once", remedy)


def examine_folder(what: str, folder: Path, level: str) -> Symptom:
    try:
        with tempfile.TemporaryFile(dir=folder):
            space = shutil.disk_usage(folder).free
    except OSError as exc:
        return Symptom(
            level, what, f"{folder} cannot be written: {exc.strerror}", f"chown or chmod {folder}, or use another"
        )

    if space < LITTLE_SPACE:
        return Symptom("warn", what, f"{folder} has {space // 1024**2} MiB left", "make room")

    return Symptom("ok", what, str(folder))


def examine_service(settings: Any) -> Iterator[Symptom]:
    """Look at what these settings need: an engine, its server, an address, processors."""
    from hagworm.facade.engine import load_engine

    server = settings.server

    try:
        load_engine(server.engine)
    except HagwormError as exc:
        yield Symptom("fail", "engine", str(exc), f"server.engine is set by {settings.sources['server.engine']}")
    else:
        yield Symptom("ok", "engine", server.engine)

    if server.engine in ("asgi", "fastapi"):
        missing = find_spec(server.asgi_server) is None
        remedy = f'pip install "hagworm[{server.asgi_server}]"' if missing else ""
        found = f"{server.asgi_server} is not installed" if missing else server.asgi_server
        yield Symptom("fail" if missing else "ok", "ASGI server", found, remedy)

    yield examine_address(server)
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    if server.workers > 4 * count:
        yield Symptom("warn", "workers", f"{server.workers} on {count} processors", f"server.workers = {count}")
    else:
        yield Symptom("ok", "workers", f"{server.workers} on {count} processors")


def examine_address(server: Any) -> Symptom:
    from hagworm.facade.serving.sockets import bind_tcp, close_all

    if server.uds:
        folder = Path(server.uds).resolve().parent
        symptom = examine_folder("socket", folder, "fail")
        return symptom if symptom.level == "fail" else Symptom("ok", "socket", server.uds)

    try:
        close_all(bind_tcp(server.host, server.port, backlog=1))
    except (PortInUse, OSError) as exc:
        return Symptom("fail", "address", str(exc), "stop who listens there, or set server.port")

    return Symptom("ok", "address", f"{server.host}:{server.port} is free")
