"""Sixteen lanes at once: what loops over 16-bit integers are made of.

Activations and weights have 16 bits, and processors multiply such integers in pairs, adding the two products
to a sum of 32 bits: four to eight times as many a cycle as float64s. Compilers find that instruction only
where code says it in vectors. So these are vectors, in LLVM's own terms and of no machine's: each is compiled
to what the processor at hand has. They are integers, or float64s that hold integers, so none of them rounds.

Arrays are contiguous. Places in them are counted in elements, and nothing checks them.
"""

from __future__ import annotations

from typing import Any

from hemgs_codec.model.lanes import (
    DOUBLE,
    INT,
    LANES,
    LONG,
    SHORT,
    Builder,
    Generator,
    Value,
    add_pairs,
    cgutils,
    clamp,
    constant_lanes,
    ir,
    lanes,
    llvm_function,
    load,
    number,
    open_arguments,
    operation,
    signature_of,
    splat,
    spread_pair,
    store,
    types,
)


@operation
def multiply_four(
    _: Any, x: Any, row: Any, begin: Any, end: Any, weights: Any, outs: Any, first: Any, sums: Any
) -> tuple[Any, Generator]:
    """Add x @ weights of four rows to sums (4, outs), in lanes from ``first`` on, of inputs in pairs.

    Rows of x are ``row`` shorts apart, a multiple of 2; weights (pairs, outs, 2) are shorts, sums ints.
    """

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        data = open_arguments(context, builder, signature, arguments)
        x, row, begin, end, weights, outs, first, sums = data
        places = [builder.add(builder.mul(number(r), outs), first) for r in range(4)]
        totals = [cgutils.alloca_once(builder, lanes(INT)) for _ in range(4)]
        for total, place in zip(totals, places, strict=True):
            builder.store(load(builder, sums, place, lanes(INT)), total)
        with cgutils.for_range_slice(builder, begin, end, number(1)) as (index, _count):
            place = builder.shl(builder.add(builder.mul(index, outs), first), number(1))
            w = load(builder, weights, place, lanes(SHORT, 2 * LANES))
            for r, total in enumerate(totals):
                place = builder.add(builder.mul(number(r), row), builder.shl(index, number(1)))
                products = add_pairs(builder, spread_pair(builder, x, place), w)
                builder.store(builder.add(builder.load(total), products), total)
        for total, place in zip(totals, places, strict=True):
            store(builder, builder.load(total), sums, place)
        return context.get_dummy_value()

    return signature_of(types.void, x, row, begin, end, weights, outs, first, sums), generate


@operation
def copy(_: Any, x: Any, source: Any, out: Any, target: Any, count: Any) -> tuple[Any, Generator]:
    """Copy ``count`` shorts, or up to a multiple of the lanes: there must be room for those."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        x, source, out, target, count = open_arguments(context, builder, signature, arguments)
        with cgutils.for_range_slice(builder, number(0), count, number(LANES)) as (index, _count):
            value = load(builder, x, builder.add(source, index), lanes(SHORT))
            store(builder, value, out, builder.add(target, index))
        return context.get_dummy_value()

    return signature_of(types.void, x, source, out, target, count), generate


@operation
def fetch(_: Any, x: Any, place: Any) -> tuple[Any, Generator]:
    """Begin to bring a place of memory to the cache, for it will be read soon."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        x, place = open_arguments(context, builder, signature, arguments)
        address = builder.bitcast(builder.gep(x, [place]), ir.IntType(8).as_pointer())
        kinds = [address.type, INT, INT, INT]
        kind = ir.FunctionType(ir.VoidType(), kinds)
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch")
        builder.call(prefetch, [address, *(ir.Constant(INT, value) for value in (0, 3, 1))])
        return context.get_dummy_value()

    return signature_of(types.void, x, place), generate


