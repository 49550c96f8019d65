"""Bulk bytes to zstandard and back, with the output's size checked before it is allocated (SPEC: "Bulk")."""

from __future__ import annotations

import zstandard

from hemgs_format.errors import CorruptError, LimitError

_LEVEL = 19
_MAX_WINDOW = 1 << 27
"""128 MiB, zstd's own default limit for decoders."""

_EMPTY_BLOCK = b"\x01\x00\x00"
"""Raw, last, no bytes."""


def compress(data: bytes) -> bytes:
    """Return one zstandard frame that states its content size and has no checksum (the section has one)."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=False, write_content_size=True)
    return compressor.compress(data)


def decompress(data: bytes | memoryview, *, max_bytes: int) -> bytes:
    """Return the content of one zstandard frame.

    Parameters
    ----------
    data
        The frame, and nothing after it.
    max_bytes
        Largest content that the caller can use.

    Raises
    ------
    LimitError
        The frame says that it holds more than `max_bytes`.
    CorruptError
        It isn't one valid frame, or doesn't state its size.
    """
    try:
        frame = zstandard.get_frame_parameters(data)
    except zstandard.ZstdError as error:
        raise CorruptError(f"bulk data isn't a zstandard frame: {error}") from error
    if frame.content_size == zstandard.CONTENTSIZE_UNKNOWN:
        raise CorruptError("bulk data doesn't state its size")
    if frame.content_size > max_bytes:
        raise LimitError(f"bulk data holds {frame.content_size} bytes, expected at most {max_bytes}")
    if frame.content_size == 0:  # the library returns at once here, without a look at the rest
        if bytes(data[zstandard.frame_header_size(data) :]) != _EMPTY_BLOCK:
            raise CorruptError("bulk data is damaged: an empty frame with content")
        return b""
    try:
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        content = decompressor.decompress(data, allow_extra_data=False)
    except (zstandard.ZstdError, MemoryError) as error:
        raise CorruptError(f"bulk data is damaged: {error}") from error
    if len(content) != frame.content_size:
        raise CorruptError(f"bulk data holds {len(content)} bytes, stated {frame.content_size}")
    return content
