"""The engine that serves on Tornado, with a real `tornado.web.Application` behind it."""

from hagworm.frame.tornado.engine import ENGINE

__all__ = ("ENGINE",)
