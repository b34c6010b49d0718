"""What a request carries: bytes, pieces that come one after the other, or a form with files."""

import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from hagworm.extend.base.codec.json import encode_json as write_json
from hagworm.extend.net.multipart import CLOSING, part_end, part_head, total_size

__all__ = ("Body", "Content", "Upload", "encode_form", "encode_json", "encode_multipart", "read_content")

CHUNK = 1 << 16

Content = bytes | str | AsyncIterable[bytes] | Callable[[], AsyncIterable[bytes]]
"""Bytes; text, sent as UTF-8; pieces; or what makes the pieces anew, for each attempt."""

Pieces = Callable[[], AsyncIterable[bytes]]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form: `Upload(Path("photo.jpg"))`, or bytes or pieces with a `filename`.

    The name that the other side is told is `filename`, else the last part of the path.
    """

    content: bytes | str | Path | AsyncIterable[bytes] | Callable[[], AsyncIterable[bytes]]
    filename: str | None = None
    content_type: str | None = None

    @property
    def name(self) -> str:
        """The name that the other side is told."""
        return self.filename or (self.content.name if isinstance(self.content, Path) else "file")

    @property
    def size(self) -> int | None:
        """How many bytes it has, where that is known. Blocks to look at a file."""
        if isinstance(self.content, Path):
            return os.stat(self.content).st_size

        return len(encoded(self.content)) if isinstance(self.content, bytes | str) else None

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be sent more than once."""
        return isinstance(self.content, bytes | str | Path) or callable(self.content)


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: `data`, or else `pieces`; `size` and `content_type` are None where they are not known."""

    data: bytes | None = None
    pieces: Pieces | None = None
    size: int | None = None
    content_type: str | None = None
    is_repeatable: bool = True


def encode_json(value: Any) -> Body:
    """Return `value` as JSON. Raises `BadValue` for what JSON has no form for."""
    data = write_json(value)
    return Body(data, size=len(data), content_type="application/json")


def encode_form(fields: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Body:
    """Return fields as a form in a page would send them; a field may have a list of values."""
    data = urlencode(list(fields.items()) if isinstance(fields, Mapping) else list(fields), doseq=True).encode()
    return Body(data, size=len(data), content_type="application/x-www-form-urlencoded")


def read_content(content: Content) -> Body:
    """Return `content` as a body of unknown type."""
    if isinstance(content, bytes | bytearray | memoryview | str):
        data = encoded(content)
        return Body(data, size=len(data))

    if isinstance(content, AsyncIterable):
        return Body(pieces=lambda: content, is_repeatable=False)

    if callable(content):
        return Body(pieces=content)

    raise TypeError(f"data: {type(content).__name__} is neither bytes nor text nor asynchronously iterable")


def encode_multipart(
    fields: Mapping[str, Any] | Iterable[tuple[str, Any]],
    files: Mapping[str, Upload | bytes | Path] | Iterable[tuple[str, Upload | bytes | Path]],
    *,
    boundary: str = "",
) -> Body:
    """Return a form with files, which are read while they are sent. Raises OSError for a file that is not there."""
    from secrets import token_hex

    boundary = boundary or f"hagworm-{token_hex(16)}"
    parts: list[tuple[bytes, Upload]] = []

    for name, value in fields.items() if isinstance(fields, Mapping) else fields:
        head = part_head(boundary, name)
        values = value if isinstance(value, list | tuple) else (value,)
        parts += [(head, Upload(one if isinstance(one, bytes) else str(one))) for one in values]

    for name, value in files.items() if isinstance(files, Mapping) else files:
        file = value if isinstance(value, Upload) else Upload(value)
        parts.append((part_head(boundary, name, file.name, file.content_type), file))

    return Body(
        pieces=lambda: multipart_pieces(boundary, parts),
        size=total_size(boundary, [(head, file.size) for head, file in parts]),
        content_type=f"multipart/form-data; boundary={boundary}",
        is_repeatable=all(file.is_repeatable for _, file in parts),
    )


async def multipart_pieces(boundary: str, parts: list[tuple[bytes, Upload]]) -> AsyncIterator[bytes]:
    for head, file in parts:
        yield head

        async for piece in upload_pieces(file):
            yield piece

        yield part_end()

    yield CLOSING % boundary.encode()


async def upload_pieces(file: Upload) -> AsyncIterator[bytes]:
    content = file.content

    if isinstance(content, bytes | str):
        for piece in split(encoded(content)):
            yield piece
    elif isinstance(content, Path):
        from hagworm.extend.asyncio.file.stream import open_file

        async with open_file(content, "rb") as opened:
            while piece := await opened.read(CHUNK):
                yield piece
    else:
        async for piece in content() if callable(content) else content:
            yield piece


def split(data: bytes) -> Iterable[bytes]:
    view = memoryview(data)
    return (bytes(view[start : start + CHUNK]) for start in range(0, len(data), CHUNK))


def encoded(content: bytes | bytearray | memoryview | str) -> bytes:
    return content.encode() if isinstance(content, str) else bytes(content)