@operation
def settle(
    _: Any, sums: Any, source: Any, shift: Any, low: Any, high: Any, out: Any, target: Any
) -> tuple[Any, Generator]:
    """Put sums >> shift, clamped, into shorts."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        sums, source, shift, low, high, out, target = open_arguments(context, builder, signature, arguments)
        x = builder.ashr(load(builder, sums, source, lanes(INT)), splat(builder, shift))
        x = clamp(builder, x, splat(builder, low), splat(builder, high))
        store(builder, builder.trunc(x, lanes(SHORT)), out, target)
        return context.get_dummy_value()

    return signature_of(types.void, sums, source, shift, low, high, out, target), generate


@operation
def join_edges(
    _: Any,
    edges: Any,
    places: Any,
    told: Any,
    near: Any,
    size: Any,
    query: Any,
    asked: Any,
    weights: Any,
    biases: Any,
    first: Any,
    shift: Any,
    limit: Any,
    said: Any,
    joined: Any,
    width: Any,
    sums: Any,
) -> tuple[Any, Generator]:
    """Join edges, keys and a query to hidden activations in the lanes from ``first`` on, and add them up.

    Edge e of ``size`` is the four shorts of edges at ``places[e]``, and its key begins in told at
    ``near[e]``; the query begins at ``asked``. What edges say goes into said (size, width), and relu(edge +
    key + query) into joined (size, width); the sum of all into sums, as float64. Weights are (2, width, 2).
    """

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        data = open_arguments(context, builder, signature, arguments)
        edges, places, told, near, size, query, asked, weights, biases, first, shift, limit = data[:12]
        said, joined, width, sums = data[12:]
        wide, shorts = lanes(INT), lanes(SHORT)
        limit, shift = splat(builder, limit), splat(builder, shift)
        bias = load(builder, biases, first, wide)
        own = builder.sext(load(builder, query, builder.add(asked, first), shorts), wide)
        halves = [
            load(builder, weights, builder.shl(place, number(1)), lanes(SHORT, 2 * LANES))
            for place in (first, builder.add(first, width))
        ]
        total = cgutils.alloca_once(builder, wide)
        builder.store(constant_lanes(0), total)
        with cgutils.for_range(builder, size) as loop:
            place = load(builder, places, loop.index, LONG)
            x = bias
            for half, weight in enumerate(halves):
                pair = spread_pair(builder, edges, builder.add(place, number(2 * half)))
                x = builder.add(x, add_pairs(builder, pair, weight))
            x = clamp(builder, builder.ashr(x, shift), builder.neg(limit), limit)
            target = builder.add(builder.mul(loop.index, width), first)
            store(builder, builder.trunc(x, shorts), said, target)
            key = load(builder, told, builder.add(load(builder, near, loop.index, LONG), first), shorts)
            x = clamp(
                builder, builder.add(builder.add(x, own), builder.sext(key, wide)), constant_lanes(0), limit
            )
            builder.store(builder.add(builder.load(total), x), total)
            store(builder, builder.trunc(x, shorts), joined, target)
        store(builder, builder.sitofp(builder.load(total), lanes(DOUBLE)), sums, first)
        return context.get_dummy_value()

    kinds = (edges, places, told, near, size, query, asked, weights, biases, first, shift, limit)
    return signature_of(types.void, *kinds, said, joined, width, sums), generate


@operation
def dot(_: Any, x: Any, source: Any, y: Any, target: Any, width: Any) -> tuple[Any, Generator]:
    """Return the int sum of x * y over ``width`` shorts, a multiple of the lanes."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        x, source, y, target, width = open_arguments(context, builder, signature, arguments)
        half = lanes(INT, LANES // 2)
        total = cgutils.alloca_once(builder, half)
        builder.store(ir.Constant(half, [0] * (LANES // 2)), total)
        with cgutils.for_range_slice(builder, number(0), width, number(LANES)) as (index, _count):
            a, b = (
                load(builder, data, builder.add(place, index), lanes(SHORT))
                for data, place in ((x, source), (y, target))
            )
            builder.store(builder.add(builder.load(total), add_pairs(builder, a, b)), total)
        add = llvm_function(builder, "llvm.vector.reduce.add.v8i32", INT, half)
        return builder.call(add, [builder.load(total)])

    return signature_of(types.int32, x, source, y, target, width), generate


@operation
def weigh(
    _: Any, weights: Any, begin: Any, told: Any, near: Any, first: Any, size: Any, sums: Any
) -> tuple[Any, Generator]:
    """Fill sums (16,) with what ``size`` neighbours tell, from ``near[e] + first`` on, times weights."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        weights, begin, told, near, first, size, sums = open_arguments(context, builder, signature, arguments)
        wide = lanes(DOUBLE)
        total = cgutils.alloca_once(builder, wide)
        builder.store(ir.Constant(wide, [0.0] * LANES), total)
        with cgutils.for_range(builder, size) as loop:
            weight = load(builder, weights, builder.add(begin, loop.index), DOUBLE)
            place = builder.add(load(builder, near, loop.index, LONG), first)
            value = builder.sitofp(load(builder, told, place, lanes(SHORT)), wide)
            product = builder.fmul(splat(builder, weight), value, flags=["contract"])
            builder.store(builder.fadd(builder.load(total), product, flags=["contract"]), total)
        store(builder, builder.load(total), sums, number(0))
        return context.get_dummy_value()

    return signature_of(types.void, weights, begin, told, near, first, size, sums), generate


@operation
def divide(_: Any, sums: Any, source: Any, by: Any, out: Any, target: Any) -> tuple[Any, Generator]:
    """Put floor(sums / by) of float64s into shorts."""

    def generate(context: Any, builder: Builder, signature: Any, arguments: Any) -> Value:
        sums, source, by, out, target = open_arguments(context, builder, signature, arguments)
        wide = lanes(DOUBLE)
        quotient = builder.fdiv(load(builder, sums, source, wide), splat(builder, by))
        floor = llvm_function(builder, "llvm.floor.v16f64", wide, wide)
        whole = builder.fptosi(builder.call(floor, [quotient]), lanes(INT))
        store(builder, builder.trunc(whole, lanes(SHORT)), out, target)
        return context.get_dummy_value()

    return signature_of(types.void, sums, source, by, out, target), generate
