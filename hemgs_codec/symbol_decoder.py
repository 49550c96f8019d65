"""Bytes to symbols by integer tables (SPEC: "Range coder"): what the loops of `range_reading` read, checked.

A range decoder can't notice damage by itself: sections carry checksums, and `SymbolDecoder.finish` checks
that the words end as an encoder ends them.
"""

from __future__ import annotations

import numpy as np

from hemgs_codec.coder_inputs import (
    Edges,
    Int64Array,
    IntArray,
    RowTables,
    binary_weights,
    bit_counts,
    check_lengths,
    class_edges,
)
from hemgs_codec.range_reading import (
    Stream,
    add_centres,
    ends_right,
    find_tables,
    open_stream,
    read_bits,
    read_class,
    read_rows,
    read_uniform,
    words_written,
)
from hemgs_format.errors import CorruptError, TruncatedError
from hemgs_format.symbols import (
    BLOCK_SYMBOLS,
    ESCAPE_LENGTH_BITS,
    MAX_MEAN16,
    MAX_SYMBOL,
    MAX_UNIFORM_BITS,
    TABLES_OF_SIGMAS,
    Escapes,
    check_decoded,
    find_rows,
    join_escapes,
)
from hemgs_format.tables import HALF_WIDTHS

_IMPOSSIBLE = "entropy-coded data is impossible under its tables: damaged"


class SymbolDecoder:
    """Decode a stream: each method mirrors the encoder's of the same name.

    Parameters
    ----------
    data
        The bytes of `SymbolEncoder.finish`.

    Raises
    ------
    TruncatedError
        The length isn't a multiple of 4.

    Notes
    -----
    Every method may raise CorruptError: no encoder that used these tables wrote this data.
    """

    def __init__(self, data: bytes | memoryview) -> None:
        if len(data) % 4:
            raise TruncatedError(f"entropy-coded data has {len(data)} bytes, expected a multiple of 4")
        self._stream = open_stream(np.frombuffer(data, "<u4").astype(np.uint32))

    @property
    def is_beyond(self) -> bool:
        """Whether a word was read that isn't there: symbols from then on may hang on what it is."""
        return int(self._stream.cursor[0]) > len(self._stream.words)

    def finish(self) -> None:
        """Check that the words are those that an encoder writes for the symbols decoded.

        Raises
        ------
        TruncatedError
            Words are missing.
        CorruptError
            There are more words, or others.
        """
        check_end(self._stream)

    def decode_rows(self, row_index: IntArray, tables: RowTables | IntArray) -> Int64Array:
        """Decode a symbol for each row index (n,)."""
        prepared = tables if isinstance(tables, RowTables) else RowTables(tables)
        return self._decode_rows(prepared.index(row_index), prepared.edges)

    def decode_uniform(self, n: int, bits: int | IntArray) -> Int64Array:
        """Decode n values of `bits` (or ``bits[j]``) equiprobable bits."""
        counts = bit_counts(bits, n)
        high = self._decode_powers(np.maximum(counts - MAX_UNIFORM_BITS, 0))
        return (high << MAX_UNIFORM_BITS) | self._decode_powers(np.minimum(counts, MAX_UNIFORM_BITS))

    def decode_gaussian(self, mean16: IntArray, sigma_index: IntArray) -> Int64Array:
        """Decode a symbol for each mean and sigma index (n,)."""
        check_lengths(mean16, sigma_index)
        symbols = np.empty(len(mean16), np.int64)
        for start in range(0, symbols.size, BLOCK_SYMBOLS):
            part = slice(start, start + BLOCK_SYMBOLS)
            symbols[part] = self._decode_block(mean16[part], sigma_index[part])
        return symbols

    def decode_binary(self, weight_of_one: IntArray) -> Int64Array:
        """Decode a bit for each weight (n,)."""
        weights = binary_weights(weight_of_one)
        bits = np.empty(weights.size, np.int64)
        _check_read(read_bits(self._stream, weights, bits), bits)
        return bits

    def _decode_block(self, mean16: IntArray, sigma_index: IntArray) -> Int64Array:
        """Undo `SymbolEncoder._encode_block`."""
        means, sigmas = (np.ascontiguousarray(values, np.int64) for values in (mean16, sigma_index))
        row, centre, symbols = (np.empty(means.size, np.int64) for _ in range(3))
        classes, counts = np.empty(means.size, np.uint8), np.zeros(len(HALF_WIDTHS) + 1, np.int64)
        if not find_tables(means, sigmas, TABLES_OF_SIGMAS, MAX_MEAN16, row, classes, centre, counts):
            find_rows(means, sigmas)  # it says what is wrong
        for width_class, half in enumerate(HALF_WIDTHS):
            if not counts[width_class]:
                continue
            edges = class_edges(width_class)
            is_read, escaped = read_class(self._stream, edges, width_class, classes, row, symbols)
            if not is_read:
                raise CorruptError(_IMPOSSIBLE)
            if escaped:
                where = np.flatnonzero((classes == width_class) & (symbols == half + 1))
                symbols[where] = self._decode_escapes(escaped, half)
        is_within = add_centres(symbols, centre, MAX_SYMBOL)
        if counts[-1]:
            shift = TABLES_OF_SIGMAS[0][sigmas]
            symbols = (symbols << shift) | self._decode_powers(shift)
        return symbols if is_within and not counts[-1] else check_decoded(symbols)

    def _decode_rows(self, rows: Int64Array, edges: Edges) -> Int64Array:
        """Decode with checked rows."""
        values = np.empty(rows.size, np.int64)
        _check_read(read_rows(self._stream, edges, rows, values), values)
        return values

    def _decode_powers(self, bits: Int64Array) -> Int64Array:
        """Decode values of at most 16 bits each; those of no bits are 0."""
        values = np.empty(bits.size, np.int64)
        _check_read(read_uniform(self._stream, bits, values), values)
        return values

    def _decode_escapes(self, n: int, half_width: int) -> Int64Array:
        """Decode the residuals (n,) of one class's escapes."""
        negative = self.decode_uniform(n, 1)
        length = self.decode_uniform(n, ESCAPE_LENGTH_BITS)
        return join_escapes(Escapes(negative, length, self.decode_uniform(n, length)), half_width)


def check_end(stream: Stream) -> None:
    """Check that the words are those that an encoder writes for what was read: see `SymbolDecoder.finish`."""
    count, written = len(stream.words), words_written(stream)
    if count < written:
        raise TruncatedError(f"entropy-coded data has {count} words, expected {written}: it ends early")
    if count > written:
        raise CorruptError("entropy-coded data goes on after its last symbol: damaged")
    if not ends_right(stream):
        raise CorruptError("entropy-coded data doesn't end as an encoder ends it: damaged")


def _check_read(count: int, values: Int64Array) -> None:
    """Raise CorruptError unless all values were read."""
    if count < values.size:
        raise CorruptError(_IMPOSSIBLE)
