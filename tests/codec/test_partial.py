"""The first bytes of a file are a coarser scene, or an error that says what is missing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec import decode
from hemgs_codec.coding.runs import FileCoder
from hemgs_codec.coding.walk import FEW, LEAST, are_enough, batches_of
from hemgs_codec.decoder import Scene, open_file, reconstruct, walk_file
from hemgs_codec.partial import decode_partial
from hemgs_codec.prior.packing import unpack_model
from hemgs_codec.scene import GaussianScene
from hemgs_codec.sections import KNOWN, split_sections
from hemgs_format.container import layout, read_container
from hemgs_format.errors import CorruptError, HgsError, SceneError, TruncatedError
from tests.anchors.small import BANK, random_anchors, random_file
from tests.mutations import with_metadata
from tests.small import ROOT, crop, encode_with, random_fitted

VALID = ROOT / "format" / "vectors" / "valid"
BASE = ("log_scales", "quats", "opacity_logits", "sh0", "means")
ANCHOR = ("anchors", "features", "log_scales", "offsets", "masks")


@pytest.fixture(scope="module")
def gaussians(chair: GaussianScene) -> bytes:
    scene = crop(chair, 240, sh_degree=2)
    return encode_with(scene, random_fitted(scene), run_bits=2000)


@pytest.fixture(scope="module")
def anchors() -> bytes:
    return random_file(random_anchors(90, BANK, seed=5))


def end_of(data: bytes, section_id: str) -> int:
    return max(e.offset + e.size for e in layout(data) if e.id == section_id)


@cache
def whole(data: bytes) -> tuple[Scene, npt.NDArray[np.int64]]:
    """The scene of a whole file, and Morton indices of its points batch after batch."""
    container = read_container(data, known=KNOWN)
    parts, runs = split_sections(container.sections, container.profile)
    opened = open_file(container, parts)
    model = unpack_model(opened.fields.spec, parts["NETS"], parts["HASH"], opened.fields.prior)
    decoded, graph = walk_file(opened, model, FileCoder(runs))
    return reconstruct(decoded), decoded.sequence[np.concatenate(batches_of(graph, opened.fields.spec))]


def check_prefix(data: bytes, size: int) -> None:
    """Check that a prefix is refused, or a scene of all points; those decoded are the whole file's."""
    if size < end_of(data, "LOCS"):
        with pytest.raises(TruncatedError):
            decode_partial(data[:size])
        return
    scene, received = decode_partial(data[:size])
    scene.validate()
    expected, order = whole(data)
    rows = order[: received.decoded["base"]]
    for name in BASE if isinstance(scene, GaussianScene) else ANCHOR:
        mine, other = getattr(scene, name), getattr(expected, name)
        assert mine.shape == other.shape
        np.testing.assert_array_equal(mine[rows], other[rows])
    assert received.received_bytes == size <= received.file_bytes == len(data)
    assert received.verified_bytes <= size
    assert received.is_verified == (size == len(data))


@settings(max_examples=25, deadline=None)
@given(share=st.floats(0, 1))
def test_a_prefix_of_gaussians_is_refused_or_a_scene_with_what_the_whole_file_has(
    gaussians: bytes, share: float
) -> None:
    check_prefix(gaussians, int(share * len(gaussians)))


@settings(max_examples=15, deadline=None)
@given(share=st.floats(0, 1))
def test_a_prefix_of_anchors_is_refused_or_a_scene_with_what_the_whole_file_has(
    anchors: bytes, share: float
) -> None:
    check_prefix(anchors, int(share * len(anchors)))


def test_all_bytes_are_the_whole_scene(gaussians: bytes, anchors: bytes) -> None:
    for data in (gaussians, anchors):
        check_prefix(data, len(data))
        _, received = decode_partial(data)
        assert received.missing == ()
        assert set(received.decoded.values()) == {received.num_points}


def test_more_bytes_never_decode_fewer_points(gaussians: bytes) -> None:
    sizes = range(end_of(gaussians, "HASH"), len(gaussians), 151)
    counts = [sum(decode_partial(gaussians[:size])[1].decoded.values()) for size in sizes]
    assert counts == sorted(counts)
    assert len(set(counts)) > 8


def test_without_networks_every_value_is_the_mean_but_sizes_follow_spacing(gaussians: bytes) -> None:
    scene, received = decode_partial(gaussians[: end_of(gaussians, "NETS") - 1])
    assert isinstance(scene, GaussianScene)
    distances = np.sort(np.linalg.norm(scene.means[:, None] - scene.means[None], axis=2), axis=1)
    sizes = scene.log_scales[:, 0]
    assert np.corrcoef(sizes, np.log(distances[:, 1:4].mean(axis=1)))[0, 1] > 0.8
    for values in (scene.opacity_logits, scene.quats, scene.sh0):
        assert (values == values[0]).all()
    assert len(np.unique(scene.means, axis=0)) > 200
    assert received.missing[0] == "NETS"
    assert not any(received.decoded.values())


def follows(scene: Scene, known: int) -> bool:
    """Say whether anything but the mean is in the place of colours that aren't known."""
    assert isinstance(scene, GaussianScene)
    _, counts = np.unique(scene.sh0[:, 0], return_counts=True)
    return bool(counts.max() < scene.num_gaussians - known)


def test_of_fewer_than_half_of_few_points_nothing_follows_for_others(gaussians: bytes) -> None:
    first, last = (end_of(gaussians, section_id) for section_id in ("HASH", "RUN0"))
    found = [decode_partial(gaussians[:size]) for size in range(first, last, 100)]
    known = {
        received.decoded["base"]: follows(scene, received.decoded["base"])
        for scene, received in found
        if received.decoded["base"] < received.num_points
    }
    half = found[0][1].num_points / 2
    assert {count >= half for count in known} == {False, True}
    assert known == {count: count >= half for count in known}


