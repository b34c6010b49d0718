"""Text as a QR code: as pixels, as SVG, or on a terminal."""

from hagworm.extend.qrcode.code import Level, QRCode
from hagworm.extend.qrcode.payload import Contact, Wifi, check_url

__all__ = ("Contact", "Level", "QRCode", "Wifi", "check_url")
