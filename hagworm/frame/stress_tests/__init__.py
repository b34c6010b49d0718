"""Load generation whose figures can be trusted: scenarios or one request, open and closed model, many processes."""

__all__ = ()
