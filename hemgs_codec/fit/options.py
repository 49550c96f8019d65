"""Options of a fit and the coding that follows, and how long they make it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hemgs_codec.context.order import Order

DEFAULT_EFFORT = 4
LENGTHS = (0.0, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""Length of a fit by effort, as a share of the usual one."""


@dataclass(frozen=True)
class EncodeOptions:
    """Options of a fit and the coding that follows; the defaults are `encode`'s.

    Attributes
    ----------
    effort : int
        0 .. 9: how long to fit, from not at all.
    iterations : int or None
        Length of the fit; None: by effort and scene size.
    order, context, window
        Coding order, most context anchors, window width in voxels.
    position_bits : int or None
        Bits an axis; None: by λ.
    use_hash, use_context, use_earlier, use_adaptation, use_tilts : bool
        Ablation switches: the hash grid, the autoregressive network, conditioning on earlier groups, setting
        predictions right by what is coded, and steps by opacity and scales where nothing is fitted.
    """

    seed: int = 0
    effort: int = DEFAULT_EFFORT
    iterations: int | None = None
    order: Order = "permuted"
    context: int = 20
    window: int = 25
    position_bits: int | None = None
    use_hash: bool = True
    use_context: bool = True
    use_earlier: bool = True
    use_adaptation: bool = True
    use_tilts: bool = True


def fit_length(num_gaussians: int, options: EncodeOptions) -> int:
    """Length of a fit by effort and scene size: small scenes overfit their networks soon."""
    if options.iterations is not None:
        return options.iterations
    return round(float(np.clip(num_gaussians / 40, 600, 1200)) * LENGTHS[options.effort])
