"""Pack a file with a general compressor, and back.

``python -m benchmarks.codecs.lossless_worker NAME pack|unpack IN OUT``.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import click
import zstandard

_ZSTD_LEVEL = 19
_XZ_PRESET = 9 | lzma.PRESET_EXTREME


def pack(name: str, plain: bytes) -> bytes:
    """Return bytes packed by "zstd" or "xz"."""
    if name == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(plain)
    return lzma.compress(plain, preset=_XZ_PRESET)


def unpack(name: str, packed: bytes) -> bytes:
    """Return the bytes that `pack` was given."""
    if name == "zstd":
        return zstandard.ZstdDecompressor().decompress(packed)
    return lzma.decompress(packed)


@click.command()
@click.argument("name", type=click.Choice(["zstd", "xz"]))
@click.argument("direction", type=click.Choice(["pack", "unpack"]))
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def main(name: str, direction: str, source: Path, target: Path) -> None:
    """Pack or unpack SOURCE to TARGET."""
    work = pack if direction == "pack" else unpack
    target.write_bytes(work(name, source.read_bytes()))


if __name__ == "__main__":
    main()
