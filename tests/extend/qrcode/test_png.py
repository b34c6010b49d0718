"""Pictures are read as another library writes them, and damaged ones are refused."""

import io
import struct
import zlib

import pytest
from PIL import Image

from hagworm.extend.error import QRCodeError
from hagworm.extend.qrcode.png import chunk, read_png


def picture(mode: str) -> Image.Image:
    found = Image.new("RGBA", (13, 7))
    found.putdata([(x * 19 % 256, y * 31 % 256, (x * y) % 256, 255 - x) for y in range(7) for x in range(13)])
    return found.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "RGB", "L", "LA", "P"])
def test_pixels_are_those_of_another_library(mode: str) -> None:
    file = io.BytesIO()
    picture(mode).save(file, "PNG")
    found = read_png(file.getvalue())

    assert (found.width, found.height) == (13, 7)
    assert found.pixels == picture(mode).convert("RGBA").tobytes()


@pytest.mark.parametrize("colors", [2, 4, 16])
def test_palettes_of_few_colours_are_read(colors: int) -> None:
    image = picture("RGB").quantize(colors)
    file = io.BytesIO()
    image.save(file, "PNG", bits={2: 1, 4: 2, 16: 4}[colors])

    assert read_png(file.getvalue()).pixels == image.convert("RGBA").tobytes()


def made(width: int, height: int, data: bytes, *, depth: int = 8, kind: int = 6, interlaced: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not begin"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 40, "no pixels"),
        (made(100_000, 100_000, b""), "not 100000 x 100000"),
        (made(1, 1, b"\0abcd", interlaced=1), "interlaced"),
        (made(1, 1, b"\0abcdefgh", depth=16), "16 bits"),
        (made(1, 2, b"\0abcd"), "cut off"),
        (made(1, 1, b"\x09abcd"), "method 9"),
        (made(1, 1, b"\x00a", kind=3), "no color"),
    ],
    ids=["empty", "noise", "bomb", "interlaced", "deep", "short", "filter", "palette"],
)
def test_what_is_no_picture_for_a_logo_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(QRCodeError, match=message):
        read_png(data)
