"""The invalid conformance files of anchors: see `breakages`. Applied to the valid file ``anchors``."""

from __future__ import annotations

from functools import partial

import numpy as np

from hemgs_codec.anchors.network_coding import INTEGER_LIMIT
from hemgs_codec.coding.centroids import NUM_CELLS
from hemgs_codec.decoder import decode
from hemgs_codec.model.value_lists import encode_values
from hemgs_codec.range_coder import SymbolEncoder
from hemgs_format.errors import CorruptError, HgsError, TruncatedError
from hemgs_format.sections import Section
from vectors.breakages import WORDS, Breakage
from vectors.edits import (
    with_data,
    with_float,
    with_keys,
    with_sections,
    without,
    without_key,
)


def _with_word(word: bytes, run: bytes) -> bytes:
    """Replace a run's first word."""
    return run[:1] + word + run[5:]


def _flag_of_two(data: bytes) -> bytes:
    """Change the first word of the symbols until a symbol comes out that is neither 0 nor 1."""
    for number in range(1 << 16):
        word = (number << 16).to_bytes(4, "little")
        changed = with_data("RUN0", partial(_with_word, word))(data)
        try:
            decode(changed, threads=1)
        except HgsError as error:
            if "neither 0 nor 1" in str(error):
                return changed
    raise AssertionError("no word makes such a symbol")


def _weight_beyond_limit(_: bytes) -> bytes:
    """Networks that begin with a weight that float32 doesn't hold."""
    encoder = SymbolEncoder()
    encoder.encode_uniform(np.array([0]), 5)
    encode_values(encoder, np.array([INTEGER_LIMIT + 1] + [0] * 27))  # opacity.hidden: 7 inputs, 4 outputs
    return encoder.finish()


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
    Breakage("rendering-weight-beyond-limit", "MLPS", CorruptError, with_data("MLPS", _weight_beyond_limit)),
    Breakage("rendering-networks-go-on", "Range coder", CorruptError, with_data("MLPS", lambda d: d + WORDS)),
    Breakage(
        "rendering-networks-not-words", "Range coder", TruncatedError, with_data("MLPS", lambda d: d[:-1])
    ),
    Breakage("anchors-beyond-float32", "Anchor profile", CorruptError, with_keys(origin=[1e300, 0.0, 0.0])),
)
