"""What is decided about other machines before anything is sent to them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.net.headers import Headers as Headers
    from hagworm.extend.net.letter import Attachment as Attachment
    from hagworm.extend.net.letter import Letter as Letter
    from hagworm.extend.net.policy import URLPolicy as URLPolicy

# Loaded on first use: who checks a URL does not pay for letters.
HOMES = {
    "Attachment": "hagworm.extend.net.letter",
    "Headers": "hagworm.extend.net.headers",
    "Letter": "hagworm.extend.net.letter",
    "URLPolicy": "hagworm.extend.net.policy",
}

__all__ = tuple(HOMES)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
