"""What each attribute of a file costs, by the tables that it was coded with: layers interleave them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.runs import FileCoder
from hemgs_codec.decoder import check_hash, open_file, walk_file
from hemgs_codec.prior.packing import unpack_model
from hemgs_codec.sections import KNOWN, split_sections
from hemgs_format.container import read_container
from hemgs_format.sections import Section
from hemgs_format.symbols import gaussian_bits

Int64Array = npt.NDArray[np.int64]


class _Listener(FileCoder):
    """Decode, and add up what symbols cost, by channel; parts of positions have none."""

    has_all = False  # it adds up

    def __init__(self, sections: Sequence[Section], channels: int) -> None:
        super().__init__(sections)
        self.bits, self.position_bits = np.zeros(channels), 0.0

    def code(
        self,
        layer: int,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        symbols = super().code(layer, ranks, channels, steps, means, sigmas)
        self.bits += np.bincount(channels, gaussian_bits(symbols, means, sigmas), len(self.bits))
        return symbols

    def code_positions(self, layer: int, ranks: Int64Array, halvings: Int64Array) -> Int64Array:
        """See `coder.Coder`."""
        self.position_bits += 3.0 * float(halvings.sum())
        return super().code_positions(layer, ranks, halvings)


def attribute_bits(data: bytes | memoryview, *, max_points: int | None = None) -> dict[str, float]:
    """Decode a file and return the bits of each attribute group, by name; runs take a little more.

    Raises
    ------
    HgsError
        The data isn't a whole .hgs file that this version reads, or holds more than `max_points`.
    """
    container = read_container(data, known=KNOWN, max_points=max_points)
    parts, runs = split_sections(container.sections, container.profile)
    opened = open_file(container, parts)
    spec = opened.fields.spec
    model = unpack_model(spec, parts["NETS"], parts["HASH"], opened.fields.prior)
    listener = _Listener(runs, spec.channels)
    decoded, _ = walk_file(opened, model, listener)
    listener.finish()
    check_hash(opened, decoded)
    found = {}
    for index, group in enumerate(spec.groups):
        first = spec.first_channel(index)
        bits = float(listener.bits[first : first + group.channels].sum())
        found[group.name] = listener.position_bits if group.refines_positions else bits
    return found
