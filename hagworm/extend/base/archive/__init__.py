"""Files packed into one: zip, and tar with gzip, bz2 or xz.

What comes from somebody else is unpacked into a folder of its own, all of it or nothing. Refused are: names that lead
out of it, links, devices, two members of one name, members whose bytes overlap, what is encrypted, and more files or
bytes than `ArchiveLimits` allow, whatever the archive says about them.
"""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.base.archive.create import create_archive as create_archive
    from hagworm.extend.base.archive.extract import extract_archive as extract_archive
    from hagworm.extend.base.archive.extract import list_archive as list_archive
    from hagworm.extend.base.archive.member import ArchiveKind as ArchiveKind
    from hagworm.extend.base.archive.member import ArchiveLimits as ArchiveLimits
    from hagworm.extend.base.archive.member import Member as Member

# Loaded on first use: who packs does not unpack.
HOMES = {
    "ArchiveKind": "member",
    "ArchiveLimits": "member",
    "Member": "member",
    "create_archive": "create",
    "extract_archive": "extract",
    "list_archive": "extract",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
