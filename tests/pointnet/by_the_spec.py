"""Point features as SPEC.md tells them ("Points", "Layers"), in Python integers, one point at a time."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

from hemgs_codec.pointnet import FrozenPointNet

Numbers = list[int]
ATTENTION = [isqrt(isqrt(isqrt(isqrt(1 << (256 - j))))) for j in range(16)]
PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass(frozen=True)
class SlowLevel:
    """What a level's points are to each other; lists by point, those of groups by centre."""

    near: list[Numbers]
    scales: Numbers
    inputs: list[Numbers]
    centres: Numbers
    groups: list[Numbers]
    edges: list[list[Numbers]]
    parents: list[Numbers]
    shares: list[Numbers]


def clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def log2(x: int) -> int:
    t = x.bit_length() - 1
    m = x >> (t - 7) if t >= 7 else x << (7 - t)
    return 256 * t + (m**256).bit_length() - 1793


def ratio(d: int, s: int) -> int:
    return -2048 if d == 0 else clamp(log2(d) - s, -2048, 16383)


def within(x: int, s: int) -> int:
    return clamp(((x << 10) * ATTENTION[(s >> 5) & 15]) >> (16 + (s >> 9)), -16383, 16383)


def squared(a: Numbers, b: Numbers) -> int:
    return sum((u - v) ** 2 for u, v in zip(a, b, strict=True))


def least(point: Numbers, points: list[Numbers], among: Numbers, count: int) -> Numbers:
    return sorted(among, key=lambda o: (squared(point, points[o]), o))[:count]


def centres_of(points: list[Numbers]) -> Numbers:
    """Centres in the order they are found in, tile after tile."""
    found: Numbers = []
    for first in range(0, len(points), 1024):
        tile = range(first, min(first + 1024, len(points)))
        far = dict.fromkeys(tile, 1 << 62)
        current = first
        for _ in range((len(tile) + 3) // 4):
            found.append(current)
            del far[current]
            far = {i: min(d, squared(points[i], points[current])) for i, d in far.items()}
            current = max(far, key=lambda i: (far[i], -i), default=first)
    return found


def inputs_of(vectors: list[Numbers], scale: int, voxel: int) -> Numbers:
    squares, k = [squared(v, [0, 0, 0]) for v in vectors], len(vectors)
    numbers = [clamp(scale - 512 * voxel, -16383, 16383)]
    numbers += [ratio(squares[0], scale), ratio(squares[-1], scale)] if k else [-2048, -2048]
    numbers += [64 * squares.count(0)]
    if k == 0:
        return numbers + [0] * 9
    numbers += [sum(within(v[axis], scale) for v in vectors) // k for axis in range(3)]
    return numbers + [
        sum((v[a] * v[b] << 10) // d for v, d in zip(vectors, squares, strict=True) if d > 0) // k
        for a, b in PAIRS
    ]


def shares_of(squares: Numbers) -> Numbers:
    parts = [512 if d == 0 else (squares[0] << 9) // d for d in squares]
    rest = [(part << 10) // sum(parts) for part in parts[1:]]
    return [1024 - sum(rest), *rest]


def slow_level(p: list[Numbers], voxel: int) -> SlowLevel:
    near, scales, inputs = [], [], []
    for i, point in enumerate(p):
        near.append(least(point, p, [o for o in range(len(p)) if o != i], 16))
        squares = [squared(p[o], point) for o in near[i]]
        k, z = len(squares), squares.count(0)
        scales.append(log2(squares[z + (k - z - 1) // 2]) if k > z else 512 * voxel)
        vectors = [[u - v for u, v in zip(p[o], point, strict=True)] for o in near[i]]
        inputs.append(inputs_of(vectors, scales[i], voxel))
    centres = sorted(centres_of(p))
    groups = [near[c] or [c] for c in centres]
    edges = [
        [
            [within(u - v, scales[c]) for u, v in zip(p[o], p[c], strict=True)]
            + [ratio(squared(p[o], p[c]), scales[c])]
            for o in group
        ]
        for c, group in zip(centres, groups, strict=True)
    ]
    among = [[i] if i in centres else least(point, p, centres, 3) for i, point in enumerate(p)]
    shares = [shares_of([squared(p[c], p[i]) for c in found]) for i, found in enumerate(among)]
    parents = [[centres.index(c) for c in found] for found in among]
    return SlowLevel(near, scales, inputs, centres, groups, edges, parents, shares)


def slow_levels(points: list[Numbers], voxel: int, levels: int) -> list[SlowLevel]:
    found = []
    for _ in range(levels):
        found.append(slow_level(points, voxel))
        points = [points[c] for c in found[-1].centres]
    return found


def slow_point_features(
    net: FrozenPointNet, levels: list[SlowLevel]
) -> tuple[list[list[Numbers]], list[Numbers]]:
    """Return the features of each level's centres, and those of the points of level 0."""

    def linear(name: str, x: Numbers, low: int = -16383) -> Numbers:
        w, b, s = net.weights[name].tolist(), net.biases[name].tolist(), net.shifts[name]
        sums = [(b[j] << (s + 2)) + sum(v * w[i][j] for i, v in enumerate(x)) for j in range(len(b))]
        return [clamp(total >> s, low, 16383) for total in sums]

    known: list[list[Numbers]] = []
    up: list[list[Numbers]] = []
    feature: list[Numbers] = []
    for number, level in enumerate(levels):
        known.append([f + x for f, x in zip(feature, level.inputs, strict=True)] if number else level.inputs)
        feature = []
        for c, group, edges in zip(level.centres, level.groups, level.edges, strict=True):
            members = []
            for o, edge in zip(group, edges, strict=True):
                parts = (
                    linear(f"{number}.key", known[number][o]),
                    linear(f"{number}.query", known[number][c]),
                    linear(f"{number}.edge", edge),
                )
                joined = [clamp(sum(part), 0, 16383) for part in zip(*parts, strict=True)]
                members.append(linear(f"{number}.group", joined, 0))
            feature.append([max(part) for part in zip(*members, strict=True)])
        up.append(feature)
    for number, level in reversed(list(enumerate(levels))):
        spread = []
        for i, parents in enumerate(level.parents):
            shared = [
                [share * f for f in feature[c]] for c, share in zip(parents, level.shares[i], strict=True)
            ]
            around = [sum(part) >> 10 for part in zip(*shared, strict=True)]
            spread.append(linear(f"{number}.up", around + known[number][i], 0))
        feature = spread
    return up, [linear("out", f) for f in feature]
