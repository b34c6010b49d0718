"""Joining playlists, cutting pieces out of them, and making their addresses absolute."""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, overload

from hagworm.extend.error import PlaylistError
from hagworm.extend.media.playlist import Key, MasterPlaylist, MediaPlaylist, Segment
from hagworm.extend.media.rules import version_needed

__all__ = ("SCHEMES", "cut", "divide", "join", "resolve", "resolve_uri")

T = TypeVar("T")

SCHEMES = ("https", "http")


def join(playlists: Sequence[MediaPlaylist]) -> MediaPlaylist:
    """Return one playlist that plays these one after the other, with a discontinuity between them.

    It begins with the numbers of the first one. Segments that come to bear other numbers keep what they were encrypted
    with: where that was derived from the number, it is written down. Raises `PlaylistError` for no playlist at all, and
    where one with I-frames only meets others, or one without EXT-X-MAP follows one that has it.
    """
    if not playlists:
        raise PlaylistError("nothing to join")

    first, last = playlists[0], playlists[-1]

    if len({playlist.iframes_only for playlist in playlists}) > 1:
        raise PlaylistError("a playlist of I-frames only goes with others of its kind")

    segments: list[Segment] = []

    for index, playlist in enumerate(playlists):
        is_shifted = playlist.media_sequence != first.media_sequence + len(segments)

        for number, segment in enumerate(playlist.segments, start=playlist.media_sequence):
            if index and number == playlist.media_sequence and segments:
                segment = replace(segment, discontinuity=True)

            if segment.map is None and segments and segments[-1].map is not None:
                raise PlaylistError(f"segment {segment.uri!r} without EXT-X-MAP cannot follow one that has it")

            segments.append(pin_iv(segment, number) if is_shifted else segment)

    joined = replace(
        first,
        segments=tuple(segments),
        target_duration=max(playlist.target_duration for playlist in playlists),
        playlist_type=last.playlist_type if len({playlist.playlist_type for playlist in playlists}) == 1 else None,
        ended=last.ended,
        independent_segments=all(playlist.independent_segments for playlist in playlists),
        date_ranges=tuple(unique(item for playlist in playlists for item in playlist.date_ranges)),
        tags=tuple(tag for playlist in playlists for tag in playlist.tags),
    )
    return with_version(joined, max((playlist.version or 1) for playlist in playlists))


def cut(playlist: MediaPlaylist, start: float = 0.0, end: float | None = None) -> MediaPlaylist:
    """Return the part from `start` to `end` seconds (None: the end): all segments that play between the two.

    Segments are whole, so it may begin a little earlier and end a little later. They keep their numbers, so that they
    can be decrypted, and their discontinuities; the first one gets its date where an earlier one tells it. The part has
    an end. Raises `PlaylistError` unless 0 <= start < end.
    """
    last = math.inf if end is None else end

    if not 0 <= start < last:
        raise PlaylistError(f"a part of a playlist begins at 0 s or later and ends after that: {start!r}, {end!r}")

    kept: list[Segment] = []
    first_number, first_discontinuity = playlist.media_sequence, playlist.discontinuity_sequence
    date: datetime | None = None

    for begin, number, discontinuity, segment in playlist.timeline():
        date = segment.program_date_time or (None if segment.discontinuity else date)
        is_in = begin < last and (begin + segment.duration > start or begin == start)

        if is_in:
            if not kept:
                first_number, first_discontinuity = number, discontinuity - segment.discontinuity
                segment = replace(segment, program_date_time=date)

            kept.append(segment)
        elif not kept:
            first_number, first_discontinuity = number + 1, discontinuity

        date = None if date is None else date + timedelta(seconds=segment.duration)

    return replace(
        playlist,
        segments=tuple(kept),
        media_sequence=first_number,
        discontinuity_sequence=first_discontinuity,
        ended=True,
        start=None,
    )


def divide(playlist: MediaPlaylist, moments: Iterable[float]) -> tuple[MediaPlaylist, ...]:
    """Return the parts between these moments, in seconds: each segment is in the part in which it begins.

    Joined again they are all segments, in their order. Raises `PlaylistError` unless the moments grow from above 0.
    """
    edges = [0.0, *moments, math.inf]

    if any(later <= earlier for earlier, later in zip(edges, edges[1:], strict=False)):
        raise PlaylistError(f"moments to divide a playlist at grow, from above 0: {edges[1:-1]!r}")

    begins = [begin for begin, _, _, _ in playlist.timeline()]
    parts = []

    for earlier, later in zip(edges, edges[1:], strict=False):
        inside = [index for index, begin in enumerate(begins) if earlier <= begin < later]
        parts.append(slice_of(playlist, inside[0] if inside else 0, len(inside)))

    return tuple(parts)


