"""Which URLs may be asked for when somebody else has written them."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from hagworm.extend.base.address import NetworkSet
from hagworm.extend.error import URLRefused
from hagworm.extend.net.address import Address, embedded_addresses, is_open, read_host

__all__ = ("DEFAULT_PORTS", "URLPolicy", "hide_secrets")

DEFAULT_PORTS = {"http": 80, "https": 443}

LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "onion")


class URLPolicy:
    """Says which URLs a client may ask for: by default those of public hosts, with http or https, at ports 80 and 443.

    `hosts` are the only ones, where given; `.example.org` stands for the names below it. `ports` None allows every
    port. Addresses in `networks` are allowed although they are not public; with `public=False` those are the only ones.
    A host that is an address in another spelling than its usual one (decimal, octal, hexadecimal, shortened) is refused
    whatever it stands for, and so are user names and passwords.

    `check` looks at what the URL says, `check_address` at where the connection goes: a client asks both, the second
    one for every address that a name stands for, and connects to no other one. Both raise `URLRefused`.
    """

    def __init__(
        self,
        *,
        schemes: Iterable[str] = ("http", "https"),
        ports: Iterable[int] | None = (80, 443),
        hosts: Iterable[str] | None = None,
        networks: Iterable[str] = (),
        public: bool = True,
    ) -> None:
        self.schemes = frozenset(scheme.lower() for scheme in schemes)
        self.ports = None if ports is None else frozenset(ports)
        self.hosts = None if hosts is None else frozenset(normal_name(host) for host in hosts)
        self.networks = NetworkSet(networks)
        self.public = public

        if unknown := self.schemes - DEFAULT_PORTS.keys():
            raise ValueError(f"schemes: {sorted(unknown)[0]!r} is neither http nor https")

    def __repr__(self) -> str:
        hosts = "any" if self.hosts is None else len(self.hosts)
        ports = "any" if self.ports is None else sorted(self.ports)
        return f"<URLPolicy {sorted(self.schemes)}, ports {ports}, hosts {hosts}, public {self.public}>"

    def check_url(self, url: str) -> None:
        """Refuse a URL that may not be asked for. What its name stands for is looked at when it is connected to."""
        if any(character <= " " or character in '\\\x7f"<>^`{|}' for character in url):
            raise URLRefused(url, "it holds a character that no URL may hold")

        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise URLRefused(url, str(error)) from error

        if "@" in parts.netloc:
            raise URLRefused(url, "it holds a user name")

        self.check(url, parts.scheme, parts.hostname or "", port)

    def check(self, url: str, scheme: str, host: str, port: int | None) -> None:
        """Refuse `url`, which has been taken apart already."""
        if scheme not in self.schemes:
            raise URLRefused(url, f"only {' and '.join(sorted(self.schemes))} may be asked")

        if not host:
            raise URLRefused(url, "it names no host")

        if self.ports is not None and (port or DEFAULT_PORTS[scheme]) not in self.ports:
            raise URLRefused(url, f"port {port} is none of {', '.join(map(str, sorted(self.ports)))}")

        self.check_host(url, host)

    def check_host(self, url: str, host: str) -> None:
        if "%" in host:
            raise URLRefused(url, "its host has a zone, or is encoded twice")

        try:
            address = read_host(host)
        except ValueError as error:
            raise URLRefused(url, str(error)) from error

        name = normal_name(host)

        if self.hosts is not None and not is_below(name, self.hosts):
            raise URLRefused(url, "its host is none of those that may be asked")

        if address is None:
            if self.public and not self.networks and name.rpartition(".")[2] in LOCAL_NAMES:
                raise URLRefused(url, "its host is a name of this network")
        elif ":" not in host and str(address) != host:
            raise URLRefused(url, f"its host is {address} in another spelling")
        else:
            self.check_address(url, address)

    def check_address(self, url: str, address: Address | str) -> None:
        """Refuse to connect to `address` for `url`."""
        if isinstance(address, str):
            try:
                address = ip_address(address)
            except ValueError as error:
                raise URLRefused(url, str(error)) from error

        if not self.allows(address):
            what = ", which is a way to ".join(map(str, (address, *embedded_addresses(address)[:1])))
            raise URLRefused(url, f"its address {what} is not one that may be connected to")

    def allows(self, address: Address) -> bool:
        """Return whether there may be connections to `address`."""
        return address in self.networks or (self.public and is_open(address))


def normal_name(host: str) -> str:
    return host.strip("[]").lower().removesuffix(".")


def is_below(name: str, hosts: frozenset[str]) -> bool:
    """Return whether `name` is one of `hosts`, or ends in one of them that begins with a dot."""
    if name in hosts:
        return True

    labels = name.split(".")
    return any(f".{'.'.join(labels[place:])}" in hosts for place in range(1, len(labels)))


def hide_secrets(url: str) -> str:
    """Return `url` as it may be shown: without user name, password, query and fragment, and not without end."""
    rest = url.partition("#")[0].partition("?")[0]
    scheme, separator, after = rest.partition("://")

    if separator:
        authority, slash, path = after.partition("/")
        rest = f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"

    shown = f"{rest}?…" if "?" in url else rest
    return shown if len(shown) <= 200 else f"{shown[:199]}…"
