"""Growth and pruning of anchors by what images ask for (Scaffold-GS, section 3.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from hemgs_codec.anchors.neural import NeuralGaussians
from hemgs_codec.render.camera import Camera
from hemgs_codec.train.options import SceneOptions
from hemgs_codec.train.parameters import SceneParameters

MIN_OPACITY = 5e-3
SEEN = 0.8
"""Share of an interval's iterations in which something must be seen to be judged; half of it for slots."""
FACTORS = (16, 4, 1)
"""Sizes of the cells that new anchors fill, in voxels, coarse to fine."""
MAX_LOG_SCALE = 0.05
_SEEN = ("gradients", "times", "opacities", "views")


class Growth:
    """What has been seen since the last growth, by slot and by anchor."""

    def __init__(self, num_anchors: int, slots: int) -> None:
        self.slots = slots
        self.reset(num_anchors)

    def reset(self, num_anchors: int) -> None:
        """Forget everything."""
        self.gradients = torch.zeros(num_anchors * self.slots)
        self.times = torch.zeros(num_anchors * self.slots)
        self.opacities = torch.zeros(num_anchors)
        self.views = torch.zeros(num_anchors)

    def state(self) -> dict[str, torch.Tensor]:
        """Return what has been seen."""
        return {name: getattr(self, name) for name in _SEEN}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Go back to what `state` returned."""
        for name in _SEEN:
            setattr(self, name, state[name].clone())

    @torch.no_grad()
    def count(self, seen: NeuralGaussians, by_means: torch.Tensor, camera: Camera) -> None:
        """Take in one view's Gaussians and the loss's gradient (M, 3) by their means.

        A gradient by the place in the image follows from that by the place in the world, but for what depth
        does to size: so any renderer will do.
        """
        pose = torch.from_numpy(camera.world_to_camera).to(by_means)
        depth = (seen.means.detach() @ pose[2, :3] + pose[2, 3]).clamp(min=0.0)
        across = by_means @ pose[:2, :3].T
        pixels = torch.stack([across[:, 0] / camera.fx, across[:, 1] / camera.fy], dim=1)
        size = torch.tensor([camera.width / 2, camera.height / 2]).to(by_means)
        norm = (pixels * size).norm(dim=1) * depth
        drawn = norm > 0
        slots = seen.slots[drawn].cpu()
        self.gradients.index_add_(0, slots, norm[drawn].cpu())
        self.times.index_add_(0, slots, torch.ones(len(slots)))
        self.opacities += seen.opacities.clamp(min=0.0).sum(1).cpu()
        self.views += 1

    @torch.no_grad()
    def apply(
        self,
        parameters: SceneParameters,
        voxel_size: float,
        interval: int,
        generator: torch.Generator,
        options: SceneOptions,
    ) -> None:
        """Grow and prune, and begin anew."""
        slots = self.slots
        mean = self.gradients / self.times.clamp(min=1)
        judged = self.times > interval * SEEN * 0.5
        leaves = parameters.leaves
        scales = torch.exp(leaves["log_scales"][:, None, :3])
        places = (parameters.anchors[:, None] + leaves["offsets"] * scales).reshape(-1, 3).cpu()
        occupied = parameters.anchors.cpu().numpy()
        added: dict[str, list[torch.Tensor]] = {"anchors": [], "features": [], "log_scales": []}
        for level, factor in enumerate(FACTORS):
            wanted = (mean >= options.growth_gradient * 2**level) & judged
            wanted &= torch.rand(len(mean), generator=generator) > 0.5 ** (level + 1)
            room = options.max_anchors - len(occupied)
            if room <= 0 or not wanted.any():
                continue
            parents = torch.nonzero(wanted).squeeze(1)
            cell = np.float32(factor) * np.float32(voxel_size)
            cells, owner = _free_cells(places[parents].numpy(), occupied, cell)
            cells = cells[:room]
            if len(cells) == 0:
                continue
            known = torch.from_numpy(owner)
            inside = (known >= 0) & (known < len(cells))
            features = leaves["features"].detach().cpu()[parents[inside] // slots]
            largest = torch.full((len(cells), features.shape[1]), -torch.inf)
            index = known[inside][:, None].expand_as(features)
            largest.scatter_reduce_(0, index, features, "amax")
            anchors = cells.astype(np.float32) * cell
            added["anchors"].append(torch.from_numpy(anchors))
            added["features"].append(largest)
            added["log_scales"].append(torch.full((len(cells), 6), float(np.log(cell))))
            occupied = np.concatenate([occupied, anchors])
        kept = ~((self.opacities < MIN_OPACITY * self.views) & (self.views > interval * SEEN))
        more = sum(map(len, added["anchors"]))
        width, logits = leaves["features"].shape[1], leaves["mask_logits"]
        empty = {"anchors": 3, "features": width, "log_scales": 6}
        new = {name: torch.cat([torch.zeros((0, empty[name])), *parts]) for name, parts in added.items()}
        new["offsets"] = torch.zeros((more, slots, 3))
        new["mask_logits"] = torch.full((more, slots), float(logits.detach().max()))
        parameters.replace(kept.to(parameters.anchors.device), new)
        log_scales = parameters.leaves["log_scales"].data
        log_scales[:, 3:].clamp_(max=MAX_LOG_SCALE)
        self.reset(int(kept.sum()) + more)


def _free_cells(
    places: npt.NDArray[np.float32], occupied: npt.NDArray[np.float32], cell: np.float32
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the cells (C, 3) that places (P, 3) lie in and no anchor does, and each place's cell or -1."""
    asked, owner = np.unique(np.rint(places / cell).astype(np.int64), axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    taken = np.unique(np.rint(occupied / cell).astype(np.int64), axis=0)
    both = np.concatenate([taken, asked])
    _, inverse = np.unique(both, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    is_free = ~np.isin(inverse[len(taken) :], inverse[: len(taken)])
    number = np.where(is_free, np.cumsum(is_free) - 1, -1)
    return asked[is_free], number[owner]
