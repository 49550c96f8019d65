"""What a PointNet++ is made of: layer sizes, and from them every matrix's name and shape."""

from __future__ import annotations

from dataclasses import dataclass

from hemgs_codec.pointnet.geometry import NUM_EDGE, NUM_INPUTS


@dataclass(frozen=True)
class PointNetSpec:
    """Sizes of a PointNet++; with the parameters, all that it takes to evaluate it.

    Attributes
    ----------
    features : int
        F, the features of a point.
    down : tuple of int
        For each level, finest first, the width of its groups' shared layers and of its centres' features.
    up : tuple of int
        For each level the width of the layer through which features come back to its points.
    """

    features: int = 16
    down: tuple[int, ...] = (32, 48, 64)
    up: tuple[int, ...] = (32, 32, 48)

    def __post_init__(self) -> None:
        if not self.down or len(self.down) != len(self.up):
            raise ValueError(
                f"{len(self.down)} widths down and {len(self.up)} up, expected as many, one or more"
            )

    @property
    def levels(self) -> int:
        """Number of levels."""
        return len(self.down)

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Name and shape (fan_in, fan_out) of every matrix; all have a bias."""
        shapes: dict[str, tuple[int, int]] = {}
        seen = NUM_INPUTS
        for number, width in enumerate(self.down):
            below = self.up[number + 1] if number + 1 < self.levels else width
            shapes[f"{number}.key"] = (seen, width)
            shapes[f"{number}.query"] = (seen, width)
            shapes[f"{number}.edge"] = (NUM_EDGE, width)
            shapes[f"{number}.group"] = (width, width)
            shapes[f"{number}.up"] = (below + seen, self.up[number])
            seen = width + NUM_INPUTS
        shapes["out"] = (self.up[0], self.features)
        return shapes
