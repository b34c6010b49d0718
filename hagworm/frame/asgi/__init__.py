"""The engine `asgi`: any ASGI server, and any ASGI application mounted under any engine."""

from hagworm.frame.asgi.engine import ENGINE, AsgiEngine

__all__ = ("ENGINE", "AsgiEngine")
