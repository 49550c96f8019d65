"""Attribute runs: symbols of consecutive batches of one layer, one section each (SPEC "Runs").

A run is a varint, the number of its batches, then the range coder's words. It's sealed once it holds about
`RUN_BITS`, so that a prefix of the file is a coarser scene and no stream grows without bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.quantise import choose_symbols, divide_cells
from hemgs_codec.model.units import step_table
from hemgs_codec.range_coder import SymbolDecoder, SymbolEncoder
from hemgs_codec.sections import RUN_IDS
from hemgs_format.cursor import Cursor, pack_varint
from hemgs_format.errors import CorruptError
from hemgs_format.sections import Section

Int64Array = npt.NDArray[np.int64]
RUN_BITS = 8 * 16384


class SceneCoder:
    """Encode a scene's values: quantise each slice with the predicted steps, by rate and distortion.

    Parameters
    ----------
    values : (N, C) float64
        Attributes in channel scales, by rank.
    places : (N, 3) float64
        Where in their lattice cells anchors lie, 0 .. 1 an axis, by rank.
    prices : (N, C) float64 or None
        Bits that a squared error in channel scales is worth; None: round to the nearest symbol.
    run_bits : int
        Seal a run after the batch with which it holds this much.
    """

    has_all = False  # runs are written one after another

    def __init__(
        self,
        values: npt.NDArray[np.float64],
        places: npt.NDArray[np.float64],
        prices: npt.NDArray[np.float64] | None = None,
        run_bits: int = RUN_BITS,
    ) -> None:
        self.values = values
        self.places = places
        self.run_bits = run_bits
        self.prices = prices
        self.sections: list[Section] = []
        self.bits = np.zeros(values.shape[1])  # by channel, as the tables have it
        self.position_bits = 0.0
        self._encoder = SymbolEncoder()
        self._batches = 0
        self._run_bits = 0.0

    def code(
        self,
        layer: int,  # noqa: ARG002  the run's id has it, when it's sealed
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        step = step_table()[steps] / 65536.0
        where = (ranks, channels)
        wanted = self.values[where] / step
        price = np.full(wanted.shape, np.inf) if self.prices is None else self.prices[where] * step**2
        symbols, bits = choose_symbols(wanted, means, sigmas, price)
        self._encoder.encode_gaussian(symbols, means, sigmas)
        self.bits += np.bincount(channels, bits, len(self.bits))
        self._run_bits += float(bits.sum())
        return symbols

    def code_positions(
        self,
        layer: int,  # noqa: ARG002  the run's id has it
        ranks: Int64Array,
        halvings: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        parts = divide_cells(self.places[ranks], halvings)
        self._encoder.encode_uniform(parts.ravel(), np.repeat(halvings, 3))
        bits = 3.0 * float(halvings.sum())
        self.position_bits += bits
        self._run_bits += bits
        return parts

    def end_batch(self, layer: int) -> bool:
        """See `coder.Coder`."""
        self._batches += 1
        if self._run_bits >= self.run_bits:
            self._seal(layer)
        return True

    def end_layer(self, layer: int) -> None:
        """See `coder.Coder`."""
        if self._batches:
            self._seal(layer)

    def _seal(self, layer: int) -> None:
        data = pack_varint(self._batches) + self._encoder.finish()
        self.sections.append(Section(RUN_IDS[layer], data))
        self._encoder = SymbolEncoder()
        self._batches = 0
        self._run_bits = 0.0


class FileCoder:
    """Decode a file's runs, each layer's in their order.

    Raises
    ------
    CorruptError
        Runs and batches don't match.
    """

    has_all = True

    def __init__(self, sections: Sequence[Section]) -> None:
        self._runs = [[section for section in sections if section.id == name] for name in RUN_IDS]
        self._next = [0] * len(RUN_IDS)
        self._left = [0] * len(RUN_IDS)
        self._decoders: list[SymbolDecoder | None] = [None] * len(RUN_IDS)

    def code(
        self,
        layer: int,
        ranks: Int64Array,  # noqa: ARG002  only an encoder asks whose values these are, and their steps
        channels: Int64Array,  # noqa: ARG002
        steps: Int64Array,  # noqa: ARG002
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        return self._open(layer).decode_gaussian(means, sigmas)

    def code_positions(
        self,
        layer: int,
        ranks: Int64Array,  # noqa: ARG002  only an encoder asks which anchors these are
        halvings: Int64Array,
    ) -> Int64Array:
        """See `coder.Coder`."""
        return decode_parts(self._open(layer), halvings)

    def _open(self, layer: int) -> SymbolDecoder:
        decoder, runs, number = self._decoders[layer], self._runs[layer], self._next[layer]
        if decoder is None:
            if number == len(runs):
                raise CorruptError(f'section "{RUN_IDS[layer]}": a run is missing')
            self._left[layer], words = split_run(runs[number])
            decoder = self._decoders[layer] = SymbolDecoder(words)
            self._next[layer] += 1
        return decoder

    def end_batch(self, layer: int) -> bool:
        """See `coder.Coder`."""
        decoder = self._open(layer)
        self._left[layer] -= 1
        if self._left[layer] == 0:
            decoder.finish()
            self._decoders[layer] = None
        return True

    def end_layer(self, layer: int) -> None:
        """See `coder.Coder`."""
        if self._decoders[layer] is not None:
            raise CorruptError(f'section "{RUN_IDS[layer]}": the last run goes on after its layer')

    def finish(self) -> None:
        """Check that every run was used."""
        for runs, used in zip(self._runs, self._next, strict=True):
            if used != len(runs):
                raise CorruptError(f'section "{runs[used].id}": an unexpected run')


def decode_parts(decoder: SymbolDecoder, halvings: Int64Array) -> Int64Array:
    """Return the parts (n, 3) of cells that are halved ``halvings`` (n,) times."""
    return decoder.decode_uniform(3 * len(halvings), np.repeat(halvings, 3)).reshape(-1, 3)


def split_run(run: Section) -> tuple[int, bytes]:
    """Return a run's number of batches and its words.

    Raises
    ------
    CorruptError
        There are no batches.
    TruncatedError
        The number isn't there.
    """
    cursor = Cursor(run.data, run.id)
    batches = cursor.varint()
    if batches == 0:
        raise CorruptError(f'section "{run.id}": a run of no batches')
    return batches, cursor.take(cursor.remaining)
