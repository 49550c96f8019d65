"""Networks as differences from shipped ones: most are zero (SPEC "Differences").

Which aren't hangs on what a scene is unlike others in: a matrix, an input, an output. So bits have adaptive
contexts of these, mixed as those of locations are.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.compiled import cached_bare, compiled, source_fingerprint
from hemgs_codec.location import mixing
from hemgs_codec.location.coder import (
    STATE_IMPOSSIBLE,
    STATE_OK,
    Channel,
    code_bit,
    open_decoder,
    open_encoder,
    stream_of,
)
from hemgs_codec.location.features import half_octaves
from hemgs_codec.location.mixing import Mixer, code_mixed, open_mixer
from hemgs_codec.model.frozen import PARAMETER_LIMIT, FrozenModel
from hemgs_codec.model.spec import ModelSpec
from hemgs_codec.range_coder import SymbolEncoder
from hemgs_codec.symbol_decoder import check_end
from hemgs_format.errors import CorruptError, TruncatedError

KINDS = ("prior", "step", "key", "query", "edge", "score", "hidden", "out", "skip")
"""Layers by the last part of their names; the biases of one are a kind of their own."""
_NUM_KINDS = 2 * len(KINDS)
SIZES = 16
"""Classes of shipped parameters by size."""
LONGEST = 15
"""Sizes up to here are told in unary, what is beyond in 16 bits."""
_MOST_SHIFT = 15

# First context of each kind of decision; the gaps are their sizes.
_ANY = 0
_SHIFT = _ANY + _NUM_KINDS
_PLACE = _SHIFT + _NUM_KINDS * 16
_SIGN = _PLACE + _NUM_KINDS * SIZES
_MORE_OF_KIND = _SIGN + _NUM_KINDS * 3
_MORE_OF_SIZE = _MORE_OF_KIND + _NUM_KINDS * LONGEST
_LISTS = _MORE_OF_SIZE + SIZES * LONGEST
_OF_LIST = 1 + LONGEST  # contexts of each list: of its places, and of its sizes

# Mixing weights are kept apart where the inputs' worth differs.
_ANY_SET, _SHIFT_SET, _SIGN_SET, _MORE_SETS, _PLACE_SETS = 0, 1, 2, 3, 7
NUM_SETS = _PLACE_SETS + _NUM_KINDS

Int64Array = npt.NDArray[np.int64]
Lists = dict[str, npt.NDArray[np.int32]]


class Layout(NamedTuple):
    """Lists of parameters, one after the other: a matrix by rows, or the biases of a layer as one row."""

    shipped: Int64Array  # (P,)
    rows: Int64Array  # (lists,)
    columns: Int64Array  # (lists,)
    kinds: Int64Array  # (lists,) 2 * index in KINDS, + 1 for biases

    @property
    def num_contexts(self) -> int:
        """How many contexts there are: two of each row and each column are the last."""
        return _LISTS + _OF_LIST * len(self.rows) + 2 * int(self.rows.sum() + self.columns.sum())


def pack_differences(model: FrozenModel, base: FrozenModel) -> bytes:
    """Entropy code by how much a model's weights and biases differ from shipped ones, of the same shifts.

    Returns
    -------
    bytes
        Nothing where nothing differs.
    """
    layout = _layout(base)
    values = _flat(model.spec, model.weights, model.biases) - layout.shipped
    return pack_lists(values, layout) if values.any() else b""


def unpack_differences(spec: ModelSpec, data: bytes, base: FrozenModel) -> tuple[Lists, Lists]:
    """Invert `pack_differences`: weights and biases by name.

    Raises
    ------
    CorruptError, TruncatedError
        The bytes aren't such differences.
    """
    if not data:
        return base.weights, base.biases
    layout = _layout(base)
    values = unpack_lists(data, layout) + layout.shipped
    weights: Lists = {}
    biases: Lists = {}
    start = 0
    for name in spec.matrices():
        for lists, shipped in ((weights, base.weights), (biases, base.biases)):
            if name not in shipped:
                continue
            own = values[start : start + shipped[name].size]
            if int(np.abs(own).max(initial=0)) > PARAMETER_LIMIT:
                raise CorruptError(f"layer {name}: a parameter exceeds {PARAMETER_LIMIT}")
            lists[name] = own.astype(np.int32).reshape(shipped[name].shape)
            start += own.size
    return weights, biases


def pack_lists(values: Int64Array, layout: Layout) -> bytes:
    """Entropy code differences (P,)."""
    most = 5 * len(layout.rows) + int((np.minimum(np.abs(values), LONGEST) + 18).sum())
    channel = open_encoder(most)
    _code(values, layout, open_mixer(layout.num_contexts, NUM_SETS), channel)
    number = int(channel.cursor[0])
    encoder = SymbolEncoder()
    encoder.encode_binary(channel.bits[:number], channel.weights[:number])
    return encoder.finish()


def unpack_lists(data: bytes, layout: Layout) -> Int64Array:
    """Invert `pack_lists`, of at least one byte; errors are those of `unpack_differences`."""
    if len(data) % 4:
        raise TruncatedError(f"differences of networks have {len(data)} bytes, expected a multiple of 4")
    channel = open_decoder(np.frombuffer(data, "<u4").astype(np.uint32))
    values = np.zeros(len(layout.shipped), dtype=np.int64)
    _code(values, layout, open_mixer(layout.num_contexts, NUM_SETS), channel)
    if channel.cursor[1] == STATE_IMPOSSIBLE:
        raise CorruptError("differences of networks are impossible under their probabilities: damaged")
    if channel.cursor[1] != STATE_OK:
        raise TruncatedError("differences of networks end early")
    check_end(stream_of(channel))
    return values


def _flat(spec: ModelSpec, weights: Lists, biases: Lists) -> Int64Array:
    """Return all parameters in file order, (P,)."""
    parts = [lists[name].ravel() for name in spec.matrices() for lists in (weights, biases) if name in lists]
    return np.concatenate(parts).astype(np.int64)


def _layout(base: FrozenModel) -> Layout:
    sizes = []
    for name, shape in base.spec.matrices().items():
        kind = 2 * KINDS.index(name.rsplit(".", 1)[-1])
        sizes.append((*shape, kind))
        if name in base.biases:
            sizes.append((1, shape[1], kind + 1))
    rows, columns, kinds = np.array(sizes, dtype=np.int64).reshape(-1, 3).T.copy()
    return Layout(_flat(base.spec, base.weights, base.biases), rows, columns, kinds)


@compiled
def _code_shift(mixer: Mixer, channel: Channel, kind: int, shift: int) -> int:
    """Code the power of two that divides a list's differences."""
    node = 1
    for k in range(3, -1, -1):
        mixer.context[0] = _SHIFT + kind * 16 + node
        node = 2 * node + code_mixed(mixer, channel, 1, _SHIFT_SET, (shift >> k) & 1)
    return node - 16


