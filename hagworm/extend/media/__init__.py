"""HLS playlists (RFC 8216): read, write, check, join, cut."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.media.attributes import ByteRange as ByteRange
    from hagworm.extend.media.editing import cut as cut
    from hagworm.extend.media.editing import divide as divide
    from hagworm.extend.media.editing import join as join
    from hagworm.extend.media.editing import resolve as resolve
    from hagworm.extend.media.editing import resolve_uri as resolve_uri
    from hagworm.extend.media.m3u8 import M3U8 as M3U8
    from hagworm.extend.media.playlist import DateRange as DateRange
    from hagworm.extend.media.playlist import Key as Key
    from hagworm.extend.media.playlist import Map as Map
    from hagworm.extend.media.playlist import MasterPlaylist as MasterPlaylist
    from hagworm.extend.media.playlist import MediaPlaylist as MediaPlaylist
    from hagworm.extend.media.playlist import Rendition as Rendition
    from hagworm.extend.media.playlist import Segment as Segment
    from hagworm.extend.media.playlist import SessionData as SessionData
    from hagworm.extend.media.playlist import Start as Start
    from hagworm.extend.media.playlist import Variant as Variant
    from hagworm.extend.media.reading import Limits as Limits
    from hagworm.extend.media.reading import Problem as Problem
    from hagworm.extend.media.reading import read_playlist as read_playlist
    from hagworm.extend.media.rules import check_playlist as check_playlist
    from hagworm.extend.media.rules import version_needed as version_needed
    from hagworm.extend.media.writing import write_playlist as write_playlist

# Loaded on first use.
HOMES = {
    "M3U8": "hagworm.extend.media.m3u8",
    "ByteRange": "hagworm.extend.media.attributes",
    "DateRange": "hagworm.extend.media.playlist",
    "Key": "hagworm.extend.media.playlist",
    "Limits": "hagworm.extend.media.reading",
    "Map": "hagworm.extend.media.playlist",
    "MasterPlaylist": "hagworm.extend.media.playlist",
    "MediaPlaylist": "hagworm.extend.media.playlist",
    "Problem": "hagworm.extend.media.reading",
    "Rendition": "hagworm.extend.media.playlist",
    "Segment": "hagworm.extend.media.playlist",
    "SessionData": "hagworm.extend.media.playlist",
    "Start": "hagworm.extend.media.playlist",
    "Variant": "hagworm.extend.media.playlist",
    "check_playlist": "hagworm.extend.media.rules",
    "cut": "hagworm.extend.media.editing",
    "divide": "hagworm.extend.media.editing",
    "join": "hagworm.extend.media.editing",
    "read_playlist": "hagworm.extend.media.reading",
    "resolve": "hagworm.extend.media.editing",
    "resolve_uri": "hagworm.extend.media.editing",
    "version_needed": "hagworm.extend.media.rules",
    "write_playlist": "hagworm.extend.media.writing",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
