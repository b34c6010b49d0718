"""Forms with files as they are sent: the text around the parts (RFC 7578)."""

from collections.abc import Iterable

__all__ = ("CLOSING", "part_end", "part_head", "total_size")

CLOSING = b"--%s--\r\n"

# What the URL Standard and browsers do; a backslash would be taken differently by everybody.
ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})


def part_head(boundary: str, name: str, filename: str | None = None, content_type: str | None = None) -> bytes:
    """Return what stands before the content of a part. Raises ValueError for a content type that is none."""
    line = f'Content-Disposition: form-data; name="{name.translate(ESCAPES)}"'

    if filename is not None:
        line += f'; filename="{filename.translate(ESCAPES)}"'
        content_type = content_type or "application/octet-stream"

    if content_type is not None:
        if not content_type.isprintable() or not content_type.isascii():
            raise ValueError(f"content_type: {content_type!r} is not a media type")

        line += f"\r\nContent-Type: {content_type}"

    return f"--{boundary}\r\n{line}\r\n\r\n".encode()


def part_end() -> bytes:
    """Return what stands after the content of a part."""
    return b"\r\n"


def total_size(boundary: str, parts: Iterable[tuple[bytes, int | None]]) -> int | None:
    """Return how long a form is whose parts have these heads and so many bytes; None where one does not know."""
    size = len(CLOSING) - 2 + len(boundary)

    for head, content in parts:
        if content is None:
            return None

        size += len(head) + content + 2

    return size
