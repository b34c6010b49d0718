"""Files packed into one: zip, and tar with gzip, bz2 or xz.

What comes from somebody else is unpacked into a folder of its own, all of it or nothing. Refused are: names that lead
out of it, links, devices, two members of one name, members whose bytes overlap, what is encrypted, and more files or
bytes than `ArchiveLimits` allow, whatever the archive says about them.
"""

from hagworm.extend.base.archive.create import create_archive
from hagworm.extend.base.archive.extract import extract_archive, list_archive
from hagworm.extend.base.archive.member import ArchiveKind, ArchiveLimits, Member

__all__ = ("ArchiveKind", "ArchiveLimits", "Member", "create_archive", "extract_archive", "list_archive")
