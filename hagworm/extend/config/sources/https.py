"""Settings behind a URL of https; of http too, on this machine."""

from typing import Any
from urllib.parse import urlsplit

from hagworm.extend.config.source import Found

__all__ = ("LARGEST", "SOURCE", "TIMEOUT", "fetch")

TIMEOUT = 5.0
"""For how many seconds nothing may come."""

LARGEST = 1 << 20
"""How many bytes settings may take."""

FORMATS = {"json": "json", "toml": "toml", "ini": "ini"}


def fetch(url: str) -> Found:
    """Return what is at `url`; its format is told by its content type, or else by the end of its path.

    Certificates are verified. Raises OSError for what cannot be had in time, and ValueError for what is too long, is no
    text, or would have to go over a network unprotected.
    """
    from urllib.request import Request, build_opener

    parts = urlsplit(url)

    if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("settings hold secrets, and http shows them to everybody on the way: use https")

    opener = build_opener(stay())
    request = Request(url.replace(f"{parts.netloc}", parts.netloc.rpartition("@")[2], 1))

    if parts.username is not None:
        request.add_header("authorization", basic(parts.username, parts.password or ""))

    with opener.open(request, timeout=TIMEOUT) as answer:
        body = answer.read(LARGEST + 1)
        kind = answer.headers.get_content_subtype()

    if len(body) > LARGEST:
        raise ValueError(f"it is longer than {LARGEST} bytes")

    suffix = parts.path.rpartition(".")[2].lower()
    return Found(body.decode("utf-8"), FORMATS.get(kind) or FORMATS.get(suffix, "toml"))


def stay() -> Any:
    """Return what refuses to be sent elsewhere: credentials and trust were meant for this host."""
    from urllib.error import HTTPError
    from urllib.request import HTTPRedirectHandler

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
            raise HTTPError(req.full_url, code, f"it leads to {newurl}: name that instead", headers, fp)

    return Stay()


def basic(user: str, password: str) -> str:
    from base64 import b64encode
    from urllib.parse import unquote

    return f"Basic {b64encode(f'{unquote(user)}:{unquote(password)}'.encode()).decode()}"


SOURCE = fetch
