"""A file for a library that goes on writing when it has failed."""

from typing import IO

__all__ = ("Sink",)


class Sink:
    """What a ZIP archive is written to; after `leave` it takes whatever comes and keeps none of it.

    An archive that was given up writes its directory when it is forgotten, to a file that may be closed or full.
    """

    __slots__ = ("file", "place")

    def __init__(self, file: IO[bytes]) -> None:
        self.file: IO[bytes] | None = file
        # Where the next byte would go, once the file has been left.
        self.place = 0

    def leave(self) -> None:
        """Have no more to do with the file."""
        if self.file is not None:
            self.place = self.file.tell()
            self.file = None

    def write(self, data: bytes) -> int:
        """Write. Raises OSError."""
        if self.file is not None:
            return self.file.write(data)

        self.place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a place."""
        if self.file is not None:
            return self.file.seek(offset, whence)

        self.place = offset
        return offset

    def tell(self) -> int:
        """Return the place."""
        return self.place if self.file is None else self.file.tell()

    def flush(self) -> None:
        """Write what has been held back."""
        if self.file is not None:
            self.file.flush()

    def seekable(self) -> bool:
        """Return that one can move in it."""
        return True
