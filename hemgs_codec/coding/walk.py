"""Visit every slice of every anchor: the one loop that encoder and decoder share (SPEC "Decoding order").

The walk knows how symbols are predicted; a `Coder` knows where they come from (a scene) or go to (a file),
and returns them either way. So an encoder can't see anything that a decoder won't.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from hemgs_codec.coding.coder import Coder
from hemgs_codec.coding.ground import Ground
from hemgs_codec.coding.group_walk import GroupWalk
from hemgs_codec.coding.pipeline import Pipeline
from hemgs_codec.context.graph import Graph
from hemgs_codec.context.neighbours import in_batches
from hemgs_codec.model.arithmetic import ExactArithmetic
from hemgs_codec.model.frozen import FrozenModel
from hemgs_codec.model.hashgrid import hash_coordinates, interpolate
from hemgs_codec.model.scaling import Scaling
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.model.units import LAMBDA_REFERENCE_Q, UNIT, UNIT_BITS, UNIT_STEP
from hemgs_codec.progress import Progress
from hemgs_codec.threads import threads_for

_CHUNK = 8192  # anchors at once where there is no order to keep
FEW = 32
LEAST = 512
"""Where less than a 32nd of the anchors is known, or fewer than `LEAST` and half, others are the mean."""
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Walked:
    """What a walk leaves, by rank.

    Attributes
    ----------
    symbols : (N, C) int32
    values : (N, C) int64
        The middles of the symbols' bins, in 2**-16 channel scales.
    cells : (N, C) int8
        See `centroids.cells_of`.
    steps : (N, S) int16
        Step indices of all groups' step channels.
    halvings : (N,) int64
        How often the axes of each anchor's lattice cell are halved.
    parts : (N, 3) int64
        Which part of its cell each anchor lies in.
    """

    symbols: npt.NDArray[np.int32]
    values: Int64Array
    cells: npt.NDArray[np.int8]
    steps: npt.NDArray[np.int16]
    halvings: Int64Array
    parts: Int64Array


def unknown(count: int, spec: ModelSpec) -> Walked:
    """Return what is there before a walk: all values are 0, anchors lie in the middles of their cells."""
    shape = (count, spec.channels)
    return Walked(
        symbols=np.zeros(shape, dtype=np.int32),
        values=np.zeros(shape, dtype=np.int64),
        cells=np.zeros(shape, dtype=np.int8),
        steps=np.zeros((count, sum(group.num_steps for group in spec.groups)), dtype=np.int16),
        halvings=np.zeros(count, dtype=np.int64),
        parts=np.zeros((count, 3), dtype=np.int64),
    )


def batches_of(graph: Graph, spec: ModelSpec) -> list[Int64Array]:
    """Return the ranks of each batch."""
    return graph.batches if spec.use_context else in_batches(np.arange(len(graph.sequence)))


def are_enough(known: int, count: int) -> bool:
    """Return whether so many known anchors of all say anything about the others."""
    return known * FEW >= count and (known >= LEAST or known * 2 >= count)


def lambda_feature(lambda_q: int) -> int:
    """Return the networks' input for λ: ±1024 at three octaves from 2e-3."""
    return (lambda_q - LAMBDA_REFERENCE_Q) * 4 // 3


