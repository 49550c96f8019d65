"""Measure what each part of the entropy model is worth.

The bits of the same symbols under (a) one static table per channel, (b) the hash-grid hyperprior only,
(c) with the autoregressive network, (d) with groups conditioned on earlier groups: the full model. It is
fitted first; the others are given its steps, so that symbols are the same, and so is the full model when
fitted again, on equal terms.

The full model without its hash grid fits its own steps. What tells the two apart is their cost: bits, and the
error of plain rounding at what an error is worth in bits at λ.

The same symbols have the same steps, which the variable-rate predictor chose per Gaussian. What those are
worth, another row tells: static tables with one step per channel for the whole scene, chosen so that each
channel's weighted squared error is the same as with the predicted steps.

Bits are those of float inference with weights and hash entries rounded as they are coded; bytes of networks
and hash grid are those of the packed sections. Locations are left out: they are the same for all.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.entropy import static_cost, step_of_equal_error, weighted_error
from benchmarks.provenance import Results
from benchmarks.scenes import data_option, identify, known_scenes, morton_crop, scene_option, scene_path
from hemgs_codec import read_ply
from hemgs_codec.channel_scene import gaussian_channels
from hemgs_codec.distortion.analytic import analytic_weights
from hemgs_codec.distortion.weights import RATE_WEIGHT
from hemgs_codec.fit.fit import prepare_fit
from hemgs_codec.fit.freeze import freeze
from hemgs_codec.fit.options import EncodeOptions
from hemgs_codec.fit.train import LAMBDAS, Fit
from hemgs_codec.prior.packing import pack_model
from hemgs_codec.threads import use_threads

if TYPE_CHECKING:
    from hemgs_codec import GaussianScene

WANTED = (1e-3, 2e-3, 4e-3)
FULL = EncodeOptions()
VARIANTS = {
    "hash": EncodeOptions(use_context=False, use_earlier=False),
    "hash+context": EncodeOptions(use_earlier=False),
    "full refitted": FULL,
    "full without hash": EncodeOptions(use_hash=False),
}
OWN_STEPS = "full without hash"
"""The variant that fits steps of its own: its symbols are others, its cost compares with the full one's."""
_CHUNK = 4096


def lambda_index(lambda_: float) -> int:
    """Return which of the fit's λs this is.

    Raises
    ------
    click.ClickException
        It's none of them.
    """
    for index, fitted in enumerate(LAMBDAS):
        if abs(fitted / lambda_ - 1) < 1e-6:
            return index
    raise click.ClickException(f"lambda {lambda_:g} isn't fitted: expected one of {LAMBDAS}")


def steps_of(fit: Fit, k: int) -> npt.NDArray[np.float64]:
    """Return the steps (N, C) of the scene at a λ, in channel scales."""
    steps = torch.exp2(fit.octaves[k].double() / 8).index_select(1, fit.step_channel)
    return np.asarray(steps.numpy(), dtype=np.float64)


def symbols_of(fit: Fit, k: int) -> npt.NDArray[np.int64]:
    """Return the symbols (N, C) of the scene at a λ, with the fit's steps."""
    return np.rint(fit.values.numpy() / steps_of(fit, k)).astype(np.int64)


@torch.no_grad()
def model_bits(fit: Fit, network: torch.Tensor, k: int) -> npt.NDArray[np.float64]:
    """Return the bits (C,) of the scene's symbols at a λ."""
    total = torch.zeros(fit.values.shape[1], dtype=torch.float64)
    for rows in torch.split(torch.arange(len(fit.values)), _CHUNK):
        bits, _ = fit.losses(rows, torch.full_like(rows, k), network)
        total += bits.double().sum(0)
    return total.numpy()


def distortion_bits(fit: Fit, k: int) -> float:
    """Return the worth in bits of the error of plain rounding at a λ (SPEC encoder notes, "Rate")."""
    error = fit.values.numpy() - symbols_of(fit, k) * steps_of(fit, k)
    weights: npt.NDArray[np.float64] = np.exp2(-2.0 * fit.wanted.double().numpy())
    worth: float = RATE_WEIGHT / LAMBDAS[k]
    return float((weights * error**2).sum()) * worth


