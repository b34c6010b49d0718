"""Reading playlists: strictly, where the first fault is an error with its line, or leniently, noting the faults."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from hagworm.extend.error import PlaylistError
from hagworm.extend.media.attributes import (
    QUOTED,
    Attribute,
    ByteRange,
    parse_byte_range,
    parse_date,
    parse_decimal,
    parse_integer,
    split_attributes,
)
from hagworm.extend.media.playlist import (
    DATE_RANGE,
    KEY,
    MAP,
    RENDITION,
    SESSION_DATA,
    START,
    VARIANT,
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

__all__ = ("Limits", "Problem", "read_playlist")

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
BOM = "\ufeff"
IFRAME_VARIANT = (*VARIANT, Attribute("URI", "uri", QUOTED, required=True))

MASTER_TAGS = frozenset(
    ("EXT-X-MEDIA", "EXT-X-STREAM-INF", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-SESSION-DATA", "EXT-X-SESSION-KEY")
)
MEDIA_TAGS = frozenset(
    (
        "EXTINF",
        "EXT-X-BYTERANGE",
        "EXT-X-DISCONTINUITY",
        "EXT-X-KEY",
        "EXT-X-MAP",
        "EXT-X-PROGRAM-DATE-TIME",
        "EXT-X-DATERANGE",
        "EXT-X-TARGETDURATION",
        "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE",
        "EXT-X-ENDLIST",
        "EXT-X-PLAYLIST-TYPE",
        "EXT-X-I-FRAMES-ONLY",
    )
)
ONCE = frozenset(
    (
        "EXT-X-VERSION",
        "EXT-X-TARGETDURATION",
        "EXT-X-MEDIA-SEQUENCE",
        "EXT-X-DISCONTINUITY-SEQUENCE",
        "EXT-X-PLAYLIST-TYPE",
        "EXT-X-START",
        "EXTM3U",
    )
)
"""What a playlist says once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a playlist may be; what is larger is refused, also by a lenient look."""

    size: int = 16 * 1024 * 1024
    """Characters, or bytes, all in all."""
    line: int = 64 * 1024
    """Characters of one line."""
    items: int = 100_000
    """Segments, variants, renditions and other things that are listed."""
    keys: int = 32
    """Keys of different formats that apply at the same time."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a playlist; `line` is its number, from 1, 0 where it is about the whole."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}" if self.line else self.text


def read_playlist(
    text: str | bytes, *, lenient: bool = False, limits: Limits | None = None
) -> tuple[MediaPlaylist | MasterPlaylist, tuple[Problem, ...]]:
    """Read a playlist; return it, and what is wrong with it, which is nothing unless `lenient`.

    Raises `PlaylistError`, with the number of the line, for the first thing that RFC 8216 does not allow to be written
    so. A lenient look leaves the item out in which something is wrong, and guesses where there is an obvious guess; it
    raises only for what is larger than `limits`, or no playlist at all. Lines end with LF or CR LF; tags that the RFC
    does not know are kept.
    """
    return Reader(lenient=lenient, limits=limits or Limits()).read(text)


