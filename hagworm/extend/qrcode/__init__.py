"""Text as a QR code: as pixels, as SVG, or on a terminal."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, HOMES)
