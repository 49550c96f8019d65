from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemgs_codec.range_coder import RowTables, SymbolDecoder, SymbolEncoder, gaussian_bits
from hemgs_format.errors import CorruptError, HgsError, LimitError, TruncatedError
from hemgs_format.symbols import BLOCK_SYMBOLS, MAX_SYMBOL
from hemgs_format.tables import HALF_WIDTHS, TOTAL, class_weights, gaussian_row

MASK = (1 << 64) - 1


class IntegerDecoder:
    """The range decoder of SPEC.md, in Python integers."""

    def __init__(self, data: bytes) -> None:
        self.words = np.frombuffer(data, "<u4").tolist()
        self.range = MASK
        self.offset = 0
        self.position = 0
        self.offset = (self.next_word() << 32) | self.next_word()

    def next_word(self) -> int:
        self.position += 1
        return int(self.words[self.position - 1]) if self.position <= len(self.words) else 0

    def decode(self, weights: Sequence[int]) -> int:
        scale = self.range >> 24
        assert self.offset // scale < TOTAL, "impossible data"
        symbol, left = 0, 0
        while self.offset // scale >= left + weights[symbol]:
            left += weights[symbol]
            symbol += 1
        self.offset -= scale * left
        self.range = scale * weights[symbol]
        if self.range < 1 << 32:
            self.range <<= 32
            self.offset = ((self.offset << 32) | self.next_word()) & MASK
        return symbol

    def uniform(self, bits: int) -> int:
        return self.decode([TOTAL >> bits] * (1 << bits))

    def ended(self) -> bool:
        """Whether these are the words that an encoder writes; of symbols at all."""
        written = self.position - (self.range - self.offset >= 1 << 32)
        last = self.words[self.position - 1] if self.position <= len(self.words) else 0
        return len(self.words) == written and self.offset < 1 << 32 and last == 0


def random_tables(rng: np.random.Generator, rows: int, entries: int) -> npt.NDArray[np.uint32]:
    shares = rng.random((rows, entries)) ** 9
    weights = 1 + np.floor(shares / shares.sum(1, keepdims=True) * (TOTAL - entries)).astype(np.int64)
    weights[np.arange(rows), weights.argmax(1)] += TOTAL - weights.sum(1)
    return np.asarray(weights, np.uint32)


