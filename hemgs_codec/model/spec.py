"""What a model is made of: attribute groups, layer sizes, and from them every parameter's name and shape.

The entropy model knows nothing of profiles: it sees integer coordinates and an ordered list of attribute
groups, each coded given all the groups before it (SPEC "Networks").
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from hemgs_codec.model.hashgrid import Level

NUM_GEOMETRY = 2
"""Features of an anchor's place in the order: window growth and context size."""
NUM_EDGE = 4
"""Features of a context edge: relative position and log distance."""
UNGATED = -1
"""In the place of a channel's gate: it has none."""


@dataclass(frozen=True)
class Group:
    """One attribute group.

    Attributes
    ----------
    name : str
        For people: `hemgs info` shows it.
    slices : tuple of int
        Channels per slice; each slice is coded given the group's earlier slices. None: the group refines
        positions. It has a step, which says into how many parts an anchor's lattice cell is divided, and no
        channels that others could see.
    steps : tuple of int
        For each slice, which of the group's step channels quantises it, or the first of those that do.
    shares : tuple of int
        For each slice, how many step channels quantise it, each as many of its channels in turn. None: one.
    layer : int
        Which layer the group is of; ascending. All groups of a layer are coded batch by batch, then those of
        the next one.
    follows_lambda : bool
        False: a fit asks for the same steps at every λ. No decoder needs to know.
    flags : bool
        Values are 0 or 1 and coded as they are: steps are 1, and nothing predicts them.
    gates : tuple of int
        For each channel, the channel among all, of a group of flags before, that must be 1 for this one to
        be coded, or `UNGATED`; where it isn't 1, others see 0. None: all are coded.
    """

    name: str
    slices: tuple[int, ...]
    steps: tuple[int, ...]
    follows_lambda: bool = True
    flags: bool = False
    gates: tuple[int, ...] = ()
    shares: tuple[int, ...] = ()
    layer: int = 0

    @property
    def channels(self) -> int:
        """Number of values per anchor."""
        return sum(self.slices)

    @property
    def num_steps(self) -> int:
        """Number of quantisation steps per anchor."""
        return max((first + self.share(k) for k, first in enumerate(self.steps)), default=1)

    def share(self, number: int) -> int:
        """Return how many step channels quantise a slice."""
        return self.shares[number] if self.shares else 1

    def slice_steps(self, number: int) -> slice:
        """Return the step channels that quantise a slice."""
        return slice(self.steps[number], self.steps[number] + self.share(number))

    @property
    def refines_positions(self) -> bool:
        """Whether the group says where in its lattice cell an anchor lies."""
        return not self.slices

    @property
    def channel_steps(self) -> tuple[int, ...]:
        """The step channel of each channel."""
        return tuple(
            first + channel * self.share(number) // width
            for number, (width, first) in enumerate(zip(self.slices, self.steps, strict=True))
            for channel in range(width)
        )


def position_steps(spec: ModelSpec) -> tuple[int, ...]:
    """Return which of all groups' steps refine positions."""
    return tuple(spec.first_step(i) for i, group in enumerate(spec.groups) if group.refines_positions)


@dataclass(frozen=True)
class ModelSpec:
    """Sizes of a model; with the parameters, all that a decoder needs to evaluate it."""

    groups: tuple[Group, ...]
    levels: tuple[Level, ...]
    features: int  # hash-grid features per level
    hidden: int  # width of prior, key, query and context layers
    slice_hidden: int  # width of each slice's hidden layer
    heads: int  # attention heads over the context
    use_context: bool = True  # False: no autoregressive network (ablation)
    use_earlier: bool = True  # False: groups and slices don't see what was coded before them (ablation)
    use_adaptation: bool = True  # False: what networks predict isn't set right (ablation)
    constant: frozenset[int] = frozenset()  # groups of which nothing is coded: they have no networks
    points: int = 0  # features of an anchor from a shipped prior's PointNet++; 0: there is no prior

    @property
    def layers(self) -> tuple[tuple[int, ...], ...]:
        """Groups of each layer."""
        by_layer = groupby(range(len(self.groups)), key=lambda index: self.groups[index].layer)
        return tuple(tuple(indices) for _, indices in by_layer)

    @property
    def hash_width(self) -> int:
        """Number of hash-grid features per anchor."""
        return len(self.levels) * self.features

    @property
    def geometry(self) -> int:
        """Number of features of an anchor's place: in the order, and among the points."""
        return NUM_GEOMETRY + self.points

    def first_channel(self, group: int) -> int:
        """Index of the group's first channel among all channels."""
        return sum(g.channels for g in self.groups[:group])

    @property
    def channels(self) -> int:
        """Number of coded values per anchor."""
        return self.first_channel(len(self.groups))

    @property
    def step_channels(self) -> tuple[int, ...]:
        """For each channel, which of all groups' steps quantises it."""
        return tuple(
            self.first_step(i) + step for i, group in enumerate(self.groups) for step in group.channel_steps
        )

    def first_step(self, group: int) -> int:
        """Index of the group's first step among all groups' steps."""
        return sum(g.num_steps for g in self.groups[:group])

    def earlier(self, group: int) -> int:
        """Return how many earlier channels a group sees."""
        return self.first_channel(group) if self.use_earlier else 0

    def earlier_own(self, done: int) -> int:
        """Return how many of the ``done`` channels of its group's earlier slices a slice sees."""
        return done if self.use_earlier else 0

    def matrices(self) -> dict[str, tuple[int, int]]:
        """Name and shape (fan_in, fan_out) of every matrix, in file order; all but skips have a bias."""
        shapes: dict[str, tuple[int, int]] = {}
        for index, group in enumerate(self.groups):
            if index in self.constant:
                continue
            earlier = self.earlier(index)
            name = f"{index}"
            shapes[f"{name}.prior"] = (self.hash_width + self.geometry + earlier + 1, self.hidden)
            if not group.flags:
                shapes[f"{name}.step"] = (self.hidden + 1, group.num_steps)
            if self.use_context and not group.refines_positions:
                shapes[f"{name}.key"] = (group.channels + earlier, self.hidden)
                shapes[f"{name}.query"] = (self.geometry + earlier, self.hidden)
                shapes[f"{name}.edge"] = (NUM_EDGE, self.hidden + self.heads)
                shapes[f"{name}.score"] = (self.hidden, self.heads)
            done = 0
            for number, width in enumerate(group.slices):
                own = f"{name}.{number}"
                own_seen = self.earlier_own(done)
                inputs = self.hidden + group.share(number) + own_seen
                skip = 0
                if self.use_context:
                    inputs += self.hidden + self.heads * width
                    skip = self.heads * width
                shapes[f"{own}.hidden"] = (inputs, self.slice_hidden)
                shapes[f"{own}.out"] = (self.slice_hidden + own_seen, 2 * width)
                if skip:
                    shapes[f"{own}.skip"] = (self.heads, width)
                done += width
        return shapes
