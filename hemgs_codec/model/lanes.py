"""LLVM's vectors: how `vectors` spells what they do. Numba compiles by the same library, of its version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from numba import types as numba_types
from numba.core import cgutils as numba_cgutils
from numba.extending import intrinsic

cgutils: Any = numba_cgutils  # they carry no types
types: Any = numba_types
ir: Any = cgutils.ir
LANES = 16
SHORT, INT, LONG, DOUBLE = ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.DoubleType()
Value = Any
Builder = Any
Generator = Callable[..., Value]


def operation(typed: Callable[..., tuple[Any, Generator]]) -> Callable[..., Any]:
    """Make an operation of compiled loops of what gives its signature and its code."""
    return cast(Callable[..., Any], intrinsic(typed))


def lanes(kind: Any, count: int = LANES) -> Any:
    """Return the type of a vector."""
    return ir.VectorType(kind, count)


def signature_of(returns: Any, *kinds: Any) -> Any:
    """Return the signature of an operation: whole numbers without a width of their own are places."""
    plain = (types.unliteral(kind) for kind in kinds)
    return returns(*(types.intp if k in types.integer_domain and k != types.int32 else k for k in plain))


def llvm_function(builder: Builder, name: str, returns: Any, kind: Any) -> Value:
    """Return a function of LLVM's own."""
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(returns, [kind]), name)


def open_arguments(context: Any, builder: Builder, signature: Any, arguments: Any) -> list[Value]:
    """Return arguments with the addresses of their elements in the place of arrays."""
    return [
        context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args, arguments, strict=True)
    ]


def _at(builder: Builder, data: Value, place: Value, kind: Any) -> Value:
    return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())


def load(builder: Builder, data: Value, place: Value, kind: Any) -> Value:
    """Return what lies at a place, of any kind; 16-bit integers and their vectors lie anywhere."""
    value = builder.load(_at(builder, data, place, kind))
    value.align = 2
    return value


def store(builder: Builder, value: Value, data: Value, place: Value) -> None:
    """Put a value to a place."""
    builder.store(value, _at(builder, data, place, value.type)).align = 2


def splat(builder: Builder, value: Value) -> Value:
    """Return a vector of the same in all lanes."""
    nothing = ir.Constant(lanes(value.type), ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(INT, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(lanes(INT), [0] * LANES))


def constant_lanes(value: int) -> Value:
    """Return an int in all lanes."""
    return ir.Constant(lanes(INT), [value] * LANES)


def clamp(builder: Builder, x: Value, low: Value, high: Value) -> Value:
    """Return the nearest to x of what lies between."""
    x = builder.select(builder.icmp_signed("<", x, low), low, x)
    return builder.select(builder.icmp_signed(">", x, high), high, x)


def add_pairs(builder: Builder, x: Value, y: Value) -> Value:
    """Return x[2i] * y[2i] + x[2i + 1] * y[2i + 1] of shorts, half as many ints."""
    count = x.type.count
    product = builder.mul(builder.sext(x, lanes(INT, count)), builder.sext(y, lanes(INT, count)))
    nothing = ir.Constant(product.type, ir.Undefined)
    even, odd = (
        builder.shuffle_vector(
            product, nothing, ir.Constant(lanes(INT, count // 2), list(range(first, count, 2)))
        )
        for first in (0, 1)
    )
    return builder.add(even, odd)


def spread_pair(builder: Builder, data: Value, place: Value) -> Value:
    """Return a pair of shorts, as often as there are lanes."""
    return builder.bitcast(splat(builder, load(builder, data, place, INT)), lanes(SHORT, 2 * LANES))


def number(value: int) -> Value:
    """Return a constant place."""
    return ir.Constant(LONG, value)
