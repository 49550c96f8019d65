"""A sample of a pre-training: a scene or a part of one, with networks that are trained over many."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.parameters import Parameters
from hemgs_codec.fit.samples import make_samples
from hemgs_codec.fit.setting import choose_geometry, choose_lattice, finest_lattice, position_octaves
from hemgs_codec.fit.train import Fit, FitOptions
from hemgs_codec.location.morton import morton_sort
from hemgs_codec.model.scaling import coded_entries, constant_groups, fit_scaling
from hemgs_codec.model.spec import NUM_GEOMETRY, ModelSpec
from hemgs_codec.model.units import UNIT
from hemgs_codec.pointnet import PointNetSpec, plan_points, point_features
from hemgs_codec.pointnet.float_arithmetic import PointFloats
from hemgs_codec.prior.units import in_prior_units
from hemgs_codec.scene import GaussianScene
from hemgs_codec.shapes import groups_of


class Sample(Fit):
    """A fit of one lattice whose parameters are others' too, and whose point features are live.

    Parameters
    ----------
    scene, attributes, weights
        What to learn from.
    spec, parameters
        Of the entropy model of all scenes.
    net_spec, net
        Of the PointNet++.
    lambda_ : float
        Decides the lattice.
    dropout : float
        Share of the points' features that are 0 in a batch, the others larger to make up for it: a scene that
        isn't known by its shapes is learned from by what holds for others, too.
    """

    def __init__(
        self,
        scene: GaussianScene,
        attributes: npt.NDArray[np.float64],
        weights: Weights,
        spec: ModelSpec,
        parameters: Parameters,
        net_spec: PointNetSpec,
        net: Parameters,
        lambda_: float,
        seed: int,
        batch: int,
        dropout: float = 0.0,
    ) -> None:
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
        self._plan = plan_points(
            lattice.base_points(coords[by_morton]), geometry.voxel_shift, levels=net_spec.levels
        )
        self._row_of = torch.from_numpy(np.argsort(by_morton))  # Morton row of each scene row
        self._net_spec, self._net, self._dropout = net_spec, net, dropout
        self._features: torch.Tensor | None = None
        super().__init__(
            ModelSpec(
                groups,
                (),
                spec.features,
                spec.hidden,
                spec.slice_hidden,
                spec.heads,
                constant=constant_groups(scaling, groups),
                points=spec.points,
            ),
            scaling.normalise(attributes, groups),
            weights.values * scaling.channel_scales(groups) ** 2,
            position_octaves(weights, finest) - geometry.position_step / 8,
            finest.base_points(finest.quantise(scene.means)),
            np.array(geometry.box),
            samples,
            FitOptions(iterations=0, batch=batch, seed=seed),
            coded=coded_entries(attributes, groups),
            centre_steps=True,
        )
        self.parameters = parameters
        pad = torch.zeros((*self.geometry.shape[:2], net_spec.features), dtype=torch.int16)
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
        kept = torch.rand(theirs.shape, generator=self.generator) >= self._dropout
        return torch.cat([own, theirs * kept / (1 - self._dropout)], dim=1)

    def loss(self) -> torch.Tensor:
        """Bits a value of a batch, and what steps that aren't wanted cost."""
        self.look()
        count = len(self.values)
        rows = torch.randint(0, count, (min(self.options.batch, count),), generator=self.generator)
        k = torch.randint(0, len(self.qs), rows.shape, generator=self.generator)
        bits, excess = self.losses(rows, k, self.parameters.network)
        return bits.mean() + excess.mean()
