"""A complete scene from a part of a file: its first bytes, or its lower SH bands (SPEC "Partial decoding").

What the part settles is what the whole file decodes to. The rest of the first layer is what the entropy
model expects, given what is decoded, but for opacities (`fill`). Where that is little or the networks aren't
there, and in later layers, values are 0, the scene's means, and Gaussians' sizes follow their spacing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemgs_codec.coding.prefix import PrefixCoder
from hemgs_codec.coding.walk import are_enough, batches_of, unknown
from hemgs_codec.decoder import (
    CPU,
    Decoded,
    Opened,
    Scene,
    check_hash,
    open_file,
    reconstruct,
    walk_file,
)
from hemgs_codec.fill import fill_gaussians
from hemgs_codec.prior.packing import unpack_model
from hemgs_codec.profile_names import LAYERS
from hemgs_codec.progress import Progress
from hemgs_codec.sections import KNOWN, RUN_IDS, SINGLE_IDS, check_order
from hemgs_codec.shapes import GaussianShape
from hemgs_codec.threads import use_threads
from hemgs_format.container import Prefix, read_container, read_prefix
from hemgs_format.errors import SceneError, TruncatedError

_MODEL = ("NETS", "HASH")


@dataclass(frozen=True)
class Received:
    """What there was of a file, and what came of it.

    Attributes
    ----------
    file_bytes, received_bytes : int
        Size of the whole file, and of what was there.
    verified_bytes : int
        How many of the first bytes have a checksum that was compared.
    is_verified : bool
        All symbols were decoded, and have the hash that the encoder wrote.
    missing : tuple of str
        Ids of sections that aren't wholly there, each once, in file order.
    num_points : int
        Gaussians or anchors.
    decoded : dict
        For each layer, of how many points all its values were decoded; others' are predicted or 0.
    """

    file_bytes: int
    received_bytes: int
    verified_bytes: int
    is_verified: bool
    missing: tuple[str, ...]
    num_points: int
    decoded: dict[str, int]


def decode_partial(
    data: bytes | memoryview,
    *,
    allow_truncated: bool = True,
    bands: int | None = None,
    device: str = CPU,
    threads: int | None = None,
    max_points: int | None = None,
    progress: Progress | None = None,
) -> tuple[Scene, Received]:
    """Decode a part of an .hgs file to a scene of all its points.

    Parameters
    ----------
    data
        A file, or the first bytes of one: at least all of its locations.
    allow_truncated
        False: it must be a whole file.
    bands
        Highest SH band to decode, 0 .. 3; those above are 0. None: all that are there.
    device, threads, max_points
        As for `decode`.

    Returns
    -------
    Scene, Received

    Raises
    ------
    HgsError
        The data isn't that, or what is there of it is damaged.
    """
    if not allow_truncated:
        read_container(data, known=KNOWN, max_points=max_points)
    prefix = read_prefix(data, known=KNOWN, max_points=max_points)
    profile = prefix.container.profile
    check_order(prefix.ids, profile)
    if bands is not None and profile != "gaussian":
        raise SceneError("the file holds anchors: they have no SH bands to stop at")
    parts = {section.id: section.data for section in prefix.container.sections}
    for section_id in SINGLE_IDS[profile]:
        if section_id not in parts and section_id not in _MODEL:
            raise TruncatedError(
                f'section "{section_id}" isn\'t wholly in the first {len(data)} bytes: no scene without it'
            )
    with use_threads(threads):
        opened = open_file(prefix.container, parts)
        shape = opened.fields.shape
        layers = 1 + shape.sh_degree if isinstance(shape, GaussianShape) else 1
        wanted = layers if bands is None else min(bands + 1, layers)
        counts = [0] * layers
        decoded, is_whole = _nothing(opened), False
        known = np.zeros(0, dtype=np.int64)
        if all(section_id in parts for section_id in _MODEL):
            model = unpack_model(opened.fields.spec, parts["NETS"], parts["HASH"], opened.fields.prior)
            coder = _open_runs(prefix, wanted)
            decoded, graph = walk_file(opened, model, coder, device=device, progress=progress)
            coder.finish()
            batches = batches_of(graph, opened.fields.spec)
            for layer, count in enumerate(coder.batches):
                counts[layer] = sum(map(len, batches[:count]))
            if coder.batches:
                known = np.concatenate([known, *batches[: coder.batches[0]]])
            is_whole = all(count == len(opened.coords) for count in counts)
        if is_whole:
            check_hash(opened, decoded)
        elif isinstance(shape, GaussianShape):
            is_expected = are_enough(len(known), len(opened.coords))
            decoded = fill_gaussians(decoded, known, is_expected=is_expected)
        scene = reconstruct(decoded)
    received = Received(
        file_bytes=prefix.file_bytes,
        received_bytes=len(data),
        verified_bytes=prefix.verified_bytes,
        is_verified=is_whole,
        missing=tuple(dict.fromkeys(extent.id for extent in prefix.missing)),
        num_points=len(opened.coords),
        decoded=dict(zip(LAYERS[profile], counts, strict=False)),
    )
    return scene, received


def _nothing(opened: Opened) -> Decoded:
    """Return a scene of which nothing but positions on the lattice is known."""
    count = len(opened.coords)
    walked = unknown(count, opened.fields.spec)
    return Decoded(opened.fields, opened.coords, np.arange(count), walked, opened.networks)


def _open_runs(prefix: Prefix, layers: int) -> PrefixCoder:
    """Return the runs of the first layers, the last one maybe cut."""
    wanted, cut = RUN_IDS[:layers], prefix.cut
    runs = [section for section in prefix.container.sections if section.id in wanted]
    return PrefixCoder(runs, cut if cut is not None and cut.id in wanted else None)
