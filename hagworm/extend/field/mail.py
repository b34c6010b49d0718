"""Domains, and addresses of mail, in their usual form."""

import re

from hagworm.extend.error import BadValue

__all__ = ("parse_domain", "parse_email")

LONGEST = 253
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", re.ASCII)


def parse_domain(text: object, *, single: bool = False) -> str:
    """Return a domain name in small letters, one with other letters as IDNA has it (RFC 1123, RFC 3490).

    It has at least two parts, unless it may be a `single` one, and ends with one that is no number. Raises `BadValue`.
    """
    if not isinstance(text, str):
        raise BadValue("a domain name", text)

    name = text.strip().rstrip(".").lower()

    # To bring a long text to IDNA takes long, and makes it no shorter.
    if len(name) <= LONGEST and not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError as exc:
            raise BadValue("a domain name", text) from exc

    labels = name.split(".")

    if len(name) > LONGEST or not all(map(LABEL.fullmatch, labels)) or labels[-1].isdigit():
        raise BadValue("a domain name like example.com", text)

    if len(labels) < 2 and not single:
        raise BadValue("a domain name of at least two parts", text)

    return name


def parse_email(text: object) -> str:
    """Return an address of mail, its domain as `parse_domain` does; the part before it stays as it is.

    That part is words with dots between them (RFC 5321, dot-string): quoted strings, comments and addresses in
    brackets are allowed by the RFC, used by nobody, and refused. Whether there is such a mailbox only a message can
    tell. Raises `BadValue`.
    """
    if not isinstance(text, str):
        raise BadValue("an address of mail", text)

    address = text.strip()
    local, at, domain = address.rpartition("@")

    if not at or len(address) > 254 or len(local) > 64 or not all(map(ATOM.fullmatch, local.split("."))):
        raise BadValue("an address of mail like name@example.com", text)

    try:
        return f"{local}@{parse_domain(domain)}"
    except BadValue as exc:
        raise BadValue("an address of mail whose domain is one", text) from exc
