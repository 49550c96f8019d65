"""The rivals, in the order of tables: nearest in kind first, general compressors last.

gsplat's PNG compression isn't among them: its palette of SH comes from a k-means that runs on CUDA alone.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.codecs.codec import Codec
from benchmarks.codecs.draco import Draco, DracoLocations
from benchmarks.codecs.ksplat import Ksplat
from benchmarks.codecs.lossless import xz, zstd
from benchmarks.codecs.splat_transform import CompressedPly, Sog, Spz


def rivals(peers: Path, gpu: str = "cpu") -> list[Codec]:
    """Return all rival codecs.

    Parameters
    ----------
    peers : Path
        The folder that `benchmarks.setup_peers` installed into.
    gpu : str
        Number of the GPU that SOG's palettes are made on, or "cpu".
    """
    return [
        Spz(peers),
        Sog(peers, gpu),
        CompressedPly(peers),
        Ksplat(peers),
        Draco(),
        DracoLocations(),
        zstd(),
        xz(),
    ]
