"""Playlists of every shape, for hypothesis."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import strategies as st

from hagworm.extend.media import (
    ByteRange,
    DateRange,
    Key,
    Map,
    MasterPlaylist,
    MediaPlaylist,
    Rendition,
    Segment,
    SessionData,
    Start,
    Variant,
)

__all__ = ("MASTER_PLAYLISTS", "MEDIA_PLAYLISTS")

LETTERS = st.characters(exclude_categories=("Cc", "Cs"))
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters='"'), max_size=8)
WORDS = st.from_regex(r"[A-Z0-9-]{1,8}", fullmatch=True)
URIS = st.from_regex(r"[a-z0-9][a-z0-9/.?=&,%-]{0,12}", fullmatch=True)
TITLES = st.text(LETTERS, max_size=10)
COUNTS = st.integers(0, 1 << 40)
SECONDS = st.floats(0, 1e6, allow_subnormal=False) | st.integers(0, 100).map(float)
FLAGS = st.none() | st.booleans()
ZONES = st.just(UTC) | st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
DATES = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.none() | ZONES)
OTHER = st.dictionaries(
    st.from_regex(r"X-[A-Z]{1,4}", fullmatch=True), TEXT.map(lambda text: f'"{text}"') | WORDS, max_size=2
).map(lambda items: tuple(items.items()))
TAGS = st.lists(st.from_regex(r"#EXT-X-VENDOR[A-Z]{0,3}(:[a-z,=]{0,6})?", fullmatch=True), max_size=2).map(tuple)
RANGES = st.builds(ByteRange, COUNTS, COUNTS)
FORMATS = st.none() | TEXT.filter(bool)
KEYS = st.builds(
    Key,
    st.sampled_from(["AES-128", "SAMPLE-AES"]),
    URIS,
    st.none() | st.binary(min_size=16, max_size=16),
    FORMATS,
    st.none() | TEXT,
    OTHER,
)
KEY_SETS = st.lists(KEYS, max_size=3, unique_by=lambda key: key.format).map(tuple)
MAPS = st.builds(Map, URIS, st.none() | RANGES, OTHER, KEY_SETS)
SEGMENTS = st.builds(
    Segment,
    uri=URIS,
    duration=SECONDS,
    title=TITLES,
    byterange=st.none() | RANGES,
    discontinuity=st.booleans(),
    keys=KEY_SETS,
    program_date_time=st.none() | DATES,
    tags=TAGS,
)
STARTS = st.none() | st.builds(Start, st.floats(-1e6, 1e6, allow_subnormal=False), FLAGS, OTHER)
DATE_RANGES = st.builds(
    DateRange,
    id=TEXT,
    start=DATES,
    class_=st.none() | TEXT,
    end=st.none() | DATES,
    duration=st.none() | SECONDS,
    planned_duration=st.none() | SECONDS,
    scte35_out=st.none() | WORDS,
    end_on_next=FLAGS,
    other=OTHER,
)
VERSIONS = st.none() | st.integers(1, 7)


@st.composite
def segment_lists(draw: st.DrawFn) -> tuple[Segment, ...]:
    """Once there is an EXT-X-MAP, there is always one."""
    found: list[Segment] = []

    for segment in draw(st.lists(SEGMENTS, max_size=6)):
        before = found[-1].map if found else None
        wanted = draw(
            st.sampled_from(["as before", "another"]) if before else st.sampled_from(["as before"] * 3 + ["another"])
        )
        found.append(replace(segment, map=before if wanted == "as before" else draw(MAPS)))

    return tuple(found)


MEDIA_PLAYLISTS = st.builds(
    MediaPlaylist,
    segments=segment_lists(),
    target_duration=st.integers(0, 1 << 20),
    version=VERSIONS,
    media_sequence=COUNTS,
    discontinuity_sequence=COUNTS,
    playlist_type=st.sampled_from([None, "VOD", "EVENT"]),
    ended=st.booleans(),
    iframes_only=st.booleans(),
    independent_segments=st.booleans(),
    start=STARTS,
    date_ranges=st.lists(DATE_RANGES, max_size=2).map(tuple),
    tags=TAGS,
)

VARIANTS = st.builds(
    Variant,
    uri=URIS,
    bandwidth=COUNTS,
    average_bandwidth=st.none() | COUNTS,
    codecs=st.none() | TEXT,
    resolution=st.none() | st.tuples(st.integers(0, 9999), st.integers(0, 9999)),
    frame_rate=st.none() | SECONDS,
    hdcp_level=st.none() | WORDS,
    audio=st.none() | TEXT,
    video=st.none() | TEXT,
    subtitles=st.none() | TEXT,
    closed_captions=st.none() | st.just("NONE") | TEXT.filter(lambda text: text != "NONE"),
    other=OTHER,
)

RENDITIONS = st.builds(
    Rendition,
    type=WORDS,
    group_id=TEXT,
    name=TEXT,
    uri=st.none() | URIS,
    language=st.none() | TEXT,
    assoc_language=st.none() | TEXT,
    default=FLAGS,
    autoselect=FLAGS,
    forced=FLAGS,
    instream_id=st.none() | TEXT,
    characteristics=st.none() | TEXT,
    channels=st.none() | TEXT,
    other=OTHER,
)

MASTER_PLAYLISTS = st.builds(
    MasterPlaylist,
    variants=st.lists(VARIANTS, min_size=1, max_size=3).map(tuple),
    iframes=st.lists(VARIANTS, max_size=2).map(tuple),
    renditions=st.lists(RENDITIONS, max_size=3).map(tuple),
    session_data=st.lists(
        st.builds(SessionData, TEXT, st.none() | TEXT, st.none() | URIS, st.none() | TEXT, OTHER), max_size=2
    ).map(tuple),
    session_keys=st.lists(KEYS, max_size=2).map(tuple),
    version=VERSIONS,
    independent_segments=st.booleans(),
    start=STARTS,
    tags=TAGS,
)
