"""Runs of a file that is only there in part: what its first bytes settle, and nothing more.

See SPEC "Partial decoding". A symbol that was decoded before the range coder needed a word that is missing is
the whole run's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.runs import decode_parts, split_run
from hemgs_codec.range_coder import SymbolDecoder
from hemgs_codec.sections import RUN_IDS
from hemgs_format.errors import CorruptError, TruncatedError
from hemgs_format.sections import Section

Int64Array = npt.NDArray[np.int64]
_WORD = 4  # bytes


class PrefixCoder:
    """Decode runs as far as they go: see `coder.Coder`.

    Parameters
    ----------
    runs
        Those that are wholly there.
    cut
        The first bytes of the next one.

    Attributes
    ----------
    batches : list of int
        For each layer that was reached, how many batches were decoded wholly.

    Raises
    ------
    CorruptError
        Runs and batches don't match.
    """

    has_all = False

    def __init__(self, runs: Sequence[Section], cut: Section | None = None) -> None:
        self.batches: list[int] = []
        self._runs, self._cut = list(runs), cut
        self._left = 0
        self._decoder: SymbolDecoder | None = None
        self._is_cut = False  # the run that is open
        self._is_over = False  # for good

    def code(
        self,
        layer: int,
        ranks: Int64Array,  # noqa: ARG002  only an encoder asks whose values these are, and their steps
        channels: Int64Array,  # noqa: ARG002
        steps: Int64Array,  # noqa: ARG002
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array | None:
        """See `coder.Coder`."""
        return self._decode(layer, lambda decoder: decoder.decode_gaussian(means, sigmas))

    def code_positions(
        self,
        layer: int,
        ranks: Int64Array,  # noqa: ARG002  only an encoder asks which anchors these are
        halvings: Int64Array,
    ) -> Int64Array | None:
        """See `coder.Coder`."""
        return self._decode(layer, lambda decoder: decode_parts(decoder, halvings))

    def _decode(self, layer: int, call: Callable[[SymbolDecoder], Int64Array]) -> Int64Array | None:
        """Return what a call decodes to; None where words are missing that matter."""
        decoder = self._open(layer)
        if decoder is None:
            return None
        try:
            decoded = call(decoder)
        except CorruptError:
            if not (self._is_cut and decoder.is_beyond):
                raise
        self._is_over = self._is_cut and decoder.is_beyond
        return None if self._is_over else decoded

    def _open(self, layer: int) -> SymbolDecoder | None:
        """Return the decoder of the run that is open, or of the next one; None where there is none."""
        if self._is_over or self._decoder is not None:
            return None if self._is_over else self._decoder
        self._is_cut = not self._runs
        run = self._runs.pop(0) if self._runs else self._cut
        if run is None:
            self._is_over = True
            return None
        if run.id != RUN_IDS[layer]:
            raise CorruptError(f'section "{RUN_IDS[layer]}": a run is missing')
        try:
            self._left, words = split_run(run)
        except TruncatedError:
            if not self._is_cut:
                raise
            self._is_over = True
            return None
        if self._is_cut:
            words = words[: len(words) - len(words) % _WORD]
        self._decoder = SymbolDecoder(words)
        return self._decoder

    def end_batch(self, layer: int) -> bool:
        """See `coder.Coder`."""
        if len(self.batches) == layer:
            self.batches.append(0)
        decoder = self._open(layer)
        if decoder is None:
            return False
        self.batches[layer] += 1
        self._left -= 1
        if self._left == 0:
            self._is_over = self._is_cut
            if not self._is_cut:
                decoder.finish()
            self._decoder = None
        return True

    def end_layer(self, layer: int) -> None:
        """See `coder.Coder`."""
        if self._decoder is not None and not self._is_over:
            raise CorruptError(f'section "{RUN_IDS[layer]}": the last run goes on after its layer')

    def finish(self) -> None:
        """Check that every run was used, as far as they go."""
        if self._runs and not self._is_over:
            raise CorruptError(f'section "{self._runs[0].id}": an unexpected run')