class Reader:
    """What has been read so far, and what of it waits for the line it belongs to."""

    def __init__(self, *, lenient: bool, limits: Limits) -> None:
        self.lenient = lenient
        self.limits = limits
        self.problems: list[Problem] = []
        self.line = 0
        self.name = ""
        """The tag of this line."""
        self.seen: dict[str, int] = {}
        """The tags so far, and the line of the first one of each."""
        self.items = 0

        self.segments: list[Segment] = []
        self.header: dict[str, Any] = {}
        self.date_ranges: list[DateRange] = []
        self.keys: dict[str, Key] = {}
        self.key_set: tuple[Key, ...] = ()
        """The same keys, shared by all segments that they apply to."""
        self.map: Map | None = None
        self.waiting: dict[str, Any] = {}
        """What belongs to the next segment."""
        self.tags: list[str] = []
        self.end_of_last: tuple[str, int] | None = None
        """The resource of which the last segment was a part, and where that ended."""

        self.variants: list[Variant] = []
        self.iframes: list[Variant] = []
        self.renditions: list[Rendition] = []
        self.session_data: list[SessionData] = []
        self.session_keys: list[Key] = []
        self.stream: Variant | None = None
        """The variant of which the address comes next."""

    def read(self, text: str | bytes) -> tuple[MediaPlaylist | MasterPlaylist, tuple[Problem, ...]]:
        if len(text) > self.limits.size:
            raise PlaylistError(f"a playlist of {len(text)} is larger than {self.limits.size}")

        if isinstance(text, bytes):
            text = self.decode(text)

        if text.startswith(BOM):
            self.line = 1
            self.fault("a playlist does not begin with a byte order mark")
            text = text.removeprefix(BOM)

        lines = text.split("\n")

        if lines[0].strip("\r \t") != "#EXTM3U":
            raise PlaylistError(f"a playlist begins with #EXTM3U, not with {lines[0][:40]!r}", line=1)

        self.line = 1
        self.seen["EXTM3U"] = 1
        self.strip(lines[0].removesuffix("\r"))

        for self.line, line in enumerate(lines[1:], start=2):
            if len(line) > self.limits.line:
                raise PlaylistError(f"a line of {len(line)} is longer than {self.limits.line}", line=self.line)

            self.take(line.removesuffix("\r"))

            if self.items > self.limits.items:
                raise PlaylistError(f"a playlist has at most {self.limits.items} items", line=self.line)

            if len(self.keys) > self.limits.keys:
                raise PlaylistError(f"at most {self.limits.keys} keys apply at the same time", line=self.line)

        return self.finish(), tuple(self.problems)

    def decode(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as exc:
            self.line = data.count(b"\n", 0, exc.start) + 1
            self.fault(f"a playlist is in UTF-8: {exc.reason}")
            return data.decode(errors="replace")

    def fault(self, text: str) -> None:
        """Something is wrong in this line."""
        if not self.lenient:
            raise PlaylistError(text, line=self.line or None)

        self.problems.append(Problem(self.line, text))

    def fault_in_list(self, text: str) -> None:
        """Something is wrong in the attribute list of this line."""
        self.fault(f"{self.name}: {text}")

    def take(self, line: str) -> None:
        if not line or (line.startswith("#") and not line.startswith("#EXT")):
            return

        if not line.isprintable() and CONTROL.search(line):
            self.fault("control characters are not allowed")
            line = CONTROL.sub(" ", line)

        # The title of a segment is the one thing that may end with a space.
        if not line.startswith("#EXTINF:"):
            line = self.strip(line)

        if line.startswith("#EXT"):
            name, _, value = line[1:].partition(":")
            self.take_tag(name, value, line)
        elif line and not line.startswith("#"):
            self.take_uri(line)

    def strip(self, line: str) -> str:
        if (stripped := line.strip(" \t")) != line:
            self.fault("a line begins and ends without white space")

        return stripped

    def take_tag(self, name: str, value: str, line: str) -> None:
        if name in ONCE and name in self.seen:
            self.fault(f"{name} stands there for the second time, after line {self.seen[name]}")
            return

        if name in MASTER_TAGS and self.is_media:
            self.fault(f"{name} belongs into a master playlist, and this is a media playlist")
            return

        if name in MEDIA_TAGS and self.is_master:
            self.fault(f"{name} belongs into a media playlist, and this is a master playlist")
            return

        if self.stream is not None and name in MASTER_TAGS:
            self.fault("the address of a variant is expected")
            self.stream = None

        self.seen.setdefault(name, self.line)
        self.name = name

        if (handler := HANDLERS.get(name)) is None:
            self.items += 1
            self.tags.append(line)
            return

        try:
            handler(self, value)
        except (ValueError, KeyError) as exc:
            reason = exc.args[0] if isinstance(exc, PlaylistError) else f"unlike {value[:80]!r}"
            self.fault(f"{name}: {reason}")

    @property
    def is_master(self) -> bool:
        return not self.seen.keys().isdisjoint(MASTER_TAGS)

    @property
    def is_media(self) -> bool:
        return not self.seen.keys().isdisjoint(MEDIA_TAGS)

    def take_uri(self, uri: str) -> None:
        self.items += 1

        if self.stream is not None:
            self.variants.append(replace(self.stream, uri=uri))
            self.stream = None
            return

        if self.is_master:
            self.fault(f"an address without EXT-X-STREAM-INF: {uri[:80]!r}")
            return

        waiting, self.waiting = self.waiting, {}

        if "duration" not in waiting:
            self.fault(f"a segment without EXTINF: {uri[:80]!r}")
            waiting["duration"] = 0.0

        segment = Segment(uri, keys=self.key_set, map=self.map, tags=tuple(self.tags), **waiting)
        self.tags = []
        self.seen.setdefault("a segment", self.line)
        self.segments.append(self.place(segment))

    def place(self, segment: Segment) -> Segment:
        """Say where the part of a resource begins that a segment is."""
        if (part := segment.byterange) is None:
            self.end_of_last = None
            return segment

        offset = part.offset

        if offset is None:
            if self.end_of_last is None or self.end_of_last[0] != segment.uri:
                self.fault("EXT-X-BYTERANGE: without an offset it follows a part of the same resource")
                offset = 0
            else:
                offset = self.end_of_last[1]

        self.end_of_last = (segment.uri, offset + part.length)
        return replace(segment, byterange=ByteRange(part.length, offset))

    def build(self, cls: Any, table: Iterable[Attribute], pairs: Iterable[tuple[str, str]], **fields: Any) -> Any:
        """Make an object of an attribute list. Raises `PlaylistError` where one that is needed is missing or wrong."""
        known = {attribute.name: attribute for attribute in table}
        names: set[str] = set()
        other = []

        for name, raw in pairs:
            if name in names:
                self.fault(f"the attribute {name} stands there twice")
                continue

            names.add(name)

            if (attribute := known.get(name)) is None:
                other.append((name, raw))
                continue

            try:
                fields[attribute.field] = attribute.kind.read(raw)
            except (ValueError, KeyError):
                self.fault(f"{name} is {attribute.kind.expected}, unlike {raw[:80]!r}")

        for attribute in known.values():
            if attribute.required and attribute.field not in fields:
                raise PlaylistError(f"the attribute {attribute.name} is missing")

        return cls(**fields, other=tuple(other))

    def listed(self, cls: Any, table: Iterable[Attribute], value: str) -> Any:
        self.items += 1
        return self.build(cls, table, split_attributes(value, self.fault_in_list))

    def before_segments(self, name: str) -> None:
        if self.segments:
            self.fault(f"{name} stands before the first segment")

    # One for each tag.

    def take_version(self, value: str) -> None:
        self.header["version"] = number(value)

    def take_independent(self, value: str) -> None:
        self.header["independent_segments"] = True

    def take_start(self, value: str) -> None:
        self.header["start"] = self.listed(Start, START, value)

    def take_target(self, value: str) -> None:
        try:
            self.header["target_duration"] = number(value)
        except PlaylistError:
            if not self.lenient:
                raise

            self.fault(f"EXT-X-TARGETDURATION: a whole number is expected, unlike {value[:80]!r}")
            self.header["target_duration"] = round(parse_decimal(value.strip()))

    def take_sequence(self, value: str) -> None:
        self.before_segments("EXT-X-MEDIA-SEQUENCE")
        self.header["media_sequence"] = number(value)

    def take_discontinuity_sequence(self, value: str) -> None:
        self.before_segments("EXT-X-DISCONTINUITY-SEQUENCE")

        if "EXT-X-DISCONTINUITY" in self.seen:
            self.fault("EXT-X-DISCONTINUITY-SEQUENCE stands before the first EXT-X-DISCONTINUITY")

        self.header["discontinuity_sequence"] = number(value)

    def take_end(self, value: str) -> None:
        self.header["ended"] = True

    def take_type(self, value: str) -> None:
        if value not in ("VOD", "EVENT"):
            raise PlaylistError(f"VOD or EVENT is expected, unlike {value[:80]!r}")

        self.header["playlist_type"] = value

    def take_iframes_only(self, value: str) -> None:
        self.header["iframes_only"] = True

    def take_duration(self, value: str) -> None:
        duration, comma, title = value.partition(",")

        if not comma:
            self.fault(f"EXTINF: a comma follows the duration, unlike {value[:80]!r}")

        if (stripped := duration.strip(" \t")) != duration:
            self.fault("EXTINF: there is no white space around a duration")

        try:
            seconds = parse_decimal(stripped)
        except ValueError:
            raise PlaylistError(f"a number of seconds is expected, unlike {duration[:80]!r}") from None

        if "duration" in self.waiting:
            self.fault("EXTINF: the address of a segment is expected")

        self.waiting.update(duration=seconds, title=title)

    def take_byte_range(self, value: str) -> None:
        try:
            self.waiting["byterange"] = parse_byte_range(value)
        except ValueError:
            raise PlaylistError(f"length@offset is expected, unlike {value[:80]!r}") from None

    def take_discontinuity(self, value: str) -> None:
        self.waiting["discontinuity"] = True

    def take_date(self, value: str) -> None:
        try:
            self.waiting["program_date_time"] = parse_date(value)
        except ValueError:
            raise PlaylistError(f"a date and time is expected, unlike {value[:80]!r}") from None

    def take_key(self, value: str) -> None:
        key: Key = self.listed(Key, KEY, value)

        if key.method == "NONE":
            if key != Key("NONE"):
                self.fault("EXT-X-KEY: no attributes go with METHOD=NONE")

            self.keys = {}
        else:
            if key.uri is None:
                self.fault(f"EXT-X-KEY: METHOD={key.method} needs a URI")

            # The last one of a format applies; a new dictionary, in the order in which they came.
            self.keys = {name: old for name, old in self.keys.items() if name != key.format} | {key.format: key}

        self.key_set = tuple(self.keys.values())

    def take_map(self, value: str) -> None:
        found: Map = self.listed(Map, MAP, value)

        if found.byterange is not None and found.byterange.offset is None:
            found = replace(found, byterange=ByteRange(found.byterange.length, 0))

        self.map = replace(found, keys=self.key_set)

    def take_date_range(self, value: str) -> None:
        self.date_ranges.append(self.listed(DateRange, DATE_RANGE, value))

    def take_rendition(self, value: str) -> None:
        self.renditions.append(self.listed(Rendition, RENDITION, value))

    def take_stream(self, value: str) -> None:
        self.stream = self.build(Variant, VARIANT, split_attributes(value, self.fault_in_list), uri="")

    def take_iframe_stream(self, value: str) -> None:
        self.iframes.append(self.listed(Variant, IFRAME_VARIANT, value))

    def take_session_data(self, value: str) -> None:
        self.session_data.append(self.listed(SessionData, SESSION_DATA, value))

    def take_session_key(self, value: str) -> None:
        self.session_keys.append(self.listed(Key, KEY, value))

    def finish(self) -> MediaPlaylist | MasterPlaylist:
        if self.stream is not None:
            self.fault("the address of a variant is expected")

        if "duration" in self.waiting:
            self.fault("the address of a segment is expected")

        self.line = 0

        if self.is_master:
            common = {
                name: self.header[name] for name in ("version", "independent_segments", "start") if name in self.header
            }
            return MasterPlaylist(
                variants=tuple(self.variants),
                iframes=tuple(self.iframes),
                renditions=tuple(self.renditions),
                session_data=tuple(self.session_data),
                session_keys=tuple(self.session_keys),
                tags=tuple(self.tags),
                **common,
            )

        if "target_duration" not in self.header:
            self.fault("EXT-X-TARGETDURATION is missing")
            self.header["target_duration"] = max((round(segment.duration) for segment in self.segments), default=0)

        return MediaPlaylist(
            segments=tuple(self.segments),
            date_ranges=tuple(self.date_ranges),
            tags=tuple(self.tags),
            **self.header,
        )


def number(text: str) -> int:
    try:
        return parse_integer(text)
    except ValueError:
        raise PlaylistError(f"a whole number is expected, unlike {text[:80]!r}") from None


HANDLERS: dict[str, Callable[[Reader, str], None]] = {
    "EXT-X-VERSION": Reader.take_version,
    "EXT-X-INDEPENDENT-SEGMENTS": Reader.take_independent,
    "EXT-X-START": Reader.take_start,
    "EXT-X-TARGETDURATION": Reader.take_target,
    "EXT-X-MEDIA-SEQUENCE": Reader.take_sequence,
    "EXT-X-DISCONTINUITY-SEQUENCE": Reader.take_discontinuity_sequence,
    "EXT-X-ENDLIST": Reader.take_end,
    "EXT-X-PLAYLIST-TYPE": Reader.take_type,
    "EXT-X-I-FRAMES-ONLY": Reader.take_iframes_only,
    "EXTINF": Reader.take_duration,
    "EXT-X-BYTERANGE": Reader.take_byte_range,
    "EXT-X-DISCONTINUITY": Reader.take_discontinuity,
    "EXT-X-PROGRAM-DATE-TIME": Reader.take_date,
    "EXT-X-KEY": Reader.take_key,
    "EXT-X-MAP": Reader.take_map,
    "EXT-X-DATERANGE": Reader.take_date_range,
    "EXT-X-MEDIA": Reader.take_rendition,
    "EXT-X-STREAM-INF": Reader.take_stream,
    "EXT-X-I-FRAME-STREAM-INF": Reader.take_iframe_stream,
    "EXT-X-SESSION-DATA": Reader.take_session_data,
    "EXT-X-SESSION-KEY": Reader.take_session_key,
}
