"""The arguments of a test's request, turned into target, headers and body."""

import json as json_codec
import secrets
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from hagworm.facade.params import UNSET

__all__ = ("ClientRequest", "FileSource", "Pairs", "build_request")

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]
FileSource = bytes | str | tuple[str, bytes | str] | tuple[str, bytes | str, str]
"""Content, or (filename, content), or (filename, content, content type)."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A request ready for any transport; `headers` hold neither host nor framing."""

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes | AsyncIterable[bytes]

    @property
    def path(self) -> str:
        """The path of the target, as sent."""
        return self.target.partition(b"?")[0].decode("latin-1")


def build_request(
    method: str,
    url: str,
    *,
    params: Pairs | None = None,
    headers: Pairs | None = None,
    json: Any = UNSET,
    data: Pairs | bytes | str | None = None,
    files: Pairs | None = None,
    content: bytes | str | AsyncIterable[bytes] | None = None,
) -> ClientRequest:
    """Return the request that the arguments describe.

    `url` is a path with or without a query; `params` are added to it, a sequence as repeated names, None left out.
    The body is one of: `json`; `data` (pairs make a urlencoded form) with or without `files` (makes it multipart);
    `content`, where an asynchronous iterable is sent in pieces. Raises ValueError where there is more than one.
    """
    if sum((json is not UNSET, data is not None or files is not None, content is not None)) > 1:
        raise ValueError("a request has one body: give json, data with files, or content")

    pairs = [(name.lower().encode("latin-1"), header_value(value)) for name, value in expand(headers)]
    body: bytes | AsyncIterable[bytes] = b""
    content_type = None

    if json is not UNSET:
        body = json_codec.dumps(json, separators=(",", ":"), ensure_ascii=False).encode()
        content_type = "application/json"
    elif files is not None:
        if isinstance(data, bytes | str):
            raise ValueError("with files, data must be pairs")

        boundary = secrets.token_hex(16)
        body = encode_multipart(expand(data), expand_files(files), boundary)
        content_type = f"multipart/form-data; boundary={boundary}"
    elif isinstance(data, bytes | str):
        body = as_bytes(data)
    elif data is not None:
        body = urlencode(expand(data)).encode()
        content_type = "application/x-www-form-urlencoded"
    elif content is not None:
        body = as_bytes(content) if isinstance(content, bytes | str) else content

    if content_type and b"content-type" not in {name for name, _ in pairs}:
        pairs.append((b"content-type", content_type.encode()))

    return ClientRequest(method.upper(), build_target(url, params), pairs, body)


def build_target(url: str, params: Pairs | None) -> bytes:
    target = quote(url.partition("#")[0], safe="%/:?[]@!$&'()*+,;=~")

    if query := urlencode(expand(params)):
        target += ("&" if "?" in target else "?") + query

    return target.encode()


def as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def header_value(value: Any) -> bytes:
    return value if isinstance(value, bytes) else as_text(value).encode("latin-1")


def expand(pairs: Pairs | None) -> list[tuple[str, Any]]:
    """One pair per value: sequences repeat their name, None is left out, the rest becomes text."""
    return [
        (name, item if isinstance(item, bytes) else as_text(item))
        for name, value in (pairs.items() if isinstance(pairs, Mapping) else pairs or ())
        for item in (value if isinstance(value, list | tuple | set) else (value,))
        if item is not None
    ]


def expand_files(files: Pairs) -> list[tuple[str, str, bytes, str]]:
    found = []

    for name, source in files.items() if isinstance(files, Mapping) else files:
        for item in source if isinstance(source, list) else (source,):
            filename, content, *kind = item if isinstance(item, tuple) else (name, item)
            found.append((name, filename, as_bytes(content), kind[0] if kind else "application/octet-stream"))

    return found


def encode_multipart(
    fields: Iterable[tuple[str, Any]], files: Iterable[tuple[str, str, bytes, str]], boundary: str
) -> bytes:
    """Return a `multipart/form-data` body as browsers write it (WHATWG HTML 4.10.21.8)."""
    mark = f"--{boundary}\r\n".encode()
    parts = []

    for name, value in fields:
        head = f'content-disposition: form-data; name="{escape(name)}"\r\n\r\n'
        parts.append(mark + head.encode() + as_bytes(value) + b"\r\n")

    for name, filename, content, kind in files:
        head = (
            f'content-disposition: form-data; name="{escape(name)}"; filename="{escape(filename)}"\r\n'
            f"content-type: {kind}\r\n\r\n"
        )
        parts.append(mark + head.encode() + content + b"\r\n")

    return b"".join(parts) + f"--{boundary}--\r\n".encode()


def escape(name: str) -> str:
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
