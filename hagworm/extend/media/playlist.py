"""What playlists are made of: segments with their keys, or variants with their renditions (RFC 8216 4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hagworm.extend.media.attributes import (
    BYTES,
    CAPTIONS,
    DATE,
    DECIMAL,
    INTEGER,
    IV,
    QUOTED,
    RESOLUTION,
    SIGNED,
    WORD,
    YES,
    Attribute,
    ByteRange,
)

__all__ = (
    "DATE_RANGE",
    "KEY",
    "MAP",
    "RENDITION",
    "SESSION_DATA",
    "START",
    "VARIANT",
    "DateRange",
    "Key",
    "Map",
    "MasterPlaylist",
    "MediaPlaylist",
    "Rendition",
    "Segment",
    "SessionData",
    "Start",
    "Variant",
)

Other = tuple[tuple[str, str], ...]
"""Attributes that the RFC does not know: names, and values as they are written."""


@dataclass(frozen=True, slots=True)
class Key:
    """How segments are encrypted: EXT-X-KEY, or EXT-X-SESSION-KEY."""

    method: str
    uri: str | None = None
    iv: bytes | None = None
    """16 bytes; None: the number of each segment."""
    keyformat: str | None = None
    """None: `identity`."""
    keyformatversions: str | None = None
    other: Other = ()

    @property
    def format(self) -> str:
        return self.keyformat or "identity"


@dataclass(frozen=True, slots=True)
class Map:
    """What must be read before the segments that it belongs to: EXT-X-MAP."""

    uri: str
    byterange: ByteRange | None = None
    other: Other = ()
    keys: tuple[Key, ...] = ()
    """What it is encrypted with."""


@dataclass(frozen=True, slots=True)
class DateRange:
    """A span of time with a meaning: EXT-X-DATERANGE. What clients have added (`X-…`) is in `other`."""

    id: str
    start: datetime
    class_: str | None = None
    end: datetime | None = None
    duration: float | None = None
    planned_duration: float | None = None
    scte35_cmd: str | None = None
    scte35_out: str | None = None
    scte35_in: str | None = None
    end_on_next: bool | None = None
    other: Other = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Where playing should begin: EXT-X-START; seconds, negative ones from the end."""

    offset: float
    precise: bool | None = None
    other: Other = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of media, and everything that applies to it, also where the playlist said it before another one."""

    uri: str
    duration: float
    """In seconds."""
    title: str = ""
    byterange: ByteRange | None = None
    discontinuity: bool = False
    """Whether something changes between the segment before and this one: format, tracks, timestamps."""
    keys: tuple[Key, ...] = ()
    """What it is encrypted with; several are several ways to the same key."""
    map: Map | None = None
    program_date_time: datetime | None = None
    tags: tuple[str, ...] = ()
    """Tags that the RFC does not know, whole lines, before it."""


@dataclass(frozen=True, slots=True)
class MediaPlaylist:
    """A list of segments, which are played one after the other."""

    segments: tuple[Segment, ...] = ()
    target_duration: int = 0
    """In seconds; no segment is longer, once rounded."""
    version: int | None = None
    media_sequence: int = 0
    """The number of the first segment."""
    discontinuity_sequence: int = 0
    playlist_type: str | None = None
    """`VOD`: never changes; `EVENT`: segments are only added."""
    ended: bool = False
    """Whether there will be no more segments."""
    iframes_only: bool = False
    independent_segments: bool = False
    start: Start | None = None
    date_ranges: tuple[DateRange, ...] = ()
    tags: tuple[str, ...] = ()
    """Tags that the RFC does not know, whole lines, after the last segment."""

    @property
    def duration(self) -> float:
        """Seconds of all segments."""
        return sum(segment.duration for segment in self.segments)

    def timeline(self) -> Iterator[tuple[float, int, int, Segment]]:
        """Yield every segment with the second at which it begins, its number, and that of its discontinuity."""
        begin, discontinuity = 0.0, self.discontinuity_sequence

        for number, segment in enumerate(self.segments, start=self.media_sequence):
            discontinuity += segment.discontinuity
            yield begin, number, discontinuity, segment
            begin += segment.duration


@dataclass(frozen=True, slots=True)
class Rendition:
    """One of several that can be played in place of each other: EXT-X-MEDIA."""

    type: str
    group_id: str
    name: str
    uri: str | None = None
    language: str | None = None
    assoc_language: str | None = None
    default: bool | None = None
    autoselect: bool | None = None
    forced: bool | None = None
    instream_id: str | None = None
    characteristics: str | None = None
    channels: str | None = None
    other: Other = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """A media playlist, and what it takes to play it: EXT-X-STREAM-INF, or EXT-X-I-FRAME-STREAM-INF."""

    uri: str
    bandwidth: int
    """Bits per second, at most."""
    average_bandwidth: int | None = None
    codecs: str | None = None
    resolution: tuple[int, int] | None = None
    frame_rate: float | None = None
    hdcp_level: str | None = None
    audio: str | None = None
    video: str | None = None
    subtitles: str | None = None
    closed_captions: str | None = None
    """A group, or `NONE`."""
    other: Other = ()


@dataclass(frozen=True, slots=True)
class SessionData:
    """Something to know about all of it: EXT-X-SESSION-DATA; a value, or where to find it."""

    data_id: str
    value: str | None = None
    uri: str | None = None
    language: str | None = None
    other: Other = ()


@dataclass(frozen=True, slots=True)
class MasterPlaylist:
    """A list of variants of the same content."""

    variants: tuple[Variant, ...] = ()
    iframes: tuple[Variant, ...] = ()
    """Variants of I-frames only, for fast winding."""
    renditions: tuple[Rendition, ...] = ()
    session_data: tuple[SessionData, ...] = ()
    session_keys: tuple[Key, ...] = ()
    version: int | None = None
    independent_segments: bool = False
    start: Start | None = None
    tags: tuple[str, ...] = ()
    """Tags that the RFC does not know, whole lines."""


KEY = (
    Attribute("METHOD", "method", WORD, required=True),
    Attribute("URI", "uri", QUOTED),
    Attribute("IV", "iv", IV),
    Attribute("KEYFORMAT", "keyformat", QUOTED),
    Attribute("KEYFORMATVERSIONS", "keyformatversions", QUOTED),
)

MAP = (
    Attribute("URI", "uri", QUOTED, required=True),
    Attribute("BYTERANGE", "byterange", BYTES),
)

DATE_RANGE = (
    Attribute("ID", "id", QUOTED, required=True),
    Attribute("CLASS", "class_", QUOTED),
    Attribute("START-DATE", "start", DATE, required=True),
    Attribute("END-DATE", "end", DATE),
    Attribute("DURATION", "duration", DECIMAL),
    Attribute("PLANNED-DURATION", "planned_duration", DECIMAL),
    Attribute("SCTE35-CMD", "scte35_cmd", WORD),
    Attribute("SCTE35-OUT", "scte35_out", WORD),
    Attribute("SCTE35-IN", "scte35_in", WORD),
    Attribute("END-ON-NEXT", "end_on_next", YES),
)

START = (
    Attribute("TIME-OFFSET", "offset", SIGNED, required=True),
    Attribute("PRECISE", "precise", YES),
)

RENDITION = (
    Attribute("TYPE", "type", WORD, required=True),
    Attribute("GROUP-ID", "group_id", QUOTED, required=True),
    Attribute("NAME", "name", QUOTED, required=True),
    Attribute("URI", "uri", QUOTED),
    Attribute("LANGUAGE", "language", QUOTED),
    Attribute("ASSOC-LANGUAGE", "assoc_language", QUOTED),
    Attribute("DEFAULT", "default", YES),
    Attribute("AUTOSELECT", "autoselect", YES),
    Attribute("FORCED", "forced", YES),
    Attribute("INSTREAM-ID", "instream_id", QUOTED),
    Attribute("CHARACTERISTICS", "characteristics", QUOTED),
    Attribute("CHANNELS", "channels", QUOTED),
)

VARIANT = (
    Attribute("BANDWIDTH", "bandwidth", INTEGER, required=True),
    Attribute("AVERAGE-BANDWIDTH", "average_bandwidth", INTEGER),
    Attribute("CODECS", "codecs", QUOTED),
    Attribute("RESOLUTION", "resolution", RESOLUTION),
    Attribute("FRAME-RATE", "frame_rate", DECIMAL),
    Attribute("HDCP-LEVEL", "hdcp_level", WORD),
    Attribute("AUDIO", "audio", QUOTED),
    Attribute("VIDEO", "video", QUOTED),
    Attribute("SUBTITLES", "subtitles", QUOTED),
    Attribute("CLOSED-CAPTIONS", "closed_captions", CAPTIONS),
)
"""That of an I-frame variant is in the attribute URI; that of any other on the line that follows."""

SESSION_DATA = (
    Attribute("DATA-ID", "data_id", QUOTED, required=True),
    Attribute("VALUE", "value", QUOTED),
    Attribute("URI", "uri", QUOTED),
    Attribute("LANGUAGE", "language", QUOTED),
)
