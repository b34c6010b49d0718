"""Which files of a tree are compiled, which are taken along, and where they go."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath
from typing import Literal

from hagworm.extend.error import CompileError

__all__ = ("MARKER", "Difference", "Step", "matches", "survey")

MARKER = ".hagworm-compiled"
"""The file that tells a tree which was built here from any other folder."""

# Never taken along: what Python or a version control system keeps for itself.
PRIVATE = ("__pycache__", "*.pyc", "*.pyo", ".git", ".hg", ".svn", MARKER)


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one file: `source` and `target` are relative to their trees."""

    source: PurePosixPath
    target: PurePosixPath
    kind: Literal["compile", "copy"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as it would be built."""

    path: str
    reason: Literal["missing", "changed", "extra"]

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def matches(path: PurePosixPath, patterns: Iterable[str]) -> bool:
    """Return whether a pattern fits a file or a folder that it is in.

    A pattern without a slash fits names, wherever they are; one with a slash fits paths from the root of the tree. Each
    fits whole names: `lib` is not `library`.
    """
    ways = [path, *path.parents][:-1]

    for pattern in patterns:
        if "/" in (bare := pattern.strip("/")) or pattern.startswith("/"):
            if any(fits(way, bare) for way in ways):
                return True
        elif any(fnmatchcase(way.name, bare) for way in ways):
            return True

    return False


def fits(path: PurePosixPath, pattern: str) -> bool:
    """Return whether each name of a path fits its part of a pattern."""
    parts = PurePosixPath(pattern).parts
    return len(parts) == len(path.parts) and all(map(fnmatchcase, path.parts, parts))


def survey(
    root: Path,
    *,
    keep_source: bool,
    optimize: int,
    exclude: Iterable[str] = (),
    as_source: Iterable[str] = (),
) -> list[Step]:
    """Return what is to be done for a tree, in order. Raises `CompileError` for what cannot be taken along."""
    exclude, as_source = [*PRIVATE, *exclude], list(as_source)
    steps: list[Step] = []
    problems: list[str] = []

    for path in walk(root, PurePosixPath(), exclude, problems):
        if path.suffix != ".py" or matches(path, as_source):
            steps.append(Step(path, path, "copy"))
        elif keep_source:
            steps.append(Step(path, path, "copy"))
            steps.append(Step(path, cached(path, optimize), "compile"))
        else:
            steps.append(Step(path, path.with_suffix(".pyc"), "compile"))

    if problems:
        raise CompileError(*problems)

    return steps


def cached(path: PurePosixPath, optimize: int) -> PurePosixPath:
    """Return where Python looks for the bytecode of a source that stands beside it."""
    tail = Path(cache_from_source(path.name, optimization=optimize or "")).name
    return path.parent / "__pycache__" / tail


def walk(root: Path, folder: PurePosixPath, exclude: list[str], problems: list[str]) -> Iterator[PurePosixPath]:
    for entry in sorted(os.scandir(root / folder), key=lambda entry: entry.name):
        path = folder / entry.name

        if matches(path, exclude):
            continue

        if entry.is_dir(follow_symlinks=False):
            yield from walk(root, path, exclude, problems)
        elif entry.is_file():
            yield path
        elif entry.is_symlink():
            problems.append(f"{path}: it is a link to a folder, or to nothing; exclude it")
        else:
            problems.append(f"{path}: it is neither a file nor a folder; exclude it")
