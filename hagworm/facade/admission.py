"""What is checked before a request is routed: its version, target, host, headers and framing."""

import re
from typing import TYPE_CHECKING

from hagworm.facade.exchange import Head
from hagworm.facade.failure import HTTPError
from hagworm.facade.headers import index_headers
from hagworm.facade.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ("Admission", "Refused", "is_allowed_host")

VERSIONS = frozenset(("1.0", "1.1", "2", "3"))
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 9110 7.2 and RFC 3986 3.2.2: a registered name or an IP literal, then perhaps a port.
HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(?::[0-9]{0,5})?")
DIGITS = re.compile(rb"[0-9]{1,18}")
KEPT_HEADS = 256
KEPT_BYTES = 1024


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

    __slots__ = ("allowed_hosts", "limits", "passed", "target")

    def __init__(self, limits: Limits, allowed_hosts: tuple[str, ...] = ()) -> None:
        self.limits = limits
        self.allowed_hosts = allowed_hosts
        self.target = limits.target
        # Heads that have passed: a client repeats itself, and the checks are dearer than a look-up.
        self.passed: set[tuple[bytes, ...]] = set()

    def admit(self, head: Head) -> dict[bytes, bytes]:
        """Return one value per header name. Raises `HTTPError`, or `Refused` where the connection must end."""
        headers = head.headers
        index = dict(headers)

        if (*index, *index.values()) not in self.passed or len(index) != len(headers) or head.version != "1.1":
            index = self.check(head, index)

        if len(head.path) + len(head.query) >= self.target:
            raise Refused(414, f"the request target is longer than {self.target} bytes")

        if not head.query.isascii():
            raise Refused(400, "the query holds bytes that are not ASCII; percent-encode them")

        return index

    def check(self, head: Head, index: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """The checks of the headers, all of them."""
        limits = self.limits
        repeats = len(index) != len(head.headers)
        key = (*index, *index.values())

        if repeats:
            index = self.admit_duplicates(head)

        # One string for all of them: its length is theirs, and what is wrong with one is wrong with it.
        text = b" ".join([*index, *index.values()])

        if len(text) > limits.header_bytes or len(head.headers) > limits.headers:
            raise Refused(431, "the request has too many or too long headers")

        cleaned = b"  " in text or text.endswith(b" ") or not text.isascii() or not text.decode("ascii").isprintable()

        if cleaned:
            self.clean(index)

        self.admit_host(index.get(b"host"), head.version)

        if b"transfer-encoding" in index:
            self.admit_coding(index)
        elif (length := index.get(b"content-length")) is not None and not DIGITS.fullmatch(length):
            raise Refused(400, "content-length is not a number")

        if head.version not in VERSIONS:
            raise Refused(505, f"HTTP version {head.version} is not supported")

        if b"expect" in index and index[b"expect"].lower() != b"100-continue":
            raise Refused(417, "the only expectation that is met here is 100-continue")

        if not repeats and not cleaned and head.version == "1.1" and len(text) < KEPT_BYTES:
            if len(self.passed) >= KEPT_HEADS:
                self.passed.clear()

            self.passed.add(key)

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

    def admit_coding(self, index: dict[bytes, bytes]) -> None:
        if b"content-length" in index:
            raise Refused(400, "the request has both transfer-encoding and content-length")

        if index[b"transfer-encoding"].lower() != b"chunked":
            raise Refused(501, "the only transfer coding that is understood here is chunked")