def walk(
    model: FrozenModel,
    arithmetic: ExactArithmetic,
    graph: Graph,
    points: Int64Array,
    box: Int64Array,
    coarseness: int,
    lambda_q: int,
    scaling: Scaling,
    coder: Coder,
    progress: Progress | None = None,
    stage: str = "code",
    features: npt.NDArray[np.int16] | None = None,
) -> Walked:
    """Code layer after layer: of each batch in turn, all groups of the layer; until a coder's data end.

    Parameters
    ----------
    points : (N, 3) int64
        Base coordinates by rank.
    box : (4,) int64
        Box of the hash grid.
    coarseness : int
        Step index of the lattice, less the one that a step of 1 stands for when positions are refined.
    scaling
        Says which channels are constant over the scene: their symbols are 0 and not coded.
    features : (N, F) int16 or None
        Of a shipped prior's PointNet++, by rank.

    Raises
    ------
    CorruptError
        A flag is neither 0 nor 1.
    """
    spec, count = model.spec, len(points)
    walked = unknown(count, spec)
    ground = Ground(
        spec=spec,
        arithmetic=arithmetic,
        graph=graph,
        location=_locate(model, graph, points, box, features),
        coarseness=coarseness,
        lambda_feature=float(lambda_feature(lambda_q)),
        slope=float((lambda_q - LAMBDA_REFERENCE_Q) * UNIT // 512),
        is_live=scaling.channel_scales(spec.groups) > 0,
        constants=scaling.channel_offsets(spec.groups),
        step_offsets=UNIT_STEP + scaling.step_offsets(spec.groups),
        tilts=scaling.tilts,
        seen=np.zeros(walked.symbols.shape, dtype=np.int16),
        **vars(walked),
    )
    batches = batches_of(graph, spec)
    steps = _Steps(ground, coder, batches, stage, progress)
    if coder.has_all and batches and steps.can_overlap:
        Pipeline(len(spec.layers), len(batches), steps.code).run(threads_for(count))
        return walked
    for layer in range(len(spec.layers)):
        for number in range(len(batches)):
            if not steps.code(layer, number):
                return walked
        if not batches:
            coder.end_layer(layer)
    return walked


class _Steps:
    """A walk's steps: the batches of its layers."""

    def __init__(
        self,
        ground: Ground,
        coder: Coder,
        batches: list[Int64Array],
        stage: str,
        progress: Progress | None,
    ) -> None:
        self._coder, self._batches, self._stage, self._progress = coder, batches, stage, progress
        spec = ground.spec
        self._groups = [[GroupWalk(ground, index, coder) for index in layer] for layer in spec.layers]
        self._done, self._total = 0, len(batches) * len(spec.groups)
        self._telling = Lock()

    @property
    def can_overlap(self) -> bool:
        """Whether layers may be coded side by side."""
        return all(group.uses_one_core for groups in self._groups for group in groups)

    def code(self, layer: int, number: int) -> bool:
        """Code all groups of a layer's batch; return whether there are data for more."""
        groups, batches = self._groups[layer], self._batches
        for group in groups:
            group.code_batch(batches[number])
        if not self._coder.end_batch(layer):
            _expect(groups, batches, number)
            self._tell(self._total - self._done, is_worth_it=True)
            return False
        is_last = number + 1 == len(batches)
        self._tell(len(groups), is_worth_it=is_last or number % 16 == 0)
        if is_last:
            self._coder.end_layer(layer)
            groups.clear()  # and their memory
        return True

    def _tell(self, more: int, *, is_worth_it: bool) -> None:
        with self._telling:
            self._done += more
            if self._progress is not None and is_worth_it:
                self._progress(self._stage, self._done, self._total)


def _expect(groups: Sequence[GroupWalk], batches: list[Int64Array], number: int) -> None:
    """Put what is expected in the place of a layer's batches from one on, of which data don't tell all.

    Nothing is, where little was decoded, and of later layers: values are 0 then.
    """
    ground = groups[0].ground
    for group in groups:  # half of an anchor looks worse than none
        group.forget_batch(batches[number])
    known, count = sum(map(len, batches[:number])), len(ground.seen)
    if groups[0].shape.layer > 0 or not are_enough(known, count):
        return
    for ranks in batches[number:]:
        for group in groups:
            group.code_batch(ranks)


def _locate(
    model: FrozenModel,
    graph: Graph,
    points: Int64Array,
    box: Int64Array,
    features: npt.NDArray[np.int16] | None,
) -> npt.NDArray[np.int16]:
    """Return the location features (N, L)."""
    spec = model.spec
    geometry = graph.geometry if features is None else np.concatenate([graph.geometry, features], axis=1)
    location = np.empty((len(points), spec.hash_width + spec.geometry), dtype=np.int16)
    for start in range(0, len(points), _CHUNK):
        rows = slice(start, start + _CHUNK)
        location[rows, : spec.hash_width] = interpolate(
            hash_coordinates(points[rows], box), spec.levels, model.tables, UNIT_BITS
        )
    location[:, spec.hash_width :] = geometry
    return location
