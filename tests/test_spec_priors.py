"""SPEC.md says of priors what the code does: names, limits, worked numbers, and rules put into code again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec import profile
from hemgs_codec.model import differences, units
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.pointnet import FrozenPointNet, PointNetSpec, plan, plan_points, point_features, sampling
from hemgs_codec.pointnet.geometry import NUM_EDGE, NUM_INPUTS
from hemgs_codec.prior import prior as prior_file
from hemgs_format.container import read_container
from hemgs_format.metadata import unpack_metadata
from tests.pointnet import by_the_spec
from tests.pointnet.clouds import EXTREMES, Int64Array, clouds
from tests.pointnet.test_features import frozen as random_net
from tests.pointnet.test_features import integer_features
from tests.prior.small import random_prior
from tests.spec_text import FLAT, TEXT, evaluate, rows_under

EXAMPLE = [[0, 0, 0], [0, 0, 16], [0, 0, 16], [16, 0, 32], [48, 16, 0]]
EXAMPLE += [[32, 32, 32], [0, 80, 0], [64, 0, 16], [96, 96, 96]]
EXAMPLE_VOXEL = 5
SIGMA = "\N{GREEK SMALL LETTER SIGMA}"


def joined(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers)).replace("-", "\N{MINUS SIGN}")


def example_net() -> FrozenPointNet:
    """Return the example's network: two levels, and hardly a weight that isn't 0."""
    spec = PointNetSpec(2, (2, 1), (1, 2))
    shapes = spec.matrices()
    weights = {name: np.zeros(shape, np.int32) for name, shape in shapes.items()}
    biases = {name: np.zeros(shape[1], np.int32) for name, shape in shapes.items()}
    for name, row, column, value in (
        ("0.key", 0, 0, 3),
        ("0.query", 1, 1, 1),
        ("0.edge", 3, 0, -1),
        ("0.edge", 0, 1, 1),
        ("0.group", 0, 0, 1),
        ("0.group", 1, 1, 1),
        ("0.up", 0, 0, 1),
        ("0.up", 1, 0, 1),
        ("0.up", 5, 0, 2),
        ("1.key", 0, 0, 1),
        ("1.query", 2, 0, 1),
        ("1.edge", 3, 0, 1),
        ("1.group", 0, 0, 1),
        ("1.up", 0, 0, 1),
        ("1.up", 1, 0, 1),
        ("1.up", 2, 1, 2),
        ("out", 0, 0, 1),
        ("out", 0, 1, -1),
    ):
        weights[name][row, column] = value
    biases["0.group"][1], biases["out"][1] = 64, 256
    shifts = {name: int(name in ("0.key", "0.up", "1.up")) for name in shapes}
    return FrozenPointNet(spec, weights, biases, shifts)


def is_the_same(points: Int64Array, voxel: int, net: FrozenPointNet) -> bool:
    """Whether features in SPEC's words are the code's."""
    levels = by_the_spec.slow_levels(points.tolist(), voxel, net.spec.levels)
    features = by_the_spec.slow_point_features(net, levels)[1]
    coded: list[list[int]] = integer_features(net, plan_points(points, voxel)).tolist()
    return features == coded


@given(points=clouds(), voxel=st.integers(0, 25), scale=st.sampled_from([1, 16, 31]))
@settings(max_examples=40, deadline=None)
def test_point_features_are_those_that_the_spec_tells(points: Int64Array, voxel: int, scale: int) -> None:
    assert is_the_same(scale * points, voxel, random_net())


@pytest.mark.parametrize("name", EXTREMES)
def test_point_features_of_extremes_are_those_that_the_spec_tells(name: str) -> None:
    assert is_the_same(EXTREMES[name], 4, random_net())


def test_points_of_the_example_are_in_the_spec() -> None:
    net = example_net()
    levels = by_the_spec.slow_levels(EXAMPLE, EXAMPLE_VOXEL, 2)
    up, features = by_the_spec.slow_point_features(net, levels)
    m = net.arithmetic(None)
    coded = point_features(m, net.spec, plan_points(np.array(EXAMPLE), EXAMPLE_VOXEL, levels=2))
    assert coded.tolist() == features
    first, second = levels
    expected = [
        [f"{i}", *map(joined, (p, [first.scales[i]], first.inputs[i], first.parents[i], first.shares[i], f))]
        for i, (p, f) in enumerate(zip(EXAMPLE, features, strict=True))
    ]
    assert rows_under("Example") == expected, "\n".join(f"| {' | '.join(row)} |" for row in expected)
    back, shares = [[(up[1][0][0] + f) >> 1, g] for f, g in up[0]], first.shares[1]
    around = [int(np.dot(shares, column)) >> 10 for column in np.transpose(back)]
    for said in (
        f"near[4] is {joined(first.near[4])}",
        f"found in the order {joined(by_the_spec.centres_of(EXAMPLE))}",
        *(f"from 0 to {o}: {joined(first.edges[0][first.near[0].index(o)])}" for o in (7, 8)),
        *(f"{p}: {joined(row)}" for p, row in zip(first.centres, second.inputs, strict=True)),
        f"scales {joined(second.scales)}",
        *(f"of centre {c}: {joined(feature)}" for c, feature in zip(first.centres, up[0], strict=True)),
        f"of level 1's one centre: {joined(up[1][0])}",
        f"level 1's points have {'; '.join(map(joined, back))}.",
        f"has around {joined(around)}, of",
        f"({' + '.join(f'{share} · {f}' for share, (f, _) in zip(shares, back, strict=True))}) >> 10",
        f"({around[0]} + {around[1]} + 2 · {first.inputs[1][3]}) >> 1 = {features[1][0]}.",
    ):
        assert said in FLAT, said


def test_matrices_of_the_examples_network_are_in_the_spec() -> None:
    net, said = example_net(), TEXT.split("### Example\n")[1].split("\n## ")[0]
    said = " ".join(said.split())
    for name, weights in net.weights.items():
        places = [f"[{i}][{j}] = {joined([weights[i, j]])}" for i, j in np.argwhere(weights)]
        bias = [f"bias [{j}] = {net.biases[name][j]}" for j in np.flatnonzero(net.biases[name])]
        shift = [f"shift {net.shifts[name]}"] if net.shifts[name] else []
        assert f"`{name}` {', '.join(places + bias + shift)}" in said, (name, places + bias + shift)


def test_layers_are_the_codes_in_its_order() -> None:
    spec = PointNetSpec(5, (8, 10, 12), (7, 9, 11))
    *rows, out = rows_under("Layers")
    expected = {}
    for level in range(spec.levels):
        sizes = {"R": NUM_INPUTS + (spec.down[level - 1] if level else 0), "down[l]": spec.down[level]}
        sizes |= {"B": [*spec.up[1:], spec.down[-1]][level], "up[l]": spec.up[level], "X": spec.features}
        for name, _, inputs, outputs in rows:
            key = name.replace("l.", f"{level}.")
            expected[key] = (evaluate(inputs, sizes), evaluate(outputs, sizes))
    assert out == ["out, once", "feature", "up[0]", "X"]
    expected["out"] = (spec.up[0], spec.features)
    assert list(spec.matrices().items()) == list(expected.items())
    assert f"**Inputs.** Each point has {NUM_INPUTS}, in 1/1024." in FLAT
    assert f"has {NUM_EDGE} features: within(" in FLAT


def test_numbers_of_points_are_the_codes() -> None:
    assert f"A *tile* is {sampling.TILE} consecutive points" in FLAT
    assert f"repeat (m + {sampling.SHARE - 1}) // {sampling.SHARE} times" in FLAT
    assert f"the (at most) {plan.GROUP} points o" in FLAT
    assert f"the (at most) {plan.PARENTS} centres" in FLAT
    within = [by_the_spec.within(x, 2898) for x in (16, -16)]
    assert f"within(16, 2898) = {within[0]} and within({joined([-16])}, 2898) = {joined(within[1:])}" in FLAT
    assert f"ratio(256, 2898) = {joined([by_the_spec.ratio(256, 2898)])}" in FLAT
    shares = plan.inverse_square_shares(np.array([[4, 8, 16]]), np.ones((1, 3), bool))[0].tolist()
    assert f"shares {joined(shares)}." in FLAT
    assert by_the_spec.shares_of([4, 8, 16]) == shares


def test_files_of_priors_are_the_codes() -> None:
    rows = rows_under("Prior files")
    container = read_container(
        prior_file.pack_prior(random_prior()), known=frozenset({"PRIO", "NETS", "PNTS"})
    )
    assert [row[0].strip("`") for row in rows if len(row) == 2 and "`" in row[0]] == [
        section.id for section in container.sections
    ]
    keys = {row[0].strip("`"): row[2] for row in rows if len(row) == 4 and "`" in row[0]}
    assert set(keys) == set(unpack_metadata(container.sections[0].data))
    assert (container.profile, container.num_points, container.num_input) == ("gaussian", 0, 0)
    assert keys["corpus"] == f"{prior_file._HASH_BYTES} bytes each"
    assert keys["points"] == f"1 .. {prior_file._MAX_WIDTH} each"
    limits = {row[0]: row[1] for row in rows_under("Limits and security")}
    assert limits["point features"] == f"{prior_file._MAX_LEVELS} levels, widths {prior_file._MAX_WIDTH}"
    assert f"id** is the first {prior_file.ID_BYTES} bytes of the SHA-256" in FLAT


def test_a_list_of_differences_is_in_the_spec() -> None:
    values = np.array([0, 8, 0, -24, 0, 0, 16, 0])
    sizes = np.array([1]), np.array([8]), np.array([2 * differences.KINDS.index("hidden") + 1])
    layout = differences.Layout(np.zeros(8, np.int64), *sizes)
    data = differences.pack_lists(values, layout)
    assert differences.unpack_lists(data, layout).tolist() == values.tolist()
    assert f"differ by {joined(values.tolist())}: the {len(data)} bytes `{data.hex(' ').upper()}`." in FLAT
    assert f"among {', '.join(f'`{kind}`' for kind in differences.KINDS)}, from 0" in FLAT
    assert f"in {differences.NUM_SETS} sets" in FLAT


def test_octaves_are_the_codes() -> None:
    groups = [profile.groups(degree) for degree in range(4)]
    empty = np.zeros(0, np.float32)
    counts = [len(Scaling(empty, empty).step_offsets(each)) for each in groups]
    assert f"{joined(counts)} bytes for degrees 0 .. 3" in FLAT
    offset = Scaling(empty, empty, np.array([-8], np.int8)).step_offsets(())[0]
    index, half = (300 >> 7) + units.UNIT_STEP, joined([offset])
    assert f"the index is {index}; where octave[t] is {half} it is {index + offset}, a step half as" in FLAT
    assert units.step_table()[index + offset] == units.step_table()[index] // 2
