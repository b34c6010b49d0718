"""Gunicorn: one worker class for every engine, and its arbiter as the supervisor of several workers."""

from hagworm.frame.gunicorn.worker import Worker

__all__ = ("Worker",)
