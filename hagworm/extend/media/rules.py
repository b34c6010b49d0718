"""What RFC 8216 demands of playlists beyond the way they are written."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import pairwise

from hagworm.extend.media.playlist import DateRange, Key, MasterPlaylist, MediaPlaylist, Rendition

__all__ = ("check_playlist", "version_needed")

LATEST = 7
"""The version of the protocol that RFC 8216 describes."""

METHODS = ("NONE", "AES-128", "SAMPLE-AES")
TYPES = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")


def version_needed(playlist: MediaPlaylist | MasterPlaylist) -> int:
    """Return the version of the protocol that a playlist needs at least (RFC 8216 7)."""
    if isinstance(playlist, MasterPlaylist):
        version = max((key_version(key) for key in playlist.session_keys), default=1)
        is_service = any((rendition.instream_id or "").startswith("SERVICE") for rendition in playlist.renditions)
        return max(version, 7 if is_service else 1)

    version = 1

    for segment in playlist.segments:
        version = max(version, *(key_version(key) for key in segment.keys), 3 if segment.duration % 1 else 1)

        if segment.byterange is not None:
            version = max(version, 4)

        if segment.map is not None:
            version = max(version, 5 if playlist.iframes_only else 6)

    return max(version, 4 if playlist.iframes_only else 1)


def key_version(key: Key) -> int:
    if key.keyformat is not None or key.keyformatversions is not None:
        return 5

    return 2 if key.iv is not None else 1


def check_playlist(playlist: MediaPlaylist | MasterPlaylist) -> tuple[str, ...]:
    """Return every rule of the RFC that a playlist breaks, in words; nothing where it breaks none."""
    found = [*check_version(playlist)]
    found += check_media(playlist) if isinstance(playlist, MediaPlaylist) else check_master(playlist)
    return tuple(found)


def check_version(playlist: MediaPlaylist | MasterPlaylist) -> Iterator[str]:
    needed = version_needed(playlist)
    version = 1 if playlist.version is None else playlist.version

    if version < 1:
        yield f"a version is at least 1, not {version}"
    elif version < needed:
        yield f"version {needed} is needed, and version {version} is declared"


def check_media(playlist: MediaPlaylist) -> Iterator[str]:
    for number, segment in enumerate(playlist.segments, start=playlist.media_sequence):
        where = f"segment {number} ({segment.uri})"

        if int(segment.duration + 0.5) > playlist.target_duration:
            yield f"{where}: {segment.duration:g} s are more than the target duration of {playlist.target_duration} s"

        for key in segment.keys:
            yield from (f"{where}: {fault}" for fault in check_key(key))

        if segment.map is not None:
            for key in segment.map.keys:
                if key.method == "AES-128" and key.iv is None:
                    yield f"{where}: an encrypted EXT-X-MAP needs a key with IV"

    if playlist.start is not None and abs(playlist.start.offset) > playlist.duration and playlist.ended:
        yield f"EXT-X-START: {playlist.start.offset:g} s are outside of {playlist.duration:g} s"

    yield from check_date_ranges(playlist)


def check_key(key: Key) -> Iterator[str]:
    if key.method not in METHODS and key.format == "identity":
        yield f"EXT-X-KEY: METHOD is one of {', '.join(METHODS)}, not {key.method}"

    if key.method != "NONE" and key.uri is None:
        yield f"EXT-X-KEY: METHOD={key.method} needs a URI"


def check_date_ranges(playlist: MediaPlaylist) -> Iterator[str]:
    by_id: dict[str, DateRange] = {}

    if playlist.date_ranges and not any(segment.program_date_time for segment in playlist.segments):
        yield "EXT-X-DATERANGE needs an EXT-X-PROGRAM-DATE-TIME"

    for item in playlist.date_ranges:
        where = f"EXT-X-DATERANGE {item.id!r}"

        if item.end is not None and (item.end.tzinfo is None) == (item.start.tzinfo is None):
            if item.end < item.start:
                yield f"{where}: it ends before it begins"

            lasts = (item.end - item.start).total_seconds()

            if item.duration is not None and abs(lasts - item.duration) > 0.001:
                yield f"{where}: END-DATE is not START-DATE plus DURATION"

        if item.end_on_next is False:
            yield f"{where}: END-ON-NEXT is YES or not there"

        if item.end_on_next and (item.class_ is None or item.end is not None or item.duration is not None):
            yield f"{where}: END-ON-NEXT goes with CLASS, and with neither DURATION nor END-DATE"

        for name, _ in item.other:
            if not name.startswith(("X-", "SCTE35-")):
                yield f"{where}: an attribute of one's own begins with X-, unlike {name}"

        if (before := by_id.setdefault(item.id, item)) is not item and contradicts(before, item):
            yield f"{where}: two of them contradict each other"


def contradicts(one: DateRange, other: DateRange) -> bool:
    """Whether the same attribute has two values."""
    said = [(getattr(one, item.name), getattr(other, item.name)) for item in fields(one) if item.name != "other"]
    mine = dict(one.other)
    return any(a is not None and b is not None and a != b for a, b in said) or any(
        mine.get(name, raw) != raw for name, raw in other.other
    )


def check_master(playlist: MasterPlaylist) -> Iterator[str]:
    groups = {(rendition.type, rendition.group_id) for rendition in playlist.renditions}

    for variant in (*playlist.variants, *playlist.iframes):
        wanted = (
            ("AUDIO", variant.audio),
            ("VIDEO", variant.video),
            ("SUBTITLES", variant.subtitles),
            ("CLOSED-CAPTIONS", None if variant.closed_captions == "NONE" else variant.closed_captions),
        )

        for kind, group in wanted:
            if group is not None and (kind, group) not in groups:
                yield f"variant {variant.uri}: there is no EXT-X-MEDIA of TYPE={kind} in the group {group!r}"

    for variant in playlist.iframes:
        if variant.frame_rate is not None or variant.audio or variant.subtitles or variant.closed_captions:
            yield f"I-frame variant {variant.uri}: FRAME-RATE, AUDIO, SUBTITLES and CLOSED-CAPTIONS do not go with it"

    if len({variant.closed_captions == "NONE" for variant in playlist.variants}) > 1:
        yield "CLOSED-CAPTIONS is NONE for all variants or for none"

    for rendition in playlist.renditions:
        yield from (f"rendition {rendition.name!r}: {fault}" for fault in check_rendition(rendition))

    yield from check_groups(playlist)
    yield from check_session(playlist)


INSTREAM_IDS = frozenset([f"CC{number}" for number in range(1, 5)] + [f"SERVICE{number}" for number in range(1, 64)])

RENDITION_RULES: tuple[tuple[Callable[[Rendition], bool], str], ...] = (
    (lambda r: r.type not in TYPES, f"TYPE is one of {', '.join(TYPES)}"),
    (lambda r: r.type == "CLOSED-CAPTIONS" and r.uri is not None, "CLOSED-CAPTIONS have no URI"),
    (lambda r: r.type == "SUBTITLES" and r.uri is None, "SUBTITLES need a URI"),
    (lambda r: r.type == "CLOSED-CAPTIONS" and r.instream_id is None, "CLOSED-CAPTIONS need an INSTREAM-ID"),
    (lambda r: r.type != "CLOSED-CAPTIONS" and r.instream_id is not None, "INSTREAM-ID goes with CLOSED-CAPTIONS only"),
    (lambda r: r.type != "SUBTITLES" and r.forced is not None, "FORCED goes with SUBTITLES only"),
    (lambda r: bool(r.default) and r.autoselect is False, "AUTOSELECT is YES where DEFAULT is"),
    (
        lambda r: r.instream_id is not None and r.instream_id not in INSTREAM_IDS,
        "INSTREAM-ID is CC1 to CC4 or SERVICE1 to SERVICE63",
    ),
)


def check_rendition(rendition: Rendition) -> Iterator[str]:
    for is_broken, rule in RENDITION_RULES:
        if is_broken(rendition):
            yield rule


def check_groups(playlist: MasterPlaylist) -> Iterator[str]:
    members: dict[tuple[str, str], list[Rendition]] = {}

    for rendition in playlist.renditions:
        members.setdefault((rendition.type, rendition.group_id), []).append(rendition)

    for (kind, group), renditions in members.items():
        names = [rendition.name for rendition in renditions]

        if len(set(names)) < len(names):
            yield f"group {group!r} of TYPE={kind}: two renditions have the same NAME"

        if sum(bool(rendition.default) for rendition in renditions) > 1:
            yield f"group {group!r} of TYPE={kind}: more than one rendition has DEFAULT=YES"


def check_session(playlist: MasterPlaylist) -> Iterator[str]:
    seen = set()

    for item in playlist.session_data:
        if (item.value is None) == (item.uri is None):
            yield f"EXT-X-SESSION-DATA {item.data_id!r}: either VALUE or URI"

        if (item.data_id, item.language) in seen:
            yield f"EXT-X-SESSION-DATA {item.data_id!r}: the same DATA-ID and LANGUAGE twice"

        seen.add((item.data_id, item.language))

    for key in playlist.session_keys:
        if key.method == "NONE":
            yield "EXT-X-SESSION-KEY: METHOD is not NONE"

        yield from check_key(key)

    for one, other in pairwise(sorted(playlist.session_keys, key=repr)):
        if one == other:
            yield f"EXT-X-SESSION-KEY: the same key twice, {one.uri}"
