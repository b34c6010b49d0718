"""The engine `fastapi`: the facade in front of a real FastAPI application."""

from hagworm.frame.fastapi.engine import ENGINE, FastapiEngine

__all__ = ("ENGINE", "FastapiEngine")
