"""Bytes written and read one value after the other: numbers, bits, strings of every framing."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Self

from hagworm.extend.error import BadEncoding, BadValue, EndOfData, LimitExceeded

__all__ = ("ByteArray", "Endian", "Length")

Endian = Literal["big", "little"]
Length = Literal["u8", "u16", "u24", "u32", "varint"]
"""How the length is written that comes before a string: a number of so many bits, or as many bytes as it needs."""

CODES = {
    order: {name: struct.Struct(mark + code) for name, code in zip(("half", "single", "double"), "efd", strict=True)}
    for order, mark in (("big", ">"), ("little", "<"))
}
SIZES = {"u8": 1, "u16": 2, "u24": 3, "u32": 4}
LONGEST_VARINT = 10


class ByteArray:
    """A growing array of bytes with one place at which it is read and one at which bits wait; numbers are big-endian
    unless `endian` says otherwise.

    What is written goes to the end; reading begins at the beginning. A read beyond the end raises `EndOfData` and moves
    nothing; a write beyond `max_size` bytes raises `LimitExceeded` and writes nothing. `view=True` reads from the given
    bytes where they are, without a copy; then nothing can be written. Not for several threads at once.
    """

    __slots__ = ("bits", "bits_read", "bits_written", "buffer", "endian", "max_size", "position")

    def __init__(
        self,
        data: bytes | bytearray | memoryview = b"",
        *,
        endian: Endian = "big",
        max_size: int = 16 << 20,
        view: bool = False,
    ) -> None:
        if endian not in CODES:
            raise BadValue("'big' or 'little'", endian)

        if len(data) > max_size and not view:
            raise LimitExceeded(f"at most {max_size} bytes", len(data))

        self.endian: Endian = endian
        self.max_size = max_size
        self.buffer: bytearray | memoryview = memoryview(data).toreadonly().cast("B") if view else bytearray(data)
        self.position = 0
        self.bits = 0
        self.bits_read = 0
        self.bits_written = 0

    def __repr__(self) -> str:
        return f"<ByteArray {len(self.buffer)} bytes, at {self.position}, {self.endian}-endian>"

    def __bytes__(self) -> bytes:
        """Return everything that has been written. Raises `BadValue` while single bits wait for the rest of a byte."""
        self.check_whole()
        return bytes(self.buffer)

    def __len__(self) -> int:
        return len(self.buffer)

    def __eq__(self, other: object) -> bool:
        return bytes(self) == bytes(other) if isinstance(other, ByteArray) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    @property
    def remaining(self) -> int:
        """How many bytes are left to be read."""
        return len(self.buffer) - self.position

    def seek(self, position: int) -> Self:
        """Read on from there. Raises `EndOfData` for a place that there is not."""
        if not 0 <= position <= len(self.buffer):
            raise EndOfData(f"a place from 0 to {len(self.buffer)}", position)

        self.position, self.bits_read = position, 0
        return self

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Read several values or none: an error in the block puts the place back where it was.

        So a message that has come only in part can be tried again when there is more.
        """
        before = self.position, self.bits_read

        try:
            yield
        except BaseException:
            self.position, self.bits_read = before
            raise

    def compact(self) -> Self:
        """Forget what has been read: the first byte is then the next one."""
        if isinstance(self.buffer, memoryview):
            self.buffer = self.buffer[self.position :]
        else:
            del self.buffer[: self.position]

        self.position = 0
        return self

    # Bytes

    def write(self, data: bytes | bytearray | memoryview) -> Self:
        """Write bytes as they are."""
        self.check_whole()

        if isinstance(self.buffer, memoryview):
            raise BadValue("bytes that can be written, not a view")

        if len(self.buffer) + len(data) > self.max_size:
            raise LimitExceeded(f"at most {self.max_size} bytes", len(self.buffer) + len(data))

        self.buffer += data
        return self

    def read(self, size: int) -> bytes:
        """Read so many bytes."""
        return bytes(self.read_view(size))

    def read_view(self, size: int) -> memoryview:
        """Read so many bytes without a copy; as long as the view lives nothing can be written (BufferError)."""
        if self.bits_read:
            raise BadValue("a whole byte: bits have been read, `align_read` leaves the rest out", self.bits_read)

        if size < 0:
            raise BadValue("a size of 0 or more", size)

        if size > self.remaining:
            raise EndOfData(f"{size} bytes, where {self.remaining} are left")

        view = memoryview(self.buffer)[self.position : self.position + size]
        self.position += size
        return view

    def write_pad(self, size: int, fill: int = 0) -> Self:
        """Write a byte so many times."""
        if size > self.max_size:
            raise LimitExceeded(f"at most {self.max_size} bytes", size)

        return self.write(bytes((fill,)) * size)

    def skip(self, size: int) -> Self:
        """Read so many bytes and forget them."""
        self.read_view(size).release()
        return self

    # Whole numbers

    def write_uint(self, number: int, size: int) -> Self:
        """Write a number of 0 or more in so many bytes. Raises `BadValue` for one that does not fit."""
        return self.write(self.packed(number, size, signed=False))

    def read_uint(self, size: int) -> int:
        return int.from_bytes(self.read_view(size), self.endian)

    def write_int(self, number: int, size: int) -> Self:
        """Write a number in so many bytes, in two's complement. Raises `BadValue` for one that does not fit."""
        return self.write(self.packed(number, size, signed=True))

    def read_int(self, size: int) -> int:
        return int.from_bytes(self.read_view(size), self.endian, signed=True)

    def write_u8(self, number: int) -> Self:
        return self.write_uint(number, 1)

    def read_u8(self) -> int:
        return self.read_uint(1)

    def write_u16(self, number: int) -> Self:
        return self.write_uint(number, 2)

    def read_u16(self) -> int:
        return self.read_uint(2)

    def write_u24(self, number: int) -> Self:
        return self.write_uint(number, 3)

    def read_u24(self) -> int:
        return self.read_uint(3)

    def write_u32(self, number: int) -> Self:
        return self.write_uint(number, 4)

    def read_u32(self) -> int:
        return self.read_uint(4)

    def write_u64(self, number: int) -> Self:
        return self.write_uint(number, 8)

    def read_u64(self) -> int:
        return self.read_uint(8)

    def write_i8(self, number: int) -> Self:
        return self.write_int(number, 1)

    def read_i8(self) -> int:
        return self.read_int(1)

    def write_i16(self, number: int) -> Self:
        return self.write_int(number, 2)

    def read_i16(self) -> int:
        return self.read_int(2)

    def write_i24(self, number: int) -> Self:
        return self.write_int(number, 3)

    def read_i24(self) -> int:
        return self.read_int(3)

    def write_i32(self, number: int) -> Self:
        return self.write_int(number, 4)

    def read_i32(self) -> int:
        return self.read_int(4)

    def write_i64(self, number: int) -> Self:
        return self.write_int(number, 8)

    def read_i64(self) -> int:
        return self.read_int(8)

    def write_varint(self, number: int) -> Self:
        """Write 0 to 2**64 - 1 in 1 to 10 bytes of 7 bits, the lowest first (LEB128, as Protocol Buffers do)."""
        return self.write(varint(number))

    def read_varint(self) -> int:
        """Read such a number. Raises `BadEncoding` for more than 64 bits and for more bytes than it needs."""
        with self.attempt():
            number = 0

            for place in range(LONGEST_VARINT):
                byte = self.read_u8()
                number |= (byte & 0x7F) << 7 * place

                if byte < 0x80:
                    if number >> 64 or (place and not byte):
                        raise BadEncoding("a varint of at most 64 bits in as few bytes as it needs")

                    return number

            raise BadEncoding("a varint of at most 64 bits in as few bytes as it needs")

    def write_zigzag(self, number: int) -> Self:
        """Write -2**63 to 2**63 - 1 as a varint in which numbers near 0 are short, negative ones too."""
        if not -1 << 63 <= number < 1 << 63:
            raise BadValue("a signed number of 64 bits", number)

        return self.write_varint(number << 1 if number >= 0 else (-number << 1) - 1)

    def read_zigzag(self) -> int:
        number = self.read_varint()
        return -(number + 1 >> 1) if number & 1 else number >> 1

    # Other numbers

    def write_float(self, number: float) -> Self:
        """Write an IEEE 754 number of 32 bits, rounded. Raises `BadValue` for one that is too large."""
        return self.write_real(number, "single")

    def read_float(self) -> float:
        return self.read_real("single", 4)

    def write_double(self, number: float) -> Self:
        """Write an IEEE 754 number of 64 bits: every float of Python, exactly."""
        return self.write_real(number, "double")

    def read_double(self) -> float:
        return self.read_real("double", 8)

    def write_half(self, number: float) -> Self:
        """Write an IEEE 754 number of 16 bits, rounded. Raises `BadValue` for one that is too large."""
        return self.write_real(number, "half")

    def read_half(self) -> float:
        return self.read_real("half", 2)

    def write_bool(self, value: bool) -> Self:
        """Write a byte of 1 or 0."""
        return self.write(b"\1" if value else b"\0")

    def read_bool(self) -> bool:
        """Read a byte of 1 or 0. Raises `BadEncoding` for others."""
        with self.attempt():
            if (byte := self.read_u8()) > 1:
                raise BadEncoding("a byte of 0 or 1", byte)

        return byte == 1

    # Strings

    def write_bytes(self, data: bytes | bytearray | memoryview, length: Length = "varint") -> Self:
        """Write the length of `data` and then `data`. Raises `LimitExceeded` where the length has not enough bits."""
        size = len(data)

        if length == "varint":
            return self.write(varint(size) + bytes(data))

        if size >= 1 << 8 * size_of(length):
            raise LimitExceeded(f"a length that {length} can hold", size)

        return self.write(size.to_bytes(size_of(length), self.endian) + bytes(data))

    def read_bytes(self, length: Length = "varint", *, limit: int = 1 << 20) -> bytes:
        """Read what `write_bytes` has written with the same `length`.

        Raises `LimitExceeded` for more than `limit` bytes before anything is made for them.
        """
        with self.attempt():
            size = self.read_varint() if length == "varint" else self.read_uint(size_of(length))

            if size > limit:
                raise LimitExceeded(f"at most {limit} bytes", size)

            return self.read(size)

    def write_string(self, text: str, length: Length = "varint", *, encoding: str = "utf-8") -> Self:
        """Write text with the length of its bytes before it. Raises `BadValue` where `encoding` cannot hold it."""
        try:
            return self.write_bytes(text.encode(encoding), length)
        except UnicodeError as exc:
            raise BadValue(f"text that {encoding} can hold", text) from exc

    def read_string(self, length: Length = "varint", *, encoding: str = "utf-8", limit: int = 1 << 20) -> str:
        """Read what `write_string` has written. Raises `BadEncoding` for bytes that are no text."""
        with self.attempt():
            data = self.read_bytes(length, limit=limit)
            return decoded(data, encoding)

    def write_pascal(self, text: str, *, encoding: str = "utf-8") -> Self:
        """Write text of at most 255 bytes with one byte of length before it."""
        return self.write_string(text, "u8", encoding=encoding)

    def read_pascal(self, *, encoding: str = "utf-8") -> str:
        return self.read_string("u8", encoding=encoding)

    def write_cstring(self, text: str, *, encoding: str = "utf-8") -> Self:
        """Write text and a byte of 0 behind it. Raises `BadValue` where there is one in it already."""
        try:
            data = text.encode(encoding)
        except UnicodeError as exc:
            raise BadValue(f"text that {encoding} can hold", text) from exc

        if b"\0" in data:
            raise BadValue("text without a byte of 0", text)

        return self.write(data + b"\0")

    def read_cstring(self, *, encoding: str = "utf-8", limit: int = 1 << 20) -> str:
        """Read text up to a byte of 0, which is taken too. Raises `LimitExceeded` for more than `limit` bytes."""
        window = bytes(memoryview(self.buffer)[self.position : self.position + limit + 1])

        if (size := window.find(b"\0")) < 0:
            if len(window) > limit:
                raise LimitExceeded(f"text of at most {limit} bytes")

            raise EndOfData("text with a byte of 0 behind it")

        with self.attempt():
            text = decoded(self.read(size), encoding)
            self.skip(1)

        return text

    def write_fixed(self, data: bytes, size: int) -> Self:
        """Write `data`, filled up with bytes of 0 to `size`. Raises `LimitExceeded` for more than that."""
        if len(data) > size:
            raise LimitExceeded(f"at most {size} bytes", len(data))

        return self.write(data.ljust(size, b"\0"))

    # Bits, the highest of each byte first

    def write_bits(self, number: int, count: int) -> Self:
        """Write a number of 0 or more in so many bits, behind the bits before it.

        Until they make a whole byte, they wait: nothing but bits can be written then. `align_write` fills a byte up.
        """
        if count < 0 or number < 0 or number >> count:
            raise BadValue(f"a number of 0 or more in {count} bits", number)

        bits, waiting = self.bits << count | number, self.bits_written + count
        whole, rest = divmod(waiting, 8)
        self.bits_written, before = 0, self.bits_written

        try:
            self.write((bits >> rest).to_bytes(whole, "big"))
        except LimitExceeded:
            self.bits_written = before
            raise

        self.bits, self.bits_written = bits & (1 << rest) - 1, rest
        return self

    def read_bits(self, count: int) -> int:
        """Read so many bits, from where bits were read last."""
        if count < 0:
            raise BadValue("how many bits are read, 0 or more", count)

        # `position` is the byte in which bits have been read, `bits_read` how many of them.
        whole, rest = divmod(self.bits_read + count, 8)

        if (size := whole + (rest > 0)) > self.remaining:
            raise EndOfData(f"{count} bits, where {8 * self.remaining - self.bits_read} are left")

        data = int.from_bytes(memoryview(self.buffer)[self.position : self.position + size], "big")
        number = data >> 8 * size - self.bits_read - count & (1 << count) - 1
        self.position, self.bits_read = self.position + whole, rest
        return number

    def align_write(self) -> Self:
        """Fill the last byte up with bits of 0."""
        return self.write_bits(0, -self.bits_written % 8)

    def align_read(self) -> Self:
        """Leave out what is left of a byte of which bits have been read."""
        self.position, self.bits_read = self.position + (self.bits_read > 0), 0
        return self

    def packed(self, number: int, size: int, *, signed: bool) -> bytes:
        try:
            return number.to_bytes(size, self.endian, signed=signed)
        except OverflowError as exc:
            raise BadValue(f"a{' signed' * signed} number of {8 * size} bits", number) from exc

    def write_real(self, number: float, kind: str) -> Self:
        try:
            return self.write(CODES[self.endian][kind].pack(number))
        except (OverflowError, struct.error) as exc:
            raise BadValue(f"a number that {kind} precision holds", number) from exc

    def read_real(self, kind: str, size: int) -> float:
        (number,) = CODES[self.endian][kind].unpack(self.read_view(size))
        return float(number)

    def check_whole(self) -> None:
        if self.bits_written:
            raise BadValue("a whole byte: bits wait for the rest of one, `align_write` fills it up", self.bits_written)


def varint(number: int) -> bytes:
    if not 0 <= number < 1 << 64:
        raise BadValue("a number of 0 to 2**64 - 1", number)

    data = bytearray()

    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7

    data.append(number)
    return bytes(data)


def size_of(length: str) -> int:
    try:
        return SIZES[length]
    except KeyError:
        raise BadValue("a length of 'u8', 'u16', 'u24', 'u32' or 'varint'", length) from None


def decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeError as exc:
        raise BadEncoding(f"text in {encoding}", data) from exc
