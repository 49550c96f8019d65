"""Checks and conversions in front of the range coder: what its loops and constriction get is always sound.

constriction takes negative weights silently, so nothing goes to it unchecked. Errors here mean wrong
arguments (LimitError; CorruptError for tables, which may come from a file), never damaged entropy-coded data.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from hemgs_format.errors import CorruptError, LimitError
from hemgs_format.symbols import MAX_UNIFORM_BITS, Rows
from hemgs_format.tables import TOTAL, check_weights, class_weights

IntArray = npt.NDArray[np.integer]
Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
Edges = npt.NDArray[np.uint32]


class RowTables:
    """Tables prepared once for many calls of `encode_rows` and `decode_rows`.

    Parameters
    ----------
    weights
        (R, K) integers, each row at least 1 and summing to 2**24, K >= 2.

    Raises
    ------
    CorruptError
        The weights aren't such tables.
    """

    def __init__(self, weights: IntArray) -> None:
        checked = check_weights(weights)
        if checked.ndim != 2:
            raise CorruptError(f"tables have shape {checked.shape}, expected (rows, entries)")
        self.weights = checked

    @cached_property
    def shares(self) -> Float64Array:
        """The weights (R, K), minus one: for encoding."""
        return (self.weights - 1).astype(np.float64)

    @cached_property
    def edges(self) -> Edges:
        """Sums of the weights before each entry (R, K + 1): for decoding."""
        return table_edges(self.weights)

    def index(self, row_index: IntArray) -> Int64Array:
        """Return checked row indices (n,)."""
        rows = np.asarray(row_index, np.int64)
        if rows.ndim != 1 or (rows.size and int(rows.view(np.uint64).max()) >= len(self.weights)):
            raise LimitError(f"row indices must be 0 .. {len(self.weights) - 1}, in one dimension")
        return rows


@cache
def class_shares(width_class: int) -> Float64Array:
    """Return the weights of a half-width class (rows, K), minus one."""
    return (class_weights(width_class) - np.uint32(1)).astype(np.float64)


def table_edges(weights: IntArray) -> Edges:
    """Return the sums of the weights (R, K) before each entry, and of all: (R, K + 1)."""
    edges = np.zeros((len(weights), weights.shape[1] + 1), np.uint32)
    np.cumsum(weights, axis=1, dtype=np.uint32, out=edges[:, 1:])
    return edges


@cache
def class_edges(width_class: int) -> Edges:
    """Return the edges of a half-width class (rows, K + 1)."""
    return table_edges(class_weights(width_class))


def binary_weights(weight_of_one: IntArray) -> Int64Array:
    """Return checked weights (n,) of bit 1."""
    one = np.asarray(weight_of_one, np.int64)
    if one.ndim != 1 or (one.size and (one.min() < 1 or one.max() >= TOTAL)):
        raise LimitError(f"the weight of a one-bit must be 1 .. {TOTAL - 1}, in one dimension")
    return one


def binary_shares(weight_of_one: IntArray) -> Float64Array:
    """Return two-entry rows (n, 2), minus one, from the weights (n,) of bit 1."""
    one = binary_weights(weight_of_one)
    shares = np.empty((one.size, 2))
    shares[:, 0] = TOTAL - 1 - one
    shares[:, 1] = one - 1
    return shares


def bit_counts(bits: int | IntArray, n: int) -> Int64Array:
    """Return bit counts (n,), checked to be 0 .. 32."""
    counts = np.full(n, bits, np.int64) if isinstance(bits, int) else np.asarray(bits, np.int64)
    largest = 2 * MAX_UNIFORM_BITS
    if counts.shape != (n,) or (n and int(counts.view(np.uint64).max()) > largest):
        raise LimitError(f"bit counts must be 0 .. {largest}, one for each of {n} values")
    return counts


def table_entries(symbols: IntArray, num_entries: int) -> npt.NDArray[np.int32]:
    """Return table entries (n,) in constriction's dtype, checked to be 0 .. num_entries - 1."""
    values = np.asarray(symbols)
    if values.ndim != 1 or (values.size and (values.min() < 0 or values.max() >= num_entries)):
        raise LimitError(f"symbols must be 0 .. {num_entries - 1}, in one dimension")
    return values.astype(np.int32)


def check_lengths(symbols: npt.NDArray[Any], tables: npt.NDArray[Any]) -> None:
    """Refuse symbols without a table each."""
    if len(symbols) != len(tables):
        raise LimitError(f"{len(symbols)} symbols for {len(tables)} tables: expected equal lengths")


def group_by_class(rows: Rows) -> tuple[Int64Array | None, list[tuple[int, slice]]]:
    """Put symbols in coding order: classes ascending, given order within a class.

    Returns
    -------
    order
        (n,) permutation, or None where the given order is it.
    parts
        For each class that occurs, its index and its slice of the permuted symbols.
    """
    parts, start = [], 0
    for width_class, count in enumerate(np.bincount(rows.width_class).tolist()):
        if count:
            parts.append((width_class, slice(start, start + count)))
            start += count
    if len(parts) < 2:
        return None, parts
    return np.argsort(rows.width_class, kind="stable"), parts  # uint8: a radix sort