@compiled
def _code_size(mixer: Mixer, channel: Channel, of_list: int, kind: int, size: int, length: int) -> int:
    """Code the size of a difference, 1 or more, whose shipped parameter is in a class of sizes."""
    context = mixer.context
    for k in range(LONGEST):
        context[0] = of_list + 1 + k
        context[1] = _MORE_OF_KIND + kind * LONGEST + k
        context[2] = _MORE_OF_SIZE + size * LONGEST + k
        if not code_mixed(mixer, channel, 3, _MORE_SETS + min(k, 3), 1 if length > k + 1 else 0):
            return k + 1
    rest = 0
    for k in range(16):
        rest = 2 * rest + code_bit(channel, ((length - LONGEST - 1) >> (15 - k)) & 1, 1 << 23)
    return LONGEST + 1 + rest


@compiled
def _code_lists(values: Int64Array, layout: Layout, mixer: Mixer, channel: Channel) -> None:
    """Code differences (P,), or fill them in."""
    context, shipped = mixer.context, layout.shipped
    num_lists = layout.rows.shape[0]
    first_row = _LISTS + _OF_LIST * num_lists
    first_column = first_row + 2 * layout.rows.sum()
    place = 0
    mixer.sign[:] = 1
    for number in range(num_lists):
        rows, columns, kind = layout.rows[number], layout.columns[number], layout.kinds[number]
        last = place + rows * columns
        together = 0
        for k in range(place, last):
            together |= abs(values[k])
        of_list = _LISTS + _OF_LIST * number
        context[0] = _ANY + kind
        if code_mixed(mixer, channel, 1, _ANY_SET, 1 if together else 0):
            shift = 0
            while together and shift < _MOST_SHIFT and not (together >> shift) & 1:
                shift += 1
            shift = _code_shift(mixer, channel, kind, shift)
            for k in range(place, last):
                base, value = shipped[k], values[k]
                row = first_row + 2 * ((k - place) // columns)
                column = first_column + 2 * ((k - place) % columns)
                size = min(half_octaves((4 * abs(base)) >> shift), SIZES - 1)
                context[0] = of_list
                context[1] = row
                context[2] = column
                context[3] = _PLACE + kind * SIZES + size
                if not code_mixed(mixer, channel, 4, _PLACE_SETS + kind, 1 if value else 0):
                    continue
                context[0] = _SIGN + kind * 3 + (0 if base == 0 else 1 if base > 0 else 2)
                context[1] = row + 1
                context[2] = column + 1
                is_negative = code_mixed(mixer, channel, 3, _SIGN_SET, 1 if value < 0 else 0)
                length = _code_size(mixer, channel, of_list, kind, size, abs(value) >> shift) << shift
                values[k] = -length if is_negative else length
        place = last
        first_row += 2 * rows
        first_column += 2 * columns


def _bind_fingerprint(fingerprint: str) -> Callable[[Int64Array, Layout, Mixer, Channel], None]:
    """Return the compiled `_code_lists`, cached under what it was compiled from."""

    def code_lists(values: Int64Array, layout: Layout, mixer: Mixer, channel: Channel) -> None:
        _ = fingerprint
        _code_lists(values, layout, mixer, channel)

    return cached_bare(code_lists)


_code = _bind_fingerprint(source_fingerprint(Path(mixing.__file__).parent))
