"""A walk's one group: its networks evaluated and its symbols coded, batch by batch (SPEC "Prediction")."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.adaptation import Adaptation
from hemgs_codec.coding.coder import Coder
from hemgs_codec.coding.ground import Ground
from hemgs_codec.coding.keeping import keep
from hemgs_codec.coding.networks import FloatNetworks, Networks
from hemgs_codec.coding.short_networks import ShortNetworks, short_networks
from hemgs_codec.model.scaling import activations
from hemgs_codec.model.spec import UNGATED
from hemgs_codec.model.units import UNIT_STEP, step_table
from hemgs_format.errors import CorruptError

MAX_HALVINGS = 12
"""Of a lattice cell: parts of positions are coded in as many bits an axis."""
Int64Array = npt.NDArray[np.int64]


def halvings_for(steps: Int64Array, coarseness: int) -> Int64Array:
    """Return how often (N,) lattice cells are halved to come nearest to steps of these indices."""
    eighths = coarseness - (steps - UNIT_STEP)
    return np.asarray(np.clip((eighths + 4) >> 3, 0, MAX_HALVINGS), dtype=np.int64)


class GroupWalk:
    """The walk of one group: `code_batch` for each batch in turn, behind the groups before it."""

    def __init__(self, ground: Ground, group: int, coder: Coder) -> None:
        self.ground, self.group, self.coder = ground, group, coder
        spec = ground.spec
        self.shape, self.first = spec.groups[group], spec.first_channel(group)
        self.adaptation = Adaptation(self.shape.channels)
        channels = slice(self.first, self.first + self.shape.channels)
        # else all its symbols are 0 and none is coded
        self.is_live = self.shape.refines_positions or bool(ground.is_live[channels].any())
        self.networks: Networks | None = None
        if self.is_live:
            self.networks = short_networks(ground, group) or FloatNetworks(ground, group)

    @property
    def uses_one_core(self) -> bool:
        """Whether other groups may be walked on other cores at the same time."""
        return self.networks is None or isinstance(self.networks, ShortNetworks)

    def code_batch(self, ranks: Int64Array) -> None:
        """Predict and code the group of one batch of anchors, slice by slice.

        Raises
        ------
        CorruptError
            A flag is neither 0 nor 1.
        """
        if self.networks is None:
            return
        shape, networks = self.shape, self.networks
        self.adaptation.learn()
        prior, steps = networks.open(ranks)
        if shape.refines_positions:
            self._code_positions(ranks, steps[:, 0])
            return
        pooled, attended = networks.look_around(ranks)
        done = 0
        for number, width in enumerate(shape.slices):
            means, sigmas = networks.predict_slice(number, ranks, prior, steps, pooled, attended)
            channels = np.arange(self.first + done, self.first + done + width)
            index = np.repeat(steps[:, shape.slice_steps(number)], width // shape.share(number), axis=1)
            self._code_slice(ranks, channels, index, means, sigmas)
            networks.tell_slice(number, ranks)
            done += width
        networks.tell(ranks)

    def forget_batch(self, ranks: Int64Array) -> None:
        """Take back what was coded of the last batch, of which data don't tell all."""
        self.adaptation.forget()
        self.ground.forget(self.group, ranks)

    def _code_positions(self, ranks: Int64Array, steps: Int64Array) -> None:
        """Code where in their cells anchors lie; in the middle, where nothing says it."""
        halvings = halvings_for(steps, self.ground.coarseness)
        parts = self.coder.code_positions(self.shape.layer, ranks, halvings)
        self.ground.halvings[ranks] = 0 if parts is None else halvings
        self.ground.parts[ranks] = 0 if parts is None else parts

    def _code_slice(
        self,
        ranks: Int64Array,
        channels: Int64Array,
        steps: Int64Array,
        means: Int64Array,
        sigmas: Int64Array,
    ) -> None:
        """Code what is coded of one slice (n, W) of a batch; what no data tell is as it's predicted."""
        ground = self.ground
        if not ground.is_live[channels].any():
            return
        coded = self._coded(ranks, channels)
        if coded.all():
            where = np.repeat(ranks, len(channels)), np.tile(channels, len(ranks))
            steps, means, sigmas = steps.ravel(), means.ravel(), sigmas.ravel()
        else:
            rows, columns = np.nonzero(coded)
            if not len(rows):
                return
            where = ranks[rows], channels[columns]
            steps, means, sigmas = steps[rows, columns], means[rows, columns], sigmas[rows, columns]
        own, predicted = where[1] - self.first, (means, sigmas)
        if ground.spec.use_adaptation:
            means, sigmas = self.adaptation.adapt(own, means, sigmas)
        symbols = self.coder.code(self.shape.layer, *where, steps, means, sigmas)
        if symbols is None:
            self._expect(where, steps, means)
            return
        if self.shape.flags and ((symbols < 0) | (symbols > 1)).any():
            raise CorruptError(f"a symbol of the {self.shape.name} is neither 0 nor 1")
        if ground.spec.use_adaptation:
            self.adaptation.observe(own, symbols, *predicted)
        keep(ground, *where, symbols, steps, means, sigmas)

    def _expect(self, where: tuple[Int64Array, Int64Array], steps: Int64Array, means: Int64Array) -> None:
        """Keep what is expected where no data tell (n,)."""
        ground, symbols, step = self.ground, (means + 8) >> 4, step_table()[steps]
        if self.shape.flags:
            symbols = np.clip(symbols, 0, 1)
        values = symbols * step if self.shape.flags else (means * step) >> 4
        ground.cells[where] = 0
        ground.symbols[where] = symbols
        ground.values[where] = values
        ground.seen[where] = activations(values)

    def _coded(self, ranks: Int64Array, channels: Int64Array) -> npt.NDArray[np.bool]:
        """Return which channels (n, W) of anchors (n,) are coded: not constant, and no gate is shut."""
        ground, gates = self.ground, self.shape.gates
        coded = np.broadcast_to(ground.is_live[channels], (len(ranks), len(channels)))
        if gates:
            by = np.array(gates)[channels - self.first]
            is_open = ground.symbols[ranks[:, None], by] + ground.constants[by] == 1
            coded = coded & (is_open | (by == UNGATED))
        return coded
