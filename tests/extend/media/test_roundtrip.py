"""What is written is read again as the same, strictly and leniently."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hagworm.extend.error import PlaylistError
from hagworm.extend.media import (
    DateRange,
    Key,
    Map,
    MasterPlaylist,
    MediaPlaylist,
    Segment,
    SessionData,
    Start,
    read_playlist,
    write_playlist,
)
from hagworm.extend.media.attributes import split_attributes, write_decimal
from tests.extend.media.playlists import MASTER_PLAYLISTS, MEDIA_PLAYLISTS

SLOW = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None, max_examples=80
)


@given(MEDIA_PLAYLISTS)
@SLOW
def test_a_media_playlist_is_read_as_it_was_written(playlist: MediaPlaylist) -> None:
    text = write_playlist(playlist)

    assert read_playlist(text) == (playlist, ())
    assert read_playlist(text.replace("\n", "\r\n").encode()) == (playlist, ())


@given(MASTER_PLAYLISTS)
@SLOW
def test_a_master_playlist_is_read_as_it_was_written(playlist: MasterPlaylist) -> None:
    assert read_playlist(write_playlist(playlist)) == (playlist, ())


@given(st.floats(0, 1e15, allow_subnormal=False))
def test_a_number_is_written_without_exponent_and_exactly(value: float) -> None:
    text = write_decimal(value)

    assert float(text) == value
    assert "e" not in text.lower()


@given(st.text(max_size=300))
def test_any_text_is_an_attribute_list_or_refused(text: str) -> None:
    faults: list[str] = []
    found = split_attributes(text, faults.append)

    assert len(faults) <= 1
    assert faults or ",".join(f"{name}={value}" for name, value in found) == text


@given(
    st.lists(st.sampled_from(["#EXTINF:", "#EXT-X-KEY:METHOD=", "#EXT-X-STREAM-INF:", "a", '"', "=", ",", "\n", "1"]))
)
def test_any_text_is_a_playlist_or_refused(parts: list[str]) -> None:
    text = "#EXTM3U\n" + "".join(parts)
    lenient, problems = read_playlist(text, lenient=True)

    try:
        strict, _ = read_playlist(text)
    except PlaylistError as exc:
        assert problems
        assert (exc.line or 0) == problems[0].line
    else:
        assert (strict, ()) == (lenient, problems)


@pytest.mark.parametrize(
    "playlist",
    [
        MediaPlaylist((Segment("a\nb", 1.0),), 1),
        MediaPlaylist((Segment("#a", 1.0),), 1),
        MediaPlaylist((Segment("", 1.0),), 1),
        MediaPlaylist((Segment(" a", 1.0),), 1),
        MediaPlaylist((Segment("a", 1.0, title="b\r#EXT-X-ENDLIST"),), 1),
        MediaPlaylist((Segment("a", float("nan")),), 1),
        MediaPlaylist((Segment("a", 1.0, tags=("#EXT-A\n#EXT-B",)),), 1),
        MediaPlaylist((Segment("a", 1.0, tags=("comment",)),), 1),
        MediaPlaylist((Segment("a", 1.0, keys=(Key("AES-128", 'k"'),)),), 1),
        MediaPlaylist((Segment("a", 1.0, keys=(Key("AES-128", "k"), Key("AES-128", "l"))),), 1),
        MediaPlaylist((Segment("a", 1.0, keys=(Key("NONE"),)),), 1),
        MediaPlaylist((Segment("a", 1.0, keys=(Key("A,B", "k"),)),), 1),
        MediaPlaylist((Segment("a", 1.0, map=Map("m")), Segment("b", 1.0)), 1),
        MediaPlaylist(start=Start(float("inf"))),
        MasterPlaylist(session_data=(SessionData('a"'),)),
    ],
    ids=lambda playlist: "",
)
def test_what_would_be_read_as_something_else_is_not_written(playlist: MediaPlaylist | MasterPlaylist) -> None:
    with pytest.raises(PlaylistError, match="unlike|not nan|not inf|has none"):
        write_playlist(playlist)


def test_a_key_that_replaces_another_one_ends_it_without_words() -> None:
    one, two = Key("AES-128", "1"), Key("AES-128", "2", keyformat="other")
    steps: list[tuple[Key, ...]] = [(one,), (one, two), (two,), (), (one,), (Key("AES-128", "3"),)]
    playlist = MediaPlaylist(tuple(Segment("a", 1.0, keys=keys) for keys in steps), 1)
    text = write_playlist(playlist)

    assert read_playlist(text)[0] == playlist
    assert text.count("METHOD=NONE") == 2


def test_dates_keep_their_zone() -> None:
    date = "2024-02-29T23:59:59.123456+05:30"
    playlist, _ = read_playlist(
        f'#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-DATERANGE:ID="a",START-DATE="{date}",X-B="c,d"\n'
        f"#EXT-X-PROGRAM-DATE-TIME:{date}\n#EXTINF:1,\na\n"
    )

    assert isinstance(playlist, MediaPlaylist)
    assert write_playlist(playlist).count(date) == 2
    assert isinstance(playlist.date_ranges[0], DateRange)
    assert playlist.date_ranges[0].other == (("X-B", '"c,d"'),)
