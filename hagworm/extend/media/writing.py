"""Writing playlists, as `read_playlist` reads them."""

from collections.abc import Iterator
from typing import Any

from hagworm.extend.error import PlaylistError
from hagworm.extend.media.attributes import QUOTED, write_attributes, write_date, write_decimal
from hagworm.extend.media.playlist import (
    DATE_RANGE,
    KEY,
    MAP,
    RENDITION,
    SESSION_DATA,
    START,
    VARIANT,
    Key,
    Map,
    MasterPlaylist,
    MediaPlaylist,
    Segment,
)

__all__ = ("write_playlist",)


def write_playlist(playlist: MediaPlaylist | MasterPlaylist) -> str:
    """Return the text of a playlist; its lines end with LF.

    Raises `PlaylistError` for what cannot be written: line breaks in addresses, quotation marks in quoted texts, a
    segment that gets rid of the EXT-X-MAP of the one before it.
    """
    lines = media_lines(playlist) if isinstance(playlist, MediaPlaylist) else master_lines(playlist)
    return "".join(f"{checked(line)}\n" for line in lines)


def checked(line: str) -> str:
    if "\n" in line or "\r" in line:
        raise PlaylistError(f"a line of a playlist has no line breaks, unlike {line[:80]!r}")

    return line


def common_lines(playlist: MediaPlaylist | MasterPlaylist) -> Iterator[str]:
    yield "#EXTM3U"

    if playlist.version is not None:
        yield f"#EXT-X-VERSION:{playlist.version}"

    if playlist.independent_segments:
        yield "#EXT-X-INDEPENDENT-SEGMENTS"

    if playlist.start is not None:
        yield f"#EXT-X-START:{write_attributes(playlist.start, START)}"


def media_lines(playlist: MediaPlaylist) -> Iterator[str]:
    yield from common_lines(playlist)
    yield f"#EXT-X-TARGETDURATION:{playlist.target_duration}"

    if playlist.media_sequence:
        yield f"#EXT-X-MEDIA-SEQUENCE:{playlist.media_sequence}"

    if playlist.discontinuity_sequence:
        yield f"#EXT-X-DISCONTINUITY-SEQUENCE:{playlist.discontinuity_sequence}"

    if playlist.playlist_type is not None:
        yield f"#EXT-X-PLAYLIST-TYPE:{playlist.playlist_type}"

    if playlist.iframes_only:
        yield "#EXT-X-I-FRAMES-ONLY"

    for date_range in playlist.date_ranges:
        yield f"#EXT-X-DATERANGE:{write_attributes(date_range, DATE_RANGE)}"

    keys: tuple[Key, ...] = ()
    media_map: Map | None = None

    for segment in playlist.segments:
        yield from tags(segment.tags)

        if segment.discontinuity:
            yield "#EXT-X-DISCONTINUITY"

        if segment.map != media_map:
            if segment.map is None:
                raise PlaylistError(f"no tag ends an EXT-X-MAP, and segment {segment.uri!r} has none")

            yield from key_lines(keys, segment.map.keys)
            yield f"#EXT-X-MAP:{write_attributes(segment.map, MAP)}"
            keys, media_map = segment.map.keys, segment.map

        yield from key_lines(keys, segment.keys)
        keys = segment.keys
        yield from segment_lines(segment)

    yield from tags(playlist.tags)

    if playlist.ended:
        yield "#EXT-X-ENDLIST"


def key_lines(before: tuple[Key, ...], after: tuple[Key, ...]) -> Iterator[str]:
    """Yield what leads from some keys in effect to others: one replaces that of its format, NONE ends all."""
    if before == after:
        return

    if len({key.format for key in after}) < len(after) or any(key.method == "NONE" for key in after):
        raise PlaylistError(f"keys of a segment have a method and differ in their formats, unlike {after!r}")

    if not {key.format for key in before} <= {key.format for key in after}:
        yield "#EXT-X-KEY:METHOD=NONE"
        before = ()

    begun = len(before) if after[: len(before)] == before else 0

    for key in after[begun:]:
        yield f"#EXT-X-KEY:{write_attributes(key, KEY)}"


def segment_lines(segment: Segment) -> Iterator[str]:
    if segment.program_date_time is not None:
        yield f"#EXT-X-PROGRAM-DATE-TIME:{write_date(segment.program_date_time)}"

    if segment.byterange is not None:
        yield f"#EXT-X-BYTERANGE:{segment.byterange}"

    yield f"#EXTINF:{write_decimal(segment.duration)},{segment.title}"
    yield address(segment.uri)


def master_lines(playlist: MasterPlaylist) -> Iterator[str]:
    yield from common_lines(playlist)
    yield from tags(playlist.tags)
    listed: tuple[tuple[str, tuple[Any, ...], Any], ...] = (
        ("EXT-X-SESSION-DATA", playlist.session_data, SESSION_DATA),
        ("EXT-X-SESSION-KEY", playlist.session_keys, KEY),
        ("EXT-X-MEDIA", playlist.renditions, RENDITION),
    )

    for name, things, table in listed:
        for thing in things:
            yield f"#{name}:{write_attributes(thing, table)}"

    for variant in playlist.variants:
        yield f"#EXT-X-STREAM-INF:{write_attributes(variant, VARIANT)}"
        yield address(variant.uri)

    for variant in playlist.iframes:
        yield f"#EXT-X-I-FRAME-STREAM-INF:{write_attributes(variant, VARIANT)},URI={QUOTED.write(variant.uri)}"


def tags(lines: tuple[str, ...]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("#EXT"):
            raise PlaylistError(f"a tag begins with #EXT, unlike {line[:80]!r}")

        yield line


def address(uri: str) -> str:
    if not uri.strip() or uri.startswith("#") or uri != uri.strip():
        raise PlaylistError(f"an address is not empty, and begins with no # and no space, unlike {uri[:80]!r}")

    return uri
