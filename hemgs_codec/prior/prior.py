"""A scene-agnostic prior: networks that ship with the package, and cost a file nothing (SPEC "Priors").

It's HEMGS's scene-agnostic network (paper 3.3.2), a PointNet++ over locations, and beyond the paper an
entropy model that was trained with it over many scenes. A file names its prior by hash.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.map_reader import MapReader
from hemgs_codec.model.frozen import FrozenModel, check_parameters, pack_networks, unpack_networks
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.pointnet import FrozenPointNet, PointNetSpec, plan_points, point_features
from hemgs_codec.pointnet.short_network import ShortPointNet
from hemgs_codec.scene import MAX_SH_DEGREE
from hemgs_codec.shapes import GaussianShape, Shape, groups_of
from hemgs_format.container import Container, read_container, write_container
from hemgs_format.errors import CorruptError
from hemgs_format.metadata import Value, pack_metadata, unpack_metadata
from hemgs_format.sections import Section

ID_BYTES = 8
_ORDER = ("PRIO", "NETS", "PNTS")
_IDS = frozenset(_ORDER)
_MAX_WIDTH = 256
_HASH_BYTES = 32
_MAX_LEVELS = 4


@dataclass(frozen=True)
class Prior:
    """Networks of all scenes of a profile.

    Attributes
    ----------
    model : FrozenModel
        The entropy model, for scenes with all that the profile can have; no hash grid.
    point_net : FrozenPointNet
        The scene-agnostic network, whose features the entropy model sees.
    corpus : tuple of bytes
        SHA-256 of the scenes' files that it was trained on.
    since : str
        The package's version that it first came with.
    id : bytes
        What files name it by: the beginning of a SHA-256 of what its file's sections hold. The container
        around them may change with the format, and the prior's name mustn't.
    """

    model: FrozenModel
    point_net: FrozenPointNet
    corpus: tuple[bytes, ...]
    since: str
    id: bytes = b""

    def suits(self, shape: Shape) -> bool:
        """Whether the prior knows this kind of scene."""
        groups = groups_of(shape)
        return isinstance(shape, GaussianShape) and groups == self.model.spec.groups[: len(groups)]

    def spec_for(self, like: ModelSpec) -> ModelSpec:
        """Return a scene's spec with the prior's widths and point features."""
        own = self.model.spec
        return replace(
            like, hidden=own.hidden, slice_hidden=own.slice_hidden, heads=own.heads, points=own.points
        )

    def networks_for(self, spec: ModelSpec) -> FrozenModel:
        """Return the networks that a scene of this spec starts from: nothing is known of a hash grid's."""
        weights, biases, shifts = {}, {}, {}
        for name, shape in spec.matrices().items():
            matrix = self.model.weights[name]
            above = shape[0] - len(matrix)  # the hash grid's features come first
            weights[name] = np.concatenate([np.zeros((above, shape[1]), dtype=np.int32), matrix])
            shifts[name] = self.model.shifts[name]
            if name in self.model.biases:
                biases[name] = self.model.biases[name]
        return FrozenModel(spec, weights, biases, shifts, [])

    def point_features(
        self, points: npt.NDArray[np.int64], voxel_shift: int, device: str | None = None
    ) -> npt.NDArray[np.int16]:
        """Return features (N, F) of base coordinates (N, 3) in Morton order, in 1/1024."""
        plan = plan_points(points, voxel_shift, levels=self.point_net.spec.levels)
        if device is None:
            return ShortPointNet(self.point_net).point_features(plan)
        m = self.point_net.arithmetic(device)
        features = m.numpy(point_features(m, self.point_net.spec, plan))
        return np.asarray(features, dtype=np.int16)


def pack_prior(prior: Prior) -> bytes:
    """Return a prior's file."""
    model, net = prior.model, prior.point_net
    spec = model.spec
    fields: dict[str, Value] = {
        "since": prior.since,
        "corpus": list(prior.corpus),
        "net": [spec.hidden, spec.slice_hidden, spec.heads],
        "points": [net.spec.features, *net.spec.down, *net.spec.up],
    }
    sections = (
        Section("PRIO", pack_metadata(fields)),
        Section("NETS", pack_networks(model.weights, model.biases, model.shifts)),
        Section("PNTS", pack_networks(net.weights, net.biases, net.shifts)),
    )
    return write_container(Container("gaussian", 0, 0, sections))


def unpack_prior(data: bytes) -> Prior:
    """Invert `pack_prior`.

    Raises
    ------
    HgsError
        The bytes aren't those of a prior.
    """
    container = read_container(data, known=_IDS)
    if (container.profile, container.num_input, container.num_points) != ("gaussian", 0, 0):
        raise CorruptError("a prior's header says gaussian profile and no points, this file's says otherwise")
    parts = {section.id: section.data for section in container.sections}
    if len(parts) != len(container.sections) or set(parts) != _IDS:
        raise CorruptError(f"a prior holds {sorted(_IDS)}, this file {[s.id for s in container.sections]}")
    fields: dict[str, Any] = unpack_metadata(parts["PRIO"])
    reader = MapReader(fields)
    since, corpus, widths = reader.get("since"), reader.get("corpus"), reader.get("points")
    if not isinstance(since, str) or not isinstance(corpus, list) or not isinstance(widths, list):
        raise CorruptError('metadata: "since", "corpus" or "points" is of the wrong kind')
    if not all(isinstance(digest, bytes) and len(digest) == _HASH_BYTES for digest in corpus):
        raise CorruptError('metadata: "corpus" isn\'t a list of hashes')
    levels = (len(widths) - 1) // 2
    if len(widths) != 2 * levels + 1 or not 1 <= levels <= _MAX_LEVELS:
        raise CorruptError(f'metadata: "points" isn\'t a width and two for each of 1 .. {_MAX_LEVELS} levels')
    features, *rest = reader.integers("points", [(1, _MAX_WIDTH)] * len(widths))
    hidden, slice_hidden, heads = reader.integers("net", [(1, _MAX_WIDTH), (1, _MAX_WIDTH), (1, 16)])
    spec = prior_spec(hidden, slice_hidden, heads, features)
    net_spec = PointNetSpec(features, tuple(rest[:levels]), tuple(rest[levels:]))
    for matrices in (spec.matrices(), net_spec.matrices()):
        check_parameters(matrices)
    prior = Prior(
        FrozenModel(spec, *unpack_networks(spec.matrices(), parts["NETS"]), []),
        FrozenPointNet(net_spec, *unpack_networks(net_spec.matrices(), parts["PNTS"])),
        tuple(corpus),
        since,
        prior_id(parts),
    )
    prior.point_net.arithmetic(None)  # proven to stay exact, here and not when a scene is decoded
    return prior


def prior_id(parts: dict[str, bytes]) -> bytes:
    """Return the id of a prior by its sections' data: their lengths and bytes, hashed in a fixed order."""
    digest = hashlib.sha256()
    for name in _ORDER:
        digest.update(len(parts[name]).to_bytes(8, "little"))
        digest.update(parts[name])
    return digest.digest()[:ID_BYTES]


def prior_spec(hidden: int, slice_hidden: int, heads: int, points: int) -> ModelSpec:
    """Return the spec of an entropy model for all scenes of the ``gaussian`` profile."""
    return ModelSpec(
        groups=groups_of(GaussianShape(MAX_SH_DEGREE)),
        levels=(),
        features=1,
        hidden=hidden,
        slice_hidden=slice_hidden,
        heads=heads,
        points=points,
    )
