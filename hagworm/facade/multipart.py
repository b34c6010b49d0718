"""Multipart forms, parsed as their bytes arrive, without any I/O (RFC 7578, RFC 2046 5.1)."""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from hagworm.facade.media import scan_parameters
from hagworm.facade.query import percent_decode

__all__ = ("PART_END", "Event", "MultipartError", "MultipartParser", "PartBegin", "PartEnd", "check_boundary")

# RFC 2046 allows fewer characters, but their number, and that no blank stands last, is what a reader depends on.
BOUNDARY = re.compile(rb"[\x20-\x7e]{0,69}[\x21-\x7e]")
HEADER_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00\r\n]*)")
FORM_DATA = re.compile(rb"form-data[ \t]*(?=;|\Z)", re.IGNORECASE)
EXTENDED = re.compile(rb"([0-9A-Za-z-]+)'[0-9A-Za-z-]*'((?:%[0-9A-Fa-f]{2}|[!#$&+\-.^_`|~0-9A-Za-z])*+)")
EXTENDED_CHARSETS = {b"utf-8": "utf-8", b"iso-8859-1": "latin-1"}
BLANKS = re.compile(rb"[ \t]*")


class MultipartError(ValueError):
    """The form is malformed (`status` 400) or beyond a limit (413); `detail` is for the client."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class PartBegin:
    """The head of a part. `filename` is None for a plain field, and empty where no file was chosen."""

    name: str
    filename: str | None
    headers: tuple[tuple[bytes, bytes], ...]
    """Names in lower case, in the order sent."""

    @property
    def content_type(self) -> bytes | None:
        """The part's own content type, None where it has none."""
        return next((value for name, value in self.headers if name == b"content-type"), None)


