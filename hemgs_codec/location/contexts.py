"""Which contexts look at which decision (SPEC: "Locations", contexts).

Splitting the n points of a box between its halves takes up to three kinds of decision:

    n >= 2: are both halves occupied?  --yes-->  n >= 3: how many in the upper half, by bisection
                                       --no--->  (as n = 1) which half holds them all?

The first is even under mirroring, the last is odd: its contexts hold "the predicted half" and a sign.
"""

from __future__ import annotations

from hemgs_codec.compiled import compiled, divide_floor
from hemgs_codec.location.coder import Channel
from hemgs_codec.location.evidence import Evidence
from hemgs_codec.location.features import half_octaves
from hemgs_codec.location.mixing import Mixer, code_mixed
from hemgs_codec.location.tables import BINOMIAL_BELOW, MAX_EXACT_COUNT, STRETCH

# First context of each input; the gaps are the inputs' sizes.
_SIDE_LEVEL = 0
_SIDE_FIT = _SIDE_LEVEL + 288
_SIDE_PULL = _SIDE_FIT + 16 * 24 * 4
_SIDE_BOTH = _SIDE_PULL + 16 * 16 * 4
_BOTH_LEVEL = _SIDE_BOTH + 8 * 2 * 24 * 8
_BOTH_FIT = _BOTH_LEVEL + 66 * 8
_BOTH_PULL = _BOTH_FIT + 16 * 24 * 8
_BOTH_CROWD = _BOTH_PULL + 16 * 16 * 8
_BOTH_SHAPE = _BOTH_CROWD + 16 * 16 * 8
_SHARE_PATH = _BOTH_SHAPE + 3 * 4 * 8 * 16
_SHARE_PULL = _SHARE_PATH + 1024
_SHARE_FIT = _SHARE_PULL + 3744
NUM_CONTEXTS = _SHARE_FIT + 4 * 8 * 16 * 8

# Mixing weights are kept apart where the inputs' worth differs.
_SIDE_SETS = 0  # one or more points, with or without a fit, by the fit's variance
_BOTH_SETS = 24  # by count class
_SHARE_SETS = 32  # by depth of bisection
NUM_SETS = 36


@compiled
def count_class(count: int) -> int:
    """Return 1 .. 4 for themselves, 5 for 5 .. 8, 6 for 9 .. 16, 7 for more."""
    if count < 5:
        return count
    if count < 9:
        return 5
    return 6 if count < 17 else 7


@compiled
def code_side(mixer: Mixer, channel: Channel, seen: Evidence, count: int, bit: int) -> int:
    """Code which half holds all points: 1 for the upper."""
    few = min(count, 3)
    context, sign = mixer.context, mixer.sign
    context[0] = _SIDE_LEVEL + few + 4 * (seen.axis + 3 * seen.level)
    context[1] = _SIDE_FIT + (seen.fit_distance * 24 + seen.fit_variance) * 4 + few
    context[2] = _SIDE_PULL + (seen.pull_ratio * 16 + seen.pull_mass) * 4 + few
    agree = 1 if seen.pull_sign == seen.fit_sign else 0
    context[3] = _SIDE_BOTH + (
        (((seen.pull_ratio >> 1) * 2 + agree) * 24 + seen.fit_variance) * 8 + (seen.fit_distance >> 1)
    )
    sign[0] = 1
    sign[1] = seen.fit_sign
    sign[2] = seen.pull_sign
    sign[3] = seen.pull_sign
    weight_set = _SIDE_SETS + (0 if count == 1 else 1) + 2 * seen.has_fit + 4 * (seen.fit_variance >> 2)
    return code_mixed(mixer, channel, 4, weight_set, bit)


@compiled
def code_both(mixer: Mixer, channel: Channel, seen: Evidence, count: int, bit: int) -> int:
    """Code whether both halves are occupied."""
    c = count_class(count)
    context = mixer.context
    context[0] = _BOTH_LEVEL + c + 8 * (seen.axis + 3 * seen.level)
    context[1] = _BOTH_FIT + (seen.fit_distance * 24 + seen.fit_variance) * 8 + c
    context[2] = _BOTH_PULL + (seen.pull_ratio * 16 + seen.pull_mass) * 8 + c
    context[3] = _BOTH_CROWD + (min(half_octaves(seen.node_count), 15) * 16 + seen.pull_mass) * 8 + c
    boxes = min(seen.num_boxes - 1, 3)
    context[4] = _BOTH_SHAPE + ((seen.axis * 4 + boxes) * 8 + c) * 16 + min(seen.num_masses, 15)
    mixer.sign[:] = 1
    return code_mixed(mixer, channel, 5, _BOTH_SETS + c, bit)


@compiled
def code_share(mixer: Mixer, channel: Channel, seen: Evidence, count: int, upper: int) -> int:
    """Code how many of the points, 1 .. count - 1, are in the upper half."""
    low, high = 1, count - 1
    depth = 0
    c = count_class(count)
    pull = (seen.pull_ratio >> 1) * seen.pull_sign + 8
    lean = min(seen.fit_distance >> 1, 7) * seen.fit_sign + 8
    context = mixer.context
    mixer.sign[:] = 1
    while low < high:
        middle = (low + high) // 2
        shallow = min(depth, 3)
        context[3] = -1
        mixer.opinion[3] = 0
        context[0] = _SHARE_PATH + 31 * 32 + min(depth, 31)
        if count <= MAX_EXACT_COUNT:
            context[0] = _SHARE_PATH + count * 32 + middle
            below = BINOMIAL_BELOW[count]
            above = below[high + 1] - below[middle + 1]
            mixer.opinion[3] = STRETCH[divide_floor(above << 12, below[high + 1] - below[low])]
        context[1] = _SHARE_PULL + ((count * 14 + middle) * 16 if count <= 14 else 3600 + shallow * 32) + pull
        context[2] = _SHARE_FIT + (((shallow * 8 + c) * 16 + lean) * 8) + (seen.fit_variance >> 2)
        if code_mixed(mixer, channel, 4, _SHARE_SETS + shallow, 1 if upper > middle else 0):
            low = middle + 1
        else:
            high = middle
        depth += 1
    return low