def gaussian_symbols(
    rng: np.random.Generator, n: int, last_sigma: int = 127
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    sigma = rng.integers(0, last_sigma + 1, n)
    mean = rng.integers(-400, 400, n)
    spread = np.where(rng.random(n) < 0.05, 60, 1) * 2.0 ** ((sigma - 32) / 8)
    return np.rint(mean / 16 + rng.standard_normal(n) * spread).astype(np.int64), mean, sigma


def test_words_of_fixed_symbols_never_change() -> None:
    encoder = SymbolEncoder()
    sigma = np.array([0, 32, 24, 40, 77])
    encoder.encode_gaussian(np.array([0, 3, -1, 900, 70]), np.array([3, 40, 0, -8, 1000]), sigma)
    encoder.encode_rows(np.array([1, 0]), np.array([0, 0]), np.array([[TOTAL - 5, 5]]))
    encoder.encode_uniform(np.array([5, 1 << 20]), np.array([3, 21]))
    encoder.encode_binary(np.array([1, 0]), np.array([TOTAL - 1, 1]))
    assert np.frombuffer(encoder.finish(), "<u4").tolist() == [2379652267, 2611029767, 2970850718]


def test_an_integer_decoder_reads_gaussian_tables_exactly() -> None:
    rng = np.random.default_rng(3)
    for width_class, half_width in enumerate(HALF_WIDTHS):
        tables = class_weights(width_class)
        row = np.repeat(np.arange(len(tables)), 4)
        entry = rng.integers(0, 2 * half_width + 2, row.size)
        encoder = SymbolEncoder()
        encoder.encode_rows(entry, row, tables)
        decoder = IntegerDecoder(encoder.finish())
        assert [decoder.decode(tables[r].tolist()) for r in row] == entry.tolist()
        assert decoder.ended()


@pytest.mark.parametrize("entries", [2, 3, 17, 66, 256, 1024])
def test_an_integer_decoder_reads_any_table_exactly(entries: int) -> None:
    rng = np.random.default_rng(entries)
    tables = random_tables(rng, 8, entries)
    row = rng.integers(0, 8, 400)
    symbols = rng.integers(0, entries, 400)
    encoder = SymbolEncoder()
    encoder.encode_rows(symbols, row, tables)
    data = encoder.finish()
    decoder = IntegerDecoder(data)
    assert [decoder.decode(tables[r].tolist()) for r in row] == symbols.tolist()
    fast = SymbolDecoder(data)
    assert (fast.decode_rows(row, RowTables(tables)) == symbols).all()
    fast.finish()


def test_boundaries_of_every_gaussian_table_are_exact() -> None:
    # A stream whose first word pair sits just below and at a boundary tells where the coder puts it.
    for width_class in range(len(HALF_WIDTHS)):
        tables = class_weights(width_class)[::3]
        prepared = RowTables(tables)
        scale = MASK >> 24
        for r in range(len(tables)):
            right = np.cumsum(tables[r].astype(np.int64))[:-1]
            for symbol in range(len(right)):
                boundary = scale * int(right[symbol])
                for offset, expected in ((boundary - 1, symbol), (boundary, symbol + 1)):
                    data = np.array([offset >> 32, offset & 0xFFFFFFFF], "<u4").tobytes()
                    assert SymbolDecoder(data).decode_rows(np.array([r]), prepared)[0] == expected


def test_an_integer_decoder_reads_gaussian_symbols_in_the_stated_order() -> None:
    symbols, mean, sigma = np.array([70, 1, -300]), np.array([900, 5, 8]), np.array([60, 30, 42])
    encoder = SymbolEncoder()
    encoder.encode_gaussian(symbols, mean, sigma)
    decoder = IntegerDecoder(encoder.finish())
    # Class 0: sigma 30. No escape.
    assert decoder.decode(gaussian_row(30, 5).tolist()) == 8 + 1
    # Class 1: sigma 42, mean 8/16: centre 1, fraction -8, residual -301 = -(16 + 256 + 29).
    assert decoder.decode(gaussian_row(42, -8).tolist()) == 2 * 16 + 1
    assert [decoder.uniform(1), decoder.uniform(5), decoder.uniform(8)] == [1, 8, 29]
    # Class 2: sigma 60 has one low bit; high part 35, sigma 52, mean (900 - 8) >> 1 = 446 = 28 * 16 - 2.
    assert decoder.decode(gaussian_row(52, -2).tolist()) == 32 + 35 - 28
    assert decoder.uniform(1) == 0
    assert decoder.ended()


@given(st.integers(0, 2**32), st.integers(0, 3000), st.sampled_from([38, 55, 127]))
@settings(max_examples=40, deadline=None)
def test_gaussian_symbols_round_trip(seed: int, n: int, last_sigma: int) -> None:
    symbols, mean, sigma = gaussian_symbols(np.random.default_rng(seed), n, last_sigma)
    encoder = SymbolEncoder()
    encoder.encode_gaussian(symbols, mean, sigma)
    data = encoder.finish()
    decoder = SymbolDecoder(data)
    assert (decoder.decode_gaussian(mean, sigma) == symbols).all()
    decoder.finish()
    bits = gaussian_bits(symbols, mean, sigma).sum()
    assert bits - 1 <= 8 * len(data) <= 1.0001 * bits + 64


@given(
    st.lists(
        st.tuples(st.integers(-MAX_SYMBOL, MAX_SYMBOL), st.integers(-(2**34), 2**34), st.integers(0, 127))
    )
)
@settings(deadline=None)
def test_any_legal_symbol_round_trips_under_any_legal_table(triples: list[tuple[int, int, int]]) -> None:
    symbols, mean, sigma = np.array(triples, np.int64).reshape(-1, 3).T
    encoder = SymbolEncoder()
    encoder.encode_gaussian(symbols, mean, sigma)
    decoder = SymbolDecoder(encoder.finish())
    assert decoder.decode_gaussian(mean, sigma).tolist() == symbols.tolist()
    decoder.finish()


def test_long_calls_are_coded_in_blocks() -> None:
    symbols, mean, sigma = gaussian_symbols(np.random.default_rng(5), BLOCK_SYMBOLS + 10)
    one, two = SymbolEncoder(), SymbolEncoder()
    one.encode_gaussian(symbols, mean, sigma)
    for part in (slice(0, BLOCK_SYMBOLS), slice(BLOCK_SYMBOLS, None)):
        two.encode_gaussian(symbols[part], mean[part], sigma[part])
    data = one.finish()
    assert data == two.finish()
    assert (SymbolDecoder(data).decode_gaussian(mean, sigma) == symbols).all()


@given(st.lists(st.integers(0, 32).flatmap(lambda b: st.tuples(st.integers(0, 2**b - 1), st.just(b)))))
@settings(deadline=None)
def test_uniform_values_round_trip_at_exactly_their_bits(pairs: list[tuple[int, int]]) -> None:
    values, bits = np.array(pairs, np.int64).reshape(-1, 2).T
    encoder = SymbolEncoder()
    encoder.encode_uniform(values, bits)
    data = encoder.finish()
    assert bits.sum() <= 8 * len(data) <= bits.sum() + 63
    decoder = SymbolDecoder(data)
    assert (decoder.decode_uniform(len(values), bits) == values).all()
    decoder.finish()


@given(st.lists(st.tuples(st.booleans(), st.integers(1, TOTAL - 1))))
@settings(deadline=None)
def test_binary_symbols_round_trip_and_read_exactly(pairs: list[tuple[bool, int]]) -> None:
    bits = np.array([b for b, _ in pairs], bool)
    weights = np.array([w for _, w in pairs], np.uint32)
    encoder = SymbolEncoder()
    encoder.encode_binary(bits, weights)
    data = encoder.finish()
    decoder = SymbolDecoder(data)
    assert (decoder.decode_binary(weights) == bits).all()
    decoder.finish()
    plain = IntegerDecoder(data)
    assert [plain.decode([TOTAL - w, w]) for _, w in pairs] == [int(b) for b, _ in pairs]


def test_kinds_of_symbols_mix_in_one_stream() -> None:
    symbols, mean, sigma = gaussian_symbols(np.random.default_rng(9), 50)
    encoder = SymbolEncoder()
    encoder.encode_uniform(np.array([9]), 24)
    encoder.encode_gaussian(symbols, mean, sigma)
    encoder.encode_binary(np.array([1]), np.array([7]))
    table, first = np.array([[1, 1, TOTAL - 2]]), np.array([0])
    encoder.encode_rows(np.array([2]), first, table)
    decoder = SymbolDecoder(encoder.finish())
    assert decoder.decode_uniform(1, 24).tolist() == [9]
    assert (decoder.decode_gaussian(mean, sigma) == symbols).all()
    assert decoder.decode_binary(np.array([7])).tolist() == [1]
    assert decoder.decode_rows(first, table).tolist() == [2]
    decoder.finish()


def test_nothing_takes_no_bytes() -> None:
    none = np.empty(0, np.int64)
    encoder = SymbolEncoder()
    encoder.encode_gaussian(none, none, none)
    encoder.encode_rows(none, none, class_weights(0))
    encoder.encode_uniform(none, 7)
    encoder.encode_binary(none, none)
    assert encoder.finish() == b""
    decoder = SymbolDecoder(b"")
    assert decoder.decode_gaussian(none, none).size == 0
    assert decoder.decode_rows(none, class_weights(0)).size == 0
    assert decoder.decode_uniform(0, 7).size == 0
    assert decoder.decode_binary(none).size == 0
    decoder.finish()


def test_bytes_that_are_no_whole_words_raise_truncated_error() -> None:
    for length in (1, 2, 3, 5):
        with pytest.raises(TruncatedError):
            SymbolDecoder(bytes(length))


def test_words_left_over_raise_corrupt_error() -> None:
    encoder = SymbolEncoder()
    encoder.encode_uniform(np.arange(100), 7)
    data = encoder.finish()
    decoder = SymbolDecoder(data + b"\1\0\0\0" * 2)
    decoder.decode_uniform(100, 7)
    with pytest.raises(CorruptError, match="goes on"):
        decoder.finish()
    with pytest.raises(CorruptError, match="goes on"):
        SymbolDecoder(bytes(4)).finish()


def random_stream(rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32], bytes]:
    """Symbols, their tables and words: most of the likeliest, so that ends of all kinds come up."""
    tables = np.array([[1, TOTAL - 1], [TOTAL - 1, 1], [16, TOTAL - 16], [TOTAL // 2, TOTAL // 2]], np.uint32)
    rows = rng.integers(0, len(tables), int(rng.integers(1, 30)))
    symbols = np.where(rng.random(rows.size) < 0.9, tables[rows].argmax(1), rng.integers(0, 2, rows.size))
    encoder = SymbolEncoder()
    encoder.encode_rows(symbols, rows, tables)
    return symbols, tables[rows], encoder.finish()


def refused(data: bytes, tables: npt.NDArray[np.uint32]) -> bool:
    decoder = SymbolDecoder(data)
    try:
        decoder.decode_binary(tables[:, 1])
        decoder.finish()
    except HgsError:
        return True
    return False


def test_the_end_check_is_the_one_of_the_integer_decoder() -> None:
    rng = np.random.default_rng(11)
    verdicts = set()
    for _ in range(1500):
        _, tables, data = random_stream(rng)
        words = np.frombuffer(data, "<u4").copy()
        if rng.random() < 0.7:
            words[-1] ^= np.uint32(1 << int(rng.integers(0, 32)))
        changed = [words.tobytes(), words[:-1].tobytes(), words.tobytes() + bytes(4)][int(rng.integers(0, 3))]
        plain = IntegerDecoder(changed)
        try:
            for table in tables:
                plain.decode(table.tolist())
            ended = plain.ended()
        except AssertionError:
            ended = False
        assert refused(changed, tables) != ended
        verdicts.add(ended)
    assert verdicts == {True, False}


def test_a_stream_has_one_spelling() -> None:
    """Whatever is accepted is what an encoder writes for the symbols that were decoded, word by word."""
    rng = np.random.default_rng(12)
    accepted, surplus = 0, set()
    for _ in range(1500):
        _, tables, data = random_stream(rng)
        words = np.frombuffer(data, "<u4").copy()
        place = int(rng.integers(max(words.size - 2, 0), words.size))
        change = int(rng.choice([0, 1, 3, 2**32 - 1, 1 << 31, int(rng.integers(0, 2**32))]))
        words[place] ^= np.uint32(change)
        changed = words.tobytes() + bytes(4 * int(rng.integers(0, 2)))
        decoder = SymbolDecoder(changed)
        try:
            symbols = decoder.decode_binary(tables[:, 1])
            decoder.finish()
        except HgsError:
            continue
        encoder = SymbolEncoder()
        encoder.encode_rows(symbols, np.arange(len(tables)), tables)
        assert encoder.finish() == changed
        accepted += 1
        surplus.add(words.size - len(np.trim_zeros(words, "b")))
    assert accepted > 100
    assert {0, 1} <= surplus, "some ends need a word of zeros, others don't"


def test_missing_words_at_the_end_raise_truncated_error_even_where_they_are_zeros() -> None:
    rng = np.random.default_rng(14)
    zeros = 0
    for _ in range(600):
        _, tables, data = random_stream(rng)
        for missing in range(4, len(data) + 1, 4):
            decoder = SymbolDecoder(data[:-missing])
            try:
                decoder.decode_binary(tables[:, 1])
            except CorruptError:
                continue
            with pytest.raises(TruncatedError, match="early"):
                decoder.finish()
            zeros += not any(data[-missing:])
    assert zeros


def test_random_words_raise_nothing_but_hgs_errors() -> None:
    rng = np.random.default_rng(13)
    tables = random_tables(rng, 4, 9)
    for _ in range(300):
        data = rng.integers(0, 2**32, int(rng.integers(0, 12)), dtype=np.uint64).astype("<u4")
        if rng.random() < 0.5:
            data |= np.uint32(0xFFFFFF00)  # near the end of the range, where impossible quantiles are
        _, mean, sigma = gaussian_symbols(rng, 60)
        decoder = SymbolDecoder(data.tobytes())
        try:
            decoder.decode_gaussian(mean, sigma)
            decoder.decode_uniform(20, 17)
            decoder.decode_binary(np.full(20, 5))
            decoder.decode_rows(np.arange(20) % 4, tables)
            decoder.finish()
        except HgsError:
            pass


def test_impossible_data_raises_corrupt_error() -> None:
    decoder = SymbolDecoder(b"\xff" * 16)
    with pytest.raises(CorruptError, match="impossible"):
        decoder.decode_binary(np.array([1]))


@pytest.mark.parametrize("length", [1, 31])
def test_a_decoded_symbol_beyond_the_limit_raises_corrupt_error(length: int) -> None:
    encoder = SymbolEncoder()
    encoder.encode_rows(np.array([17]), np.array([0]), class_weights(0))
    encoder.encode_uniform(np.array([0, length]), np.array([1, 5]))
    encoder.encode_uniform(np.array([0]), length)
    decoder = SymbolDecoder(encoder.finish())
    if length == 1:
        assert decoder.decode_gaussian(np.array([-8]), np.array([0])).tolist() == [10]
    else:
        with pytest.raises(CorruptError, match="limit"):
            decoder.decode_gaussian(np.array([-8]), np.array([0]))


def test_wrong_arguments_raise_named_errors() -> None:
    encoder, one, two = SymbolEncoder(), np.array([1]), np.array([1, 1])
    table = np.array([1, TOTAL - 1])
    calls: list[Callable[[], None]] = [
        lambda: encoder.encode_gaussian(one, two, two),
        lambda: encoder.encode_gaussian(two, two, one),
        lambda: encoder.encode_gaussian(np.array([MAX_SYMBOL + 1]), one, one),
        lambda: encoder.encode_rows(np.array([2]), np.array([0]), table[None]),
        lambda: encoder.encode_rows(np.array([-1]), np.array([0]), table[None]),
        lambda: encoder.encode_rows(one, np.array([1]), table[None]),
        lambda: encoder.encode_rows(one, np.array([-1]), table[None]),
        lambda: encoder.encode_rows(one, two, table[None]),
        lambda: encoder.encode_uniform(np.array([8]), 3),
        lambda: encoder.encode_uniform(np.array([-1]), 3),
        lambda: encoder.encode_uniform(one, 33),
        lambda: encoder.encode_binary(one, np.array([0])),
        lambda: encoder.encode_binary(one, np.array([TOTAL])),
    ]
    for call in calls:
        with pytest.raises(LimitError):
            call()
    with pytest.raises(CorruptError):
        encoder.encode_rows(one, np.array([0]), np.array([[5, 5]]))
    with pytest.raises(CorruptError):
        RowTables(table)
    assert encoder.finish() == b""
