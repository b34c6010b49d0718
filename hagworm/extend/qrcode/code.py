"""A QR code (ISO/IEC 18004), and how it is drawn."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hagworm.extend.base.replacement import replacement
from hagworm.extend.error import QRCodeError, extra
from hagworm.extend.qrcode.png import Color, Picture, parse_color, read_png, write_palette, write_rgba

__all__ = ("Level", "QRCode")

Level = Literal["L", "M", "Q", "H"]
"""How much of a code may be lost: 7, 15, 25 or 30 in a hundred."""

CAPACITY: dict[Level, int] = {"L": 2953, "M": 2331, "Q": 1663, "H": 1273}
"""How many bytes the largest code holds."""
LARGEST_LOGO = 0.3
LARGEST_SCALE = 100
LARGEST_SIDE = 4_000
CONTRAST = 3.0
# Of two modules, one above the other: the character that shows them, dark ones as blocks.
HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


@dataclass(frozen=True, slots=True)
class Drawing:
    """How large a code is drawn, and in which colours."""

    scale: int
    border: int
    dark: Color
    light: Color


class QRCode:
    """What `content` says, as a QR code: text, bytes, a `Wifi`, a `Contact`; a number is its digits.

    `error` is how much of it may be lost; a code with a logo needs `H`. The smallest version, 1 to 40, that has room is
    taken, unless `version` is given. Raises `QRCodeError` for too much content, `MissingExtra` without `segno` (extra
    `qr`).
    """

    __slots__ = ("content", "error", "matrix", "version")

    def __init__(self, content: Any, *, error: Level = "M", version: int | None = None) -> None:
        if error not in CAPACITY:
            raise QRCodeError(f"the level of error correction is one of {', '.join(CAPACITY)}, not {error!r}")

        if version is not None and not 1 <= version <= 40:
            raise QRCodeError(f"the version of a QR code is 1 to 40, not {version!r}")

        self.content: str | bytes = content if isinstance(content, bytes) else str(content)
        self.error: Level = error

        if not self.content:
            raise QRCodeError("there is nothing that the code could say")

        code = self.encode(version)
        self.version = int(code.version)
        self.matrix: tuple[tuple[bool, ...], ...] = tuple(tuple(map(bool, row)) for row in code.matrix)
        """The modules, row by row, without border; true ones are dark."""

    def __repr__(self) -> str:
        kind = "bytes" if isinstance(self.content, bytes) else "characters"
        return f"<QRCode {len(self.content)} {kind}, version {self.version}-{self.error}>"

    @property
    def size(self) -> int:
        """How many modules it is wide and high, without border."""
        return len(self.matrix)

    def encode(self, version: int | None) -> Any:
        with extra("qr"):
            import segno

        # Readers take bytes for UTF-8 where they are that; nothing else says ASCII in more than one way.
        encoding = None if isinstance(self.content, bytes) or self.content.isascii() else "utf-8"

        try:
            return segno.make_qr(self.content, error=self.error, version=version, encoding=encoding, boost_error=False)
        except segno.DataOverflowError as exc:
            data = self.content if isinstance(self.content, bytes) else self.content.encode()
            room = f"a QR code with error correction {self.error} holds up to {CAPACITY[self.error]}"

            if version is not None:
                room = f"one of version {version}-{self.error} has no room for them"

            raise QRCodeError(f"{len(data)} bytes do not fit: {room}") from exc
        except UnicodeEncodeError as exc:
            raise QRCodeError(f"the content cannot be written as UTF-8: {exc.reason}") from exc

    def png(
        self,
        *,
        scale: int = 8,
        border: int = 4,
        dark: str = "#000000",
        light: str | None = "#ffffff",
        logo: bytes | None = None,
        logo_size: float = 0.2,
    ) -> bytes:
        """Return a PNG picture; `scale` is how many pixels a module is wide, `border` how many modules are around.

        `light` None is transparent. `logo` is a PNG picture that is drawn in the middle, `logo_size` of the width of
        the code, 0.3 at most; then `error` must be `H`. Raises `QRCodeError`, also for colours that cannot be told
        apart.
        """
        drawing = drawing_of(scale, border, dark, light)

        if (side := (self.size + 2 * border) * scale) > LARGEST_SIDE:
            raise QRCodeError(f"a picture is up to {LARGEST_SIDE} pixels wide, not {side}; `svg` has no such bound")

        if logo is not None:
            return self.with_logo(drawing, read_png(logo), self.check_logo(logo_size))

        rows = [pack(row, scale) for row in self.framed(border) for _ in range(scale)]
        return write_palette(rows, side, side, (drawing.light, drawing.dark))

    def svg(
        self,
        *,
        scale: int = 8,
        border: int = 4,
        dark: str = "#000000",
        light: str | None = "#ffffff",
        logo: bytes | None = None,
        logo_size: float = 0.2,
        title: str = "",
    ) -> str:
        """Return an SVG picture, for a file or within a page. `title` says what it is; all else is as for `png`."""
        drawing_of(scale, border, dark, light)
        width = self.size + 2 * border
        side = width * scale
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 {width} {width}">',
            f"<title>{escape(title)}</title>" if title else "",
            "" if light is None else f'<path fill="{light}" d="M0 0h{width}v{width}h-{width}z"/>',
            f'<path fill="{dark}" d="{self.path(border)}"/>',
        ]

        if logo is not None:
            from base64 import b64encode

            picture = read_png(logo)
            wide, high = fitted(picture, self.check_logo(logo_size) * self.size)
            x, y = (width - wide) / 2, (width - high) / 2
            ground = f"M{x - 1:.3f} {y - 1:.3f}h{wide + 2:.3f}v{high + 2:.3f}h-{wide + 2:.3f}z"
            parts.append(f'<path fill="{light or "#ffffff"}" d="{ground}"/>')
            data = b64encode(logo).decode("ascii")
            place = f'x="{x:.3f}" y="{y:.3f}" width="{wide:.3f}" height="{high:.3f}"'
            parts.append(f'<image {place} href="data:image/png;base64,{data}"/>')

        return "".join(part for part in [*parts, "</svg>"] if part)

    def terminal(self, *, border: int = 2, inverted: bool = False) -> str:
        """Return lines of half blocks for a terminal with dark text on light ground, `inverted` for the reverse."""
        rows = self.framed(border)
        blank = [False] * len(rows[0])
        pairs = zip(rows[::2], [*rows[1::2], *([blank] if len(rows) % 2 else [])], strict=True)
        return "\n".join(
            "".join(HALVES[upper != inverted, lower != inverted] for upper, lower in zip(*pair, strict=True))
            for pair in pairs
        )

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the file `path`, at once, as its suffix says: `.png`, `.svg` or `.txt`.

        `options` are those of the method of that name (`terminal` for text). Raises OSError and `QRCodeError`.
        """
        draws: dict[str, Callable[..., bytes | str]] = {".png": self.png, ".svg": self.svg, ".txt": self.terminal}
        draw = draws.get(Path(path).suffix.lower())

        if draw is None:
            raise QRCodeError(f"a QR code is saved as .png, .svg or .txt, not as {os.fspath(path)!r}")

        drawn = draw(**options)

        with replacement(path) as file:
            file.write(drawn if isinstance(drawn, bytes) else drawn.encode())

    def framed(self, border: int) -> list[list[bool]]:
        """Return the modules with light ones around."""
        blank = [False] * (self.size + 2 * border)
        side = [False] * border
        return [*[blank] * border, *([*side, *row, *side] for row in self.matrix), *[blank] * border]

    def path(self, border: int) -> str:
        """Return the dark modules as one path, a run of them at a time."""
        steps = []

        for y, row in enumerate(self.matrix):
            x = 0

            while x < self.size:
                end = x

                while end < self.size and row[end]:
                    end += 1

                if end > x:
                    steps.append(f"M{x + border} {y + border}h{end - x}v1h-{end - x}z")

                x = end + 1

        return "".join(steps)

    def check_logo(self, share: float) -> float:
        if self.error != "H":
            raise QRCodeError(f"a code with a logo needs error='H', not {self.error!r}: the logo covers a part of it")

        if not 0 < share <= LARGEST_LOGO:
            raise QRCodeError(f"a logo takes up to {LARGEST_LOGO} of the width, not {share!r}")

        return share

    def with_logo(self, drawing: Drawing, logo: Picture, share: float) -> bytes:
        """Return the picture with a logo in the middle, a module of light around it."""
        side = (self.size + 2 * drawing.border) * drawing.scale
        wide, high = (max(1, round(size)) for size in fitted(logo, share * self.size * drawing.scale))
        left, top = (side - wide) // 2, (side - high) // 2
        ground = drawing.light if drawing.light[3] else (255, 255, 255, 255)
        light, dark = bytes(drawing.light), bytes(drawing.dark)
        framed = self.framed(drawing.border)
        rows = []

        for y in range(side):
            row = bytearray().join((dark if module else light) * drawing.scale for module in framed[y // drawing.scale])

            if top - drawing.scale <= y < top + high + drawing.scale:
                first, last = left - drawing.scale, left + wide + drawing.scale
                row[first * 4 : last * 4] = bytes(ground) * (last - first)

            if top <= y < top + high:
                source = (y - top) * logo.height // high

                for x in range(wide):
                    color = blend(logo.pixel(x * logo.width // wide, source), ground)
                    row[(left + x) * 4 : (left + x + 1) * 4] = bytes(color)

            rows.append(bytes(row))

        return write_rgba(rows, side, side)


def drawing_of(scale: int, border: int, dark: str, light: str | None) -> Drawing:
    """Return how a code is drawn. Raises `QRCodeError` for what no reader would recognise."""
    if not 1 <= scale <= LARGEST_SCALE:
        raise QRCodeError(f"a module is 1 to {LARGEST_SCALE} pixels wide, not {scale!r}")

    if not 0 <= border <= LARGEST_SCALE:
        raise QRCodeError(f"a border is 0 to {LARGEST_SCALE} modules wide, not {border!r}")

    drawing = Drawing(scale, border, parse_color(dark), (0, 0, 0, 0) if light is None else parse_color(light))

    if light is not None and contrast(drawing.dark, drawing.light) < CONTRAST:
        raise QRCodeError(
            f"nothing could read {dark} on {light}: the dark colour is to be much darker than the light one"
        )

    return drawing


def contrast(dark: Color, light: Color) -> float:
    """Return how much lighter one colour is than another (WCAG 2, relative luminance)."""
    return (luminance(light) + 0.05) / (luminance(dark) + 0.05)


def luminance(color: Color) -> float:
    parts = [value / 255 for value in color[:3]]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def pack(row: list[bool], scale: int) -> bytes:
    """Return a row of modules as bits, `scale` for each."""
    bits = "".join(("1" if module else "0") * scale for module in row)
    length = (len(bits) + 7) // 8
    return int(bits.ljust(length * 8, "0"), 2).to_bytes(length, "big")


def fitted(picture: Picture, side: float) -> tuple[float, float]:
    """Return how wide and high a picture is that just fits into a square."""
    longest = max(picture.width, picture.height)
    return side * picture.width / longest, side * picture.height / longest


def blend(color: Color, ground: Color) -> Color:
    """Return a colour upon another one."""
    alpha = color[3]
    red, green, blue = (
        (over * alpha + under * (255 - alpha)) // 255 for over, under in zip(color[:3], ground[:3], strict=True)
    )
    return red, green, blue, max(alpha, ground[3])


def escape(text: str) -> str:
    """Return a text as XML has it; what XML cannot hold is left out."""
    held = "".join(character for character in text if character.isprintable())
    return held.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
