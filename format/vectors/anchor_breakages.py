"""The invalid conformance files of anchors: see `breakages`. Applied to the valid file ``anchors``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.network_coding import INTEGER_LIMIT, pack_rendering
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.profile import FIRST_MASK
from hemgs_codec.channel_scene import anchor_channels
from hemgs_codec.coding.centroids import NUM_CELLS
from hemgs_codec.decoder import decode_symbols
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.range_coder import SymbolEncoder
from hemgs_format.errors import CorruptError, TruncatedError
from hemgs_format.sections import Section
from vectors.breakages import WORDS, Breakage
from vectors.edits import (
    hashed,
    with_data,
    with_float,
    with_keys,
    with_sections,
    without,
    without_key,
)
from vectors.tiny import Recipe, encode_tiny, model_spec
from vectors.tiny_anchors import tiny_anchors


def _flag_of_two(_: bytes) -> bytes:
    """Have a flag of 2 in a scene of which only flags are coded, by networks to which all is one."""
    shape = NetworkShape(features=1, slots=1)
    recipe = Recipe(shape, "permuted", context=0, window=1, hidden=1, heads=1, use_context=False)
    scaling = Scaling(np.zeros(6, dtype=np.float32), np.array([0, 1, 0, 0, 0, 0], dtype=np.float32))
    spec = model_spec(recipe, scaling)
    shapes = spec.matrices()
    weights = {name: np.zeros(size, dtype=np.int32) for name, size in shapes.items()}
    biases = {name: np.zeros(columns, dtype=np.int32) for name, (_, columns) in shapes.items()}
    model = FrozenModel(spec, weights, biases, dict.fromkeys(shapes, 0), [])
    valid = encode_tiny(anchor_channels(*tiny_anchors(2, shape, 1400)), recipe, scaling, model)

    decoded = decode_symbols(valid)
    flags = decoded.walked.symbols[:, FIRST_MASK]
    assert with_data("RUN0", lambda run: run[:1] + _flag_words(flags))(valid) == valid
    flags[0] = 2
    return hashed(decoded)(with_data("RUN0", lambda run: run[:1] + _flag_words(flags))(valid))


def _flag_words(flags: npt.NDArray[np.int32]) -> bytes:
    """Code flags of which nothing is expected: mean 0, σ 1."""
    encoder = SymbolEncoder()
    encoder.encode_gaussian(flags.astype(np.int64), np.zeros(len(flags), np.int64), np.full(len(flags), 32))
    return encoder.finish()


def _weight_beyond_limit(data: bytes) -> bytes:
    """Have a weight that is just too large; float32 would hold it."""
    decoded = decode_symbols(data)
    assert decoded.networks is not None
    next(iter(decoded.networks.weights.values()))[0, 0] = INTEGER_LIMIT + 1
    words = pack_rendering(decoded.networks)
    return hashed(decoded)(with_data("MLPS", lambda _: words)(data))


ANCHORS = (
    Breakage("rendering-networks-missing", "Sections", CorruptError, without("MLPS")),
    Breakage(
        "run-of-no-anchor-layer", "Runs", CorruptError, with_sections(lambda s: [*s, Section("RUN1", b"\1")])
    ),
    Breakage("slots-missing", "META", CorruptError, without_key("slots")),
    Breakage("features-of-none", "META: features", CorruptError, with_keys(features=0)),
    Breakage("slots-beyond-limit", "META: slots", CorruptError, with_keys(slots=65)),
    Breakage("render-out-of-range", "META: render", CorruptError, with_keys(render=16)),
    Breakage("flags-of-another-scale", "META: offsets, scales", CorruptError, with_float("scales", 1, 2.0)),
    Breakage("flags-of-another-offset", "META: offsets, scales", CorruptError, with_float("offsets", 1, 1.0)),
    Breakage(
        "centroids-of-flags",
        "Centroids",
        CorruptError,
        with_keys(centroids=[b"", bytes(NUM_CELLS), b"", b""]),
    ),
    Breakage("flag-of-two", "Decoding order: gates", CorruptError, _flag_of_two),
    Breakage("rendering-weight-beyond-limit", "MLPS", CorruptError, _weight_beyond_limit),
    Breakage("rendering-networks-go-on", "Range coder", CorruptError, with_data("MLPS", lambda d: d + WORDS)),
    Breakage(
        "rendering-networks-not-words", "Range coder", TruncatedError, with_data("MLPS", lambda d: d[:-1])
    ),
    Breakage("anchors-beyond-float32", "Anchor profile", CorruptError, with_keys(origin=[1e300, 0.0, 0.0])),
)
