"""What is decided about other machines before anything is sent to them."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.net.framing import Decoder as Decoder
    from hagworm.extend.net.framing import Delimited as Delimited
    from hagworm.extend.net.framing import Framing as Framing
    from hagworm.extend.net.framing import LengthPrefixed as LengthPrefixed
    from hagworm.extend.net.framing import MagicLength as MagicLength
    from hagworm.extend.net.framing import VarintPrefixed as VarintPrefixed
    from hagworm.extend.net.headers import Headers as Headers
    from hagworm.extend.net.letter import Attachment as Attachment
    from hagworm.extend.net.letter import Letter as Letter
    from hagworm.extend.net.policy import URLPolicy as URLPolicy

# Loaded on first use: who checks a URL does not pay for letters.
HOMES = {
    "Attachment": "hagworm.extend.net.letter",
    "Decoder": "hagworm.extend.net.framing",
    "Delimited": "hagworm.extend.net.framing",
    "Framing": "hagworm.extend.net.framing",
    "Headers": "hagworm.extend.net.headers",
    "LengthPrefixed": "hagworm.extend.net.framing",
    "Letter": "hagworm.extend.net.letter",
    "MagicLength": "hagworm.extend.net.framing",
    "URLPolicy": "hagworm.extend.net.policy",
    "VarintPrefixed": "hagworm.extend.net.framing",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