@pytest.mark.parametrize(
    ("known", "count", "expected"),
    [
        (LEAST - 1, LEAST * 3, False),
        (LEAST, LEAST * 3, True),
        (LEAST - 1, LEAST * 2 - 2, True),
        (LEAST * 2 - 1, LEAST * 2 * FEW, False),
        (LEAST * 2, LEAST * 2 * FEW, True),
    ],
)
def test_others_follow_from_512_points_or_half_and_a_32nd(known: int, count: int, expected: bool) -> None:
    assert are_enough(known, count) == expected


def test_opacities_that_arent_known_are_the_mean(gaussians: bytes) -> None:
    start, end = (end_of(gaussians, section_id) for section_id in ("HASH", "RUN0"))
    for size in range(start, end, (end - start) // 5):
        scene, received = decode_partial(gaussians[:size])
        assert isinstance(scene, GaussianScene)
        _, order = whole(gaussians)
        known = received.decoded["base"]
        assert len(np.unique(scene.opacity_logits[order[known:]])) == 1


def test_a_prefix_is_the_same_scene_whatever_runs_the_networks(gaussians: bytes) -> None:
    start, end = (end_of(gaussians, section_id) for section_id in ("HASH", "RUN0"))
    size = start + (end - start) * 4 // 5
    plain, received = decode_partial(gaussians[:size])
    other, _ = decode_partial(gaussians[:size], device="torch:cpu")
    assert follows(plain, received.decoded["base"])
    for name in (*BASE, "shN"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(other, name))


def test_unknown_values_of_upper_bands_are_their_means(gaussians: bytes) -> None:
    size = (end_of(gaussians, "RUN0") + end_of(gaussians, "RUN1")) // 2
    scene, received = decode_partial(gaussians[:size])
    assert isinstance(scene, GaussianScene)
    _, order = whole(gaussians)
    known = received.decoded["sh1"]
    assert 0 < known < received.num_points
    assert len(np.unique(scene.shN[order[known:]], axis=0)) == 1
    assert len(np.unique(scene.shN[order[:known], :3], axis=0)) > 1
    assert len(np.unique(scene.shN[:, 3:], axis=0)) == 1


@pytest.mark.parametrize("bands", [0, 1])
def test_bands_of_a_whole_file_are_those_of_its_prefix(gaussians: bytes, bands: int) -> None:
    scene, received = decode_partial(gaussians, bands=bands)
    prefix, _ = decode_partial(gaussians[: end_of(gaussians, f"RUN{bands}")])
    for name in (*BASE, "shN"):
        np.testing.assert_array_equal(getattr(scene, name), getattr(prefix, name))
    full, _ = whole(gaussians)
    assert isinstance(full, GaussianScene)
    assert isinstance(scene, GaussianScene)
    known = (bands + 1) ** 2 - 1
    np.testing.assert_array_equal(scene.shN[:, :known], full.shN[:, :known])
    assert (scene.shN[:, known:] != full.shN[:, known:]).any()
    assert not received.is_verified
    assert received.verified_bytes == len(gaussians)


def test_bands_beyond_a_files_are_all_of_it(gaussians: bytes) -> None:
    _, received = decode_partial(gaussians, bands=3)
    assert received.is_verified


def test_anchors_have_no_bands(anchors: bytes) -> None:
    with pytest.raises(SceneError, match="no SH bands"):
        decode_partial(anchors, bands=1)


def test_a_truncated_file_is_refused_unless_allowed(gaussians: bytes) -> None:
    with pytest.raises(TruncatedError) as plain:
        decode(gaussians[:-9])
    with pytest.raises(TruncatedError) as partial:
        decode_partial(gaussians[:-9], allow_truncated=False)
    assert str(plain.value) == str(partial.value)


def test_wrong_bytes_in_what_is_there_are_refused(gaussians: bytes, anchors: bytes) -> None:
    for data in (gaussians, anchors):
        for extent in layout(data)[:-1:3]:
            if extent.size:
                damaged = bytearray(data[:-3])
                damaged[extent.offset + extent.size // 2] ^= 16
                with pytest.raises(HgsError):
                    decode_partial(bytes(damaged))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_damage_in_a_cut_section_raises_nothing_but_hgs_errors(gaussians: bytes, data: st.DataObject) -> None:
    runs = [e for e in layout(gaussians) if e.id.startswith("RUN") and e.size > 8]
    extent = data.draw(st.sampled_from(runs))
    end = extent.offset + data.draw(st.integers(1, extent.size - 1))
    damaged = bytearray(gaussians[:end])
    damaged[data.draw(st.integers(extent.offset, end - 1))] ^= data.draw(st.integers(1, 255))
    try:
        scene, _ = decode_partial(bytes(damaged))
    except HgsError:
        return
    scene.validate()


def test_a_symbols_hash_that_is_wrong_is_found_once_all_is_there(gaussians: bytes) -> None:
    changed = with_metadata(gaussians, sha256=bytes(32))
    with pytest.raises(CorruptError, match="hash"):
        decode_partial(changed)
    decode_partial(changed[:-1])


SMALL = [path for path in sorted(VALID.glob("*.hgs")) if path.stat().st_size <= 6000]
"""Larger ones take minutes."""


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_every_small_vector_has_prefixes(path: Path) -> None:
    data = path.read_bytes()
    num_points = read_container(data, known=KNOWN).num_points
    start = end_of(data, "LOCS")
    for size in (start, (start + len(data)) // 2, len(data) - 1):
        scene, received = decode_partial(data[:size])
        assert received.num_points == num_points
        scene.validate()
