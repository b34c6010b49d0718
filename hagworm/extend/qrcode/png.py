"""Pictures in the PNG format (ISO/IEC 15948), with the standard library alone."""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from hagworm.extend.error import QRCodeError

__all__ = ("Color", "Picture", "parse_color", "read_png", "write_palette", "write_rgba")

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 16_000_000
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

Color = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255 each."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Pixels, row by row, four bytes each: red, green, blue, opacity."""

    width: int
    height: int
    pixels: bytes

    def pixel(self, x: int, y: int) -> Color:
        """Return one of them."""
        place = (y * self.width + x) * 4
        red, green, blue, alpha = self.pixels[place : place + 4]
        return red, green, blue, alpha


def parse_color(text: str) -> Color:
    """Return the colour that `#RGB`, `#RRGGBB` or `#RRGGBBAA` stands for. Raises `QRCodeError`."""
    digits = text.removeprefix("#")

    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)

    try:
        values = bytes.fromhex(digits)
    except ValueError:
        values = b""

    if not text.startswith("#") or len(values) not in (3, 4):
        raise QRCodeError(f"a colour is written as #RRGGBB: {text!r:.40}")

    red, green, blue, *alpha = values
    return red, green, blue, alpha[0] if alpha else 255


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def write_palette(rows: Iterable[bytes], width: int, height: int, palette: tuple[Color, Color]) -> bytes:
    """Return a picture of two colours; a row is one bit per pixel, filled up to whole bytes."""
    head = struct.pack(">IIBBBBB", width, height, 1, 3, 0, 0, 0)
    colors = b"".join(bytes(color[:3]) for color in palette)
    opacity = bytes(color[3] for color in palette)
    parts = [SIGNATURE, chunk(b"IHDR", head), chunk(b"PLTE", colors)]

    if opacity != b"\xff\xff":
        parts.append(chunk(b"tRNS", opacity))

    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"".join([*parts, chunk(b"IDAT", data), chunk(b"IEND", b"")])


def write_rgba(rows: Iterable[bytes], width: int, height: int) -> bytes:
    """Return a picture; a row is four bytes per pixel."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"".join([SIGNATURE, chunk(b"IHDR", head), chunk(b"IDAT", data), chunk(b"IEND", b"")])


def read_png(data: bytes) -> Picture:
    """Return the pixels of a picture of 8 bits per channel or of a palette, not interlaced, 16 million pixels at most.

    Raises `QRCodeError`.
    """
    if not data.startswith(SIGNATURE) or len(data) < 33:
        raise QRCodeError("a logo is a PNG picture: this does not begin as one")

    chunks = split(data)
    width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])

    if kind not in CHANNELS or interlaced or not (depth == 8 or (kind == 3 and depth in (1, 2, 4))):
        raise QRCodeError(f"a logo has 8 bits per channel and is not interlaced (this one: {depth} bits, type {kind})")

    if not 0 < width * height <= MOST_PIXELS:
        raise QRCodeError(f"a logo has 1 to {MOST_PIXELS} pixels, not {width} x {height}")

    step = CHANNELS[kind]
    length = (width * step * depth + 7) // 8
    raw = inflate(chunks[b"IDAT"], (length + 1) * height)
    lines = unfilter(raw, length, height, step)
    return Picture(width, height, b"".join(to_rgba(line, width, depth, kind, chunks) for line in lines))


def split(data: bytes) -> dict[bytes, bytes]:
    """Return the chunks by name; the pieces of the pixels are put together."""
    chunks: dict[bytes, bytes] = {}
    pixels = []
    place = len(SIGNATURE)

    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        place += 12 + length

        if name == b"IDAT":
            pixels.append(body)
        else:
            chunks.setdefault(name, body)

    if len(chunks.get(b"IHDR", b"")) != 13 or not pixels:
        raise QRCodeError("a logo is a PNG picture: this one has no pixels")

    return {**chunks, b"IDAT": b"".join(pixels)}


def inflate(data: bytes, length: int) -> bytes:
    try:
        raw = zlib.decompressobj().decompress(data, length)
    except zlib.error as exc:
        raise QRCodeError(f"the pixels of the logo cannot be unpacked: {exc}") from exc

    if len(raw) < length:
        raise QRCodeError("the logo is cut off")

    return raw


def unfilter(raw: bytes, length: int, height: int, step: int) -> list[bytes]:
    """Return the lines as they were before they were filtered (ISO/IEC 15948, 9.2)."""
    lines = []
    above = bytearray(length)

    for number in range(height):
        place = number * (length + 1)
        method, line = raw[place], bytearray(raw[place + 1 : place + 1 + length])

        if method > 4:
            raise QRCodeError(f"the logo is damaged: a line is filtered by method {method}")

        for index in range(length) if method else ():
            left = line[index - step] if index >= step else 0
            up = above[index]
            corner = above[index - step] if index >= step else 0
            guess = (0, left, up, (left + up) // 2, paeth(left, up, corner))[method]
            line[index] = (line[index] + guess) & 255

        lines.append(bytes(line))
        above = line

    return lines


def paeth(left: int, up: int, corner: int) -> int:
    estimate = left + up - corner
    return min((left, up, corner), key=lambda value: abs(estimate - value))


def to_rgba(line: bytes, width: int, depth: int, kind: int, chunks: dict[bytes, bytes]) -> bytes:
    match kind:
        case 6:
            return line
        case 2:
            return b"".join(line[place : place + 3] + b"\xff" for place in range(0, width * 3, 3))
        case 4:
            return b"".join(bytes((line[p],)) * 3 + line[p + 1 : p + 2] for p in range(0, width * 2, 2))
        case 0:
            return b"".join(bytes((value,)) * 3 + b"\xff" for value in line)

    palette, opacity = chunks.get(b"PLTE", b""), chunks.get(b"tRNS", b"")
    mask = (1 << depth) - 1
    found = []

    for x in range(width):
        place = x * depth
        index = (line[place // 8] >> (8 - depth - place % 8)) & mask
        color = palette[index * 3 : index * 3 + 3]

        if len(color) < 3:
            raise QRCodeError(f"the logo is damaged: its palette has no color {index}")

        found.append(color + (opacity[index : index + 1] or b"\xff"))

    return b"".join(found)
