from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hemgs_codec.anchors import profile
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.model.spec import UNGATED
from tests.anchors.small import BANK, SHAPE, random_anchors

SHAPES = st.tuples(st.integers(1, profile.MAX_FEATURES), st.integers(1, profile.MAX_SLOTS))


@given(SHAPES)
def test_groups_hold_every_channel_once(sizes: tuple[int, int]) -> None:
    features, slots = sizes
    groups = profile.groups(features, slots)
    assert [group.channels for group in groups] == [1, slots, features, 6 + 3 * slots]
    assert groups[0].channels == profile.FIRST_MASK
    assert all(width > 0 for group in groups for width in group.slices)
    assert [group.flags for group in groups] == [False, True, False, False]


@given(SHAPES)
def test_log_scales_and_slots_have_steps_of_their_own(sizes: tuple[int, int]) -> None:
    features, slots = sizes
    importance, masks, parts, rest = profile.groups(features, slots)
    assert importance.channel_steps == (0,)
    assert masks.num_steps == 1
    assert parts.num_steps == len(parts.slices)
    assert rest.num_steps == profile.SCALES + slots
    assert rest.channel_steps[: profile.SCALES] == tuple(range(profile.SCALES))
    by_slot = np.array(rest.channel_steps[profile.SCALES :]).reshape(slots, 3)
    assert by_slot.tolist() == [[profile.SCALES + slot] * 3 for slot in range(slots)]


@given(SHAPES)
def test_slices_cut_no_slot_and_see_their_own_steps(sizes: tuple[int, int]) -> None:
    rest = profile.groups(*sizes)[3]
    done = 0
    for number, width in enumerate(rest.slices):
        steps = list(range(rest.num_steps)[rest.slice_steps(number)])
        assert len(steps) == rest.share(number)
        assert rest.channel_steps[done : done + width] == tuple(np.repeat(steps, width // len(steps)))
        done += width


def test_importance_follows_no_lambda() -> None:
    assert [group.follows_lambda for group in profile.groups(4, 2)] == [False, True, True, True]


@given(SHAPES)
def test_offsets_have_the_gate_of_their_slot(sizes: tuple[int, int]) -> None:
    features, slots = sizes
    *others, rest = profile.groups(features, slots)
    assert not any(group.gates for group in others)
    assert rest.gates[:6] == (UNGATED,) * 6
    assert rest.gates[6:] == tuple(np.repeat(profile.FIRST_MASK + np.arange(slots), 3))


def test_slices_grow_as_in_the_literature() -> None:
    assert profile.groups(50, 10)[2].slices == (5, 10, 15, 20)


@pytest.mark.parametrize("shape", [SHAPE, BANK])
def test_attributes_bring_a_scene_back(shape: NetworkShape) -> None:
    scene = random_anchors(20, shape)
    values = profile.attributes_from_anchors(scene)
    back = profile.anchors_from_attributes(scene.anchors, values, scene.networks)
    for name in ("anchors", "features", "log_scales", "masks"):
        np.testing.assert_array_equal(getattr(back, name), getattr(scene, name))
    np.testing.assert_array_equal(back.offsets, np.where(scene.masks[..., None], scene.offsets, 0))


def float32_multiples(cells: list[tuple[int, int, int]], voxel: float) -> np.ndarray:
    return np.array(cells, dtype=np.float32) * np.float32(voxel)


@given(
    st.lists(st.tuples(*[st.integers(-(2**20) + 1, 2**20)] * 3), min_size=1, max_size=8),
    st.floats(2**-20, 2**20, width=32),
)
def test_anchors_on_their_own_lattice_come_back_bit_for_bit(
    cells: list[tuple[int, int, int]], voxel: float
) -> None:
    scene = random_anchors(len(cells), voxel=voxel)
    object.__setattr__(scene, "anchors", float32_multiples(cells, voxel))
    lattice = profile.anchor_lattice(scene)
    assert lattice.step == 16
    coords = lattice.quantise(scene.anchors)
    nothing = np.zeros_like(coords)
    assert lattice.means(coords, nothing, nothing[:, 0]).tobytes() == scene.anchors.tobytes()


@given(st.integers(-(2**23), 2**23), st.floats(2**-20, 2**20, width=32))
def test_far_lattices_are_exact_too(first: int, voxel: float) -> None:
    cells = [(first, 0, 5), (first + 1000, 7, -3)]
    scene = random_anchors(2, voxel=voxel)
    object.__setattr__(scene, "anchors", float32_multiples(cells, voxel))
    lattice = profile.anchor_lattice(scene)
    coords = lattice.quantise(scene.anchors)
    nothing = np.zeros_like(coords)
    assert lattice.means(coords, nothing, nothing[:, 0]).tobytes() == scene.anchors.tobytes()


def test_the_decoded_scene_knows_its_voxel_size() -> None:
    scene = random_anchors(9, voxel=0.01)
    lattice = profile.anchor_lattice(scene)
    values = profile.attributes_from_anchors(scene)
    back = profile.anchors_from_attributes(scene.anchors, values, scene.networks, lattice)
    assert back.voxel_size == float(np.float32(0.01))


@pytest.mark.parametrize("voxel", [None, 0.0123])
def test_anchors_off_any_lattice_are_coded_at_16_bits(voxel: float | None) -> None:
    scene = random_anchors(50, voxel=0.01)
    object.__setattr__(scene, "voxel_size", voxel)
    lattice = profile.anchor_lattice(scene)
    coords = lattice.quantise(scene.anchors)
    assert coords.max() == 1 << 16
    values = profile.attributes_from_anchors(scene)
    back = profile.anchors_from_attributes(scene.anchors, values, scene.networks, lattice)
    assert back.voxel_size is None


def test_position_bits_overrule_the_lattice() -> None:
    scene = random_anchors(50, voxel=0.01)
    lattice = profile.anchor_lattice(scene, 10)
    assert lattice.quantise(scene.anchors).max() == 1 << 10


def test_anchors_too_many_voxels_apart_are_coded_at_16_bits() -> None:
    scene = random_anchors(2, voxel=1e-3)
    object.__setattr__(scene, "anchors", float32_multiples([(0, 0, 0), (1 << 21, 0, 0)], 1e-3))
    assert profile.anchor_lattice(scene).index > 0
