"""What the RFC does not allow is an error with its line; a lenient look leaves it out, says so, and goes on."""

import time

import pytest

from hagworm.extend.error import PlaylistError
from hagworm.extend.media import M3U8, Key, Limits, MediaPlaylist, read_playlist

HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n"
STREAM = "#EXT-X-STREAM-INF:BANDWIDTH=1\na\n"

FAULTS = {
    "no header": ("#EXTINF:1,\na\n", 1, "begins with #EXTM3U"),
    "empty": ("", 1, "begins with #EXTM3U"),
    "html": ("<html>", 1, "not with '<html>'"),
    "header twice": (HEAD + "#EXTM3U\n", 3, "for the second time, after line 1"),
    "target twice": (HEAD + "#EXT-X-TARGETDURATION:10\n", 3, "for the second time, after line 2"),
    "no target": ("#EXTM3U\n#EXTINF:1,\na\n", None, "TARGETDURATION is missing"),
    "target with fraction": ("#EXTM3U\n#EXT-X-TARGETDURATION:9.5\n", 2, "whole number is expected, unlike '9.5'"),
    "no duration": (HEAD + "a\n", 3, "without EXTINF: 'a'"),
    "duration in words": (HEAD + "#EXTINF:long,\na\n", 3, "number of seconds is expected, unlike 'long'"),
    "negative duration": (HEAD + "#EXTINF:-1,\na\n", 3, "unlike '-1'"),
    "infinite duration": (HEAD + "#EXTINF:inf,\na\n", 3, "unlike 'inf'"),
    "duration with exponent": (HEAD + "#EXTINF:1e3,\na\n", 3, "unlike '1e3'"),
    "duration in other digits": (HEAD + "#EXTINF:\u0663,\na\n", 3, "unlike"),
    "no comma": (HEAD + "#EXTINF:1\na\n", 3, "comma follows"),
    "two durations": (HEAD + "#EXTINF:1,\n#EXTINF:2,\na\n", 4, "address of a segment is expected"),
    "duration at the end": (HEAD + "#EXTINF:1,\n", 4, "address of a segment is expected"),
    "control character": (HEAD + "#EXTINF:1,a\x00b\na\n", 3, "control characters"),
    "escape": (HEAD + "#EXTINF:1,\na\x9bb\n", 4, "control characters"),
    "byte order mark": ("\ufeff" + HEAD, 1, "byte order mark"),
    "space after an address": (HEAD + "#EXTINF:1,\na \n", 4, "without white space"),
    "space before a tag": (HEAD + " #EXT-X-ENDLIST\n", 3, "without white space"),
    "both kinds": (HEAD + STREAM, 3, "belongs into a master playlist"),
    "both kinds, master first": ("#EXTM3U\n" + STREAM + "#EXTINF:1,\n", 4, "belongs into a media playlist"),
    "sequence too late": (HEAD + "#EXTINF:1,\na\n#EXT-X-MEDIA-SEQUENCE:1\n", 5, "before the first segment"),
    "discontinuity sequence too late": (
        HEAD + "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY-SEQUENCE:1\n",
        4,
        "before the first EXT-X-DISCONTINUITY",
    ),
    "sequence too large": (HEAD + "#EXT-X-MEDIA-SEQUENCE:18446744073709551616\n", 3, "whole number"),
    "type": (HEAD + "#EXT-X-PLAYLIST-TYPE:LIVE\n", 3, "VOD or EVENT is expected, unlike 'LIVE'"),
    "key without method": (HEAD + '#EXT-X-KEY:URI="a"\n', 3, "the attribute METHOD is missing"),
    "key without address": (HEAD + "#EXT-X-KEY:METHOD=AES-128\n", 3, "METHOD=AES-128 needs a URI"),
    "key that is none": (HEAD + '#EXT-X-KEY:METHOD=NONE,URI="a"\n', 3, "no attributes go with METHOD=NONE"),
    "attribute twice": (HEAD + '#EXT-X-KEY:METHOD=A,METHOD=B,URI="a"\n', 3, "METHOD stands there twice"),
    "quoted word": (HEAD + '#EXT-X-KEY:METHOD="A",URI="a"\n', 3, "METHOD is a word without quotation marks"),
    "unquoted text": (HEAD + "#EXT-X-KEY:METHOD=A,URI=a\n", 3, "URI is a text in quotation marks"),
    "open quotation": (HEAD + '#EXT-X-KEY:METHOD=A,URI="a\n', 3, "NAME=value is expected at"),
    "space in a list": (HEAD + '#EXT-X-KEY:METHOD=A, URI="a"\n', 3, "NAME=value is expected at"),
    "comma at the end": (HEAD + '#EXT-X-KEY:METHOD=A,URI="a",\n', 3, "after the last comma"),
    "vector too long": (HEAD + f'#EXT-X-KEY:METHOD=A,URI="a",IV=0x{"0" * 33}\n', 3, "128 bits"),
    "part of nothing": (HEAD + "#EXTINF:1,\n#EXT-X-BYTERANGE:5\na\n", 5, "follows a part of the same resource"),
    "part in words": (HEAD + "#EXT-X-BYTERANGE:a@b\n", 3, "length@offset is expected"),
    "date": (HEAD + "#EXT-X-PROGRAM-DATE-TIME:yesterday\n", 3, "date and time is expected"),
    "date without time": (HEAD + "#EXT-X-PROGRAM-DATE-TIME:2024-01-01\n", 3, "date and time is expected"),
    "map without address": (HEAD + '#EXT-X-MAP:BYTERANGE="1@2"\n', 3, "the attribute URI is missing"),
    "variant without address": ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", 3, "address of a variant is expected"),
    "variant after variant": (
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n" + STREAM,
        3,
        "address of a variant is expected",
    ),
    "variant without bandwidth": ('#EXTM3U\n#EXT-X-STREAM-INF:AUDIO="a"\na\n', 2, "BANDWIDTH is missing"),
    "address without variant": ("#EXTM3U\n" + STREAM + "b\n", 4, "without EXT-X-STREAM-INF: 'b'"),
    "resolution": (
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=big\na\n",
        2,
        "1280x720 for example, unlike 'big'",
    ),
    "yes": ('#EXTM3U\n#EXT-X-MEDIA:TYPE=A,GROUP-ID="a",NAME="b",DEFAULT=1\n', 2, "DEFAULT is YES or NO, unlike '1'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_s3_a_fault_is_an_error_with_its_line(name: str) -> None:
    text, line, why = FAULTS[name]

    with pytest.raises(PlaylistError) as caught:
        M3U8(text)

    assert caught.value.line == line
    assert why in str(caught.value)
    assert line is None or str(caught.value).startswith(f"line {line}: ")


@pytest.mark.parametrize("name", [name for name, (text, _, _) in FAULTS.items() if "#EXTM3U" in text])
def test_a_lenient_look_goes_on_and_says_what_it_left_out(name: str) -> None:
    text, line, why = FAULTS[name]
    problems = M3U8(text, lenient=True).problems

    assert (problems[0].line, why in str(problems[0])) == (line or 0, True)


def test_what_is_no_playlist_is_refused_also_by_a_lenient_look() -> None:
    for text in ("", "<html>", "EXTM3U", "\n#EXTM3U\n"):
        with pytest.raises(PlaylistError, match="begins with #EXTM3U"):
            M3U8(text, lenient=True)


def test_what_a_lenient_look_guesses() -> None:
    look = M3U8(
        "#EXTM3U \n#EXT-X-TARGETDURATION: 9.6 \n#EXTINF: 9.5 \n a \nb\n"
        '#EXTINF:3,\n#EXT-X-BYTERANGE:5\nc\n#EXT-X-KEY:METHOD=AES-128 , URI="k" ,, junk\n#EXTINF:4,d\te\nf\n',
        lenient=True,
    )

    assert look.media.target_duration == 10
    assert [(segment.uri, segment.duration) for segment in look.segments] == [
        ("a", 9.5),
        ("b", 0.0),
        ("c", 3.0),
        ("f", 4.0),
    ]
    assert look.segments[2].byterange is not None
    assert look.segments[2].byterange.offset == 0
    assert look.segments[3].keys == (Key("AES-128", "k"),)
    assert look.segments[3].title == "d e"
    assert [problem.line for problem in look.problems] == [1, 2, 2, 3, 3, 4, 5, 8, 9, 10]


def test_bytes_that_are_no_utf8_are_a_fault_of_their_line() -> None:
    data = HEAD.encode() + b"#EXTINF:1,\xff\na\n"

    with pytest.raises(PlaylistError, match="line 3: a playlist is in UTF-8"):
        M3U8(data)

    assert M3U8(data, lenient=True).segments[0].title == "\ufffd"


def test_only_lf_and_cr_lf_end_a_line() -> None:
    title = "a\u2028b\u2029c"

    assert M3U8(f"{HEAD}#EXTINF:1,{title}\nd\n").segments[0].title == title


def test_comments_and_empty_lines_are_nothing_and_unknown_tags_are_kept() -> None:
    look = M3U8(f"{HEAD}\n# comment\n#EXT-X-CUE-OUT:30\n#EXTINF:1,\na\n#EXTM3U8-NOT\n")

    assert look.segments[0].tags == ("#EXT-X-CUE-OUT:30",)
    assert look.media.tags == ("#EXTM3U8-NOT",)
    assert M3U8(look.write()) == look


def test_what_is_larger_than_the_limits_is_refused_whoever_looks() -> None:
    keys = '#EXT-X-KEY:METHOD=A,URI="k"\n#EXT-X-KEY:METHOD=A,URI="k",KEYFORMAT="b"\n'
    text = HEAD + "#EXTINF:1,\na\n" * 4 + keys + "#EXTINF:1,\na\n" * 4

    for limits, why in (
        (Limits(size=20), "larger than 20"),
        (Limits(line=8), "longer than 8"),
        (Limits(items=5), "at most 5 items"),
        (Limits(keys=1), "at most 1 keys"),
    ):
        for lenient in (True, False):
            with pytest.raises(PlaylistError, match=why):
                read_playlist(text, lenient=lenient, limits=limits)

    read_playlist(text, limits=Limits(items=10))


ADVERSARIES = {
    "commas": lambda n: f"{HEAD}#EXT-X-KEY:{',' * n}\n",
    "quotation marks": lambda n: f"{HEAD}#EXT-X-KEY:{chr(34) * n}\n",
    "names": lambda n: f"{HEAD}#EXT-X-KEY:{'A' * n}\n",
    "attributes": lambda n: f"{HEAD}#EXT-X-KEY:{','.join(f'A{i}=1' for i in range(n // 6))}\n",
    "open quotations": lambda n: f"{HEAD}#EXT-X-KEY:" + 'A="' * (n // 3) + "\n",
    "line ends": lambda n: HEAD + "\n" * n,
    "segments": lambda n: HEAD + "#EXTINF:1,\na\n" * (n // 13),
    "keys": lambda n: HEAD + '#EXT-X-KEY:METHOD=A,URI="a"\n' * (n // 28),
    "digits": lambda n: f"{HEAD}#EXTINF:{'1' * n},\na\n",
}


@pytest.mark.parametrize("name", ADVERSARIES)
def test_r09_twice_the_text_takes_about_twice_the_time(name: str) -> None:
    """The bound is loose: what is looked for is a square, which would be 16 times."""

    def seconds(size: int) -> float:
        text = ADVERSARIES[name](size)
        best = float("inf")

        for _ in range(3):
            began = time.process_time()
            read_playlist(text, lenient=True, limits=Limits(line=1 << 20))
            best = min(best, time.process_time() - began)

        return best

    assert seconds(200_000) < 10 * seconds(50_000) + 0.02


def test_a_playlist_with_nothing_in_it_is_a_media_playlist() -> None:
    assert M3U8(HEAD).playlist == MediaPlaylist(target_duration=10)
    assert len(M3U8(HEAD)) == 0
