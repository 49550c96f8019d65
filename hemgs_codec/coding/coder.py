"""Where a walk's symbols come from or go to: what encoders and decoders do differently, and all of it."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]


class Coder(Protocol):
    """Where a walk's symbols come from or go to."""

    def code(
        self,
        group: int,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> Int64Array:
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
        (n,) int64
            The symbols.
        """

    def code_positions(self, group: int, ranks: Int64Array, halvings: Int64Array) -> Int64Array:
        """Code where in their lattice cells anchors lie.

        Parameters
        ----------
        ranks, halvings : (n,)
            Anchors, ascending, and how often each axis of their cells is halved.

        Returns
        -------
        (n, 3) int64
            The part of the cell on each axis, 0 .. 2**halvings - 1.
        """

    def end_batch(self, group: int) -> None:
        """End a batch: a run may end here."""

    def end_group(self, group: int) -> None:
        """End a group: a run must end here."""
