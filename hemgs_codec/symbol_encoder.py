"""Symbols and integer tables to bytes (SPEC: "Range coder"): the one import of constriction.

constriction gives entry j of a table the weight ``1 + share``, so it reproduces integer weights w exactly
when handed ``w - 1``.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hemgs_codec.coder_inputs import (
    Float64Array,
    Int64Array,
    IntArray,
    RowTables,
    binary_shares,
    bit_counts,
    check_lengths,
    class_shares,
    group_by_class,
    table_entries,
)
from hemgs_format.symbols import (
    BLOCK_SYMBOLS,
    ESCAPE_LENGTH_BITS,
    MAX_UNIFORM_BITS,
    check_fits,
    check_symbols,
    find_rows,
    split_escapes,
)
from hemgs_format.tables import HALF_WIDTHS

_CHUNK = 4096  # rows gathered at once: 2 MB at the widest class, and no slower than more


class _Library(NamedTuple):
    """What encoding needs of constriction."""

    encoder: Any
    rows: Any
    uniform: Any


@cache
def _library() -> _Library:
    """Import constriction, which decoding does without: not every machine has it."""
    import constriction

    model: Any = constriction.stream.model
    return _Library(
        constriction.stream.queue.RangeEncoder,
        model.Categorical(perfect=False),
        model.Uniform(),
    )


class SymbolEncoder:
    """Encode symbols into one stream.

    Examples
    --------
    >>> from hemgs_codec.symbol_decoder import SymbolDecoder
    >>> encoder = SymbolEncoder()
    >>> encoder.encode_gaussian(np.array([3, -1]), np.array([40, 0]), np.array([32, 24]))
    >>> data = encoder.finish()
    >>> SymbolDecoder(data).decode_gaussian(np.array([40, 0]), np.array([32, 24])).tolist()
    [3, -1]
    """

    def __init__(self) -> None:
        self._coder = _library().encoder()

    def finish(self) -> bytes:
        """Seal the stream and return its words, little-endian."""
        words: npt.NDArray[np.uint32] = self._coder.get_compressed()
        return words.astype("<u4").tobytes()

    def encode_rows(self, symbols: IntArray, row_index: IntArray, tables: RowTables | IntArray) -> None:
        """Code symbols (n,), symbol j with the table ``tables[row_index[j]]``.

        Parameters
        ----------
        symbols
            (n,) integers in 0 .. K - 1.
        row_index
            (n,) integers in 0 .. R - 1.
        tables
            (R, K) integer weights; pass `RowTables` to have them checked and converted once.
        """
        prepared = tables if isinstance(tables, RowTables) else RowTables(tables)
        values = table_entries(symbols, prepared.shares.shape[1])
        rows = prepared.index(row_index)
        check_lengths(values, rows)
        self._encode_rows(values, rows, prepared.shares)

    def encode_uniform(self, values: IntArray, bits: int | IntArray) -> None:
        """Code values (n,), value j in `bits` (or ``bits[j]``) equiprobable bits.

        Bit counts are 0 .. 32; a value of no bits must be 0 and costs nothing.
        """
        wide = np.asarray(values, np.int64)
        counts = bit_counts(bits, wide.size)
        check_fits(wide, counts)
        self._encode_powers(wide >> MAX_UNIFORM_BITS, np.maximum(counts - MAX_UNIFORM_BITS, 0))
        self._encode_powers(wide & 0xFFFF, np.minimum(counts, MAX_UNIFORM_BITS))

    def encode_gaussian(self, symbols: IntArray, mean16: IntArray, sigma_index: IntArray) -> None:
        """Code symbols (n,) under quantised Gaussians.

        Parameters
        ----------
        symbols
            (n,) integers, ``|symbol| <= 2**30``.
        mean16
            (n,) integers, mean in sixteenths of a symbol, ``|mean16| <= 2**34``.
        sigma_index
            (n,) integers 0 .. 127: sigma is ``2**((i - 32) / 8)`` symbols.

        Raises
        ------
        LimitError
            A value is out of range or lengths differ.
        """
        values = check_symbols(symbols)
        check_lengths(values, mean16)
        for start in range(0, values.size, BLOCK_SYMBOLS):
            part = slice(start, start + BLOCK_SYMBOLS)
            self._encode_block(values[part], mean16[part], sigma_index[part])

    def encode_binary(self, bits: npt.NDArray[np.integer | np.bool], weight_of_one: IntArray) -> None:
        """Code bits (n,), bit j being 1 with probability ``weight_of_one[j] / 2**24``."""
        values = table_entries(np.asarray(bits).astype(np.int64), 2)
        shares = binary_shares(weight_of_one)
        check_lengths(values, shares)
        if values.size:
            self._coder.encode(values, _library().rows, shares)

    def _encode_block(self, values: Int64Array, mean16: IntArray, sigma_index: IntArray) -> None:
        """Code one block: class by class its table entries, then its escapes; at last low bits."""
        rows = find_rows(mean16, sigma_index)
        residual = (values if rows.shift is None else values >> rows.shift) - rows.centre
        order, parts = group_by_class(rows)
        row = rows.row
        if order is not None:
            residual, row = residual[order], row[order]
        for width_class, part in parts:
            h = HALF_WIDTHS[width_class]
            entry = residual[part] + h
            # As unsigned, a negative entry is huge: one comparison finds both tails.
            escaped = np.flatnonzero(entry.view(np.uint64) > 2 * h)
            beyond = entry[escaped] - h
            entry[escaped] = 2 * h + 1
            self._encode_rows(entry.astype(np.int32), row[part], class_shares(width_class))
            if escaped.size:
                escapes = split_escapes(beyond, h)
                self.encode_uniform(escapes.negative, 1)
                self.encode_uniform(escapes.length, ESCAPE_LENGTH_BITS)
                self.encode_uniform(escapes.low, escapes.length)
        if rows.shift is not None:
            self._encode_powers(values & ((1 << rows.shift) - 1), rows.shift)

    def _encode_rows(self, values: npt.NDArray[np.int32], rows: Int64Array, shares: Float64Array) -> None:
        """Code checked values (n,) with gathered rows."""
        for start in range(0, values.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._coder.encode(values[part], _library().rows, shares.take(rows[part], axis=0))

    def _encode_powers(self, values: Int64Array, bits: Int64Array) -> None:
        """Code values (n,) of at most 16 bits each; those of no bits are skipped."""
        used = bits > 0
        if used.any():
            sizes = (1 << bits[used]).astype(np.int32)
            self._coder.encode(values[used].astype(np.int32), _library().uniform, sizes)
