"""Trees of bytecode, built beside the one that they replace, and compared with it."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hagworm.extend.base.replacement import replacement
from hagworm.extend.compile.bytecode import FLAGS, Invalidation, Optimize, is_same, make_pyc
from hagworm.extend.compile.plan import MARKER, Difference, Step, survey
from hagworm.extend.error import CompileError

__all__ = ("Built", "check_tree", "compile_tree")


@dataclass(frozen=True, slots=True)
class Built:
    """What has been built: how many files of bytecode, how many others, how many sources were removed, and where."""

    target: Path
    compiled: int
    copied: int
    removed: int = 0


def compile_tree(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    keep_source: bool | None = None,
    optimize: Optimize = 0,
    invalidation: Invalidation = "unchecked-hash",
    exclude: Iterable[str] = (),
    as_source: Iterable[str] = (),
) -> Built:
    """Compile the sources below a folder.

    With a `target` that folder gets all files of `source`, with `.pyc` files in place of sources, or in `__pycache__`
    beside them where `keep_source` is set (None: not). It is built beside and takes the place of what was there at
    once; that must be a folder that was built here, or empty. Without a `target` the bytecode goes into `source`
    itself, in `__pycache__`; only `keep_source=False` puts it in place of the sources, which are removed last.

    Nothing is changed unless every source compiles. `optimize` is 0, 1 (no assertions) or 2 (no docstrings either).
    `exclude` leaves out, and `as_source` leaves uncompiled, what fits one of its patterns (`tests`, `orders/legacy`,
    `*.md`). Bytecode is the same on every machine with the same Python unless `invalidation` is `timestamp`. Blocks.
    Raises `CompileError` with every problem, and OSError.
    """
    work = Work(source, target, keep_source, optimize, invalidation, exclude, as_source)
    return work.build_in_place() if work.target is None else work.build_beside(work.target)


def check_tree(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    keep_source: bool | None = None,
    optimize: Optimize = 0,
    invalidation: Invalidation = "unchecked-hash",
    exclude: Iterable[str] = (),
    as_source: Iterable[str] = (),
) -> list[Difference]:
    """Return where a tree is not what `compile_tree` would make of `source` now, and change nothing.

    Raises `CompileError` where that would, and OSError.
    """
    work = Work(source, target, keep_source, optimize, invalidation, exclude, as_source)
    return work.differences()


class Work:
    """What is asked for, and what that means file by file."""

    __slots__ = ("invalidation", "keep_source", "optimize", "root", "steps", "target")

    def __init__(
        self,
        source: str | os.PathLike[str],
        target: str | os.PathLike[str] | None,
        keep_source: bool | None,
        optimize: Optimize,
        invalidation: Invalidation,
        exclude: Iterable[str],
        as_source: Iterable[str],
    ) -> None:
        self.root = Path(os.path.realpath(source))
        self.target = None if target is None else Path(os.path.realpath(target))
        self.keep_source = self.target is None if keep_source is None else keep_source
        self.optimize: Optimize = optimize
        self.invalidation: Invalidation = invalidation

        if optimize not in (0, 1, 2):
            raise CompileError(f"the level of optimization is 0, 1 or 2, not {optimize!r}")

        if invalidation not in FLAGS:
            raise CompileError(f"bytecode is invalidated by {', '.join(FLAGS)}, not {invalidation!r}")

        if not self.root.is_dir():
            raise CompileError(f"there is no folder {os.fspath(source)!r}")

        if self.target is not None and (
            self.root in self.target.parents or self.target in (self.root, *self.root.parents)
        ):
            raise CompileError(
                f"{self.root} and {self.target} are within each other: build somewhere else, or in place"
            )

        self.steps: list[Step] = survey(
            self.root, keep_source=self.keep_source, optimize=optimize, exclude=exclude, as_source=as_source
        )

    def compile(self) -> dict[Step, bytes]:
        """Return the bytecode of every source. Raises `CompileError` with all that do not compile."""
        found: dict[Step, bytes] = {}
        problems = []

        for step in self.steps:
            if step.kind != "compile":
                continue

            path = self.root / step.source

            try:
                found[step] = make_pyc(
                    path.read_bytes(),
                    str(step.source),
                    optimize=self.optimize,
                    invalidation=self.invalidation,
                    modified=path.stat().st_mtime,
                )
            except SyntaxError as exc:
                problems.append(f"{step.source}:{exc.lineno or 1}: {exc.msg}")
            except (ValueError, RecursionError, MemoryError) as exc:
                problems.append(f"{step.source}: {type(exc).__name__}: {exc}")

        if problems:
            raise CompileError(*problems)

        return found

    def build_beside(self, target: Path) -> Built:
        """Build a new tree and put it in the place of the old one."""
        refuse_foreign(target)
        code = self.compile()
        target.parent.mkdir(parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))

        try:
            fresh = room / target.name
            fresh.mkdir()

            for step in self.steps:
                self.put(step, fresh / step.target, code)

            (fresh / MARKER).write_text(self.marker(), "utf-8")
            shutil.copymode(self.root, fresh)
            take_place(fresh, target)
        finally:
            shutil.rmtree(room)

        return Built(target, len(code), len(self.steps) - len(code))

    def put(self, step: Step, path: Path, code: dict[Step, bytes]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)

        if step.kind == "copy":
            shutil.copy2(self.root / step.source, path)
        else:
            path.write_bytes(code[step])
            shutil.copymode(self.root / step.source, path)

    def build_in_place(self) -> Built:
        """Put bytecode into the tree of the sources, and remove these where they are not kept."""
        code = self.compile()

        for step, data in code.items():
            path = self.root / step.target
            path.parent.mkdir(exist_ok=True)

            with replacement(path, sync=False) as file:
                file.write(data)

        gone = [] if self.keep_source else list(code)

        for step in gone:
            (self.root / step.source).unlink()

        return Built(self.root, len(code), 0, len(gone))

    def marker(self) -> str:
        """Return what the tree says of itself, the same whenever it is built."""
        facts = {"python": sys.implementation.cache_tag, "optimize": self.optimize, "sources": self.keep_source}
        return json.dumps(facts) + "\n"

    def differences(self) -> list[Difference]:
        """Compare the tree that is there with the one that would be built."""
        code = self.compile()
        target = self.target or self.root
        found: list[Difference] = []

        for step in self.steps:
            if self.target is None and step.kind == "copy":
                continue

            path = target / step.target

            if not path.is_file():
                found.append(Difference(str(step.target), "missing"))
            elif step.kind == "copy":
                if path.read_bytes() != (self.root / step.source).read_bytes():
                    found.append(Difference(str(step.target), "changed"))
            elif not is_same(code[step], path.read_bytes()):
                found.append(Difference(str(step.target), "changed"))

        if self.target is not None:
            found += self.extras(self.target)

        return sorted(found, key=lambda difference: difference.path)

    def extras(self, target: Path) -> list[Difference]:
        """Return what is in a built tree that nothing was built from; what Python has cached there does not count."""
        wanted = {str(step.target) for step in self.steps} | {MARKER}
        present = (path.relative_to(target).as_posix() for path in target.rglob("*") if not path.is_dir())
        return [
            Difference(path, "extra") for path in present if path not in wanted and "__pycache__" not in path.split("/")
        ]


def refuse_foreign(target: Path) -> None:
    """Raise `CompileError` where something would be replaced that was not built here."""
    if not target.exists():
        return

    if not target.is_dir():
        raise CompileError(f"{target} is no folder")

    if not (target / MARKER).is_file() and any(target.iterdir()):
        raise CompileError(f"{target} is not empty, and was not built by this command: nothing there is replaced")


def take_place(fresh: Path, target: Path) -> None:
    """Put a new folder where an old one is; the old one is where the new one was then, or gone."""
    if not target.exists():
        os.rename(fresh, target)
    elif not exchange(fresh, target):
        # For a moment there is none; should the second step fail, the old one comes back.
        old = fresh.with_name(f"{fresh.name}.old")
        os.rename(target, old)

        try:
            os.rename(fresh, target)
        except OSError:
            os.rename(old, target)
            raise


def exchange(one: Path, other: Path) -> bool:
    """Let two folders change places at once; return False where the system cannot do that."""
    if sys.platform != "linux":
        return False

    import ctypes

    # renameat2(2): AT_FDCWD is -100, RENAME_EXCHANGE is 2.
    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).renameat2(-100, os.fsencode(one), -100, os.fsencode(other), 2) == 0)

    return False
