"""Where a walk's symbols come from or go to: what encoders and decoders do differently, and all of it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]


class Coder(Protocol):
    """Where a walk's symbols come from or go to."""

    @property
    def has_all(self) -> bool:
        """Whether data of all layers are there: then layers may be coded side by side, each in its order."""

    def code(
        self,
        layer: int,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array | None:
        """Code what is coded of one slice of one batch: n entries, anchor after anchor.

        Parameters
        ----------
        ranks, channels : (n,)
            Whose value each entry is, ascending, and of which of all channels.
        steps : (n,)
            Step indices.
        means, sigmas : (n,)
            Mean in sixteenths of a symbol and σ index.

        Returns
        -------
        (n,) int64 or None
            The symbols; None: a decoder's data end before, here and for the rest of the walk.
        """

    def code_positions(self, layer: int, ranks: Int64Array, halvings: Int64Array) -> Int64Array | None:
        """Code where in their lattice cells anchors lie.

        Parameters
        ----------
        ranks, halvings : (n,)
            Anchors, ascending, and how often each axis of their cells is halved.

        Returns
        -------
        (n, 3) int64 or None
            The part of the cell on each axis, 0 .. 2**halvings - 1. None: as above.
        """

    def end_batch(self, layer: int) -> bool:
        """End a batch: a run may end here; return whether it counts, False where data end before."""

    def end_layer(self, layer: int) -> None:
        """End a layer: a run must end here."""
