"""Laws of files on disk as responses use them."""

import os
import threading

import pytest

from hagworm.facade import disk
from hagworm.facade.disk import ABSENT, FileChanged, Source, look, open_regular, resolve


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789")
    return path


def test_a_small_file_is_read_as_it_is_looked_at(file):
    found = look(str(file), limit=10, etag="stat")
    info = file.stat()
    assert (found.size, found.modified, found.data) == (10, int(info.st_mtime), b"0123456789")
    assert found.etag == f'"10-{info.st_mtime_ns}"'.encode()
    assert look(str(file), limit=9, etag="stat").data is None


def test_a_tag_is_made_of_what_is_asked_for(file):
    assert look(str(file), limit=0, etag=None).etag is None
    assert look(str(file), limit=0, etag='"mine"').etag == b'"mine"'
    assert look(str(file), limit=0, etag="stat", mark="-br").etag.endswith(b'-br"')
    first = look(str(file), limit=0, etag="content").etag
    os.utime(file, ns=(1, 1))
    assert look(str(file), limit=0, etag="content").etag == first
    file.write_bytes(b"9876543210")
    assert look(str(file), limit=0, etag="content").etag != first


def test_what_is_no_regular_file_is_absent(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    for path in (tmp_path, pipe, tmp_path / "none", tmp_path / ("x" * 300)):
        with pytest.raises(OSError) as caught:
            look(str(path), limit=0, etag="stat")

        assert caught.value.errno in ABSENT


def test_links_are_followed_inside_the_root_only(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "root-beside"
    root.mkdir()
    outside.write_text("secret")
    (root / "in").write_text("x")
    (root / "good").symlink_to("in")
    (root / "bad").symlink_to(outside)
    (root / "loop").symlink_to("loop")
    assert resolve(str(root), str(root / "good")) == str(root / "in")
    assert resolve(str(root), str(root)) == str(root)
    assert resolve("/", str(outside)) == str(outside)
    assert resolve(None, str(root / "bad")) == str(root / "bad")

    for name in ("bad", "none", "loop", "../root-beside"):
        with pytest.raises(OSError) as caught:
            resolve(str(root), str(root / name))

        assert caught.value.errno in ABSENT


def test_a_source_reads_where_it_is_told_and_closes_twice(file):
    source = Source(look(str(file), limit=0, etag=None))
    assert [source.read(0, 3), source.read(3, 3), source.read(1, 2), source.read(9, 1)] == [b"012", b"345", b"12", b"9"]
    source.close()
    source.close()
    assert source.read(0, 3) == b""


def test_a_source_that_never_read_has_nothing_to_close(file):
    source = Source(look(str(file), limit=0, etag=None))
    source.close()
    assert source.file is None


def test_another_file_of_the_name_is_noticed(file):
    source = Source(look(str(file), limit=0, etag=None))
    other = file.with_name("b")
    other.write_bytes(b"0123456789")
    other.replace(file)

    with pytest.raises(FileChanged, match="before it was sent"):
        source.read(0, 3)

    source.close()


def test_a_file_that_is_cut_short_is_noticed(file):
    source = Source(look(str(file), limit=0, etag=None))
    assert source.read(0, 1) == b"0"
    os.truncate(file, 4)

    with pytest.raises(FileChanged, match="cut short"):
        source.read(2, 2**16)

    source.close()


def test_closing_waits_for_a_read_under_way(file):
    source = Source(look(str(file), limit=0, etag=None))
    order = []
    source.lock.acquire()
    closing = threading.Thread(target=lambda: (source.close(), order.append("closed")))
    closing.start()
    order.append("read")
    source.lock.release()
    closing.join()
    assert order == ["read", "closed"]


def test_a_file_that_changes_while_it_is_looked_at_is_noticed(file, monkeypatch):
    def lying(path):
        opened, (device, inode, size, modified) = open_regular(path)
        return opened, (device, inode, size + 1, modified)

    monkeypatch.setattr(disk, "open_regular", lying)

    with pytest.raises(FileChanged, match="while it was read"):
        look(str(file), limit=100, etag="stat")

    monkeypatch.undo()

    with pytest.raises(FileChanged, match="while it was read"):
        disk.digest(str(file), (0, 0, 0, 0))
