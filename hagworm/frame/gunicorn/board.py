"""What the workers of one arbiter tell each other: a page of memory, made before they are forked."""

import mmap

__all__ = ("ANNOUNCED", "FAILED", "Board")

ANNOUNCED, FAILED = 0, 1


class Board:
    """Marks that the first worker sets and the others see."""

    def __init__(self) -> None:
        self.page = mmap.mmap(-1, 2)

    def __repr__(self) -> str:
        return f"<Board announced={self.page[ANNOUNCED]} failed={self.page[FAILED]}>"

    def claim(self, mark: int) -> bool:
        """Set a mark; return whether it was not set before, so that one of many does what all would do."""
        first = not self.page[mark]
        self.page[mark] = 1
        return first
