"""Leave out slots that cost more than they show: what an image loses without one, against its bits.

Trained masks can't tell. Where opacities are trained to their optimum, the loss's gradient by a mask is
nothing, while leaving the slot out costs a lot: any price of bits would win. What a slot adds to images says
it: the squared derivative by its mask is the error that it leaves behind, where it hides nothing.
"""

from __future__ import annotations

import torch

from hemgs_codec.anchors.profile import FIRST_MASK, SCALES
from hemgs_codec.distortion.weights import LOSS_PER_SQUARED_ERROR
from hemgs_codec.train.parameters import SceneParameters
from hemgs_codec.train.rate import JointRate

PRUNE_SHARES = (0.2, 0.4)
"""When slots are left out, as shares of the iterations with an entropy model; and before them."""
FIRST_SLOT_BITS = 7.5
FIRST_ANCHOR_BITS = 90.0
"""Guesses before there is an entropy model: of three offsets; of an anchor beside its offsets."""
_OUT = -1.0


@torch.no_grad()
def prune_slots(
    parameters: SceneParameters,
    squares: torch.Tensor,
    bits: torch.Tensor | None,
    price: float,
) -> None:
    """Mask slots out where that pays, and all of an anchor where even that pays.

    Parameters
    ----------
    squares : (N, C)
        Squared derivatives of images by the values of `JointRate`, masks among them.
    bits : (N, C) or None
        Of each value; None: not known yet.
    price
        Of a bit, in the loss.
    """
    slots, features = parameters.shape.slots, parameters.shape.features
    logits = parameters.leaves["mask_logits"]
    used = logits > 0
    cost = LOSS_PER_SQUARED_ERROR * squares[:, FIRST_MASK : FIRST_MASK + slots].to(logits)
    if bits is None:
        slot_bits = torch.full_like(cost, FIRST_SLOT_BITS)
        anchor_bits = torch.full((len(cost),), FIRST_ANCHOR_BITS).to(cost)
    else:
        offsets = FIRST_MASK + slots + features + SCALES
        slot_bits = bits[:, offsets:].reshape(len(cost), slots, 3).sum(2).to(cost)
        anchor_bits = bits[:, :offsets].sum(1).to(cost)
    kept = used & (cost > price * slot_bits)
    shown = torch.where(kept, cost - price * slot_bits, 0.0).sum(1)
    kept &= (shown > price * anchor_bits)[:, None]
    logits[used & ~kept] = _OUT


@torch.no_grad()
def all_bits(
    rate: JointRate,
    parameters: SceneParameters,
    lambda_q: float,
    generator: torch.Generator,
    chunk: int = 4096,
) -> torch.Tensor:
    """Return the bits (N, C) of all values at a λ."""
    network, _ = rate.network()
    noisy = rate.noisy(rate.values(parameters), network, lambda_q, generator)
    parts = [
        rate.bits(rows, noisy, network, lambda_q) for rows in torch.split(torch.arange(len(noisy)), chunk)
    ]
    return torch.cat(parts)
