"""What is in an archive, and what may be."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hagworm.extend.error import BadArchive, BadValue, LimitExceeded

__all__ = (
    "LIMITS",
    "ArchiveKind",
    "ArchiveLimits",
    "Member",
    "Meter",
    "Names",
    "Pieces",
    "kind_of_bytes",
    "kind_of_name",
)

ArchiveKind = Literal["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]
Pieces = Iterator[bytes]

SUFFIXES: dict[str, ArchiveKind] = {
    ".zip": "zip",
    ".tar": "tar",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".tar.bz2": "tar.bz2",
    ".tbz2": "tar.bz2",
    ".tar.xz": "tar.xz",
    ".txz": "tar.xz",
}

FREE_RATIO = 1 << 20
"""So many bytes may come of any number: small files of one letter shrink more than any limit."""

ILLEGAL = re.compile(r"[\x00-\x1f\x7f]")
DRIVE = re.compile(r"[A-Za-z]:")
# Names that lead to devices on Windows, whatever their suffix.
RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may come to; more raises `LimitExceeded` before it is written."""

    max_files: int = 10_000
    """Members, folders included."""
    max_bytes: int = 1 << 30
    max_file_bytes: int = 512 << 20
    max_ratio: float = 200.0
    """How many bytes may come of one, beyond the first MiB."""
    max_depth: int = 32
    """Folders within each other."""
    max_name: int = 1024
    """Bytes of a member's name with its folders; each part of it has at most 255."""


class Member(NamedTuple):
    """A file in an archive."""

    name: str
    size: int
    is_folder: bool = False
    is_executable: bool = False


LIMITS = ArchiveLimits()


class Names:
    """The names of an archive so far, and what is wrong with another one."""

    __slots__ = ("count", "files", "folders", "limits", "spelled")

    def __init__(self, limits: ArchiveLimits) -> None:
        self.limits = limits
        self.count = 0
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.spelled: dict[str, str] = {}

    def check(self, name: str, *, is_folder: bool) -> str:
        """Return the name, without a slash at the end, if it stays below and clashes with none. Raises `BadArchive`."""
        self.count += 1

        if self.count > self.limits.max_files:
            raise LimitExceeded(f"an archive of at most {self.limits.max_files} members")

        parts = name.split("/")

        if (
            not name
            or "\\" in name
            or ILLEGAL.search(name)
            or any(part in ("", ".", "..") or part != part.strip(" ") or part.endswith(".") for part in parts)
            or any(DRIVE.match(part) or RESERVED.fullmatch(part) for part in parts)
        ):
            raise BadArchive("members with names of files below a folder", name)

        try:
            sizes = [len(part.encode("utf-8")) for part in parts]
        except UnicodeError as exc:
            raise BadArchive("members with names in UTF-8", name) from exc

        if len(parts) > self.limits.max_depth or max(sizes) > 255 or sum(sizes) + len(sizes) > self.limits.max_name:
            raise LimitExceeded(f"names of {self.limits.max_depth} folders, {self.limits.max_name} bytes", name)

        above = ["/".join(parts[:index]) for index in range(1, len(parts))]

        if name in self.files or (not is_folder and name in self.folders) or self.files.intersection(above):
            raise BadArchive("one member of a name", name)

        # Where capitals or accents make no difference, two names become one file.
        for place in (*above, name):
            plain = unicodedata.normalize("NFC", place).casefold()

            if self.spelled.setdefault(plain, place) != place:
                raise BadArchive("names that differ by more than their spelling", name)

        self.folders.update(above)
        (self.folders if is_folder else self.files).add(name)
        return name


class Meter:
    """How much has come out of how much."""

    __slots__ = ("limits", "read", "written")

    def __init__(self, limits: ArchiveLimits) -> None:
        self.limits = limits
        self.read = 0
        self.written = 0

    def add(self, read: int, written: int) -> None:
        """Count bytes. Raises `LimitExceeded`."""
        self.read += read
        self.written += written

        if self.written > FREE_RATIO and self.written > self.read * self.limits.max_ratio:
            raise LimitExceeded(f"an archive of which at most {self.limits.max_ratio:g} bytes come of one")

    def check_file(self, size: int, total: int) -> None:
        if size > self.limits.max_file_bytes:
            raise LimitExceeded(f"files of at most {self.limits.max_file_bytes} bytes", size)

        if total > self.limits.max_bytes:
            raise LimitExceeded(f"an archive of at most {self.limits.max_bytes} bytes when unpacked", total)


def kind_of_name(name: str) -> ArchiveKind:
    for suffix, kind in SUFFIXES.items():
        if name.lower().endswith(suffix):
            return kind

    raise BadValue(f"a name that ends with one of {', '.join(SUFFIXES)}, or a kind", name)


def kind_of_bytes(head: bytes) -> ArchiveKind:
    if head[:2] == b"PK":
        return "zip"

    if head[:2] == b"\x1f\x8b":
        return "tar.gz"

    if head[:3] == b"BZh":
        return "tar.bz2"

    if head[:6] == b"\xfd7zXZ\0":
        return "tar.xz"

    if len(head) == 512 and (head[257:262] == b"ustar" or not any(head)):
        return "tar"

    raise BadArchive("a zip or tar archive", head[:16])
