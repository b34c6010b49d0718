"""Text as a QR code: as pixels, as SVG, or on a terminal."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.qrcode.code import Level as Level
    from hagworm.extend.qrcode.code import QRCode as QRCode
    from hagworm.extend.qrcode.payload import Contact as Contact
    from hagworm.extend.qrcode.payload import Wifi as Wifi
    from hagworm.extend.qrcode.payload import check_url as check_url

# Loaded on first use: a code needs no contacts.
HOMES = {
    "Contact": "payload",
    "Level": "code",
    "QRCode": "code",
    "Wifi": "payload",
    "check_url": "payload",
}

__all__ = tuple(HOMES)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
