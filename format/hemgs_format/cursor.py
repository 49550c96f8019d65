"""A bounded little-endian reader: the one place that slices input bytes by lengths found in them."""

from __future__ import annotations

from hemgs_format.errors import CorruptError, TruncatedError


class Cursor:
    """Read values one after another; never beyond the end.

    Parameters
    ----------
    data
        The bytes to read.
    what
        Name of the bytes for messages, such as ``section table``.

    Examples
    --------
    >>> cursor = Cursor(bytes([0xAC, 0x02, 7]), "example")
    >>> cursor.varint(), cursor.u8()
    (300, 7)
    """

    def __init__(self, data: bytes | memoryview, what: str) -> None:
        self._data = memoryview(data)
        self._what = what
        self.offset = 0

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self.offset

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes, or raise TruncatedError."""
        if size > self.remaining:
            raise TruncatedError(
                f"{self._what}: {size} bytes wanted at byte {self.offset}, {self.remaining} left: truncated"
            )
        start, self.offset = self.offset, self.offset + size
        return self._data[start : self.offset].tobytes()

    def u8(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def u32(self) -> int:
        """Return the next four bytes as an unsigned integer."""
        return int.from_bytes(self.take(4), "little")

    def varint(self) -> int:
        """Return a number of 1 to 5 bytes, seven bits each, lowest first, top bit set on all but the last.

        Raises
        ------
        CorruptError
            The number is beyond 32 bits, or spelt with more bytes than it needs.
        """
        start, value = self.offset, 0
        for shift in range(0, 35, 7):
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> 32 or (byte == 0 and shift):
                    break
                return value
        raise CorruptError(f"{self._what}: no valid number at byte {start}")

    def finish(self) -> None:
        """Raise CorruptError unless everything was read."""
        if self.remaining:
            raise CorruptError(f"{self._what}: {self.remaining} bytes too many at byte {self.offset}")


def pack_varint(value: int) -> bytes:
    """Spell a number in 0 .. 2**32 - 1 as `Cursor.varint` reads it."""
    if not 0 <= value < 1 << 32:
        raise ValueError(f"varint {value}, expected 0 .. {(1 << 32) - 1}")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
