"""Where a request goes and what it is called: its path and its id, from what the client has sent."""

import re

from hagworm.facade.connection import Connection
from hagworm.facade.failure import BadRequest, HTTPError
from hagworm.facade.target import BadTarget, Target, read_target

__all__ = ("adopt_id", "is_plain", "read_path")

REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,128}")


def read_path(request: Connection) -> Target:
    """Return the decoded target and keep its path. Raises `HTTPError`."""
    try:
        target = read_target(request.exchange.path)
    except BadTarget as exc:
        if request.method == "CONNECT":
            raise HTTPError(501, "the method CONNECT is not known here") from exc

        raise BadRequest(str(exc)) from exc

    request.path = target.text

    if target.authority is not None:
        request.need_extras().authority = target.authority

    return target


def adopt_id(request: Connection) -> None:
    """Take the request id that a trusted proxy has sent."""
    peer = request.exchange.peer

    if (
        peer is not None
        and request.runtime.proxies.is_trusted(peer[0])
        and REQUEST_ID.fullmatch(request.index[b"x-request-id"])
    ):
        request.id_bytes = request.index[b"x-request-id"]


def is_plain(raw: bytes) -> bool:
    """Whether the path is what it looks like: nothing to decode, nothing to refuse."""
    return raw[:1] == b"/" and b"%" not in raw and b"#" not in raw and raw.isascii()
