"""What is packed comes back, and what is not safe is refused whole: nothing of it is left."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.archive import (
    ArchiveKind,
    ArchiveLimits,
    Member,
    create_archive,
    extract_archive,
    list_archive,
)
from hagworm.extend.base.archive.directory import count_entries
from hagworm.extend.error import BadArchive, BadValue, LimitExceeded

KINDS: list[ArchiveKind] = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]
PARTS = st.text(st.sampled_from("abé中 -_"), min_size=1, max_size=40).filter(lambda text: text == text.strip())
CONTENTS = st.dictionaries(st.lists(PARTS, min_size=1, max_size=3).map("/".join), st.binary(max_size=3000), max_size=6)


def zip_of(write: Callable[[zipfile.ZipFile], Any]) -> io.BytesIO:
    file = io.BytesIO()

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        write(archive)

    file.seek(0)
    return file


def tar_of(*headers: tuple[str, bytes, bytes], **pax: str) -> io.BytesIO:
    """Return a tar archive of (name, type, content)."""
    file = io.BytesIO()

    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, pax_headers=pax) as archive:
        for name, kind, content in headers:
            header = tarfile.TarInfo(name)
            header.type, header.size, header.linkname = kind, len(content), "/etc/passwd"
            archive.addfile(header, io.BytesIO(content))

    file.seek(0)
    return file


def refused(file: io.BytesIO, folder: Path, match: str, **options: Any) -> None:
    with pytest.raises(BadValue, match=match) as error:
        extract_archive(file, folder / "out", **options)

    assert isinstance(error.value, BadArchive | LimitExceeded)
    assert os.listdir(folder) == []


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(contents=CONTENTS)
def test_what_is_packed_comes_back(
    kind: ArchiveKind, contents: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    target = folder / f"a.{kind}"

    try:
        packed = create_archive(target, contents)
    except BadValue:
        return  # a file and a folder of one name

    assert extract_archive(target, folder / "out") == list_archive(target) == packed
    assert {name: (folder / "out" / name).read_bytes() for name in contents} == contents
    first = target.read_bytes()
    create_archive(target, dict(reversed(contents.items())))
    assert target.read_bytes() == first


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_comes_back_with_what_is_empty_and_what_can_be_executed(kind: ArchiveKind, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "empty").mkdir(parents=True)
    (source / "run.sh").write_bytes(b"#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    (source / "long").mkdir()
    (source / "long" / ("n" * 200)).write_bytes(os.urandom(200_000))
    told: list[int] = []
    members = create_archive(tmp_path / f"a.{kind}", source, progress=told.append)

    assert told[-1] == 200_010
    assert members[0] == Member("empty", 0, is_folder=True)
    extract_archive(tmp_path / f"a.{kind}", tmp_path / "out", progress=told.append)
    assert (tmp_path / "out" / "empty").is_dir()
    assert stat.S_IMODE((tmp_path / "out" / "run.sh").stat().st_mode) & 0o111
    assert not stat.S_IMODE((tmp_path / "out" / "long" / ("n" * 200)).stat().st_mode) & 0o7111
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "source").stat().st_mode


NAMES = [
    "../a",
    "a/../../b",
    "/etc/passwd",
    "a//b",
    "./../a",
    "a/./b",
    "C:a",
    "a\\..\\b",
    "..",
    "a/..",
    "con",
    "a/NUL.txt",
    "a ",
    "a.",
    "a\nb",
    "\x1b[2J",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_that_lead_out_or_that_some_system_cannot_hold_are_refused(name: str, tmp_path: Path) -> None:
    refused(zip_of(lambda archive: archive.writestr(name, b"x")), tmp_path, "names of files below a folder")
    refused(tar_of(("fine", b"0", b"x"), (name, b"0", b"x")), tmp_path, "names of files below a folder")

    with pytest.raises(BadValue, match="a name that can be unpacked"):
        create_archive(tmp_path / "a.zip", {name: b"x"})


@pytest.mark.parametrize(
    "kind",
    [b"1", b"2", b"3", b"4", b"6", b"S", b"V"],
    ids=["hard", "symbolic", "char", "block", "fifo", "sparse", "volume"],
)
def test_links_and_devices_in_tar_are_refused(kind: bytes, tmp_path: Path) -> None:
    refused(
        tar_of(("fine", b"0", b"x"), ("link", kind, b""), ("link/a", b"0", b"x")), tmp_path, "no links and no devices"
    )


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK], ids=oct)
def test_links_and_devices_in_zip_are_refused(mode: int, tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("link")
    entry.create_system, entry.external_attr = 3, (mode | 0o777) << 16

    refused(zip_of(lambda archive: archive.writestr(entry, b"/etc/passwd")), tmp_path, "no links and no devices")


CLASHES = [["a", "a"], ["a", "a/b"], ["a/b", "a"], ["A", "a"], ["é", "e\u0301"], ["X/a", "x/b"]]


@pytest.mark.parametrize("names", CLASHES, ids=ascii)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_are_never_one_file(names: list[str], tmp_path: Path) -> None:
    refused(zip_of(lambda archive: [archive.writestr(name, b"x") for name in names]), tmp_path, "one member|spelling")
    refused(tar_of(*[(name, b"0", b"x") for name in names]), tmp_path, "one member|spelling")


def test_u11_a_bomb_in_zip_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = zip_of(lambda archive: archive.writestr("a", bytes(30 << 20)))

    refused(bomb, tmp_path, "at most 200 bytes come of one")
    refused(
        bomb, tmp_path, "files of at most 1048576 bytes", limits=ArchiveLimits(max_file_bytes=1 << 20, max_ratio=1e9)
    )
    refused(bomb, tmp_path, "at most 1048576 bytes when", limits=ArchiveLimits(max_bytes=1 << 20, max_ratio=1e9))
    refused(bomb, tmp_path, "at most 0 members", limits=ArchiveLimits(max_files=0))


@pytest.mark.parametrize("kind", ["tar.gz", "tar.bz2", "tar.xz"])
def test_u11_a_bomb_in_tar_is_refused_while_it_is_unpacked(kind: ArchiveKind, tmp_path: Path) -> None:
    source = tmp_path.parent / f"bomb-{tmp_path.name}"
    create_archive(source, {"a": bytes(8 << 20)}, kind=kind)

    refused(io.BytesIO(source.read_bytes()), tmp_path, "come of one")
    refused(tar_of(("a", b"0", bytes(3000))), tmp_path, "files of at most", limits=ArchiveLimits(max_file_bytes=2999))


def test_u11_a_size_that_lies_is_found(tmp_path: Path) -> None:
    data = bytearray(zip_of(lambda archive: archive.writestr("a", b"x" * 1000)).getvalue())
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<L", 10)
    refused(io.BytesIO(data), tmp_path, "a zip archive|as long as the directory says")
    data[place + 24 : place + 28] = struct.pack("<L", 2000)
    refused(io.BytesIO(data), tmp_path, "a zip archive|as long as the directory says")


def test_u11_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    data = bytearray(zip_of(lambda archive: [archive.writestr(name, b"x" * 500) for name in "ab"]).getvalue())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 1)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]

    refused(io.BytesIO(data), tmp_path, "members that do not overlap")


def test_u11_headers_that_take_memory_are_refused(tmp_path: Path) -> None:
    refused(tar_of(("a", b"x", b"1" * 70_000)), tmp_path, "headers of at most 65536 bytes")
    refused(tar_of(("a", b"L", b"1" * 70_000)), tmp_path, "headers of at most 65536 bytes")


@pytest.mark.parametrize(
    "content", [b"x", b"99 path=a\n", b"0 path=a\n", b"11 size=-5\n", b"9 size=\n", b"26 GNU.sparse.major=1\n12345"]
)
def test_pax_headers_out_of_order_are_refused(content: bytes, tmp_path: Path) -> None:
    refused(tar_of(("a", b"x", content), ("b", b"0", b"")), tmp_path, "pax headers|without holes")


def test_encrypted_and_strangely_compressed_members_are_refused(tmp_path: Path) -> None:
    data = bytearray(zip_of(lambda archive: archive.writestr("a", b"x")).getvalue())
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1
    refused(io.BytesIO(data), tmp_path, "not encrypted")

    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr("a", b"x", zipfile.ZIP_LZMA)

    refused(zip_of(write), tmp_path, "stored or deflated")


def test_the_directory_of_a_zip_is_counted_and_not_believed(tmp_path: Path) -> None:
    data = bytearray(zip_of(lambda archive: [archive.writestr(str(number), b"") for number in range(50)]).getvalue())
    assert count_entries(io.BytesIO(data), 50) == 50
    end = data.rindex(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 1, 1)

    assert count_entries(io.BytesIO(data), 50) == 50
    refused(io.BytesIO(data), tmp_path, "at most 49 members", limits=ArchiveLimits(max_files=49))
    data[end + 12 : end + 16] = struct.pack("<L", 10**9)
    refused(io.BytesIO(data), tmp_path, "as long as it says")


@pytest.mark.parametrize(
    "data", [b"", b"PK", b"PK\x05\x06" + bytes(10), b"x" * 2000, b"\x1f\x8b", b"BZh9", b"\xfd7zXZ\0"], ids=ascii
)
def test_what_is_no_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    refused(io.BytesIO(data), tmp_path, "archive")


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_was_cut_or_changed_leaves_nothing(kind: ArchiveKind, tmp_path: Path) -> None:
    source = tmp_path.parent / f"cut-{tmp_path.name}"
    create_archive(source, {"a": os.urandom(5000), "b": b"b" * 5000}, kind=kind)
    data = source.read_bytes()
    whole = extract_archive(source, source.with_name(f"whole-{tmp_path.name}"))

    for cut in (1, 2000, 5000 if kind == "tar" else len(data) - 30):
        refused(io.BytesIO(data[:cut]), tmp_path, "archive")

    if kind != "tar":  # tar has no check sums of what is in it
        changed = bytearray(data)
        changed[len(data) // 3] ^= 1
        refused(io.BytesIO(changed), tmp_path, "archive")

    assert [member.size for member in whole] == [5000, 5000]


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    create_archive(tmp_path / "a.zip", {"a": b"new"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    for target in ("out", "link", "a.zip"):
        with pytest.raises(FileExistsError):
            extract_archive(tmp_path / "a.zip", tmp_path / target)

    assert (tmp_path / "out" / "a").read_bytes() == b"old"
    (tmp_path / "out" / "a").unlink()
    assert extract_archive(tmp_path / "a.zip", tmp_path / "out")


def test_unpacking_can_be_ended_from_outside_and_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path.parent / f"stop-{tmp_path.name}"
    create_archive(source, {"a": os.urandom(300_000)}, kind="zip")

    def stop(total: int) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        extract_archive(source, tmp_path / "out", progress=stop)

    with pytest.raises(TimeoutError):
        create_archive(tmp_path / "a.zip", {"a": b"x"}, progress=stop)

    assert os.listdir(tmp_path) == []


def test_links_and_what_is_no_folder_are_not_packed(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "link").symlink_to("/etc/passwd")

    with pytest.raises(BadValue, match="no links and no devices"):
        create_archive(tmp_path / "a.zip", tmp_path / "source")

    with pytest.raises(NotADirectoryError):
        create_archive(tmp_path / "a.zip", tmp_path / "nothing")

    with pytest.raises(BadValue, match=r"one of \.zip"):
        create_archive(tmp_path / "a.rar", {})


def test_archives_of_others_are_read(tmp_path: Path) -> None:
    """As `tar czf` and `zip` write them: with `./`, folders, a pax header for all, several gzip members."""
    inner = tar_of(("./", b"5", b""), ("./a/", b"5", b""), ("./a/b.txt", b"0", b"hello"), comment="é").getvalue()

    file = io.BytesIO(gzip.compress(inner[:700]) + gzip.compress(inner[700:]) + bytes(100))

    assert extract_archive(file, tmp_path / "out") == [Member("a", 0, is_folder=True), Member("a/b.txt", 5)]
    assert (tmp_path / "out" / "a" / "b.txt").read_bytes() == b"hello"

    with zipfile.ZipFile(tmp_path / "b.zip", "w", strict_timestamps=False) as archive:
        archive.comment = b"a comment" * 1000
        archive.writestr("a/b.txt", b"hello")

        with archive.open("large", "w", force_zip64=True) as large:
            large.write(b"x" * 100)

    assert [member.name for member in list_archive(tmp_path / "b.zip")] == ["a/b.txt", "large"]
