"""Settings behind a URL of http, on this machine only."""

from hagworm.extend.config.sources.https import fetch

__all__ = ("SOURCE",)

SOURCE = fetch
