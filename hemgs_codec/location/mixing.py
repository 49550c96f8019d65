"""Adaptive binary probabilities: several contexts' opinions, mixed as log-odds (SPEC: "Locations", mixing).

Each context keeps the probability of a 1 and how many bits it has seen. Their log-odds, trusted by age, are
added with weights that follow the gradient of the code length (logistic mixing, Mahoney 2005), all in
integers. A context may hold a mirrored opinion: its bit then means "on the predicted side", and its sign says
which side that is.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import compiled
from hemgs_codec.location.coder import TOTAL_BITS, Channel, code_bit
from hemgs_codec.location.tables import MAX_AGE, RATE, SQUASH, STRETCH, STRETCH_LIMIT, TRUST

MAX_INPUTS = 5
PROBABILITY_BITS = 22
FIRST_MIX_WEIGHT = 65536 // 4
_PROBABILITY_MARGIN = 64
_LAST_TRUST = len(TRUST) - 1


class Mixer(NamedTuple):
    """All adaptive state, and the inputs of the bit at hand."""

    probability: npt.NDArray[np.int32]  # (contexts,) of a 1, in 1/2**22
    age: npt.NDArray[np.int16]  # (contexts,) bits seen, up to MAX_AGE
    weight: npt.NDArray[np.int64]  # (sets, MAX_INPUTS) in 1/65536
    context: npt.NDArray[np.int64]  # (MAX_INPUTS,) inputs: a context, or -1 for a fixed opinion
    sign: npt.NDArray[np.int64]  # (MAX_INPUTS,) -1 where the context is mirrored
    opinion: npt.NDArray[np.int64]  # (MAX_INPUTS,) log-odds of a 1, in 1/256


def open_mixer(num_contexts: int, num_sets: int) -> Mixer:
    """Make a mixer that knows nothing."""
    return Mixer(
        np.full(num_contexts, 1 << (PROBABILITY_BITS - 1), np.int32),
        np.zeros(num_contexts, np.int16),
        np.full((num_sets, MAX_INPUTS), FIRST_MIX_WEIGHT, np.int64),
        np.zeros(MAX_INPUTS, np.int64),
        np.ones(MAX_INPUTS, np.int64),
        np.zeros(MAX_INPUTS, np.int64),
    )


@compiled
def code_mixed(mixer: Mixer, channel: Channel, num_inputs: int, weight_set: int, bit: int) -> int:
    """Code a bit under the mixture of the first num_inputs inputs, learn from it, and return it."""
    opinion, weight = mixer.opinion, mixer.weight
    total = 0
    for k in range(num_inputs):
        c = mixer.context[k]
        if c >= 0:
            trusted = (STRETCH[mixer.probability[c] >> 10] * TRUST[min(mixer.age[c], _LAST_TRUST)]) >> 8
            opinion[k] = trusted * mixer.sign[k]
        total += weight[weight_set, k] * opinion[k]
    log_odds = min(max(total >> 16, -STRETCH_LIMIT), STRETCH_LIMIT)
    p = SQUASH[log_odds + STRETCH_LIMIT]
    bit = code_bit(channel, bit, p << (TOTAL_BITS - 16))
    error = (bit << 16) - p
    for k in range(num_inputs):
        weight[weight_set, k] += (opinion[k] * error + (1 << 14)) >> 15
        c = mixer.context[k]
        if c >= 0:
            target = (bit if mixer.sign[k] > 0 else 1 - bit) << PROBABILITY_BITS
            q = mixer.probability[c] + (((target - mixer.probability[c]) * RATE[mixer.age[c]]) >> 16)
            mixer.probability[c] = min(
                max(q, _PROBABILITY_MARGIN), (1 << PROBABILITY_BITS) - _PROBABILITY_MARGIN
            )
            if mixer.age[c] < MAX_AGE:
                mixer.age[c] += 1
    return bit
