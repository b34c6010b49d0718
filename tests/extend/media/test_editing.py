"""Cut and joined, segments stay what they are: their numbers, keys, dates and discontinuities."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hagworm.extend.error import PlaylistError
from hagworm.extend.media import M3U8, MediaPlaylist, cut, divide, join, resolve_uri
from hagworm.extend.media.attributes import parse_date
from tests.extend.media.playlists import MEDIA_PLAYLISTS

SLOW = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=50
)

FILM = M3U8(
    "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:5\n#EXT-X-DISCONTINUITY-SEQUENCE:2\n"
    "#EXT-X-PROGRAM-DATE-TIME:2024-01-01T00:00:00Z\n"
    '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:10,\na\n#EXTINF:10,\nb\n'
    "#EXT-X-DISCONTINUITY\n#EXTINF:10,\nc\n#EXTINF:10,\nd\n#EXT-X-ENDLIST\n"
)


def uris(playlist: M3U8) -> str:
    return "".join(segment.uri for segment in playlist.segments)


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (0, None, "abcd"),
        (0, 10, "a"),
        (0, 10.1, "ab"),
        (9.9, 20, "ab"),
        (10, 20, "b"),
        (15, 25, "bc"),
        (35, None, "d"),
        (40, None, ""),
    ],
)
def test_a_part_has_all_segments_that_play_between_two_moments(start: float, end: float | None, kept: str) -> None:
    assert uris(FILM.split(start, end)) == kept


def test_s3_a_playlist_can_be_cut_again_and_again() -> None:
    assert uris(FILM.split(0, 20)) == uris(FILM.split(0, 20)) == "ab"
    assert uris(FILM.split(0, 30).split(10, 20)) == "b"


def test_s3_playlists_can_be_added() -> None:
    both = FILM.split(0, 10) + FILM.split(30, 40)

    assert uris(both) == "ad"
    assert [segment.discontinuity for segment in both.segments] == [False, True]
    assert both.duration == 20
    assert M3U8(both.write()) == both
    assert both.check() == ()


def test_s3_what_is_no_playlist_is_an_error() -> None:
    with pytest.raises(PlaylistError):
        M3U8("404 not found")

    with pytest.raises(TypeError):
        FILM + "text"  # type: ignore[operator]  # wrong on purpose


def test_the_segments_of_a_part_keep_their_numbers_and_the_first_one_its_date() -> None:
    part = FILM.split(25, 40).media

    assert (part.media_sequence, part.discontinuity_sequence) == (7, 2)
    assert [(number, change) for _, number, change, _ in part.timeline()] == [(7, 3), (8, 3)]
    assert part.segments[0].program_date_time is None, "nobody knows the date after a discontinuity"
    assert part.segments[0].keys == FILM.segments[0].keys
    assert part.ended

    second = FILM.split(10, 20).media
    assert second.segments[0].program_date_time == parse_date("2024-01-01T00:00:10Z")


def test_a_key_that_depends_on_the_number_of_a_segment_still_fits_after_joining() -> None:
    """RFC 8216 5.2: without IV, the number of the segment is the initialisation vector."""
    both = FILM.split(20, 40) + FILM.split(0, 10)

    assert [segment.keys[0].iv for segment in both.segments] == [None, None, (5).to_bytes(16, "big")]
    assert both.media.media_sequence == 7

    whole = FILM.split(0, 20) + FILM.split(20, 40)
    assert [segment.keys[0].iv for segment in whole.segments] == [None] * 4, "they keep their numbers"


def test_what_is_joined_declares_the_version_that_it_needs() -> None:
    plain = M3U8("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na\n")
    fine = M3U8("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:4.5,\nb\n#EXT-X-ENDLIST\n")
    both = (plain + fine).media

    assert (both.version, both.target_duration, both.ended) == (3, 5, True)
    assert not (fine + plain).media.ended


def test_what_does_not_go_together_is_not_joined() -> None:
    mapped = M3U8('#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="m"\n#EXTINF:2,\na\n')
    plain = M3U8("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na\n")
    iframes = M3U8("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-I-FRAMES-ONLY\n")
    master = M3U8("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n")

    assert uris(plain + mapped) == "aa"

    with pytest.raises(PlaylistError, match="without EXT-X-MAP"):
        mapped + plain

    with pytest.raises(PlaylistError, match="I-frames only"):
        plain + iframes

    with pytest.raises(PlaylistError, match="a media playlist is wanted"):
        plain + master

    with pytest.raises(PlaylistError, match="a master playlist is wanted"):
        _ = plain.variants

    with pytest.raises(PlaylistError, match="nothing to join"):
        join([])


@given(MEDIA_PLAYLISTS, st.lists(st.floats(0.1, 1e6), max_size=3, unique=True).map(sorted))
@SLOW
def test_the_parts_of_a_playlist_joined_again_are_all_of_it(playlist: MediaPlaylist, moments: list[float]) -> None:
    parts = divide(playlist, moments)
    again = join(parts)

    assert len(parts) == len(moments) + 1
    assert [segment.uri for segment in again.segments] == [segment.uri for segment in playlist.segments]
    assert [segment.keys for segment in again.segments] == [segment.keys for segment in playlist.segments]
    assert again.media_sequence == playlist.media_sequence


@given(MEDIA_PLAYLISTS, st.floats(0, 1e6), st.floats(0.001, 1e6))
@SLOW
def test_every_segment_of_a_part_is_what_it_was(playlist: MediaPlaylist, start: float, length: float) -> None:
    before = {number: (change, segment.keys, segment.map) for _, number, change, segment in playlist.timeline()}
    part = cut(playlist, start, start + length)

    for _, number, change, segment in part.timeline():
        assert before[number] == (change, segment.keys, segment.map)

    whole = sum(segment.duration for segment in playlist.segments)
    assert part.duration >= min(length, max(0.0, whole - start)) - 1e-3


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 5), (6, 5), (float("nan"), None)])
def test_a_part_begins_before_it_ends(start: float, end: float | None) -> None:
    with pytest.raises(PlaylistError, match="begins at 0 s or later"):
        FILM.split(start, end)


@pytest.mark.parametrize("moments", [(0.0,), (5.0, 5.0), (6.0, 5.0), (-1.0,)])
def test_moments_grow(moments: tuple[float, ...]) -> None:
    with pytest.raises(PlaylistError, match="grow, from above 0"):
        FILM.divide(*moments)


def test_divided_by_time() -> None:
    assert [uris(part) for part in FILM.divide(10, 25)] == ["a", "bc", "d"]
    first = FILM.divide(20)[1].media

    assert (first.media_sequence, first.discontinuity_sequence, len(first.segments)) == (7, 2, 2)


def test_all_addresses_become_absolute() -> None:
    text = (
        '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="key?a=1"\n#EXT-X-MAP:URI="/init.mp4"\n'
        "#EXTINF:1,\n../seg.ts\n#EXTINF:1,\n//cdn.example.com/b.ts\n"
    )
    look = M3U8(text, "https://example.com/film/index.m3u8")

    assert [segment.uri for segment in look.segments] == ["https://example.com/seg.ts", "https://cdn.example.com/b.ts"]
    assert look.segments[0].keys[0].uri == "https://example.com/film/key?a=1"
    assert look.segments[0].map is not None
    assert look.segments[0].map.uri == "https://example.com/init.mp4"
    assert look.segments[0].map.keys == look.segments[0].keys

    master = M3U8(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="n",URI="a"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="m"\n'
        '#EXT-X-SESSION-DATA:DATA-ID="d",URI="s"\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i"\n'
        '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv\n',
    ).resolve("http://h/x/")

    assert master.master.renditions[0].uri == "http://h/x/a"
    assert master.master.renditions[1].uri is None
    assert master.master.session_data[0].uri == "http://h/x/s"
    assert master.master.iframes[0].uri == "http://h/x/i"
    assert master.master.session_keys[0].uri == "http://h/x/k"
    assert master.variants[0].uri == "http://h/x/v"


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "FILE:/etc/passwd",
        "data:text/plain,a",
        "concat:a|b",
        "subfile,,start,0,end,10,,:/etc/passwd",
        "javascript:alert(1)",
        "ftp://h/a",
        "gopher://h/a",
        "http:///a",
        "http://",
        "http:\\\\h\\a",
        "http://[::1",
        "http://h:99999/",
        "a b",
        "a\tb",
        "a\x00b",
        "crypto+http://h/a",
    ],
)
def test_addresses_that_lead_elsewhere_are_refused(uri: str) -> None:
    if uri.startswith("subfile"):
        assert resolve_uri(uri, "https://h/a/").startswith("https://h/a/subfile"), "a name like another one"
    else:
        with pytest.raises(PlaylistError, match="address"):
            resolve_uri(uri, "https://h/a/")


def test_schemes_can_be_narrowed_and_a_base_is_an_address() -> None:
    with pytest.raises(PlaylistError, match="https, unlike"):
        resolve_uri("http://h/a", "https://h/", schemes=("https",))

    with pytest.raises(PlaylistError, match="https or http, unlike"):
        resolve_uri("a", "/local/index.m3u8")


def test_a_playlist_is_a_value() -> None:
    again = M3U8(FILM.write())

    assert again == FILM
    assert hash(again) == hash(FILM)
    assert FILM != "text"
    assert str(FILM) == FILM.write()
    assert FILM.split(0, 10) != FILM
    assert FILM.media.timeline is not None
    assert FILM.segments[0].program_date_time is not None
    assert FILM.segments[0].program_date_time.utcoffset() == timedelta(0)