class Bench:
    """One scene: its full fit, and what other models make of the same symbols."""

    def __init__(self, scene: GaussianScene, iterations: int | None, device: str) -> None:
        self.scene, self.iterations, self.device = scene, iterations, device
        self.channels = gaussian_channels(scene)
        self.weights = analytic_weights(self.channels.attributes)
        self.full, self.live, self.full_row = self.fit(FULL, None)

    def fit(
        self, options: EncodeOptions, octaves: torch.Tensor | None
    ) -> tuple[Fit, npt.NDArray[np.bool_], dict[str, Any]]:
        """Fit a model; also the channels that are coded, and what the model itself takes."""
        start = time.perf_counter()
        fit, _, scaling = prepare_fit(
            self.channels,
            self.weights,
            replace(options, iterations=self.iterations),
            device=self.device,
            fixed_octaves=octaves,
        )
        fit.run()
        seconds = time.perf_counter() - start
        if octaves is None:  # steps as they are coded: the predictor moved on since the last refresh
            fit.refresh(fit.parameters.quantised(fit.weight_steps)[0])
        model = freeze(fit.spec, fit.parameters, fit.weight_steps)
        networks, grid = pack_model(model, None)
        row = {
            "iterations": fit.options.iterations,
            "network_bytes": len(networks),
            "hash_bytes": len(grid),
            "fit_s": round(seconds, 1),
        }
        return fit, scaling.channel_scales(fit.spec.groups) > 0, row

    def by_group(self, bits: npt.NDArray[np.float64]) -> dict[str, float]:
        """Sum bits (C,) by group, per Gaussian; constant channels aren't coded."""
        spec, coded = self.full.spec, np.where(self.live, bits, 0.0)
        return {
            group.name: round(
                float(coded[spec.first_channel(g) :][: group.channels].sum()) / self.scene.num_gaussians, 4
            )
            for g, group in enumerate(spec.groups)
        }

    def static_row(self, k: int) -> dict[str, Any]:
        """Return the row of static tables."""
        costs = [static_cost(column) for column in symbols_of(self.full, k).T]
        table_bits = sum(cost.table_bits for cost in costs)
        symbol_bits = np.array([cost.symbol_bits for cost in costs])
        return {"table_bytes": round(table_bits / 8), **self.row(symbol_bits, table_bits)}

    def fixed_step_row(self, k: int) -> dict[str, Any]:
        """Return the row of static tables at one step per channel and the same error in every channel."""
        values = self.full.values.double().numpy()
        costs = []
        for value, weight, step in zip(
            values.T, self.weights.values.T, steps_of(self.full, k).T, strict=True
        ):
            fixed = step_of_equal_error(value, weight, weighted_error(value, weight, step))
            costs.append(static_cost(np.round(value / fixed).astype(np.int64)))
        table_bits = sum(cost.table_bits for cost in costs)
        symbol_bits = np.array([cost.symbol_bits for cost in costs])
        return {"table_bytes": round(table_bits / 8), **self.row(symbol_bits, table_bits)}

    def model_row(self, fit: Fit, model: dict[str, Any], k: int) -> dict[str, Any]:
        """Return the row of a fit."""
        network, _ = fit.parameters.quantised(fit.weight_steps)
        side_bits = 8 * (model["network_bytes"] + model["hash_bytes"])
        row = self.row(model_bits(fit, network, k), side_bits)
        distortion = distortion_bits(fit, k) / self.scene.num_gaussians
        cost = {"cost_bits_per_gaussian": round(row["bits_per_gaussian"] + distortion, 4)}
        return {**model, **row, **cost}

    def row(self, bits: npt.NDArray[np.float64], side_bits: float) -> dict[str, Any]:
        """Return what rows of both kinds hold."""
        groups = self.by_group(bits)
        symbols = float(np.where(self.live, bits, 0.0).sum()) / self.scene.num_gaussians
        return {
            "symbol_bits_per_gaussian": round(symbols, 4),
            "side_bits_per_gaussian": round(side_bits / self.scene.num_gaussians, 4),
            "bits_per_gaussian": round(symbols + side_bits / self.scene.num_gaussians, 4),
            "group_bits_per_gaussian": groups,
        }


def measure(
    bench: Bench,
    scene: dict[str, Any],
    variants: tuple[str, ...],
    lambdas: tuple[float, ...],
    results: Results,
) -> None:
    """Measure one scene: a row per model and λ. Savings are against static tables, all bytes included."""
    static = {lambda_: bench.static_row(lambda_index(lambda_)) for lambda_ in lambdas}
    common = {**scene, "num_gaussians": bench.scene.num_gaussians}
    for lambda_, row in static.items():
        results.add({**common, "lambda": lambda_, "model": "static", **row})
        fixed = bench.fixed_step_row(lambda_index(lambda_))
        results.add({**common, "lambda": lambda_, "model": "static, fixed steps", **fixed})
    for name in ("full", *variants):
        fit, model = bench.full, bench.full_row
        if name != "full":
            fit, _, model = bench.fit(VARIANTS[name], None if name == OWN_STEPS else bench.full.octaves)
        for lambda_ in lambdas:
            row = bench.model_row(fit, model, lambda_index(lambda_))
            if name != OWN_STEPS:
                saving = 1 - row["bits_per_gaussian"] / static[lambda_]["bits_per_gaussian"]
                row["saving_percent"] = round(100 * saving, 2)
            results.add({**common, "lambda": lambda_, "model": name, **row})


@click.command()
@data_option
@scene_option
@click.option("--lambda", "lambdas", type=float, multiple=True, default=WANTED, show_default=True)
@click.option(
    "--variant",
    "variants",
    type=click.Choice(list(VARIANTS)),
    multiple=True,
    default=tuple(VARIANTS),
    show_default=True,
    help="Models to fit beside the full one.",
)
@click.option("--crop", type=click.IntRange(min=1), help="Only this many Gaussians, that lie together.")
@click.option("--iterations", type=click.IntRange(min=1), help="Length of fits; by scene size if not given.")
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads; all cores if not given.")
@click.option("--device", default="cpu", show_default=True, help="Where fits run.")
def main(
    data: Path | None,
    names: tuple[str, ...],
    lambdas: tuple[float, ...],
    variants: tuple[str, ...],
    crop: int | None,
    iterations: int | None,
    threads: int | None,
    device: str,
) -> None:
    """Measure what each part of the model saves."""
    results = Results("model")
    with use_threads(threads):
        for name in names or known_scenes(data):
            path = scene_path(name, data)
            scene = read_ply(path)
            if crop is not None:
                scene = morton_crop(scene, crop)
            identity = {**identify(name, path), **({} if crop is None else {"crop": crop})}
            measure(Bench(scene, iterations, device), identity, variants, lambdas, results)


if __name__ == "__main__":
    main()
