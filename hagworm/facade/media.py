"""Media types: the header that names one, parsed (RFC 9110 8.3), and the one that a file name implies."""

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ("MediaType", "is_json", "media_type_of_name", "parse_media_type", "scan_parameters")

ESSENCE = re.compile(rb"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)/([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?=;|\Z)")
# No alternative can begin where another one could go on, so that a hostile value costs no more than its length.
PARAMETER = re.compile(
    rb"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*"
    rb'(?:"((?:[^"\\]|\\.)*+)"[ \t]*|([^";]*))(?=;|\Z)',
    re.DOTALL,
)
BLANK = re.compile(rb"[ \t]*(?=;|\Z)")
ESCAPED = re.compile(rb'\\(["\\])')
CACHED_LENGTH = 256

JSON = b"application/json"

# What browsers and tools agree on. The machine's own tables are not asked: the answer must be the same everywhere.
NAMED: dict[str, str] = {
    "7z": "application/x-7z-compressed",
    "aac": "audio/aac",
    "apng": "image/apng",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "bz2": "application/x-bzip2",
    "css": "text/css",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "gif": "image/gif",
    "gz": "application/gzip",
    "htm": "text/html",
    "html": "text/html",
    "ico": "image/vnd.microsoft.icon",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "jsonld": "application/ld+json",
    "jxl": "image/jxl",
    "log": "text/plain",
    "m3u8": "application/vnd.apple.mpegurl",
    "m4a": "audio/mp4",
    "map": "application/json",
    "md": "text/markdown",
    "mjs": "text/javascript",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "oga": "audio/ogg",
    "ogg": "audio/ogg",
    "ogv": "video/ogg",
    "opus": "audio/ogg",
    "otf": "font/otf",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ts": "video/mp2t",
    "tsv": "text/tab-separated-values",
    "ttf": "font/ttf",
    "txt": "text/plain",
    "vtt": "text/vtt",
    "wasm": "application/wasm",
    "wav": "audio/wav",
    "weba": "audio/webm",
    "webm": "video/webm",
    "webmanifest": "application/manifest+json",
    "webp": "image/webp",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "xhtml": "application/xhtml+xml",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "text/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
    "zst": "application/zstd",
}


@dataclass(frozen=True, slots=True)
class MediaType:
    """A content type: type, subtype and parameter names in lower case, parameter values as they were sent."""

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def essence(self) -> str:
        """`type/subtype`."""
        return f"{self.type}/{self.subtype}"

    @property
    def is_json(self) -> bool:
        """Whether its content is JSON: `application/json`, or any type with the suffix `+json`."""
        return self.subtype.endswith("+json") or (self.type == "application" and self.subtype == "json")

    def all(self, name: str) -> list[str]:
        """Return every value of the parameter `name`, which should be one at most."""
        return [value for key, value in self.parameters if key == name]

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of the parameter `name`, or `default`."""
        return next((value for key, value in self.parameters if key == name), default)


def scan_parameters(text: bytes, start: int = 0) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Return the parameters `; name=value` that begin at `start`, and whether that is all there was.

    Names are in lower case. Values lose their quotes, and a backslash before a quote or another backslash: elsewhere it
    is kept, as browsers send file names. Reading stops at the first piece that is no parameter.
    """
    found: list[tuple[bytes, bytes]] = []
    place, end = start, len(text)

    while place < end:
        if text[place] != 0x3B:
            return found, False

        if match := PARAMETER.match(text, place + 1):
            name, quoted, plain = match.groups()

            if quoted is None:
                found.append((name.lower(), plain.rstrip(b" \t")))
            else:
                found.append((name.lower(), ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted))
        elif not (match := BLANK.match(text, place + 1)):
            return found, False

        place = match.end()

    return found, True


def parse_media_type(value: bytes) -> MediaType | None:
    """Return the media type that the header value names, None where it names none.

    Parameters behind a malformed one are left out.
    """
    return parse_cached(value) if len(value) <= CACHED_LENGTH else parse(value)


def is_json(value: bytes) -> bool:
    """Tell whether a content type is `application/json` or has the suffix `+json`."""
    if value == JSON:
        return True

    media_type = parse_media_type(value)
    return media_type is not None and media_type.is_json


def media_type_of_name(name: str) -> str:
    """Return the content type that the extension of a file name implies; unknown is `application/octet-stream`.

    Text, JavaScript and JSON carry `charset=utf-8`.
    """
    stem, dot, extension = name.rpartition(".")
    essence = NAMED.get(extension.lower()) if dot and stem else None

    if essence is None:
        return "application/octet-stream"

    if essence.startswith("text/") or essence == "application/json":
        return f"{essence}; charset=utf-8"

    return essence


def parse(value: bytes) -> MediaType | None:
    if (match := ESSENCE.match(value)) is None:
        return None

    parameters, _ = scan_parameters(value, match.end())
    return MediaType(
        match[1].lower().decode("ascii"),
        match[2].lower().decode("ascii"),
        tuple((name.decode("ascii"), content.decode("latin-1")) for name, content in parameters),
    )


parse_cached = lru_cache(maxsize=256)(parse)
