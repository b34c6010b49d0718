"""URLs as people enter them."""

from urllib.parse import urlsplit

from hagworm.extend.base.address import parse_host_port
from hagworm.extend.error import BadValue, URLRefused
from hagworm.extend.field.mail import parse_domain
from hagworm.extend.net.policy import URLPolicy

__all__ = ("parse_public_url", "parse_url")

PUBLIC = URLPolicy()


def parse_url(text: object, *, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """Return a URL with a host, a name or an IP address, of one of these `schemes`; any host, local ones included.

    Raises `BadValue`. Before a service itself asks for what users have entered: `parse_public_url`.
    """
    if not isinstance(text, str):
        raise BadValue("a URL", text)

    url = text.strip()
    example = f"a URL like {schemes[0]}://example.com/"

    if any(character <= " " or character in '\\\x7f"<>^`{|}' for character in url):
        raise BadValue(example, text)

    try:
        parts = urlsplit(url)

        if parts.scheme not in schemes or not parts.hostname:
            raise BadValue(example, text)

        host = parse_host_port(parts.netloc.rpartition("@")[2], 0).host
    except ValueError as exc:
        raise BadValue(example, text) from exc

    if ":" not in host and not host.replace(".", "").isdigit():
        parse_domain(host, single=True)

    return url


def parse_public_url(text: object) -> str:
    """Return a URL of http or https that seems to lead to a public host, at port 80 or 443, without a user name.

    Addresses of private networks in any spelling, and names of local ones, are refused. Where a public name leads can
    change at any time: the client that asks for it has to look again, as `hagworm.extend.asyncio.net` does with a
    `URLPolicy`. Raises `BadValue`.
    """
    url = parse_url(text)

    try:
        PUBLIC.check_url(url)
    except URLRefused as exc:
        raise BadValue(f"a public URL ({exc.reason})", text) from exc

    return url
