"""Bytes to scene (SPEC, in its order)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec import profile
from hemgs_codec.anchors import profile as anchor_profile
from hemgs_codec.anchors.network_coding import NetworkIntegers, unpack_rendering
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.anchors.scene import AnchorScene
from hemgs_codec.coding.centroids import shifted_values
from hemgs_codec.coding.coder import Coder
from hemgs_codec.coding.digest import symbols_digest
from hemgs_codec.coding.fields import Fields, position_bits, unpack_fields
from hemgs_codec.coding.runs import FileCoder
from hemgs_codec.coding.walk import Walked, walk
from hemgs_codec.context.graph import Graph, build_graph
from hemgs_codec.location import decode_locations
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.prior.packing import unpack_model
from hemgs_codec.progress import Progress
from hemgs_codec.scene import GaussianScene, join_scenes
from hemgs_codec.sections import KNOWN, split_sections
from hemgs_codec.shapes import GaussianShape
from hemgs_codec.threads import begin, of_each, use_threads
from hemgs_format.container import Container, read_container
from hemgs_format.errors import CorruptError, HgsError, SceneError
from hemgs_format.metadata import unpack_metadata

CPU = "cpu"
"""The default device: networks run in NumPy, which is faster than torch at the sizes of a batch."""
_TORCH_PREFIX = "torch:"
_CHUNK = 1 << 13  # points that become a scene's at once: their arrays stay in a processor's cache
Scene = GaussianScene | AnchorScene
"""What a file holds, by its profile."""


def points(scene: Scene) -> tuple[str, int]:
    """Return what a scene is made of, "gaussian" or "anchor", and how many it has."""
    if isinstance(scene, GaussianScene):
        return "gaussian", scene.num_gaussians
    return "anchor", scene.num_anchors


@dataclass(frozen=True)
class Decoded:
    """A file's integers, before they become a scene.

    Attributes
    ----------
    coords : (N, 3) int64
        Lattice coordinates in Morton order.
    sequence : (N,) int64
        Morton index of each rank.
    networks : NetworkIntegers or None
        That an anchor scene is rendered with.
    """

    fields: Fields
    coords: npt.NDArray[np.int64]
    sequence: npt.NDArray[np.int64]
    walked: Walked
    networks: NetworkIntegers | None = None


def open_arithmetic(model: FrozenModel, device: str) -> ExactArithmetic:
    """Return a model's integer arithmetic on a device; NumPy's where the device turns out not to be exact.

    Parameters
    ----------
    device
        "cpu" (NumPy), or a torch device such as "cuda"; "torch:cpu" is torch on the CPU, "torch:cuda" is
        "cuda".
    """
    if device == CPU:
        return model.arithmetic(None)
    return model.arithmetic(check_device(device.removeprefix(_TORCH_PREFIX)))


def check_device(device: str) -> str | None:
    """Return a torch device's name, None (with a warning) if its matrix products aren't exact.

    Raises
    ------
    SceneError
        There is no such device.
    """
    from hemgs_codec.model.probe import is_exact  # with torch, which takes seconds to import

    try:
        exact = is_exact(device)
    except (RuntimeError, AssertionError) as error:
        raise SceneError(f"device {device!r} can't be used: {str(error).splitlines()[0]}") from error
    if not exact:
        warnings.warn(f"device {device!r} doesn't multiply integers exactly: using NumPy", stacklevel=2)
        return None
    return device


@dataclass(frozen=True)
class Opened:
    """What a file says before its entropy model.

    Attributes
    ----------
    raw
        META's map.
    coords : (N, 3) int64
        Lattice coordinates in Morton order.
    networks
        That an anchor scene is rendered with.
    """

    raw: dict[str, Any]
    fields: Fields
    coords: npt.NDArray[np.int64]
    networks: NetworkIntegers | None


def open_file(container: Container, parts: dict[str, bytes]) -> Opened:
    """Read what isn't an entropy model or coded with one.

    Parameters
    ----------
    parts
        Sections that appear once, by id; ``NETS`` and ``HASH`` aren't looked at.

    Raises
    ------
    HgsError
        A section breaks a rule.
    """
    if container.num_points == 0:
        raise CorruptError("the file holds no points, expected at least one")
    raw: dict[str, Any] = unpack_metadata(parts["META"])
    # another core's work while a prior is read: their errors come in their order
    count = container.num_points
    located = begin(partial(decode_locations, parts["LOCS"], count, position_bits(raw)), count)
    fields = unpack_fields(raw, container.profile)
    networks = None
    if isinstance(fields.shape, NetworkShape):
        networks = unpack_rendering(fields.shape, parts["MLPS"])
    coords = located()
    if int(fields.lattice.base_points(coords).max(initial=0)) >= 1 << 26:
        raise CorruptError("locations lie beyond 2**26 base units: lattice step and bits don't go together")
    return Opened(raw, fields, coords, networks)


def walk_file(
    opened: Opened,
    model: FrozenModel,
    coder: Coder,
    *,
    device: str = CPU,
    progress: Progress | None = None,
) -> tuple[Decoded, Graph]:
    """Walk a file's runs: what they decode to, and the order and batches of it.

    Raises
    ------
    HgsError
        A run breaks a rule.
    """
    fields, geometry = opened.fields, opened.fields.geometry
    arithmetic = open_arithmetic(model, device)
    points = fields.lattice.base_points(opened.coords)
    graph_of = begin(
        partial(
            build_graph,
            opened.coords,
            points,
            order=geometry.order,
            context=geometry.context,
            window=geometry.window,
            voxel_shift=geometry.voxel_shift,
        ),
        len(points),
    )
    features = None
    if fields.prior is not None:
        features = fields.prior.point_features(points, geometry.voxel_shift)
    graph = graph_of()
    if features is not None:
        features = features[graph.sequence]
    walked = walk(
        model,
        arithmetic,
        graph,
        points[graph.sequence],
        np.array(geometry.box),
        fields.lattice.index - geometry.position_step,
        fields.lambda_q,
        fields.scaling,
        coder,
        progress,
        "decode",
        features,
    )
    return Decoded(fields, opened.coords, graph.sequence, walked, opened.networks), graph


def decode_symbols(
    data: bytes | memoryview,
    *,
    device: str = CPU,
    max_points: int | None = None,
    progress: Progress | None = None,
) -> Decoded:
    """Decode a file's integers and compare their hash with the encoder's.

    Raises
    ------
    HgsError
        The data isn't a whole .hgs file that this version reads, or holds more than `max_points`.
    """
    opened, decoded = _decode_unchecked(data, device, max_points, progress)
    check_hash(opened, decoded)
    return decoded


def _decode_unchecked(
    data: bytes | memoryview, device: str, max_points: int | None, progress: Progress | None
) -> tuple[Opened, Decoded]:
    """Decode a file's integers; they may have another hash than the encoder's."""
    container = read_container(data, known=KNOWN, max_points=max_points)
    parts, runs = split_sections(container.sections, container.profile)
    opened = open_file(container, parts)
    model = unpack_model(opened.fields.spec, parts["NETS"], parts["HASH"], opened.fields.prior)
    coder = FileCoder(runs)
    decoded, _ = walk_file(opened, model, coder, device=device, progress=progress)
    coder.finish()
    return opened, decoded


def check_hash(opened: Opened, decoded: Decoded) -> None:
    """Compare the hash of what was decoded with the encoder's.

    Raises
    ------
    CorruptError
        They differ.
    """
    walked, fields = decoded.walked, opened.fields
    integers = b"" if opened.networks is None else opened.networks.tobytes()
    digest = symbols_digest(
        opened.raw, opened.coords, walked.symbols, walked.parts, fields.spec.groups, integers
    )
    if digest != fields.symbols_sha256:
        raise CorruptError("the decoded symbols don't have the hash that the encoder wrote")


def decode(
    data: bytes | memoryview,
    *,
    device: str = "cpu",
    threads: int | None = None,
    max_points: int | None = None,
    progress: Progress | None = None,
) -> Scene:
    """Decode the bytes of an .hgs file.

    Parameters
    ----------
    data
        A whole file.
    device
        Where networks run: "cpu" (NumPy), or a torch device such as "cuda" or "torch:cpu". The result is the
        same.
    threads
        CPU threads; None: the machine's cores. The result is the same.
    max_points
        Refuse a file of more points, before anything is allocated for them; None: as many as the format
        allows. A Gaussian takes up to 4 kB of memory, an anchor up to 25 (SPEC "Limits and security").

    Returns
    -------
    GaussianScene or AnchorScene
        The scene, by the profile in its header; points in Morton order of their positions.

    Raises
    ------
    HgsError
        The data isn't a whole .hgs file that this version reads; `LimitError` if it holds more than
        `max_points`.
    """
    with use_threads(threads):
        opened, decoded = _decode_unchecked(data, device, max_points, progress)
        checked = begin(partial(check_hash, opened, decoded), len(opened.coords))
        try:
            return reconstruct(decoded)
        finally:
            checked()  # what it finds comes first


def decode_gaussians(
    data: bytes | memoryview,
    *,
    device: str = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> GaussianScene:
    """Decode a file that must hold Gaussians: as `decode`.

    Raises
    ------
    SceneError
        It holds anchors.
    """
    scene = decode(data, device=device, threads=threads, progress=progress)
    if not isinstance(scene, GaussianScene):
        raise SceneError("the file holds anchors, expected Gaussians")
    return scene


def _attributes(
    decoded: Decoded, rank_of: npt.NDArray[np.int64], rows: slice
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return positions (n, 3) and attributes (n, C) of some points in Morton order."""
    fields, walked, ranks = decoded.fields, decoded.walked, rank_of[rows]
    shifted = shifted_values(walked, fields.spec.groups, fields.centroids, ranks)
    values = fields.scaling.attributes(shifted, fields.spec.groups).astype(np.float64)
    return fields.lattice.means(decoded.coords[rows], walked.parts[ranks], walked.halvings[ranks]), values


