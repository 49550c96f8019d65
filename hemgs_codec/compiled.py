"""How loops are compiled, and what numba's on-disk cache of them depends on.

numba recompiles a cached function when its own file changes, but not when a function or table that it uses
from another file does: an edit elsewhere would leave yesterday's arithmetic running, and with it another
bitstream. So a cached function uses nothing of other files, or it holds a `source_fingerprint` of theirs as a
closure variable, which makes it part of its cache key.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

_F = TypeVar("_F", bound=Callable[..., object])


def compiled(function: _F) -> _F:
    """Compile a loop or a part of one, for callers in the same package."""
    return cast(_F, njit(error_model="numpy")(function))


def cached(function: _F) -> _F:
    """Compile a loop that is called from Python, once per machine."""
    return cast(_F, njit(cache=True, nogil=True, error_model="numpy")(function))


def cached_bare(function: _F) -> _F:
    """Compile like `cached` a loop that makes no arrays, nor does what it calls.

    It doesn't count who uses which array. Counting takes an atomic operation wherever a part of a loop is
    given an array, or a tuple of them, and that may be most of what a loop does.
    """
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    return cast(_F, njit(**options)(function))


def cached_parallel(function: _F) -> _F:
    """Compile a loop over `numba.prange` that is called from Python, once per machine."""
    return cast(_F, njit(cache=True, nogil=True, parallel=True, error_model="numpy")(function))


def cached_parallel_reordered(function: _F) -> _F:
    """Compile like `cached_parallel`, with leave to add in another order than written, the same each time."""
    fast = {"contract", "reassoc"}
    return cast(_F, njit(cache=True, nogil=True, parallel=True, error_model="numpy", fastmath=fast)(function))


def compiled_reordered(function: _F) -> _F:
    """Compile like `compiled`, with leave to add in another order than written."""
    return cast(_F, njit(error_model="numpy", fastmath={"contract", "reassoc"})(function))


def compiled_parallel(function: _F) -> _F:
    """Compile a loop over `numba.prange` that a cached function of the same file calls."""
    return cast(_F, njit(nogil=True, parallel=True, error_model="numpy", fastmath={"contract"})(function))


def source_fingerprint(folder: Path) -> str:
    """Return the SHA-256 of a folder's Python files, in the order of their names, and of this one."""
    digest = sha256()
    for path in (*sorted(folder.glob("*.py")), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _count_bits(_: object, _value: types.Integer) -> tuple[object, Callable[..., object]]:
    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> object:
        unused = builder.ctlz(arguments[0], context.get_constant(types.boolean, 0))
        return builder.sub(context.get_constant(types.int64, 64), unused)

    return types.int64(types.int64), generate


count_bits = cast(Callable[[int], int], intrinsic(_count_bits))
"""Return how many bits a 64-bit integer has, 0 having none, by one instruction."""


@compiled
def divide_floor(dividend: int | np.int64, divisor: int | np.int64) -> int:
    """Return dividend // divisor, of a divisor of 1 or more, sooner.

    Processors divide floats in a third of the time. A quotient of integers below 2**52 that isn't whole is
    farther from the next whole number than rounding goes, so it has the same floor.
    """
    if -(1 << 52) < dividend < 1 << 52:
        return int(np.floor(float(dividend) / float(divisor)))
    return int(dividend // divisor)


def _take_number(_: object, counter: types.Array) -> tuple[object, Callable[..., object]]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> object:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.atomic_rmw("add", array.data, context.get_constant(types.int64, 1), "monotonic")

    return types.int64(counter), generate


take_number = cast(Callable[[npt.NDArray[np.int64]], int], intrinsic(_take_number))
"""Return ``counter[0]`` and raise it by one, in a single step that threads can't break into.

So threads share out tasks as they get done, where numba deals them out beforehand and the slowest thread
decides: a counter (1,) per loop, from which each takes numbers until there are no such tasks. What a task
gives mustn't depend on who does it, or when.
"""
