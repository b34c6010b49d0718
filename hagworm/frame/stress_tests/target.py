"""What is loaded: where it is, and whether it may be."""

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from hagworm.extend.error import StressError, TargetRefused, TargetUnreachable

__all__ = ("PORTS", "Target", "is_loopback", "parse_target", "reach", "resolve")

PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts; `path` begins with a slash, and has the query in it."""

    scheme: str
    host: str
    port: int
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def secure(self) -> bool:
        """It wants TLS."""
        return self.scheme in ("https", "wss")

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL and in the field `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS.get(self.scheme) else f"{host}:{self.port}"

    def tls(self, *, verify: bool = True) -> ssl.SSLContext | None:
        """Return what TLS to it needs, None where it wants none."""
        if not self.secure:
            return None

        context = ssl.create_default_context()

        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE

        return context


def parse_target(url: str) -> Target:
    """Return the parts of a URL. Raises `StressError` saying what is wrong with it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise StressError(f"not a URL: {url!r} ({exc})") from exc

    if not parts.scheme or not parts.hostname:
        raise StressError(f"not a URL: {url!r}; expected one like http://127.0.0.1:8000/orders")

    if parts.username is not None or parts.password is not None:
        raise StressError("a URL with a password in it would end up in reports; use --header 'Authorization: …'")

    if port is None and (port := PORTS.get(parts.scheme)) is None:
        raise StressError(f"not a URL that can be loaded: {url!r} has neither a port nor a scheme with a usual one")

    path = parts.path or "/"

    if any(ord(character) <= 0x20 or ord(character) >= 0x7F for character in path + parts.query):
        raise StressError(f"not a URL: {url!r} has characters that are to be percent-encoded")

    return Target(parts.scheme, parts.hostname, port, f"{path}?{parts.query}" if parts.query else path)


def is_loopback(address: str) -> bool:
    """Tell whether an IP address is this machine's own."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


def resolve(target: Target, *, mine: bool) -> list[str]:
    """Return the addresses of a target.

    Raises `TargetRefused` where one of them is not loopback and the target is not said to be `mine`, and
    `TargetUnreachable` where there is none.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise TargetUnreachable(f"{target.host!r} has no address: {exc.strerror or exc}") from exc

    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))

    if not mine and (foreign := [address for address in addresses if not is_loopback(address)]):
        raise TargetRefused(
            f"{target.host} is not this machine ({', '.join(foreign)}): a stress test is an attack where it is not"
            " expected; add --target-is-mine where it is"
        )

    return addresses


def reach(target: Target, *, mine: bool, seconds: float = 5.0) -> tuple[str, int]:
    """Return the address of a target that answers there, having connected to it once.

    Raises what `resolve` raises, before anything is sent, and `TargetUnreachable` where nothing answers in time.
    """
    problem: OSError | None = None

    for address in resolve(target, mine=mine):
        try:
            with socket.create_connection((address, target.port), timeout=seconds):
                return address, target.port
        except OSError as exc:
            problem = exc

    reason = (problem.strerror or str(problem)) if problem else "no address"
    raise TargetUnreachable(f"nothing answers at {target}: {reason}") from problem
