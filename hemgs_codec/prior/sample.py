"""A sample of a pre-training: a scene or a part of one, with networks that are trained over many."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.parameters import Parameters
from hemgs_codec.fit.samples import Samples, make_samples
from hemgs_codec.fit.setting import choose_geometry, choose_lattice, finest_lattice, position_octaves
from hemgs_codec.fit.train import Fit, FitOptions
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model.scaling import coded_entries, constant_groups, fit_scaling
from hemgs_codec.model.spec import NUM_GEOMETRY, ModelSpec
from hemgs_codec.model.units import UNIT
from hemgs_codec.pointnet import PointNetSpec, plan_points, point_features
from hemgs_codec.pointnet.float_arithmetic import PointFloats
from hemgs_codec.pointnet.plan import PointLevel, PointPlan
from hemgs_codec.prior.units import in_prior_units
from hemgs_codec.profile import attributes_from_scene
from hemgs_codec.scene import GaussianScene
from hemgs_codec.shapes import groups_of

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Material:
    """What a sample is made of, networks aside, for N Gaussians and C channels. See `Fit` for the rest.

    Attributes
    ----------
    spec
        Of a model of this scene.
    plan
        Of the scene's points in Morton order.
    row_of : (N,) int64
        Morton row of each scene row.
    """

    spec: ModelSpec
    values: Float64Array
    weights: Float64Array
    position_octaves: Float64Array
    points: npt.NDArray[np.int64]
    box: npt.NDArray[np.int64]
    samples: Samples
    coded: npt.NDArray[np.bool] | None
    plan: PointPlan
    row_of: npt.NDArray[np.int64]


def prepare(
    scene: GaussianScene, weights: Weights, spec: ModelSpec, net_spec: PointNetSpec, lambda_: float
) -> Material:
    """Do all that takes no networks, as `fit.prepare_fit` does for one scene.

    Parameters
    ----------
    spec, net_spec
        Of the networks of all scenes.
    lambda_ : float
        Decides the lattice.
    """
    attributes = attributes_from_scene(scene)
    channels = gaussian_channels(scene, attributes, scene.num_gaussians)
    groups = groups_of(channels.shape)
    attributes = weights.with_importance(channels.attributes)
    scaling = in_prior_units(fit_scaling(attributes, groups), groups)
    options = EncodeOptions()
    geometry = choose_geometry(channels, weights, options)
    lattice = choose_lattice(channels, weights, lambda_, None)
    samples = make_samples(
        scene.means,
        [lattice],
        order=options.order,
        context=options.context,
        window=options.window,
        voxel_shift=geometry.voxel_shift,
    )
    finest = finest_lattice(channels)
    coords = lattice.quantise(scene.means)
    by_morton = morton_sort(coords)
    points = lattice.base_points(coords[by_morton])
    return Material(
        replace(spec, groups=groups, constant=constant_groups(scaling, groups)),
        scaling.normalise(attributes, groups),
        weights.values * scaling.channel_scales(groups) ** 2,
        position_octaves(weights, finest) - geometry.position_step / 8,
        finest.base_points(finest.quantise(scene.means)),
        np.array(geometry.box),
        samples,
        coded_entries(attributes, groups),
        plan_points(points, geometry.voxel_shift, levels=net_spec.levels),
        np.argsort(by_morton),
    )


class Sample(Fit):
    """A fit of one lattice whose parameters are others' too, and whose point features are live.

    Parameters
    ----------
    parameters
        Of the entropy model of all scenes.
    net_spec, net
        Of the PointNet++.
    dropout : float
        Share of the points' features that are 0 in a batch, the others larger to make up for it: a scene that
        isn't known by its shapes is learned from by what holds for others, too.
    """

    def __init__(
        self,
        material: Material,
        parameters: Parameters,
        net_spec: PointNetSpec,
        net: Parameters,
        seed: int,
        batch: int,
        dropout: float = 0.0,
        device: str = "cpu",
    ) -> None:
        self._net_spec, self._net, self._dropout = net_spec, net, dropout
        self._features: torch.Tensor | None = None
        self._plan = material.plan if device == "cpu" else _moved(material.plan, device)
        self._row_of = torch.from_numpy(material.row_of)
        super().__init__(
            material.spec,
            material.values,
            material.weights,
            material.position_octaves,
            material.points,
            material.box,
            material.samples,
            FitOptions(iterations=0, batch=batch, seed=seed),
            device,
            coded=material.coded,
            centre_steps=True,
        )
        self.parameters = parameters
        pad = self.geometry.new_zeros((*self.geometry.shape[:2], net_spec.features))
        self.geometry = torch.cat([self.geometry, pad], dim=2)

    def look(self) -> None:
        """Compute the points' features with the present PointNet++, so that gradients go there."""
        m = PointFloats(self._net.pieces(self._net.network))
        self._features = point_features(m, self._net_spec, self._plan)[self._row_of]

    def requantise(self) -> None:
        """Quantise with the present networks."""
        self.look()
        assert self._features is not None, "look has just computed it"
        self.geometry[0, :, NUM_GEOMETRY:] = (self._features.detach() * UNIT).floor().to(torch.int16)
        self.refresh()

    def places(self, graph: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """See `Fit.places`: with live features of the points."""
        own = self.geometry[graph, rows, :NUM_GEOMETRY].float() / UNIT
        assert self._features is not None, "look comes first"
        theirs = self._features[rows]
        drawn = torch.rand(theirs.shape, generator=self.generator, device=self.device)
        return torch.cat([own, theirs * (drawn >= self._dropout) / (1 - self._dropout)], dim=1)

    def loss(self) -> torch.Tensor:
        """Bits a value of a batch, and what steps that aren't wanted cost."""
        self.look()
        bits, excess = self.losses(*self.draw(), self.parameters.network)
        return bits.mean() + excess.mean()


def _moved(plan: PointPlan, device: str) -> PointPlan:
    """Return a plan of tensors, for `PointFloats` alone."""

    def level(arrays: PointLevel) -> PointLevel:
        moved: list[Any] = [torch.from_numpy(array).to(device) for array in astuple(arrays)]
        return PointLevel(*moved)

    return PointPlan(tuple(level(arrays) for arrays in plan.levels))
