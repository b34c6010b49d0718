"""One HLS playlist, with everything that can be done to it."""

from collections.abc import Collection
from typing import Self

from hagworm.extend.error import PlaylistError
from hagworm.extend.media.editing import SCHEMES, cut, divide, join, resolve
from hagworm.extend.media.playlist import MasterPlaylist, MediaPlaylist, Segment, Variant
from hagworm.extend.media.reading import Limits, Problem, read_playlist
from hagworm.extend.media.rules import check_playlist, version_needed
from hagworm.extend.media.writing import write_playlist

__all__ = ("M3U8",)


class M3U8:
    """A playlist of HLS (RFC 8216), media or master, read from `text`; `host` is where it was found.

        playlist = M3U8(text, "https://example.com/film/")
        trailer = playlist.split(60, 90) + playlist.split(300, 330)
        trailer.write()

    With `host`, all addresses are made absolute. The text is read strictly, see `read_playlist`, or else `lenient`, and
    then it has `problems`. It is never changed: what is done to it gives another one. Two are equal if their playlists
    are. Raises `PlaylistError`.
    """

    __slots__ = ("playlist", "problems")

    def __init__(
        self, text: str | bytes, host: str | None = None, *, lenient: bool = False, limits: Limits | None = None
    ) -> None:
        playlist, problems = read_playlist(text, lenient=lenient, limits=limits)
        self.playlist: MediaPlaylist | MasterPlaylist = playlist if host is None else resolve(playlist, host)
        self.problems: tuple[Problem, ...] = problems
        """What was wrong with the text; only a lenient look gets so far."""

    @classmethod
    def of(cls, playlist: MediaPlaylist | MasterPlaylist) -> Self:
        """Return what can be done to a playlist that was made in another way."""
        made = cls.__new__(cls)
        made.playlist = playlist
        made.problems = ()
        return made

    def __repr__(self) -> str:
        if isinstance(self.playlist, MasterPlaylist):
            return f"<M3U8 master, {len(self.playlist.variants)} variants, {len(self.playlist.renditions)} renditions>"

        end = "" if self.playlist.ended else ", open"
        return f"<M3U8 media, {len(self.playlist.segments)} segments, {self.playlist.duration:.3f} s{end}>"

    def __str__(self) -> str:
        return self.write()

    def __eq__(self, other: object) -> bool:
        return self.playlist == other.playlist if isinstance(other, M3U8) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.playlist)

    def __len__(self) -> int:
        """Return how many segments it has, or variants."""
        return len(self.segments) if self.is_media else len(self.variants)

    def __add__(self, other: "M3U8") -> Self:
        """Play the other one after this one; see `join`."""
        if not isinstance(other, M3U8):
            return NotImplemented

        return self.of(join((self.media, other.media)))

    @property
    def is_master(self) -> bool:
        return isinstance(self.playlist, MasterPlaylist)

    @property
    def is_media(self) -> bool:
        return isinstance(self.playlist, MediaPlaylist)

    @property
    def media(self) -> MediaPlaylist:
        """The list of segments. Raises `PlaylistError` for a master playlist."""
        if not isinstance(self.playlist, MediaPlaylist):
            raise PlaylistError("a media playlist is wanted, and this is a master playlist")

        return self.playlist

    @property
    def master(self) -> MasterPlaylist:
        """The list of variants. Raises `PlaylistError` for a media playlist."""
        if not isinstance(self.playlist, MasterPlaylist):
            raise PlaylistError("a master playlist is wanted, and this is a media playlist")

        return self.playlist

    @property
    def segments(self) -> tuple[Segment, ...]:
        return self.media.segments

    @property
    def variants(self) -> tuple[Variant, ...]:
        return self.master.variants

    @property
    def duration(self) -> float:
        """Seconds of all segments."""
        return self.media.duration

    @property
    def version_needed(self) -> int:
        """The version of the protocol that it needs at least."""
        return version_needed(self.playlist)

    def write(self) -> str:
        """Return its text."""
        return write_playlist(self.playlist)

    def check(self) -> tuple[str, ...]:
        """Return every rule of the RFC that it breaks, in words; nothing where it breaks none."""
        return check_playlist(self.playlist)

    def split(self, start: float = 0.0, end: float | None = None) -> Self:
        """Return the part from `start` to `end` seconds; see `cut`."""
        return self.of(cut(self.media, start, end))

    def divide(self, *moments: float) -> tuple[Self, ...]:
        """Return the parts between these moments, in seconds; see `divide`."""
        return tuple(self.of(part) for part in divide(self.media, moments))

    def resolve(self, base: str, *, schemes: Collection[str] = SCHEMES) -> Self:
        """Return it with absolute addresses; see `resolve`."""
        return self.of(resolve(self.playlist, base, schemes=schemes))
