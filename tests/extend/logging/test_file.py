"""A file that several processes write to and put aside holds each line once, and whole."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hagworm.extend.logging.file import FileSink
from hagworm.extend.logging.rotation import Rotation


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "orders.log"


def text_of(path: Path) -> str:
    """All that was logged, the oldest file first."""
    asides = sorted(path.parent.glob(f"{path.name}.*"))
    read: Callable[[Path], str] = lambda file: (  # noqa: E731
        gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text()
    )
    return "".join(read(file) for file in (*asides, path) if file.exists())


def write_all(sink: FileSink, lines: list[str]) -> None:
    while lines:
        lines = lines[sink.write(lines) :]


def test_the_folder_is_made_and_the_file_is_not_for_everybody(path: Path) -> None:
    sink = FileSink(path)
    assert not path.parent.exists(), "nothing is opened before the first line"
    write_all(sink, ["one"])
    sink.close()

    assert path.read_text() == "one\n"
    assert path.stat().st_mode & 0o007 == 0


def test_l1_files_are_put_aside_by_bytes(path: Path) -> None:
    """Characters of several bytes count as what they are."""
    sink = FileSink(path, Rotation(max_bytes=100))
    lines = [f"größer {number:02} €" for number in range(50)]
    write_all(sink, lines)
    sink.close()
    files = sorted(path.parent.iterdir())

    assert all(file.stat().st_size <= 100 for file in files) and len(files) > 5
    assert text_of(path).splitlines() == lines


def test_a_record_of_many_lines_stays_in_one_file(path: Path) -> None:
    sink = FileSink(path, Rotation(max_bytes=40))
    write_all(sink, ["failed\n  | because\n  | of that"] * 4)
    sink.close()

    assert [file.read_text() for file in sorted(path.parent.iterdir())] == ["failed\n  | because\n  | of that\n"] * 4


def test_l1_idle_days_put_a_file_aside_once(path: Path) -> None:
    now = [1_700_000_000.0]
    sink = FileSink(path, Rotation(every=86400), clock=lambda: now[0])
    write_all(sink, ["old"])
    os.utime(path, (now[0], now[0]))
    now[0] += 5 * 86400
    write_all(sink, ["new"])
    os.utime(path, (now[0], now[0]))
    write_all(sink, ["newer"])
    sink.close()

    assert len([*path.parent.iterdir()]) == 2
    assert path.read_text() == "new\nnewer\n"


def test_a_restart_goes_on_where_it_was(path: Path) -> None:
    for number in range(10):
        sink = FileSink(path, Rotation(max_bytes=30))
        write_all(sink, [f"start {number}"])
        sink.close()

    assert text_of(path).splitlines() == [f"start {number}" for number in range(10)]
    assert len([*path.parent.iterdir()]) == 4


def test_old_files_are_compressed_and_kept_as_long_as_told(path: Path) -> None:
    sink = FileSink(path, Rotation(max_bytes=1000, keep_files=3), compress=True)

    for number in range(100):
        write_all(sink, [f"line {number} " + "x" * 90])

        if sink.thread is not None:
            sink.thread.join()

    sink.close()
    asides = sorted(file.name for file in path.parent.glob("*.log.*"))
    kept = [int(line.split()[1]) for line in text_of(path).splitlines()]

    assert len(asides) == 3 and all(name.endswith(".gz") for name in asides)
    assert kept == [*range(kept[0], 100)]


def test_what_was_not_compressed_in_time_is_compressed_later(path: Path) -> None:
    for compress in (False, True):
        sink = FileSink(path, Rotation(max_bytes=10), compress=compress)
        write_all(sink, ["one one one", "two two two"])
        sink.close()

    asides = [*path.parent.glob("*.log.*")]
    assert len(asides) == 3 and all(file.suffix == ".gz" for file in asides)


def test_a_file_that_somebody_moved_away_is_begun_anew(path: Path) -> None:
    sink = FileSink(path)
    write_all(sink, ["one"])
    path.rename(path.with_suffix(".old"))
    write_all(sink, ["two"])
    sink.close()

    assert (path.with_suffix(".old").read_text(), path.read_text()) == ("one\n", "two\n")


def test_a_folder_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match="file"):
        FileSink(tmp_path / "file" / "orders.log").write(["x"])


def test_a_path_of_a_pipe_is_never_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    sink = FileSink(pipe)

    with pytest.raises(OSError, match="No such device"):
        sink.write(["nobody reads"])

    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    try:
        assert sink.write(["somebody does"]) == 1
        assert os.read(reader, 100) == b"somebody does\n"
    finally:
        os.close(reader)
        sink.close()


WRITER = """
import sys
from hagworm.extend.logging.file import FileSink
from hagworm.extend.logging.rotation import Rotation
path, name = sys.argv[1:]
sink = FileSink(path, Rotation(max_bytes=3000), compress=True)
for start in range(0, 400, 5):
    lines = [f"{name} {number} " + "x" * 40 for number in range(start, start + 5)]
    while lines:
        lines = lines[sink.write(lines):]
sink.close()
"""


def test_l1_processes_that_rotate_one_file_lose_no_line_and_double_none(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    lines = text_of(path).splitlines()

    assert len([*path.parent.iterdir()]) > 20
    assert not [*path.parent.glob("*.part")]

    for name in "abcd":
        assert [int(line.split()[1]) for line in lines if line.startswith(name)] != []
        assert sorted(int(line.split()[1]) for line in lines if line.startswith(name)) == [*range(400)]

    assert all(len(line.split()) == 3 and line.endswith("x" * 40) for line in lines), "lines are whole"


def test_threads_and_close_leave_nothing_open(path: Path) -> None:
    sink = FileSink(path, Rotation(max_bytes=50), compress=True)
    write_all(sink, ["x" * 30] * 5)
    sink.close()

    assert sink.descriptor is None
    assert not [thread for thread in threading.enumerate() if thread.name == "log-compress"]
