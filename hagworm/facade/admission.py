"""What is checked before a request is routed: its version, target, host, headers and framing."""

import re
from typing import TYPE_CHECKING

from hagworm.facade.exchange import Head
from hagworm.facade.failure import HTTPError
from hagworm.facade.headers import index_headers
from hagworm.facade.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("Admission", "is_allowed_host")

VERSIONS = frozenset(("1.0", "1.1", "2", "2.0", "3"))
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 9110 7.2 and RFC 3986 3.2.2: a registered name or an IP literal, then perhaps a port.
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(?::[0-9]{0,5})?")
DIGITS = re.compile(rb"[0-9]{1,18}")
KNOWN_HOSTS = 1024


class Refused(HTTPError):
    """The request is answered with `status` and the connection is closed, as its framing cannot be trusted."""

    close = True


def is_allowed_host(host: str, allowed: "Sequence[str]") -> bool:
    """Whether `host` (a port is ignored) is one of `allowed`, where `*.example.com` means every name below it."""
    name = host.lower() if host.endswith("]") else host.lower().rpartition(":")[0] or host.lower()

    return any(
        name == known.lower()
        or (known.startswith("*.") and name.endswith(known[1:].lower()) and len(name) > len(known) - 1)
        for known in allowed
    )


class Admission:
    """The checks of one application; `admit` returns the headers by name or raises what to answer."""

    __slots__ = ("allowed_hosts", "hosts", "limits")

    def __init__(self, limits: Limits, allowed_hosts: tuple[str, ...] = ()) -> None:
        self.limits = limits
        self.allowed_hosts = allowed_hosts
        # Hosts that have passed: the same few come with every request, and the grammar is the dear part.
        self.hosts: set[bytes] = set()

    def admit(self, head: Head) -> dict[bytes, bytes]:
        """Return one value per header name. Raises `HTTPError`, or `Refused` where the connection must end."""
        limits = self.limits
        headers = head.headers
        index = dict(headers)

        if len(index) != len(headers):
            index = self.admit_duplicates(head)

        # One string for all of them: its length is theirs, and what is wrong with one is wrong with it.
        text = b" ".join([*index, *index.values()])

        if len(text) > limits.header_bytes or len(headers) > limits.headers:
            raise Refused(431, "the request has too many or too long headers")

        if b"  " in text or not text.isascii() or not text.decode("ascii").isprintable():
            self.clean(index)

        if len(head.path) + len(head.query) >= limits.target:
            raise Refused(414, f"the request target is longer than {limits.target} bytes")

        if not head.query.isascii():
            raise Refused(400, "the query holds bytes that are not ASCII; percent-encode them")

        if (host := index.get(b"host")) not in self.hosts:
            self.admit_host(host, head.version)

        if b"transfer-encoding" in index:
            self.admit_coding(index)
        elif (length := index.get(b"content-length")) is not None and not DIGITS.fullmatch(length):
            raise Refused(400, "content-length is not a number")

        if head.version not in VERSIONS:
            raise Refused(505, f"HTTP version {head.version} is not supported")

        if b"expect" in index and index[b"expect"].lower() != b"100-continue":
            raise Refused(417, "the only expectation that is met here is 100-continue")

        return index

    def admit_duplicates(self, head: Head) -> dict[bytes, bytes]:
        names = [name for name, _ in head.headers]

        if names.count(b"host") > 1:
            raise Refused(400, "the request has more than one Host header")

        if len({value for name, value in head.headers if name == b"content-length"}) > 1:
            raise Refused(400, "the request has two different content-length headers")

        index = index_headers(head.headers)

        if b"content-length" in index:
            index[b"content-length"] = index[b"content-length"].partition(b",")[0]

        return index

    def clean(self, index: dict[bytes, bytes]) -> None:
        """Strip white space that the parser left (RFC 9110 5.5); refuse control characters."""
        for name, value in index.items():
            index[name] = value = value.strip(b" \t")

            if CONTROL.search(value):
                raise Refused(400, f"header {name.decode('latin-1')!r} holds a control character")

    def admit_host(self, host: bytes | None, version: str) -> None:
        if host is None:
            if version == "1.1":
                raise Refused(400, "the request has no Host header")

            if self.allowed_hosts:
                raise Refused(400, "the host is not served here")

            return

        if not HOST.fullmatch(host):
            raise Refused(400, "the Host header is malformed")

        if self.allowed_hosts and not is_allowed_host(host.decode("latin-1"), self.allowed_hosts):
            raise Refused(400 if version in ("1.0", "1.1") else 421, "the host is not served here")

        if len(self.hosts) < KNOWN_HOSTS:
            self.hosts.add(host)

    def admit_coding(self, index: dict[bytes, bytes]) -> None:
        if b"content-length" in index:
            raise Refused(400, "the request has both transfer-encoding and content-length")

        if index[b"transfer-encoding"].lower() != b"chunked":
            raise Refused(501, "the only transfer coding that is understood here is chunked")