class PartEnd:
    """The end of the part that began last; there is one such object, `PART_END`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PART_END"


PART_END: Final = PartEnd()

Event = PartBegin | bytes | PartEnd


class State(Enum):
    PREAMBLE = auto()
    DELIMITER = auto()
    PADDING = auto()
    HEAD = auto()
    FIRST_LINE = auto()
    DATA = auto()
    EPILOGUE = auto()
    FAILED = auto()


def check_boundary(boundary: bytes) -> bytes:
    """Return `boundary`, or raise `MultipartError` where it is none that RFC 2046 allows."""
    if not BOUNDARY.fullmatch(boundary):
        raise MultipartError(400, "the boundary of the form must be 1 to 70 visible characters")

    return boundary


class MultipartParser:
    """Turns pieces of a body into events; how the body is cut into pieces makes no difference.

    It takes time linear in what it is fed, and keeps no more than a delimiter or the unfinished head of one part, which
    may have `header_bytes`. More than `parts` parts are refused. Preamble and epilogue are ignored.
    """

    __slots__ = ("count", "delimiter", "header_bytes", "parts", "state", "tail")

    def __init__(self, boundary: bytes, *, parts: int = 1000, header_bytes: int = 8192) -> None:
        self.delimiter = b"\r\n--" + check_boundary(boundary)
        self.parts = parts
        self.header_bytes = header_bytes
        self.count = 0
        self.state = State.PREAMBLE
        # A body may begin with its first boundary; with a line end before it, all delimiters are alike.
        self.tail = b"\r\n"

    def feed(self, data: bytes) -> list[Event]:
        """Return what `data` completes: `PartBegin`, then any number of non-empty `bytes`, then `PART_END`.

        Raises `MultipartError`, after which nothing more can be fed.
        """
        if self.state is State.EPILOGUE:
            return []

        try:
            return self.advance(self.tail + data if self.tail else data)
        except MultipartError:
            self.state, self.tail = State.FAILED, b""
            raise

    def finish(self) -> None:
        """Tell the parser that the body is over. Raises `MultipartError` where the closing boundary never came."""
        if self.state is not State.EPILOGUE:
            raise MultipartError(400, "the form ends before its closing boundary")

    def advance(self, buffer: bytes) -> list[Event]:
        events: list[Event] = []
        delimiter = self.delimiter
        place = 0

        while True:
            state = self.state

            if state is State.DATA or state is State.PREAMBLE:
                found = buffer.find(delimiter, place)
                end = found if found >= 0 else undecided(buffer, place, delimiter)

                if state is State.DATA:
                    if end > place:
                        events.append(buffer[place:end])

                    if found >= 0:
                        events.append(PART_END)

                if found < 0:
                    self.tail = buffer[end:]
                    return events

                place = found + len(delimiter)
                self.state = State.DELIMITER

            elif state is State.DELIMITER:
                if len(buffer) - place < 2:
                    break

                if buffer.startswith(b"--", place):
                    self.state, self.tail = State.EPILOGUE, b""
                    return events

                self.state = State.PADDING

            elif state is State.PADDING:
                place = BLANKS.match(buffer, place).end()  # type: ignore[union-attr]  # it matches nothing, too

                if len(buffer) - place < 2:
                    break

                if not buffer.startswith(b"\r\n", place):
                    raise MultipartError(400, "a boundary of the form is not followed by a line end (CR LF)")

                self.state = State.HEAD

            elif state is State.HEAD:
                # The search begins at the line end of the boundary, so that a head without fields is found too.
                end = buffer.find(b"\r\n\r\n", place)

                if (end if end >= 0 else len(buffer)) - place > self.header_bytes:
                    raise MultipartError(413, f"the head of a part of the form is over {self.header_bytes} bytes")

                if end < 0:
                    break

                events.append(self.begin(buffer[place + 2 : end]))
                place = end + 2
                self.state = State.FIRST_LINE

            elif state is State.FIRST_LINE:
                # Content may be left out altogether: then the head's last line end already belongs to the delimiter.
                start = buffer[place : place + len(delimiter)]

                if start != delimiter and delimiter.startswith(start):
                    break

                place += 0 if start == delimiter else 2
                self.state = State.DATA

            else:
                raise MultipartError(400, "the form was malformed before this piece of it")

        self.tail = buffer[place:]
        return events

    def begin(self, block: bytes) -> PartBegin:
        self.count += 1

        if self.count > self.parts:
            raise MultipartError(413, f"the form has more than {self.parts} parts")

        headers = []

        for line in block.split(b"\r\n") if block else ():
            if (match := HEADER_LINE.fullmatch(line)) is None:
                raise MultipartError(400, "a header line of a part of the form is malformed")

            headers.append((match[1].lower(), match[2].rstrip(b" \t")))

        dispositions = [value for name, value in headers if name == b"content-disposition"]

        if len(dispositions) != 1:
            raise MultipartError(400, "a part of the form must have one Content-Disposition")

        name, filename = read_disposition(dispositions[0])
        return PartBegin(name, filename, tuple(headers))


def undecided(buffer: bytes, place: int, delimiter: bytes) -> int:
    """Return where the end of `buffer` may be the beginning of the delimiter, or its length."""
    found = buffer.find(b"\r", max(place, len(buffer) - len(delimiter) + 1))

    while found >= 0 and not delimiter.startswith(buffer[found:]):
        found = buffer.find(b"\r", found + 1)

    return found if found >= 0 else len(buffer)


def read_disposition(value: bytes) -> tuple[str, str | None]:
    """Return name and file name of a part; percent forms stay as they are, as browsers send quotes that way."""
    if (match := FORM_DATA.match(value)) is None:
        raise MultipartError(400, "the Content-Disposition of a part of the form is not form-data")

    parameters, complete = scan_parameters(value, match.end())

    if not complete:
        raise MultipartError(400, "the Content-Disposition of a part of the form is malformed")

    name = only(parameters, b"name")

    if name is None:
        raise MultipartError(400, "a part of the form has no name")

    filename, extended = only(parameters, b"filename"), only(parameters, b"filename*")

    # RFC 7578 4.2 tells senders not to use this form, and RFC 6266 4.3 tells readers to prefer it.
    if extended is not None and (decoded := read_extended(extended)) is not None:
        return utf8(name), decoded

    if extended is not None and filename is None:
        raise MultipartError(400, "the filename* of a part of the form is malformed")

    return utf8(name), None if filename is None else utf8(filename)


def only(parameters: list[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    values = [value for key, value in parameters if key == name]

    # Readers that take the first and readers that take the last would see two different forms.
    if len(values) > 1:
        raise MultipartError(400, f"a part of the form has two parameters {name.decode('ascii')!r}")

    return values[0] if values else None


def read_extended(value: bytes) -> str | None:
    """Decode an RFC 8187 value, None where it is malformed."""
    if (match := EXTENDED.fullmatch(value)) is None or (charset := EXTENDED_CHARSETS.get(match[1].lower())) is None:
        return None

    try:
        return percent_decode(match[2]).decode(charset)
    except UnicodeDecodeError:
        return None


def utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as exc:
        raise MultipartError(400, "a name in the form is not valid UTF-8") from exc
