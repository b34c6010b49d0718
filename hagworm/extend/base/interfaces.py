"""The system's own list of network interfaces."""

import ctypes
import ctypes.util
import os
import socket
import sys
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

__all__ = ("system_interfaces",)

UP = 1


class Record(ctypes.Structure):
    """`struct ifaddrs`, of which Linux and BSD have the same beginning."""


Record._fields_ = [
    ("next", ctypes.POINTER(Record)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.c_void_p),
    ("mask", ctypes.c_void_p),
]


def system_interfaces() -> list[tuple[str, IPv4Interface | IPv6Interface, bool]]:
    """Return name, address with network, and whether it is up, of each address. Raises OSError."""
    library = ctypes.CDLL(ctypes.util.find_library("c") if sys.platform == "darwin" else None, use_errno=True)
    first = ctypes.POINTER(Record)()

    if library.getifaddrs(ctypes.byref(first)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))

    try:
        found, entry = [], first

        while entry:  # type: ignore[truthy-bool]  # a pointer is true unless it is NULL
            record = entry.contents
            entry = record.next

            if record.address and (address := read_address(record.address)) is not None:
                mask = read_address(record.mask) if record.mask else None
                found.append((os.fsdecode(record.name or b""), with_network(address, mask), bool(record.flags & UP)))

        return found
    finally:
        library.freeifaddrs(first)


def read_address(place: int) -> IPv4Address | IPv6Address | None:
    """Return what a `struct sockaddr` holds; None for other kinds than IP."""
    # BSD has a length in the first byte and the family in the second, others the family in both.
    head = ctypes.string_at(place, 2)
    family = head[1] if sys.platform.startswith(("darwin", "freebsd")) else int.from_bytes(head, sys.byteorder)

    if family == socket.AF_INET:
        return IPv4Address(ctypes.string_at(place + 4, 4))

    if family == socket.AF_INET6:
        return IPv6Address(ctypes.string_at(place + 8, 16))

    return None


def with_network(
    address: IPv4Address | IPv6Address, mask: IPv4Address | IPv6Address | None
) -> IPv4Interface | IPv6Interface:
    bits = address.max_prefixlen if mask is None else int(mask).bit_count()
    return IPv4Interface((address, bits)) if isinstance(address, IPv4Address) else IPv6Interface((address, bits))
