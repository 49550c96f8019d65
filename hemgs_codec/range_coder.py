"""Symbols and integer tables to bytes and back (SPEC: "Range coder").

One encoder makes one stream of 32-bit words; the decoder repeats the same calls in the same order.
Each call is vectorised: symbols that share a half-width class go through the coder together, a few
thousand rows at a time, so that memory stays small however many there are.
"""

from __future__ import annotations

from hemgs_codec.coder_inputs import RowTables
from hemgs_codec.symbol_decoder import SymbolDecoder
from hemgs_codec.symbol_encoder import SymbolEncoder
from hemgs_format.symbols import gaussian_bits

__all__ = ["RowTables", "SymbolDecoder", "SymbolEncoder", "gaussian_bits"]
