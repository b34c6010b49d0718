"""What the parser of this engine decides, by row of the conformance matrix."""

__all__ = ("OUTCOMES",)

OUTCOMES: dict[str, str] = {}
