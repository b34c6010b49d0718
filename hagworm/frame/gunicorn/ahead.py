"""What can be known of the settings before the application is imported."""

from hagworm.extend.config import Places, peek, read_places
from hagworm.extend.error import ConfigError

__all__ = ("look_ahead",)


def look_ahead(*keys: str) -> list[str | None]:
    """Return what is configured for each key, None where nothing is or where it cannot be read.

    It is a guess for the arbiter: the workers read the whole of it, and tell what is wrong.
    """
    try:
        places = read_places()
    except ConfigError:
        places = Places([], [], [])

    return [found.value if (found := peek(key, places)) else None for key in keys]
