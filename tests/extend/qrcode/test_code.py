"""What a QR code says is what a reader finds in it, however it is drawn."""

import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from hagworm.extend.error import QRCodeError
from hagworm.extend.qrcode import QRCode
from hagworm.extend.qrcode.code import Level
from hagworm.extend.qrcode.png import write_rgba

SVG = "{http://www.w3.org/2000/svg}"
LOGO = write_rgba([bytes((200, 30, 30, 255)) * 40] * 40, 40, 40)


def seen(png: bytes) -> "zxingcpp.Barcode":
    picture = Image.open(io.BytesIO(png)).convert("RGBA")
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    (found,) = zxingcpp.read_barcodes(ground.convert("L"))
    return found


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1, max_size=80))
def test_text_is_read_as_it_was_written(text: str) -> None:
    assert seen(QRCode(text).png(scale=4)).text == text


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_bytes_are_read_as_they_were_written(data: bytes) -> None:
    assert seen(QRCode(data).png(scale=4)).bytes == data


@pytest.mark.parametrize(
    "content", ["https://example.com/订单/1?a=b&c=d", "订单 甲", "ÄÖÜ", "ひらがな", "🙂", 20261122]
)
@pytest.mark.parametrize("error", ["L", "M", "Q", "H"])
def test_every_level_of_error_correction_is_read(content: object, error: Level) -> None:
    found = seen(QRCode(content, error=error).png())

    assert found.text == str(content)
    assert found.ec_level == error


@pytest.mark.parametrize("length", [1, 20, 100, 400])
@pytest.mark.parametrize("share", [0.1, 0.2])
def test_a_code_with_a_logo_is_read(length: int, share: float) -> None:
    text = "hagworm " * (length // 8) + "x"

    assert seen(QRCode(text, error="H").png(logo=LOGO, logo_size=share)).text == text


def test_the_logo_stands_in_the_middle() -> None:
    picture = Image.open(io.BytesIO(QRCode("hagworm", error="H").png(logo=LOGO)))

    assert picture.getpixel((picture.width // 2, picture.height // 2)) == (200, 30, 30, 255)


@pytest.mark.parametrize("light", ["#ffffff", "#fc0", None])
def test_colours_and_sizes_are_those_that_were_asked_for(light: str | None) -> None:
    code = QRCode("hagworm")
    png = code.png(scale=3, border=6, dark="#003366", light=light)
    picture = Image.open(io.BytesIO(png)).convert("RGBA")

    assert picture.size == (code.size * 3 + 36, code.size * 3 + 36)
    assert picture.getpixel((18, 18)) == (0, 0x33, 0x66, 255)
    assert picture.getpixel((0, 0)) == {"#ffffff": (255, 255, 255, 255), "#fc0": (255, 204, 0, 255)}.get(
        light or "", (0, 0, 0, 0)
    )
    assert seen(png).text == "hagworm"


def test_svg_draws_the_same_modules() -> None:
    code = QRCode("hagworm <&>")
    root = ElementTree.fromstring(code.svg(border=3, title="to <orders> & back"))
    (title,) = root.iter(f"{SVG}title")
    ground, dark = root.iter(f"{SVG}path")
    found = set()

    for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", dark.attrib["d"]):
        found |= {(int(x) + step - 3, int(y) - 3) for step in range(int(length))}

    assert found == {(x, y) for y, row in enumerate(code.matrix) for x, dark in enumerate(row) if dark}
    assert title.text == "to <orders> & back"
    assert ground.attrib["fill"] == "#ffffff"


def test_svg_carries_its_logo() -> None:
    root = ElementTree.fromstring(QRCode("hagworm", error="H").svg(logo=LOGO))
    (image,) = root.iter(f"{SVG}image")

    assert image.attrib["href"].startswith("data:image/png;base64,")


def test_a_terminal_shows_the_same_modules() -> None:
    code = QRCode("hagworm")
    lines = code.terminal(border=0).splitlines()
    rows = []

    for line in lines:
        rows.append(tuple(character in "▀█" for character in line))
        rows.append(tuple(character in "▄█" for character in line))

    assert tuple(rows[: code.size]) == code.matrix
    assert code.terminal(border=0, inverted=True).splitlines()[0] != lines[0]


@pytest.mark.parametrize(("error", "room"), [("L", 2953), ("M", 2331), ("Q", 1663), ("H", 1273)])
def test_as_much_fits_as_is_said_and_no_byte_more(error: Level, room: int) -> None:
    assert QRCode(b"\x80" * room, error=error).version == 40

    with pytest.raises(QRCodeError, match=f"{room + 1} bytes do not fit: .* {error} holds up to {room}"):
        QRCode(b"\x80" * (room + 1), error=error)


def test_too_much_for_one_version_names_the_version() -> None:
    with pytest.raises(QRCodeError, match="200 bytes do not fit: one of version 2-M"):
        QRCode("x" * 200, version=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"content": ""}, "nothing that the code could say"),
        ({"content": "\ud800"}, "UTF-8"),
        ({"content": "x", "error": "X"}, "not 'X'"),
        ({"content": "x", "version": 41}, "1 to 40, not 41"),
    ],
    ids=["empty", "surrogate", "level", "version"],
)
def test_what_cannot_be_said_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(QRCodeError, match=message):
        QRCode(**arguments)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0}, "1 to 100 pixels wide, not 0"),
        ({"border": -1}, "not -1"),
        ({"scale": 100, "border": 10}, "up to 4000 pixels"),
        ({"dark": "red"}, "#RRGGBB: 'red'"),
        ({"light": '#fff" onload="x'}, "#RRGGBB"),
        ({"dark": "#ffffff", "light": "#000000"}, "nothing could read #ffffff on #000000"),
        ({"logo": LOGO}, "needs error='H', not 'M'"),
        ({"logo": b"GIF89a"}, "PNG"),
    ],
    ids=["scale", "border", "side", "name", "injection", "contrast", "level", "gif"],
)
def test_what_could_not_be_read_is_not_drawn(options: dict[str, object], message: str) -> None:
    with pytest.raises(QRCodeError, match=message):
        QRCode("hagworm").png(**options)  # type: ignore[arg-type]  # that is the point


def test_a_logo_that_would_cover_too_much_is_refused() -> None:
    with pytest.raises(QRCodeError, match=r"up to 0\.3 of the width, not 0\.5"):
        QRCode("hagworm", error="H").png(logo=LOGO, logo_size=0.5)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".txt"])
def test_a_code_is_saved_as_its_suffix_says(suffix: str, tmp_path: Path) -> None:
    code = QRCode("hagworm")
    code.save(tmp_path / f"code{suffix}")
    drawn = {".png": code.png(), ".svg": code.svg().encode(), ".txt": code.terminal().encode()}

    assert (tmp_path / f"code{suffix}").read_bytes() == drawn[suffix]
    assert [path.name for path in tmp_path.iterdir()] == [f"code{suffix}"]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QRCodeError, match=r"\.jpg"):
        QRCode("hagworm").save(tmp_path / "code.jpg")

    assert list(tmp_path.iterdir()) == []


def test_a_code_shows_how_large_it_is_and_not_what_it_says() -> None:
    assert repr(QRCode("secret")) == "<QRCode 6 characters, version 1-M>"
