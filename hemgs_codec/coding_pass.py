"""One coding pass: a scene, its weights and a fit to a file at one lambda (SPEC "Encoder notes")."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt

from hemgs_codec.anchors.network_coding import pack_rendering
from hemgs_codec.channel_scene import ChannelScene
from hemgs_codec.coding.arrange import arrange
from hemgs_codec.coding.centroids import fit_centroids
from hemgs_codec.coding.digest import symbols_digest
from hemgs_codec.coding.fields import Fields
from hemgs_codec.coding.runs import RUN_BITS, SceneCoder
from hemgs_codec.decoder import open_arithmetic
from hemgs_codec.distortion.weights import Weights
from hemgs_codec.fit.fitted import FittedModel
from hemgs_codec.lattice import Lattice
from hemgs_codec.location import encode_locations, morton_sort
from hemgs_codec.model.units import lambda_to_q
from hemgs_codec.prior.packing import pack_model
from hemgs_codec.progress import Progress
from hemgs_codec.shapes import profile_of
from hemgs_codec.threads import begin
from hemgs_format.container import Container, write_container
from hemgs_format.metadata import pack_metadata
from hemgs_format.sections import Section


def encode_fitted(
    scene: ChannelScene,
    weights: Weights | None,
    fitted: FittedModel,
    lattice: Lattice,
    lambda_: float,
    *,
    run_bits: int = RUN_BITS,
    device: str = "cpu",
    progress: Progress | None = None,
) -> tuple[bytes, SceneCoder]:
    """Code a scene with a fit: the file, and the coder with its bits by channel.

    With weights symbols are chosen by rate and distortion; without, values are rounded.
    """
    geometry, scaling, model = fitted.geometry, fitted.scaling, fitted.model
    spec, attributes = model.spec, scene.attributes
    locations = begin(partial(_code_locations, scene.means, lattice))  # bit after bit: one core's work
    arranged = arrange(scene.means, fitted, lattice)
    rows = arranged.rows
    prices = None
    if weights is not None:
        attributes = weights.with_importance(attributes)
        prices = weights.prices(lambda_, spec.groups)[rows] * scaling.channel_scales(spec.groups) ** 2
    coder = SceneCoder(scaling.normalise(attributes[rows], spec.groups), arranged.places, prices, run_bits)
    lambda_q = lambda_to_q(lambda_)
    walked = arranged.walk(fitted, open_arithmetic(model, device), lambda_q, coder, progress)
    centroids = (b"",) * len(spec.groups)
    if prices is not None:
        centroids = fit_centroids(walked, spec.groups, coder.values, prices)
    bits = lattice.bits(arranged.coords)
    fields = Fields(
        shape=fitted.shape,
        lambda_q=lambda_q,
        lattice=lattice,
        position_bits=bits,
        geometry=geometry,
        scaling=scaling,
        spec=spec,
        prior=fitted.prior,
        centroids=centroids,
        symbols_sha256=b"",
    ).pack()
    networks = scene.networks
    fields["sha256"] = symbols_digest(
        fields,
        arranged.coords,
        walked.symbols,
        walked.parts,
        spec.groups,
        b"" if networks is None else networks.tobytes(),
    )
    packed_model, packed_grid = pack_model(model, fitted.prior)
    sections = [
        Section("META", pack_metadata(fields)),
        *([] if networks is None else [Section("MLPS", pack_rendering(networks))]),
        Section("LOCS", locations()),
        Section("NETS", packed_model),
        Section("HASH", packed_grid),
        *coder.sections,
    ]
    container = Container(profile_of(fitted.shape), scene.count, scene.num_input, tuple(sections))
    return write_container(container), coder


def _code_locations(means: npt.NDArray[np.float32], lattice: Lattice) -> bytes:
    """Return the locations' section of positions (N, 3)."""
    coords = lattice.quantise(means)
    return encode_locations(coords[morton_sort(coords)], lattice.bits(coords))