def slice_of(playlist: MediaPlaylist, index: int, count: int) -> MediaPlaylist:
    before = playlist.segments[:index]
    return replace(
        playlist,
        segments=playlist.segments[index : index + count],
        media_sequence=playlist.media_sequence + index,
        discontinuity_sequence=playlist.discontinuity_sequence + sum(segment.discontinuity for segment in before),
        ended=True,
        start=None,
    )


@overload
def resolve(playlist: MediaPlaylist, base: str, *, schemes: Collection[str] = ...) -> MediaPlaylist: ...


@overload
def resolve(playlist: MasterPlaylist, base: str, *, schemes: Collection[str] = ...) -> MasterPlaylist: ...


def resolve(
    playlist: MediaPlaylist | MasterPlaylist, base: str, *, schemes: Collection[str] = SCHEMES
) -> MediaPlaylist | MasterPlaylist:
    """Return the playlist with all its addresses absolute: those of segments, keys, maps, variants, renditions.

    `base` is where the playlist itself was found. Raises `PlaylistError` for an address of a scheme that is not allowed
    (`file:`, `data:`, `concat:` and the like would have a player read what it should not), or that is none.
    """

    def there(uri: str) -> str:
        return resolve_uri(uri, base, schemes=schemes)

    def moved(thing: T) -> T:
        uri = getattr(thing, "uri", None)
        changed: Any = thing
        return thing if uri is None else replace(changed, uri=there(uri))

    def keys_of(keys: Iterable[Key]) -> tuple[Key, ...]:
        return tuple(map(moved_key, keys))

    moved_key = remembered(lambda key: moved(key) if key.format == "identity" else key)
    moved_map = remembered(lambda item: replace(moved(item), keys=keys_of(item.keys)))

    if isinstance(playlist, MediaPlaylist):
        return replace(
            playlist,
            segments=tuple(
                replace(
                    segment,
                    uri=there(segment.uri),
                    keys=keys_of(segment.keys),
                    map=None if segment.map is None else moved_map(segment.map),
                )
                for segment in playlist.segments
            ),
        )

    return replace(
        playlist,
        variants=tuple(map(moved, playlist.variants)),
        iframes=tuple(map(moved, playlist.iframes)),
        renditions=tuple(map(moved, playlist.renditions)),
        session_data=tuple(map(moved, playlist.session_data)),
        session_keys=keys_of(playlist.session_keys),
    )


def resolve_uri(uri: str, base: str, *, schemes: Collection[str] = SCHEMES) -> str:
    """Return the absolute address of `uri`, found in something at `base`. Raises `PlaylistError`, see `resolve`."""
    if any(sign <= " " or sign in '\\"<>\x7f' for sign in uri):
        raise PlaylistError(f"an address has no white space, control characters and backslashes, unlike {uri[:80]!r}")

    from urllib.parse import urljoin, urlsplit  # costs more than the rest of this module

    try:
        absolute = urljoin(base, uri)
        parts = urlsplit(absolute)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        raise PlaylistError(f"{uri[:80]!r} is no address: {exc}") from exc

    if parts.scheme not in schemes:
        raise PlaylistError(f"an address is {' or '.join(schemes)}, unlike {absolute[:80]!r}")

    if not host:
        raise PlaylistError(f"an address names a host, unlike {absolute[:80]!r}")

    return absolute


def remembered(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function with a memory: thousands of segments share one key."""
    known: dict[Any, Any] = {}

    def look_up(value: Any) -> Any:
        if value not in known:
            known[value] = function(value)

        return known[value]

    return look_up


def pin_iv(segment: Segment, number: int) -> Segment:
    """Write down the initialisation vector that follows from the number of a segment (RFC 8216 5.2)."""
    keys = tuple(
        replace(key, iv=number.to_bytes(16, "big")) if key.iv is None and key.format == "identity" else key
        for key in segment.keys
    )
    return segment if keys == segment.keys else replace(segment, keys=keys)


def with_version(playlist: MediaPlaylist, declared: int) -> MediaPlaylist:
    version = max(declared, version_needed(playlist))
    return replace(playlist, version=version if version > 1 else None)


def unique(items: Iterable[T]) -> Iterable[T]:
    return dict.fromkeys(items)
