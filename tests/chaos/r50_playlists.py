"""R50, playlists: eighty hostile M3U8 files are read or refused quickly, in little memory, and lead nowhere else."""

import sys
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from hagworm.extend.error import PlaylistError
from hagworm.extend.media import M3U8, Limits
from tests.chaos.bar import Bar, Trial, main, most_memory

__all__ = ("PROMISE", "run")

PROMISE = "no playlist takes 2 s or 100 MB, gives anything but a playlist or PlaylistError, or leads off http and https"

HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n"
BASE = "https://media.example.com/film/index.m3u8"
SIZE = 1 << 20
LONGEST = 2.0
MOST_MEMORY = 100 << 20

ELSEWHERE = (
    "file:///etc/passwd",
    "FiLe:///etc/passwd",
    "file:/etc/passwd",
    "data:text/plain;base64,aGk=",
    "concat:http://a/header|file:///etc/passwd",
    "ftp://host/a",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stats",
    "javascript:alert(1)",
    "jar:http://host/a!/b",
    "unix:/run/docker.sock",
    "crypto+http://host/a",
    "pipe:0",
    "http:///etc/passwd",
    "http:\\\\host\\a",
    "https://[::1",
    "https://host:99999/a",
    "//",
)
"""Addresses that no player of ours may follow."""

INSIDE = (
    "#EXTINF:1,\n{uri}\n",
    '#EXT-X-KEY:METHOD=AES-128,URI="{uri}"\n#EXTINF:1,\na\n',
    '#EXT-X-MAP:URI="{uri}"\n#EXTINF:1,\na\n',
)
"""Where an address stands in a playlist."""


def hostile_addresses() -> Iterator[tuple[str, str]]:
    for number, uri in enumerate(ELSEWHERE):
        for place, form in zip(("segment", "key", "map"), INSIDE, strict=True):
            yield f"address {number} of a {place}", HEAD + form.format(uri=uri)


def bombs(size: int) -> Iterator[tuple[str, str | bytes]]:
    """Yield texts of about so many characters that make a careless reader slow, large, or fall over."""
    yield "commas", f"{HEAD}#EXT-X-KEY:{',' * size}\n"
    yield "quotation marks", f"{HEAD}#EXT-X-KEY:{chr(34) * size}\n"
    yield "open quotations", f"{HEAD}#EXT-X-KEY:" + 'A="' * (size // 3) + "\n"
    yield "one name", f"{HEAD}#EXT-X-KEY:{'A' * size}\n"
    yield "one name and dashes", f"{HEAD}#EXT-X-KEY:{'A-' * (size // 2)}\n"
    yield "attributes", f"{HEAD}#EXT-X-DATERANGE:{','.join(f'X-{i}=1' for i in range(size // 10))}\n"
    yield "same attribute", f"{HEAD}#EXT-X-KEY:{'A=1,' * (size // 4)}\n"
    yield "spaces", f"{HEAD}#EXT-X-KEY:{' ' * size}\n"
    yield "digits", f"{HEAD}#EXTINF:{'9' * size},\na\n"
    yield "fraction", f"{HEAD}#EXTINF:0.{'9' * size},\na\n"
    yield "sequence", f"{HEAD}#EXT-X-MEDIA-SEQUENCE:{'9' * size}\n"
    yield "vector", f'{HEAD}#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x{"f" * size}\n'
    yield "resolution", f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION={'9' * size}x1\na\n"
    yield "date", f"{HEAD}#EXT-X-PROGRAM-DATE-TIME:{'T' * size}\n"
    yield "empty lines", HEAD + "\n" * size
    yield "carriage returns", HEAD + "\r" * size
    yield "comments", HEAD + "# a\n" * (size // 4)
    yield "unknown tags", HEAD + "#EXT-A\n" * (size // 7)
    yield "segments", HEAD + "#EXTINF:1,\na\n" * (size // 13)
    yield "segments without end", HEAD + "#EXTINF:1,\na\n" * (size * 8 // 13)
    yield "keys", HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="k"\n' * (size // 34)
    formats = "".join(f'#EXT-X-KEY:METHOD=A,URI="k",KEYFORMAT="{i}"\n' for i in range(size // 800))
    yield "key formats", HEAD + formats + "#EXTINF:1,\na\n" * (size // 800)
    yield "variants", "#EXTM3U\n" + "#EXT-X-STREAM-INF:BANDWIDTH=1\na\n" * (size // 32)
    yield "one line", "#EXTM3U " + "a" * size
    yield "address", f"{HEAD}#EXTINF:1,\n{'a' * size}\n"
    yield "dots", f"{HEAD}#EXTINF:1,\n{'../' * (size // 3)}a\n"
    yield "zeros", b"\0" * size
    yield "bytes", bytes(range(256)) * (size // 256)
    yield "no UTF-8", HEAD.encode() + b"\xff\xfe" * (size // 2)
    yield "byte order marks", "\ufeff" * size


def read(trial: Trial, text: str | bytes, *, lenient: bool, limits: Limits | None = None) -> M3U8 | None:
    """Read, check, write and read again; note what took how long."""
    began = time.process_time()
    found = None

    try:
        found = M3U8(text, lenient=lenient, limits=limits)
        found.check()
        M3U8(found.write(), lenient=True, limits=limits)
    except PlaylistError as exc:
        trial.note(**{f"refused_{'leniently' if lenient else 'strictly'}": str(exc)[:120]})
        trial.expect(len(str(exc)) < 1000, "a short message")

    seconds = time.process_time() - began
    trial.expect(seconds < LONGEST, f"within {LONGEST:g} s, not {seconds:.2f} s")
    trial.note(**{f"seconds_{'leniently' if lenient else 'strictly'}": round(seconds, 4)})
    return found


def run(bar: Bar) -> None:
    """Read them all, strictly and leniently."""
    size = 8 * SIZE if bar.is_long else SIZE // 4

    for name, text in hostile_addresses():
        with bar.trial(name) as trial:
            for lenient in (False, True):
                found = read(trial, text, lenient=lenient)

                try:
                    there = None if found is None else found.resolve(BASE)
                except PlaylistError:
                    continue

                trial.expect(there is None or all(map(is_harmless, addresses(there))), "leads nowhere else")

    before = most_memory()

    for name, bomb in bombs(size):
        with bar.trial(name) as trial:
            for lenient in (False, True):
                read(trial, bomb, lenient=lenient)
                read(trial, bomb, lenient=lenient, limits=Limits(line=1 << 30))

            grown = most_memory() - before
            trial.note(grown=grown)
            trial.expect(bar.is_long or grown < MOST_MEMORY, f"at most {MOST_MEMORY >> 20} MiB, not {grown >> 20}")


def addresses(playlist: M3U8) -> Iterator[str]:
    for segment in playlist.segments:
        yield segment.uri
        yield from (key.uri for key in segment.keys if key.uri is not None)

        if segment.map is not None:
            yield segment.map.uri


def is_harmless(uri: str) -> bool:
    parts = urlsplit(uri)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


if __name__ == "__main__":
    sys.setrecursionlimit(500)
    main(__file__, PROMISE, run)