def reconstruct(decoded: Decoded) -> Scene:
    """Turn a file's integers into a scene.

    Raises
    ------
    CorruptError
        A value is beyond what float32 holds.
    """
    fields, count = decoded.fields, len(decoded.coords)
    rank_of = np.empty(count, dtype=np.int64)
    rank_of[decoded.sequence] = np.arange(count)
    scene: Scene
    if isinstance(fields.shape, GaussianShape):
        degree = fields.shape.sh_degree

        def gaussians(rows: slice) -> GaussianScene:
            with np.errstate(over="ignore", invalid="ignore"):
                return profile.scene_from_attributes(*_attributes(decoded, rank_of, rows), degree)

        scene = join_scenes(of_each(gaussians, count, _CHUNK))
    else:
        assert decoded.networks is not None
        networks = decoded.networks.networks()
        with np.errstate(over="ignore", invalid="ignore"):
            means, values = _attributes(decoded, rank_of, slice(0, count))
            scene = anchor_profile.anchors_from_attributes(means, values, networks, fields.lattice)
    try:
        scene.validate()
    except SceneError as error:
        raise CorruptError(f"the decoded scene isn't one: {error}") from error
    return scene


def check_decodes(data: bytes, device: str, progress: Progress | None) -> None:
    """Decode what was just written; the decoder compares the symbols' hash itself.

    Raises
    ------
    HgsError
        It can't be decoded: the encoder's mistake.
    """
    try:
        reconstruct(decode_symbols(data, device=device, progress=progress))
    except HgsError as error:
        raise HgsError(f"the file just encoded doesn't decode ({error}): nothing was written") from error


def verify(
    data: bytes | memoryview,
    *,
    threads: int | None = None,
    max_points: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Check a file: structure, checksums, and the hash of its decoded symbols; parameters as of `decode`.

    Raises
    ------
    HgsError
        What is wrong.
    """
    decode(data, threads=threads, max_points=max_points, progress=progress)
