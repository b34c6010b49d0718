"""Serving: sockets in, signals in, an exit code out."""

from hagworm.facade.serving.entrance import serve
from hagworm.facade.serving.server import Server

__all__ = ("Server", "serve")
